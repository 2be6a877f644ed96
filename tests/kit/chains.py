"""Chain executions for tests of the record: short to write, with an id that fits the time."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from kit.executions import NOON, pending
from promptforge.core import ids
from promptforge.core.chain import ChainRef, StepType
from promptforge.core.chain_execution import ChainContent, ChainExecution, ChainPlan, StepContent, StepRun
from promptforge.core.execution import Execution, Source, Status, StepRef

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
    ref = StepRef(
        chain_execution_id=chain.id,
        chain_id=REF.chain_id,
        chain_name=REF.chain_name,
        chain_version=REF.version,
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
