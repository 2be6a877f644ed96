"""Chains of any shape: the order, the cost and the critical path are those that can be worked out beforehand."""

import asyncio
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.defined import asking, define, says
from promptforge.core import ids
from promptforge.core.access import system
from promptforge.core.chain import Step, StepType
from promptforge.core.chain_execution import ChainExecution, StepRun, critical_path
from promptforge.core.execution import Status
from promptforge.core.filter import Operator, Test
from promptforge.core.query import Page
from promptforge.core.usage import usage
from promptforge.services.chain_executions import ChainCall

SHAPES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 40), st.booleans()), min_size=1, max_size=7
)


def steps_of(shape) -> tuple[Step, ...]:
    """Steps with their order and tokens; those that ask no model make a text."""
    made = []
    for number, (order, token_in, token_out, asks) in enumerate(shape):
        name = f"s{number}"
        if asks:
            said = says(f"said {number}", token_in=token_in, token_out=token_out, usage=None)
            del said["demo"]["usage"]
            made.append(asking(name, order, params=said))
        else:
            made.append(
                Step(
                    id=f"step_{name}",
                    name=name,
                    order=order,
                    type=StepType.TRANSFORM,
                    output_key=name,
                    config={"template": f"made {number}"},
                )
            )
    return tuple(made)


@given(shape=SHAPES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_order_and_cost_are_those_of_the_shape(forge, actor, shape):
    """No step begins before all of a lower order have ended; the cost is that of the tokens, to the last digit."""
    chain = await define(forge, actor, *steps_of(shape), name=f"shape-{forge.clock.bits()}")
    done = await forge.chain_executions.execute(actor, ChainCall(chain_id=chain.id, input={"topic": "x"}))

    assert Status.SUCCESS is done.status
    assert len(shape) == len(done.steps)
    for step in done.steps:
        earlier = [one for one in done.steps if one.order < step.order]
        assert all(one.offset_ms + one.latency_ms <= step.offset_ms + 1 for one in earlier)  # both rounded
    assert done.total_cost == sum(cost(forge, actor, used) for used in shape if used[3])


def cost(forge, actor, used) -> int:
    """What a call of that size costs by the price book."""
    _, token_in, token_out, _ = used
    now = forge.clock.now()
    lines = forge.price_book.lines(actor.workspace, "demo", "demo-small", usage(input=token_in, output=token_out), now)
    return sum(line.amount for line in lines)


@given(st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=4), min_size=1, max_size=6))
def test_the_critical_path_is_as_long_as_the_chain(waves):
    """Of waves of known durations, the steps on the path take together as long as all of it."""
    steps, begun = [], 0
    for order, durations in enumerate(waves):
        steps += [
            StepRun(
                name=f"{order}-{n}",
                order=order,
                type=StepType.PROMPT,
                status=Status.SUCCESS,
                offset_ms=begun,
                latency_ms=duration,
            )
            for n, duration in enumerate(durations)
        ]
        begun += max(durations)
    length = {step.name: step.latency_ms for step in steps}

    path = critical_path(steps)

    assert begun == sum(length[name] for name in path)
    assert len(waves) == len(path)


async def test_a_chain_goes_on_from_wherever_it_was_left(forge, actor):
    """Left open with any number of its steps done, it comes to the same end, with only the calls that were left."""
    steps = (
        asking("one", 1, params=says('{"mood": "good"}')),
        Step(
            id="step_which",
            name="which",
            order=2,
            type=StepType.CONDITION,
            config={"condition": "one.mood == 'good'", "trueTag": "good", "falseTag": "bad"},
        ),
        asking("two", 3, tags=("good",), input_mapping={"text": "{{one.mood}}"}, params=says("b")),
        asking("beside", 3, tags=("bad",), params=says("never")),
        asking("three", 4, input_mapping={"text": "{{two}}"}, params=says("c")),
    )
    chain = await define(forge, actor, *steps)
    whole = await forge.chain_executions.execute(actor, ChainCall(chain_id=chain.id, input={"topic": "x"}))

    for left in range(len(whole.steps) + 1):
        done = await gone_on(forge, actor, whole, whole.steps[:left])
        assert (whole.status, whole.content.output) == (done.status, done.content.output)
        assert [step.name for step in whole.steps] == [step.name for step in done.steps]
        assert whole.skipped == done.skipped
        asked = [call.step.step for call in await calls_of(forge, actor, done)]
        assert sorted(asked) == sorted(s.name for s in whole.steps[left:] if s.type is StepType.PROMPT)


async def gone_on(forge, actor, whole: ChainExecution, steps: tuple[StepRun, ...]) -> ChainExecution:
    """The same chain left open with these steps done, and what became of it when a process went on with it."""
    now = forge.clock.now()
    opened = replace(
        whole,
        id=ids.made(ids.CHAIN_EXECUTION, now, forge.clock.bits()),
        created_at=now,
        started_at=now,
        status=Status.PENDING,
        steps=steps,
        skipped=(),
        latency_ms=None,
        content=replace(whole.content, output=None),
    )
    await forge.record.open_chain(opened)
    assert 1 == await forge.chain_executions.resume(system(actor.workspace))
    async with asyncio.timeout(30):
        while (found := await forge.chain_reader.get(actor, opened.id)).pending:
            await asyncio.sleep(0)
    return found


async def calls_of(forge, actor, done: ChainExecution):
    """The executions that its steps made."""
    test = Test("chain_execution_id", Operator.IN, (done.id,))
    page = await forge.record.page(Page(workspace=actor.workspace, filter=test, limit=100))
    return page.items
