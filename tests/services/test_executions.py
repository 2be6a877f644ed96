"""Executions from acceptance to record, against the real stores and the simulated provider."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from promptforge.core import money
from promptforge.core.access import Permission
from promptforge.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from promptforge.core.execution import CostState, ErrorType, Execution, Status
from promptforge.core.filter import All, Operator, Test
from promptforge.core.model import Delta
from promptforge.core.prompt import Message
from promptforge.core.usage import UsageSource
from promptforge.services.calls import Call

MODEL = {"model": "demo-small"}


def demo(**options):
    """Parameters for the simulated model."""
    return {**MODEL, "demo": options}


@pytest.fixture
async def prompt(forge, actor):
    """A prompt with two versions; the second asks for more."""
    made = await forge.prompts.create(actor, name="Greeter")
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "mood": {"type": "string"}}}
    await forge.prompts.add_version(actor, made.id, content="Hello {{name}}", params=MODEL, input_schema=schema)
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "tone": {"default": "dry"}}}
    await forge.prompts.add_version(
        actor, made.id, content="Hi {{name}}, {{tone}}", params=MODEL, input_schema=schema, label="production"
    )
    return made


async def test_a_run_is_recorded_whole(forge, actor, prompt):
    """What went in, what came out, how long, how many tokens, what it cost, which version: all of it reads back."""
    call = Call(
        prompt_id=prompt.id,
        variables={"name": "Ada"},
        params=demo(token_in=500, token_out=200, text="Hello!"),
        tags={"env": "test", "n": 3},
        metadata={"a": [1]},
        end_user="u1",
        session_id="s1",
    )

    done = await forge.executions.execute(actor, call)
    read = await forge.executions.get(actor, done.id)

    assert Status.SUCCESS is done.status
    assert (500, 200) == (done.token_in, done.token_out)
    assert UsageSource.REPORTED is done.usage_source
    assert CostState.PRICED is done.cost_state
    assert done.cost == sum(line.amount for line in done.lines)
    assert ("greeter", 2) == (done.prompt.prompt_name, done.prompt.version)
    assert {"env": "test", "n": "3"} == done.tags
    assert {"name": "Ada"} == done.content.input
    assert "Hi Ada, dry" in str(done.content.request)
    assert 1 == len(done.attempts)
    assert replace(done, recorded_at=None) == replace(read, recorded_at=None)


@pytest.mark.parametrize(
    ("by", "version"), [({"version": 1}, 1), ({"label": "production"}, 2), ({}, 2)], ids=["number", "label", "latest"]
)
async def test_a_version_is_chosen_by_number_label_or_latest(forge, actor, prompt, by, version):
    """The three ways to say which version runs; the label that was asked for stays on the row."""
    done = await forge.executions.execute(actor, Call(name="greeter", variables={"name": "x"}, **by))

    assert version == done.prompt.version
    assert by.get("label") == done.prompt.label


@pytest.mark.parametrize(
    ("variables", "path"),
    [({}, "$.variables.name"), ({"name": "x", "nam": 1}, "$.variables.nam"), ({"name": 3}, "$.variables.name")],
    ids=["missing", "unknown", "wrong type"],
)
async def test_wrong_variables_are_recorded_and_never_sent(forge, actor, prompt, variables, path):
    """A validation error names its JSON path, costs nothing, and is an execution of its own."""
    done = await forge.executions.execute(actor, Call(prompt_id=prompt.id, variables=variables))
    read = await forge.executions.get(actor, done.id)

    assert (Status.ERROR, ErrorType.VALIDATION) == (read.status, read.error_type)
    assert path in read.content.error
    assert (0, 0, 0) == (read.token_in, read.token_out, read.cost)
    assert UsageSource.NONE is read.usage_source
    assert () == read.attempts


async def test_a_model_runs_without_any_prompt(forge, actor):
    """Content for a model as it is: recorded, with no version; braces in it mean themselves."""
    text = await forge.executions.execute(actor, Call(content="Say {{this}}", params=MODEL))
    turns = await forge.executions.execute(
        actor,
        Call(messages=[Message(role="system", content="Be brief"), Message(role="user", content="Hi")], params=MODEL),
    )

    assert Status.SUCCESS is text.status
    assert text.prompt is None
    assert "{{this}}" in str(text.content.request)
    assert "Be brief" in str(turns.content.request)


async def test_a_text_with_variables_is_filled_as_a_version_is(forge, actor):
    """Variables make templates of content and messages; both are recorded, and a wrong variable is said."""
    given = {"this": "yes"}
    text = await forge.executions.execute(actor, Call(content="Say {{this}}", variables=given, params=MODEL))
    turns = [Message(role="user", content="Say {{this}} twice")]
    said = await forge.executions.execute(actor, Call(messages=turns, variables=given, params=MODEL))
    wrong = await forge.executions.execute(actor, Call(content="Say {{this}}", variables={"that": 1}, params=MODEL))

    assert "Say yes" in str(text.content.request)
    assert text.content.input == {"content": "Say {{this}}", "variables": given}
    assert "Say yes twice" in str(said.content.request)
    assert said.content.input == {
        "messages": [{"role": "user", "content": "Say {{this}} twice"}],
        "variables": given,
    }
    assert wrong.error_type is ErrorType.VALIDATION
    assert "$.variables.that" in wrong.content.error


async def test_in_the_background_the_pending_row_is_there_at_once(forge, actor):
    """``wait=False`` answers pending; the row is visible before the model answers and closed after."""
    call = Call(content="x", params=demo(latency_ms=1000), idempotency_key="again", wait=False)
    pending = await forge.executions.execute(actor, call)
    seen = await forge.executions.page(actor)

    assert Status.PENDING is pending.status
    assert [(pending.id, Status.PENDING)] == [(e.id, e.status) for e in seen.items]
    assert (None, None) == (pending.cost, pending.token_in)
    closed = await forge.executions.execute(actor, replace(call, wait=True))
    assert (pending.id, Status.SUCCESS) == (closed.id, closed.status)


async def test_a_stream_is_pending_then_deltas_then_closed(forge, actor):
    """The pieces add up to the recorded output, and the time to the first is known."""
    items = [
        item async for item in forge.executions.stream(actor, Call(content="x", params=demo(text="one two three")))
    ]

    assert Status.PENDING is items[0].status
    assert Status.SUCCESS is items[-1].status
    assert items[-1].content.output == "".join(i.text for i in items if isinstance(i, Delta))
    assert items[-1].first_token_ms is not None
    assert items[-1].streamed


async def test_a_listener_that_leaves_does_not_stop_the_run(forge, actor):
    """The provider bills a stream that nobody reads any more, so it is recorded to its end."""
    stream = forge.executions.stream(actor, Call(content="x", params=demo(text="one two three four", chunk_ms=20)))
    first = await anext(stream)
    await anext(stream)
    await stream.aclose()

    assert "four" in (await _closed(forge, actor, first.id)).content.output


async def test_a_run_that_is_cancelled_at_once_is_closed(forge, actor):
    """Even when it has not taken its first step."""
    run = await forge.executions.execute(actor, Call(content="x", params=demo(latency_ms=1000), wait=False))
    done = await forge.executions.cancel(actor, run.id)
    assert ErrorType.CANCELLED is done.error_type


async def test_a_cancelled_run_keeps_what_had_come(forge, actor):
    """Cancelled is an error; partial output stays, and unknown usage has no cost."""
    stream = forge.executions.stream(actor, Call(content="x", params=demo(text="one two three four", chunk_ms=200)))
    first = await anext(stream)
    await anext(stream)

    done = await forge.executions.cancel(actor, first.id)
    again = await forge.executions.cancel(actor, first.id)

    assert (Status.ERROR, ErrorType.CANCELLED) == (done.status, done.error_type)
    assert done.content.output.startswith("one")
    assert (None, CostState.UNKNOWN) == (done.cost, done.cost_state)
    assert done.id == again.id
    assert ErrorType.CANCELLED is again.error_type


async def test_a_deadline_ends_a_run(forge, actor):
    """Past its deadline an execution is a timeout whose usage nobody knows."""
    done = await forge.executions.execute(actor, Call(content="x", params=demo(latency_ms=5000), deadline_ms=50))

    assert (Status.ERROR, ErrorType.TIMEOUT) == (done.status, done.error_type)
    assert "Provider 'demo' did not answer within" in done.content.error
    assert (None, UsageSource.UNKNOWN) == (done.cost, done.usage_source)
    assert "Traceback" in done.content.stack_trace or "ModelFailure" in done.content.stack_trace


async def test_retries_are_attempts_of_one_execution(forge, actor):
    """Refused twice and then answered: one execution, three attempts, success."""
    done = await forge.executions.execute(
        actor, Call(content="x", params=demo(fail="rate_limit", fail_times=2, retry_after=0))
    )

    assert Status.SUCCESS is done.status
    assert ["error", "error", "success"] == [a.status.value for a in done.attempts]
    assert {3} == {line.attempt for line in done.lines}
    assert 1 == len((await forge.executions.page(actor)).items)


@pytest.mark.parametrize("kind", [t.value for t in ErrorType if t.value not in {"cancelled", "interrupted"}])
async def test_every_kind_of_failure_is_recorded_with_its_sentence_and_trace(forge, actor, kind):
    """Each error type of the contract arrives in the record with message and stack trace."""
    done = await forge.executions.execute(
        actor, Call(content="x", params=demo(fail=kind, fail_times=9), deadline_ms=400)
    )

    assert (Status.ERROR, kind) == (done.status, done.error_type.value)
    assert done.content.error
    assert done.content.stack_trace


async def test_an_idempotency_key_pays_once(forge, actor):
    """The same call again gives the same execution, while it runs and afterwards; another input is a conflict."""
    call = Call(content="x", params=demo(latency_ms=50), idempotency_key="k1")

    first, second = await asyncio.gather(forge.executions.execute(actor, call), forge.executions.execute(actor, call))
    third = await forge.executions.execute(actor, call)

    assert first.id == second.id == third.id
    assert 1 == len((await forge.executions.page(actor)).items)
    with pytest.raises(Conflict):
        await forge.executions.execute(actor, replace(call, content="y"))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (Call(name="nobody"), NotFound, "nobody"),
        (Call(), InvalidInput, "one of"),
        (Call(content="x", messages=[], params=MODEL), InvalidInput, "one of"),
        (Call(content="x"), InvalidInput, "params.model"),
        (Call(content="x", params={"model": "never-heard-of"}), InvalidInput, "provider"),
        (Call(content="x", params=MODEL, provider="nobody"), InvalidInput, "nobody"),
        (Call(content="x", params=MODEL, deadline_ms=0), InvalidInput, "deadlineMs"),
        (Call(content="x", params=MODEL, tags={"a": {}}), InvalidInput, "tag"),
        (Call(content="x", params=MODEL, end_user="u" * 300), InvalidInput, "endUser"),
    ],
)
async def test_what_cannot_be_resolved_is_an_error_and_leaves_no_row(forge, actor, call, error, sentence):
    """Calls that name nothing runnable are refused in a sentence and record nothing."""
    with pytest.raises(error, match=sentence):
        await forge.executions.execute(actor, call)

    assert [] == list((await forge.executions.page(actor)).items)


async def test_another_workspace_sees_nothing(forge, actor, other_actor):
    """Neither by id, nor in lists, nor by cancelling, nor through its prompts."""
    done = await forge.executions.execute(actor, Call(content="x", params=MODEL))

    assert [] == list((await forge.executions.page(other_actor)).items)
    with pytest.raises(NotFound):
        await forge.executions.get(other_actor, done.id)
    with pytest.raises(NotFound):
        await forge.executions.cancel(other_actor, done.id)


async def test_numbers_can_be_read_without_content(forge, actor):
    """The billing role sees what a call cost and not what was said."""
    done = await forge.executions.execute(actor, Call(content="secret plans", params=MODEL, end_user="ada"))
    billing = replace(actor, permissions=frozenset({Permission.NUMBERS}))

    shown = await forge.executions.get(billing, done.id)

    assert (done.cost, None, None) == (shown.cost, shown.content, shown.end_user)
    with pytest.raises(Forbidden):
        await forge.executions.page(billing)
    with pytest.raises(Forbidden):
        await forge.executions.execute(billing, Call(content="x", params=MODEL))


async def test_configured_secrets_never_reach_the_record(forge, actor):
    """A provider key pasted into a prompt is gone from the row."""
    secret = forge.settings.secrets[0]
    done = await forge.executions.execute(
        actor, Call(content=f"my key is {secret}", params=demo(text=f"you said {secret}"))
    )
    read = await forge.executions.get(actor, done.id)

    assert secret not in repr(read)


async def test_the_documented_cost_example(forge, actor):
    """500 and 200 tokens of Claude 3.5 Sonnet: $0.0015 and $0.0030, together $0.0045."""
    lines = forge.price_book.lines(
        actor.workspace, "anthropic", "claude-3-5-sonnet-20241022", _usage(500, 200), forge.clock.now()
    )

    assert ["0.0015", "0.0030"] == [money.four(line.amount) for line in lines]
    assert Decimal("0.0045") == money.decimal(sum(line.amount for line in lines))


async def test_filters_reach_lists(forge, actor):
    """A page answers what its filter asks."""
    for user in ("ada", "bob"):
        await forge.executions.execute(actor, Call(content="x", params=MODEL, end_user=user))

    found = await forge.executions.page(actor, filter=All((Test("end_user", Operator.IN, ("bob",)),)))

    assert ["bob"] == [e.end_user for e in found.items]


def _usage(token_in: int, token_out: int):
    from promptforge.core.usage import usage

    return usage(input=token_in, output=token_out)


async def _closed(forge, actor, execution_id: str) -> Execution:
    while (found := await forge.executions.get(actor, execution_id)).pending:
        await asyncio.sleep(0.01)
    return found


async def test_without_content_nothing_can_be_searched_for(forge, actor):
    """Who may not read content may not find it out word by word either."""
    billing = replace(actor, permissions=frozenset({Permission.NUMBERS}))
    tree = Test("text", Operator.WORDS, ("secret",))

    with pytest.raises(Forbidden):
        await forge.executions.page(billing, filter=tree, content=False)
    with pytest.raises(Forbidden):
        await anext(forge.executions.watch(billing, tree))


async def test_the_simulated_provider_is_never_left_alone(forge, actor):
    """It fails as it is asked to, as often as it is asked: the next call goes all the same."""
    for _ in range(8):
        failed = await forge.executions.execute(actor, Call(content="x", params=demo(fail="network"), deadline_ms=200))
        assert failed.error_type is ErrorType.NETWORK
    done = await forge.executions.execute(actor, Call(content="x", params=MODEL))
    assert Status.SUCCESS is done.status
