"""Chains from acceptance to record, against the real stores and the simulated provider."""

import asyncio
from dataclasses import replace

import pytest

from promptforge.core.access import Permission
from promptforge.core.chain import ChainDocument, OnError, Step, StepType
from promptforge.core.chain_execution import ChainExecution, StepRun, critical_path
from promptforge.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from promptforge.core.execution import ErrorType, Status
from promptforge.core.filter import Operator, Test
from promptforge.core.query import Page
from promptforge.services.calls import Call
from promptforge.services.chain_executions import ChainCall

MODEL = {"model": "demo-small"}


def says(text: str, **options):
    """Parameters with which the simulated model says this."""
    return {**MODEL, "demo": {"text": text, **options}}


def step(name: str, order: int, type: StepType = StepType.PROMPT, **more) -> Step:
    """A step of a document, short to write; a PROMPT asks the prompt ``echo`` with the review."""
    usual = {"prompt": "echo", "input_mapping": {"text": "{{review}}"}} if type is StepType.PROMPT else {}
    return Step(id=f"step_{name}", name=name, order=order, type=type, **{**usual, "output_key": name, **more})


@pytest.fixture
async def prompt(forge, actor):
    """The prompt that the steps call; a second version of it says more."""
    made = await forge.prompts.create(actor, name="Echo")
    await forge.prompts.add_version(actor, made.id, content="Say {{text}}", params=MODEL)
    return made


@pytest.fixture
def run(forge, actor, prompt):
    """Define a chain of these steps and run it."""

    async def run(*steps: Step, given=None, whose=None, call=None, **document) -> ChainExecution:
        made = await forge.chains.create(actor, name=f"chain-{forge.clock.bits()}")
        await forge.chains.create_version(actor, made.id, ChainDocument(steps=steps, **document))
        asked = ChainCall(chain_id=made.id, input=given or {"review": "Lovely soup"}, **(call or {}))
        return await forge.chain_executions.execute(whose or actor, asked)

    return run


def by_name(done: ChainExecution) -> dict[str, StepRun]:
    return {step.name: step for step in done.steps}


async def read(forge, actor, done: ChainExecution) -> ChainExecution:
    """The same as the record has it."""
    found = await forge.record.get_chain(actor.workspace, done.id)
    assert found is not None
    return found


async def calls_of(forge, actor, done: ChainExecution):
    """The executions that its steps made, oldest first."""
    test = Test("chain_execution_id", Operator.IN, (done.id,))
    page = await forge.record.page(Page(workspace=actor.workspace, filter=test, limit=100, content=True))
    return sorted(page.items, key=lambda call: call.step.order)


SENTIMENT = (
    step("analyse", 1, output_key="sentiment", params=says('{"sentiment": "Negative", "confidence": 0.9}')),
    step(
        "which",
        2,
        StepType.CONDITION,
        output_key=None,
        config={
            "condition": "{{sentiment.sentiment}} == 'Negative'",
            "trueTag": "negative_path",
            "falseTag": "positive_path",
        },
    ),
    step("apologise", 3, tags=("negative_path",), output_key="response", params=says("We are sorry")),
    step("thank", 4, tags=("positive_path",), output_key="response", params=says("Thank you")),
)


async def test_the_two_branch_example_runs_and_is_recorded_whole(forge, actor, run):
    """The sentiment chain of the documents: one branch runs, the other says why not, and the record has all of it."""
    done = await run(*SENTIMENT, call={"tags": {"env": "test"}, "end_user": "u1", "metadata": {"a": [1]}})
    found = await read(forge, actor, done)

    assert Status.SUCCESS is done.status
    assert "We are sorry" == done.content.output == found.content.output
    assert ["analyse", "which", "apologise"] == [step.name for step in found.steps]
    assert {"sentiment": "Negative", "confidence": 0.9} == by_name(found)["analyse"].content.output
    assert "negative_path" == by_name(found)["which"].tag
    assert [("thank", "the tag 'positive_path' was not activated")] == [(s.name, s.reason) for s in found.skipped]
    assert ({"review": "Lovely soup"}, {"a": [1]}) == (found.content.input, found.content.metadata)
    assert {"env": "test"} == found.tags
    assert ("analyse", "which", "apologise") == critical_path(found.steps)


async def test_the_steps_of_a_chain_are_its_cost_to_the_last_digit(forge, actor, run):
    """Each PROMPT step is an execution that knows its chain; their costs add up to the chain's, nothing is rounded."""
    done = await run(
        step("one", 1, params=says("a", token_in=7, token_out=3)),
        step("two", 2, params=says("b", token_in=11, token_out=5)),
    )
    calls = await calls_of(forge, actor, done)

    assert ["one", "two"] == [call.step.step for call in calls]
    assert [step.execution_id for step in done.steps] == [call.id for call in calls]
    assert done.total_cost == sum(call.cost for call in calls) > 0
    assert (18, 8) == (done.token_in, done.token_out)
    assert {done.chain.chain_name} == {call.step.chain_name for call in calls}
    assert {1} == {call.step.chain_version for call in calls}


async def test_steps_of_one_order_run_at_the_same_time(run):
    """Each of three waits for all of them to have begun; their time is not added."""
    slow = says("x", latency_ms=300)
    done = await run(*(step(name, 1, params=slow) for name in "abc"), step("last", 2, params=says("y")))

    assert [1, 1, 1, 2] == [step.order for step in done.steps]
    assert max(s.offset_ms for s in done.steps[:3]) < min(s.offset_ms + s.latency_ms for s in done.steps[:3])
    assert done.latency_ms < sum(step.latency_ms for step in done.steps)


async def test_an_error_names_the_step_and_keeps_what_was_done(forge, actor, run):
    """A failed step ends the chain with a sentence that names it; what ran before is there, and paid once."""
    done = await run(
        step("first", 1, params=says("a")),
        step("classify", 2, params=says("b", fail="authentication")),
        step("third", 3, params=says("c")),
    )
    found = await read(forge, actor, done)

    assert (Status.ERROR, ErrorType.AUTHENTICATION) == (found.status, found.error_type)
    assert "Step 2 (classify): Invalid API key for provider 'demo'" == found.content.error
    assert "classify" == found.failed_step
    assert [Status.SUCCESS, Status.ERROR] == [step.status for step in found.steps]
    assert found.content.stack_trace


async def test_a_step_that_may_fail_lets_the_chain_go_on(run):
    """After ``onError: continue`` the output of the step is null, and the chain succeeds."""
    done = await run(
        step("maybe", 1, params=says("a", fail="validation"), on_error=OnError.CONTINUE),
        step("text", 2, StepType.TRANSFORM, config={"template": "got {{maybe}}"}),
    )

    assert (Status.SUCCESS, "got null") == (done.status, done.content.output)
    assert Status.ERROR is by_name(done)["maybe"].status


async def test_retries_are_attempts_of_the_call(forge, actor, run):
    """``retries`` bounds the attempts of a PROMPT; they stand on its execution."""
    done = await run(step("a", 1, params=says("a", fail="network", fail_times=1), retries=1))
    failed = await run(step("a", 1, params=says("b", fail="network"), retries=0))

    assert [Status.ERROR, Status.SUCCESS] == [a.status for a in (await calls_of(forge, actor, done))[0].attempts]
    assert 1 == len((await calls_of(forge, actor, failed))[0].attempts)


async def test_input_is_checked_and_a_refusal_is_recorded(forge, actor, run):
    """What does not fit requiredInputs is an execution in state error; no step ran and nothing was paid."""
    schema = {"type": "object", "properties": {"review": {"type": "string"}}, "required": ["review"]}
    done = await run(step("a", 1), given={"reviews": "x"}, required_inputs=schema)
    found = await read(forge, actor, done)

    assert (Status.ERROR, ErrorType.VALIDATION) == (found.status, found.error_type)
    assert "review" in found.content.error
    assert (0, ()) == (found.total_cost, found.steps)


async def test_what_cannot_be_resolved_is_an_error_that_names_the_step(forge, actor, run, prompt):
    """An archived prompt, a chain that is not there, an override of no step: nothing is recorded."""
    done = await run(step("a", 1))
    await forge.prompts.archive(actor, prompt.id)
    with pytest.raises(NotFound, match=r"Step 1 \(a\): there is no prompt 'echo'"):
        await forge.chain_executions.execute(actor, ChainCall(chain_id=done.chain.chain_id, input={"review": "x"}))
    await forge.prompts.restore(actor, prompt.id)
    with pytest.raises(NotFound):
        await forge.chain_executions.execute(actor, ChainCall(name="nobody"))
    with pytest.raises(InvalidInput, match="no PROMPT step 'x'"):
        await run(step("a", 1), call={"overrides": {"x": {}}})
    with pytest.raises(Forbidden):
        await run(step("a", 1), whose=replace(actor, permissions=frozenset({Permission.NUMBERS})))


async def test_overrides_change_one_run(forge, actor, run):
    """A run may set another version and other parameters for a step; they are part of what is frozen."""
    done = await run(step("a", 1, params=says("old")), call={"overrides": {"a": {"params": says("new")}}})

    assert "new" == done.content.output
    assert {"a": {"params": says("new")}} == (await read(forge, actor, done)).plan.overrides


async def test_a_ceiling_stops_before_the_step_that_would_cross_it(forge, actor, run):
    """The step that could cross the ceiling is not begun, and the error says what to do."""
    cheap = says("a", token_in=1, token_out=1) | {"max_tokens": 100}
    dear = says("b") | {"max_tokens": 4_000_000}
    done = await run(step("a", 1, params=cheap), step("b", 2, params=dear), max_cost=10**10)
    unbounded = await run(step("a", 1, params=says("a")), max_cost=10**12)

    assert ["a"] == [step.name for step in done.steps]
    assert (ErrorType.RATE_LIMIT, "b") == (done.error_type, done.failed_step)
    assert "Step 2 (b): it may cost up to $" in done.content.error
    assert 0 < done.total_cost < 10**10
    assert "give it max_tokens" in unbounded.content.error
    assert () == unbounded.steps


async def test_the_deadline_of_the_chain_bounds_its_steps(run):
    """A step that takes longer than is left is cut off, and no later one begins."""
    done = await run(step("a", 1, params=says("a", latency_ms=60_000)), step("b", 2), call={"deadline_ms": 300})

    assert (Status.ERROR, ErrorType.TIMEOUT) == (done.status, done.error_type)
    assert ["a"] == [step.name for step in done.steps]
    assert done.latency_ms < 30_000


async def test_the_timeout_of_a_step_is_its_own(run):
    """``timeoutMs`` bounds the one step."""
    done = await run(step("a", 1, params=says("a", latency_ms=60_000), timeout_ms=50))

    assert ErrorType.TIMEOUT is done.error_type
    assert done.content.error.startswith("Step 1 (a): ")


async def test_transforms_merges_and_memory(forge, actor, run):
    """Steps that ask no model: what they make is the output, and memory stays from one run to the next."""
    steps = (
        step("up", 1, StepType.TRANSFORM, config={"mapping": {"n": "{{n}}", "list": [1, "{{n}}"]}}),
        step("other", 1, StepType.TRANSFORM, config={"expression": "n"}),
        step("both", 2, StepType.MERGE, config={"strategy": "list", "from": ["up.n", "other"]}),
        step(
            "kept",
            3,
            StepType.MEMORY,
            config={"operation": "append", "key": "seen", "value": "{{both}}", "scope": "user"},
        ),
    )
    made = await forge.chains.create(actor, name="remembering")
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=steps))

    async def once(n, end_user):
        call = ChainCall(chain_id=made.id, input={"n": n}, end_user=end_user)
        return (await forge.chain_executions.execute(actor, call)).content

    assert [[1, 1]] == (await once(1, "u1")).output
    assert [[1, 1], [2, 2]] == (await once(2, "u1")).output
    assert [[3, 3]] == (await once(3, "u2")).output
    assert "give 'endUser' when you run the chain" in (await once(4, None)).error


async def test_the_same_key_runs_once(forge, actor, prompt):
    """With an idempotency key a repeat gets the first execution, and another input is a conflict."""
    made = await forge.chains.create(actor, name="once")
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=(step("a", 1, params=says("a")),)))
    call = ChainCall(chain_id=made.id, input={"review": "x"}, idempotency_key="k1")

    first = await forge.chain_executions.execute(actor, call)
    again = await forge.chain_executions.execute(actor, call)

    assert first.id == again.id
    with pytest.raises(Conflict):
        await forge.chain_executions.execute(actor, replace(call, input={"review": "y"}))


async def test_a_running_chain_can_be_cancelled(forge, actor, prompt):
    """Cancelled, it is closed with the call that was in flight; both say so, and neither stays open."""
    made = await forge.chains.create(actor, name="long")
    slow = step("a", 1, params=says("a", latency_ms=60_000))
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=(slow,)))
    pending = await forge.chain_executions.execute(
        actor, ChainCall(chain_id=made.id, input={"review": "x"}, wait=False)
    )
    assert Status.PENDING is pending.status

    done = await forge.chain_executions.cancel(actor, pending.id)
    calls = await calls_of(forge, actor, done)

    assert (Status.ERROR, ErrorType.CANCELLED) == (done.status, done.error_type)
    assert all(call.error_type is ErrorType.CANCELLED for call in calls)
    assert not forge.record.calls_of(actor.workspace, done.id)
    assert done.status is (await forge.chain_executions.cancel(actor, pending.id)).status


async def test_who_leaves_during_the_acceptance_leaves_nothing_open(forge, actor, prompt):
    """However early the one who asked is gone, what was opened is run to its end: a call and a chain."""
    made = await forge.chains.create(actor, name="left")
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=(step("a", 1, params=says("a")),)))
    chain = ChainCall(chain_id=made.id, input={"review": "x"})
    call = Call(prompt_id=prompt.id, variables={"text": "x"}, params=MODEL)

    for turns in range(30):
        for work in (forge.chain_executions.execute(actor, chain), forge.executions.execute(actor, call)):
            asking = asyncio.create_task(work)
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
    async with asyncio.timeout(30):
        while forge.record.unfinished(actor.workspace) or await pending_of(forge, actor):
            await asyncio.sleep(0)


async def pending_of(forge, actor):
    """The calls that are open."""
    test = Test("status", Operator.IN, ("pending",))
    return (await forge.record.page(Page(workspace=actor.workspace, filter=test, limit=100))).items


@pytest.mark.parametrize("turns", range(0, 40, 4))
async def test_a_chain_cancelled_at_any_moment_leaves_no_call_open(forge, actor, prompt, turns):
    """Also while a step is about to open its call: both are closed, or neither was opened."""
    made = await forge.chains.create(actor, name="cut")
    slow = step("a", 1, params=says("a", latency_ms=60_000))
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=(slow,)))
    call = ChainCall(chain_id=made.id, input={"review": "x"}, wait=False)
    begun = await forge.chain_executions.execute(actor, call)
    for _ in range(turns):
        await asyncio.sleep(0)

    done = await forge.chain_executions.cancel(actor, begun.id)

    assert ErrorType.CANCELLED is done.error_type
    assert not forge.record.calls_of(actor.workspace, done.id)
    assert all(call.error_type is ErrorType.CANCELLED for call in await calls_of(forge, actor, done))


async def test_a_stream_tells_each_step_as_it_begins_and_ends(forge, actor, prompt):
    """Who listens sees the pending run, each step begin and end, and the closed run."""
    made = await forge.chains.create(actor, name="told")
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=SENTIMENT))

    told = [
        item async for item in forge.chain_executions.stream(actor, ChainCall(chain_id=made.id, input={"review": "x"}))
    ]

    steps = [(item.name, item.status) for item in told if isinstance(item, StepRun)]
    assert [(n, s) for n in ("analyse", "which", "apologise") for s in (Status.PENDING, Status.SUCCESS)] == steps
    assert [Status.PENDING, Status.SUCCESS] == [told[0].status, told[-1].status]


async def test_a_fork_takes_over_what_came_before_at_no_cost(forge, actor, run):
    """From the second step on it runs again with another answer; the first is reused, free, and says where from."""
    first = await run(
        step("one", 1, params=says("a")), step("two", 2, input_mapping={"text": "{{one}}"}, params=says("b"))
    )

    forked = await forge.chain_executions.fork(actor, first.id, "two", overrides={"two": {"params": says("c")}})
    found = await read(forge, actor, forked)
    calls = await calls_of(forge, actor, forked)

    assert ("c", first.id) == (found.content.output, found.forked_from)
    one, two = by_name(found)["one"], by_name(found)["two"]
    assert (first.id, 0, 0, "a") == (one.reused_from, one.cost, one.token_in, one.content.output)
    assert ({"text": "a"}, None) == (two.content.input, two.reused_from)
    assert ["two"] == [call.step.step for call in calls]
    assert found.total_cost == calls[0].cost
    with pytest.raises(InvalidInput, match="there is no step 'three'"):
        await forge.chain_executions.fork(actor, first.id, "three")


async def test_another_workspace_sees_and_touches_nothing(forge, actor, other_actor, run):
    """A chain execution of another workspace cannot be cancelled or forked: it is not there."""
    done = await run(step("a", 1, params=says("a")))

    for attempt in (
        forge.chain_executions.cancel(other_actor, done.id),
        forge.chain_executions.fork(other_actor, done.id, "a"),
    ):
        with pytest.raises(NotFound):
            await attempt
