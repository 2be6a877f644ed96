"""Chain executions for tests of the record: short to write, with an id that fits the time."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from kit.executions import NOON, closed, pending
from promptforge.core import ids
from promptforge.core.chain import ChainRef, StepType
from promptforge.core.chain_execution import ChainContent, ChainExecution, ChainPlan, SkippedStep, StepContent, StepRun
from promptforge.core.execution import Execution, Source, Status, StepRef
from promptforge.core.usage import usage

REF = ChainRef(chain_id="chain_1", chain_name="triage", version_id="cver_3", version=3, label="production")
_bits = itertools.count(1 << 40)


def opened(workspace: str, at: datetime = NOON, **changes) -> ChainExecution:
    """A chain execution as it is opened."""
    made = ChainExecution(
        id=ids.made(ids.CHAIN_EXECUTION, at, next(_bits)),
        workspace=workspace,
        created_at=at,
        status=Status.PENDING,
        source=Source.API,
        chain=REF,
        plan=ChainPlan(versions={"classify": "ver_1"}, deadline_ms=900_000),
        content=ChainContent(input={"review": "Lovely soup"}),
    )
    return replace(made, **changes)


def step(name: str, order: int = 0, **changes) -> StepRun:
    """A step that ran and called no model."""
    made = StepRun(
        name=name,
        order=order,
        type=StepType.TRANSFORM,
        status=Status.SUCCESS,
        offset_ms=order * 10,
        latency_ms=3,
        content=StepContent(input={"text": "in"}, output={"mood": "good"}),
    )
    return replace(made, **changes)


def call_of(chain: ChainExecution, name: str, order: int = 0, **changes) -> Execution:
    """The call that a step makes, as it is opened."""
    ran = chain.chain or REF
    ref = StepRef(
        chain_execution_id=chain.id,
        chain_id=ran.chain_id,
        chain_name=ran.chain_name,
        chain_version=ran.version,
        step=name,
        order=order,
    )
    return pending(chain.workspace, chain.created_at, step=ref, **changes)


def step_of(call: Execution, **changes) -> StepRun:
    """The step that made a finished call."""
    assert call.step is not None
    made = step(call.step.step, call.step.order, type=StepType.PROMPT, execution_id=call.id)
    made = replace(made, cost=call.cost, cost_state=call.cost_state, token_in=call.token_in, token_out=call.token_out)
    return replace(made, **changes)


def ended(chain: ChainExecution, *steps: StepRun, **changes) -> ChainExecution:
    """The same as it is closed: what came out, and the steps that ran."""
    content = replace(chain.content or ChainContent(), output={"mood": "good", "list": [1, 2.5, None]})
    made = replace(
        chain,
        status=Status.SUCCESS,
        started_at=chain.created_at,
        recorded_at=chain.created_at + timedelta(seconds=2),
        latency_ms=700,
        steps=steps,
        content=content,
    )
    return replace(made, **changes)


async def recorded(record, workspace: str, at: datetime = NOON, **changes) -> ChainExecution:
    """A chain execution as a run records it: a model, a branch, two models at the same time, one step left out."""
    chain = opened(workspace, at, **changes)
    await record.open_chain(chain)
    calls = {}
    for name, order, cost, usage_of in (
        ("classify", 0, 4, (500, 200)),
        ("reply", 2, 2, (90, 10)),
        ("log", 2, 4, (1, 1)),
    ):
        call = closed(
            call_of(chain, name, order),
            cost=cost * 1_000_000_000,
            token_in=usage_of[0],
            token_out=usage_of[1],
            usage=usage(input=usage_of[0], output=usage_of[1]),
        )
        await record.open(call_of(chain, name, order, id=call.id))
        calls[name] = call
    steps = [
        step_of(calls["classify"], latency_ms=400, offset_ms=0),
        step("branch", 1, type=StepType.CONDITION, tag="good", offset_ms=400, latency_ms=1),
        step_of(calls["reply"], latency_ms=300, offset_ms=401),
        step_of(calls["log"], latency_ms=120, offset_ms=401),
    ]
    for made in steps:
        call = calls.get(made.name)
        await (record.close_step(call, made) if call else record.advance(workspace, chain.id, made))
    skipped = SkippedStep(name="sorry", order=2, type=StepType.PROMPT, reason="the tag 'bad' was not activated")
    whole = ended(chain, *steps, skipped=(skipped,), latency_ms=701)
    await record.close_chain(whole)
    return whole
