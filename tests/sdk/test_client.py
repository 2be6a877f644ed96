"""The client's methods over recorded shapes, blocking and asynchronous alike."""

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kit.scripted import EXECUTION, FAILED, PENDING, AsyncScript, Script, failure, reply
from promptforge import (
    AsyncPromptForge,
    AuthenticationError,
    ExecutionError,
    GraphQLError,
    NetworkError,
    NotFoundError,
    PromptForge,
    PromptForgeError,
    ProviderError,
    RateLimitError,
    ValidationError,
)

PROMPT = {"id": "cm1", "name": "support-reply", "category": "GENERAL", "isPublic": False, "tags": ["a"], "labels": []}
VERSION = {"id": "ver_1", "version": 1, "content": "Hi {{name}}", "params": {"model": "gpt-4"}, "model": "gpt-4"}
ACK = {"type": "connection_ack"}
Call = Callable[[Any], Any]


def blocking(script: Script, call: Call) -> Any:
    """Run with the blocking client."""
    with PromptForge(transport=script) as client:
        result = call(client)
        return list(result) if inspect.isgenerator(result) else result


def awaiting(script: Script, call: Call) -> Any:
    """Run with the asynchronous client."""

    async def run() -> Any:
        async with AsyncPromptForge(transport=AsyncScript(script)) as client:
            result = call(client)
            return [item async for item in result] if inspect.isasyncgen(result) else await result

    return asyncio.run(run())


@pytest.fixture(params=[blocking, awaiting], ids=["blocking", "async"])
def perform(request: pytest.FixtureRequest) -> Callable[[Script, Call], Any]:
    return request.param


def test_execute_returns_the_execution(perform: Any) -> None:
    """A run returns output, exact cost as text, aware times, the version, and the JSON as it came."""
    script = Script(reply({"executePrompt": EXECUTION}))
    execution = perform(
        script, lambda c: c.prompts.execute("support-reply", {"ticket": "?"}, label="live", tags={"team": "care"})
    )
    assert (execution.output, execution.cost_usd, execution.latency_ms) == ("On its way.", "0.0045", 1240)
    assert execution.created_at == datetime(2025, 1, 21, 10, 30, tzinfo=UTC)
    assert (execution.prompt_version.version, execution.prompt_version.prompt.name) == (2, "support-reply")
    assert execution.raw == EXECUTION
    sent = script.inputs[0]
    assert sent.pop("idempotencyKey")
    assert sent == {
        "promptId": "support-reply",
        "label": "live",
        "variables": {"ticket": "?"},
        "tags": {"team": "care"},
        "wait": True,
    }


def test_values_are_frozen(perform: Any) -> None:
    """What the client returns cannot be changed."""
    execution = perform(Script(reply({"execution": EXECUTION})), lambda c: c.executions.get("exec_abc123"))
    with pytest.raises(AttributeError):
        execution.output = "something else"


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("authentication", AuthenticationError),
        ("validation", ValidationError),
        ("rate_limit", RateLimitError),
        ("provider", ProviderError),
        ("network", ProviderError),
        ("timeout", ExecutionError),
        ("cancelled", ExecutionError),
        ("a type of tomorrow", ExecutionError),
    ],
)
def test_execution_in_error_raises_by_its_type(perform: Any, error_type: str, kind: type[PromptForgeError]) -> None:
    """A run that ended in error raises the class of its type, with its sentence and the execution itself."""
    script = Script(reply({"executePrompt": {**FAILED, "errorType": error_type}}))
    with pytest.raises(kind) as caught:
        perform(script, lambda c: c.prompts.execute("x"))
    assert type(caught.value) is kind
    assert str(caught.value) == "Invalid API key for provider 'anthropic'"
    assert caught.value.execution is not None
    assert caught.value.execution.cost_usd == "0.0000"


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("UNAUTHENTICATED", AuthenticationError, 401),
        ("NOT_FOUND", NotFoundError, 404),
        ("BAD_USER_INPUT", ValidationError, 400),
        ("CONFLICT", ValidationError, 409),
        ("FORBIDDEN", GraphQLError, 403),
        ("GRAPHQL_VALIDATION_FAILED", GraphQLError, None),
        (None, GraphQLError, None),
    ],
)
def test_graphql_errors_by_code(perform: Any, code: str | None, kind: type[PromptForgeError], status: Any) -> None:
    """An error in the reply raises the documented class with its message, status and the errors as they came."""
    errors = [failure(code, "this is why")]
    with pytest.raises(kind) as caught:
        perform(Script(reply(errors=errors)), lambda c: c.me())
    assert (type(caught.value), str(caught.value)) == (kind, "this is why")
    assert (caught.value.status_code, caught.value.errors) == (status, errors)


def test_lost_run_is_sent_again_with_the_same_key(perform: Any) -> None:
    """Connections lost on the way are tried again under one idempotency key, so that nobody pays twice."""
    lost = [NetworkError("lost", sent=True), reply(errors=[failure("UNAVAILABLE")], status=503)]
    script = Script(*lost, reply({"executePrompt": EXECUTION}))
    assert perform(script, lambda c: c.prompts.execute("x")).status == "success"
    assert len({sent["idempotencyKey"] for sent in script.inputs}) == 1
    assert len(script.sent) == 3
    assert len(script.pauses) == 2


def test_two_runs_have_two_keys() -> None:
    """Each call of execute is a run of its own unless the caller says otherwise."""
    script = Script(*[reply({"executePrompt": EXECUTION})] * 3)
    with PromptForge(transport=script) as client:
        client.prompts.execute("x")
        client.prompts.execute("x")
        client.prompts.execute("x", idempotency_key="mine")
    first, second, third = (sent["idempotencyKey"] for sent in script.inputs)
    assert first != second
    assert third == "mine"


def test_run_found_pending_is_followed_to_its_end(perform: Any) -> None:
    """When a repeated request finds the run still going, execute waits for its end."""
    script = Script(reply({"executePrompt": PENDING}), reply({"execution": PENDING}), reply({"execution": EXECUTION}))
    assert perform(script, lambda c: c.prompts.execute("x")).output == "On its way."
    assert script.sent[-1]["variables"] == {"id": "exec_abc123"}


def test_without_waiting_the_pending_execution_returns(perform: Any) -> None:
    """``wait=False`` returns what was accepted."""
    script = Script(reply({"executePrompt": PENDING}))
    assert perform(script, lambda c: c.prompts.execute("x", wait=False)).pending
    assert script.inputs[0]["wait"] is False


def test_the_wait_for_an_answer_follows_the_deadline(perform: Any) -> None:
    """The request of a run outlasts the run's deadline; others keep the client's time-out."""
    script = Script(reply({"executePrompt": EXECUTION}), reply({"executePrompt": EXECUTION}))
    perform(script, lambda c: c.prompts.execute("x"))
    perform(script, lambda c: c.prompts.execute("x", deadline_ms=1000))
    assert [sent["timeout"] for sent in script.sent] == [135.0, 16.0]


def test_run_without_a_prompt(perform: Any) -> None:
    """A text or messages run on a model with no prompt at all."""
    script = Script(reply({"executePrompt": EXECUTION}), reply({"executePrompt": EXECUTION}))
    perform(script, lambda c: c.run("gpt-4", "Hello", params={"temperature": 0}))
    perform(script, lambda c: c.run("gpt-4", [{"role": "user", "content": "Hello"}], provider="openai"))
    first, second = script.inputs
    assert (first["content"], first["params"]) == ("Hello", {"temperature": 0, "model": "gpt-4"})
    assert (second["messages"], second["provider"]) == ([{"role": "user", "content": "Hello"}], "openai")


def test_unknown_argument_is_refused(perform: Any) -> None:
    """A misspelt option raises TypeError before anything is sent."""
    script = Script()
    with pytest.raises(TypeError, match="deadline"):
        perform(script, lambda c: c.prompts.execute("x", deadline=3))


def test_create_makes_both_calls(perform: Any) -> None:
    """The documented create sends the record and its first version, in the API's words, and returns the prompt."""
    script = Script(
        reply({"createPrompt": PROMPT}),
        reply({"createPromptVersion": VERSION}),
        reply({"prompt": {**PROMPT, "latestVersion": VERSION, "versions": [VERSION]}}),
    )
    prompt = perform(
        script,
        lambda c: c.prompts.create(
            name="Support Reply",
            template="Hi {{name}}",
            input_schema={"type": "object"},
            provider="openai",
            model="gpt-4",
            temperature=0.2,
            max_tokens=100,
            tags=["a"],
            is_public=False,
        ),
    )
    assert (prompt.id, prompt.versions[0].template, prompt.latest_version.model) == ("cm1", "Hi {{name}}", "gpt-4")
    assert script.inputs[0] == {"name": "Support Reply", "tags": ["a"], "isPublic": False}
    assert script.inputs[1] == {
        "promptId": "cm1",
        "content": "Hi {{name}}",
        "params": {"model": "gpt-4", "temperature": 0.2, "max_tokens": 100},
        "inputSchema": {"type": "object"},
        "provider": "openai",
    }


def test_create_with_a_refused_version_frees_the_name(perform: Any) -> None:
    """When the first version is refused, the prompt just made is archived and the refusal raised."""
    refusal = reply(errors=[failure("BAD_USER_INPUT", "params need a model")])
    script = Script(reply({"createPrompt": PROMPT}), refusal, reply({"archivePrompt": PROMPT}))
    with pytest.raises(ValidationError, match="params need a model"):
        perform(script, lambda c: c.prompts.create(name="x", template="y"))
    assert "archivePrompt" in script.sent[-1]["query"]


def test_a_creation_that_may_have_happened_is_not_repeated(perform: Any) -> None:
    """A mutation without an idempotency key is sent again only when it certainly was not carried out."""
    script = Script(NetworkError("refused", sent=False), NetworkError("lost", sent=True))
    with pytest.raises(NetworkError, match="lost"):
        perform(script, lambda c: c.prompts.create(name="x"))
    assert len(script.sent) == 2


def test_absent_things_are_not_found(perform: Any) -> None:
    """A null where one thing was asked for is NotFoundError, which names it."""
    for field, call in (
        ("prompt", lambda c: c.prompts.get("gone")),
        ("prompt", lambda c: c.prompts.diff("gone", 1, 2)),
        ("execution", lambda c: c.executions.get("gone")),
        ("chain", lambda c: c.chains.get("gone")),
        ("chainExecution", lambda c: c.chain_executions.get("gone")),
    ):
        with pytest.raises(NotFoundError, match="gone"):
            perform(Script(reply({field: None})), call)


def test_filters_are_written_in_the_words_of_the_api(perform: Any) -> None:
    """Keyword filters become an ExecutionFilter: names as lists, tags as pairs, times in UTC."""
    script = Script(reply({"executions": [EXECUTION]}))
    found = perform(
        script,
        lambda c: c.executions.list(
            limit=5,
            status="error",
            model=["gpt-*", "claude-*"],
            tags={"team": "care", "batch": None},
            created_from=datetime(2025, 1, 1, tzinfo=UTC),
            min_cost_usd="0.01",
            top_level=True,
        ),
    )
    assert [execution.id for execution in found] == ["exec_abc123"]
    assert script.sent[0]["variables"] == {
        "limit": 5,
        "filter": {
            "status": ["error"],
            "model": ["gpt-*", "claude-*"],
            "tags": [{"key": "team", "values": ["care"]}, {"key": "batch"}],
            "createdFrom": "2025-01-01T00:00:00.000Z",
            "minCostUsd": "0.01",
            "topLevel": True,
        },
    }


def test_wrong_filters_are_refused_before_anything_is_sent(perform: Any) -> None:
    """An unknown filter and a time without a zone are ValidationErrors that say what to do."""
    with pytest.raises(ValidationError, match="'modell'"):
        perform(Script(), lambda c: c.executions.list(modell="x"))
    with pytest.raises(ValidationError, match="time zone"):
        perform(Script(), lambda c: c.executions.list(created_from=datetime(2025, 1, 1)))


def test_stats_take_a_window(perform: Any) -> None:
    """The named windows, any number of days, and nothing else."""
    overview = {
        "overview": {"from": None, "to": "2025-01-21T00:00:00.000Z", "totals": {"runs": 3, "costUsd": "1.5000"}}
    }
    script = Script(*[reply(overview)] * 3)
    totals = [perform(script, lambda c, w=window: c.executions.stats(w)).totals for window in ("7d", "all", "90d")]
    assert [sent["variables"] for sent in script.sent] == [
        {"window": "LAST_7_DAYS"},
        {"window": "ALL_TIME"},
        {"days": 90},
    ]
    assert (totals[0].runs, totals[0].cost_usd) == (3, "1.5000")
    with pytest.raises(ValidationError, match="fortnight"):
        perform(script, lambda c: c.executions.stats("fortnight"))


def event(kind: str, **rest: Any) -> dict[str, Any]:
    data = {"executePromptStream": {"kind": kind, "text": None, "execution": None, **rest}}
    return {"id": "1", "type": "next", "payload": {"data": data}}


def test_stream_gives_the_pieces_and_the_execution(perform: Any) -> None:
    """A stream yields started, the deltas, finished; pings are answered; the websocket is closed at the end."""
    script = Script(
        messages=(
            ACK,
            event("started", execution=PENDING),
            {"type": "ping"},
            event("delta", text="On its "),
            event("delta", text="way."),
            event("finished", execution=EXECUTION),
            {"id": "1", "type": "complete"},
        )
    )
    events = perform(script, lambda c: c.prompts.stream("x", {"a": 1}))
    assert [e.kind for e in events] == ["started", "delta", "delta", "finished"]
    assert "".join(e.text for e in events) == "On its way."
    assert events[-1].execution.cost_usd == "0.0045"
    assert [said["type"] for said in script.said] == ["connection_init", "subscribe", "pong"]
    assert script.said[1]["payload"]["variables"]["input"]["idempotencyKey"]
    assert script.closed >= 1


def test_stream_in_error_raises_at_its_end(perform: Any) -> None:
    """A streamed run that ends in error raises what execute would."""
    script = Script(messages=(ACK, event("started", execution=PENDING), event("finished", execution=FAILED)))
    with pytest.raises(AuthenticationError) as caught:
        perform(script, lambda c: c.prompts.stream("x"))
    assert caught.value.execution is not None


def test_broken_stream_names_the_execution(perform: Any) -> None:
    """When the connection is lost in mid-stream the error carries the execution, which may be asked for later."""
    script = Script(messages=(ACK, event("started", execution=PENDING), None))
    with pytest.raises(NetworkError) as caught:
        perform(script, lambda c: c.prompts.stream("x"))
    assert caught.value.execution is not None
    assert caught.value.execution.id == "exec_abc123"


def test_stream_refused_by_the_server(perform: Any) -> None:
    """An error message of the protocol is the class of its code."""
    script = Script(messages=(ACK, {"id": "1", "type": "error", "payload": [failure("NOT_FOUND", "no prompt 'x'")]}))
    with pytest.raises(NotFoundError, match="no prompt 'x'"):
        perform(script, lambda c: c.prompts.stream("x"))


def test_leaving_a_stream_closes_the_websocket() -> None:
    """A caller who has seen enough leaves no connection behind."""
    script = Script(messages=(ACK, event("delta", text="a"), event("delta", text="b")))
    stream = PromptForge(transport=script).prompts.stream("x")
    assert next(stream).text == "a"
    stream.close()
    assert script.closed == 1


def test_no_key_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the client says how to give one, before any request."""
    monkeypatch.delenv("PROMPTFORGE_API_KEY", raising=False)
    with pytest.raises(AuthenticationError, match="PROMPTFORGE_API_KEY"):
        PromptForge()


def test_methods_tell_their_arguments() -> None:
    """Bound methods keep signature and docstring, so that help() and editors show them."""
    client = PromptForge("pf_x")
    assert list(inspect.signature(client.prompts.diff).parameters) == ["id", "old", "new"]
    assert (client.prompts.diff.__doc__ or "").startswith("Compare two versions")
