"""The client against a real server and the simulated model."""

import asyncio
import os
import subprocess
import sys
from contextlib import aclosing
from decimal import Decimal

import pytest

from kit.served import Served, surroundings
from promptforge import (
    AsyncPromptForge,
    AuthenticationError,
    ExecutionError,
    NotFoundError,
    PromptForge,
    PromptForgeError,
    ProviderError,
    RateLimitError,
    ValidationError,
)

SCHEMA = {
    "type": "object",
    "properties": {"ticket": {"type": "string"}, "tone": {"type": "string", "default": "friendly"}},
    "required": ["ticket"],
}


@pytest.fixture
def client(served: Served):
    with PromptForge(served.key, served.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def prompt(served: Served):
    """A prompt as the documented create makes it."""
    with PromptForge(served.key, served.url) as client:
        return client.prompts.create(
            name="Support Reply",
            description="Answers tickets",
            template="Answer {{ticket}} in a {{tone}} tone.",
            input_schema=SCHEMA,
            provider="demo",
            model="demo-small",
            temperature=0.2,
            max_tokens=200,
            tags=["care"],
            is_public=False,
        )


def test_a_prompt_as_it_was_created(client: PromptForge, prompt) -> None:
    """Create, get and list agree on what the documented arguments made."""
    assert prompt.name == "support-reply"
    found = client.prompts.get(prompt.id)
    assert found == client.prompts.get("support-reply")
    [version] = found.versions
    assert (version.version, version.template, version.provider) == (1, "Answer {{ticket}} in a {{tone}} tone.", "demo")
    assert version.params == {"model": "demo-small", "temperature": 0.2, "max_tokens": 200}
    assert version.input_schema == SCHEMA
    assert set(version.variables) == {"ticket", "tone"}
    assert prompt.id in [one.id for one in client.prompts.list(mine=True, limit=500)]


def test_run_and_read_back(client: PromptForge, prompt) -> None:
    """A run returns output and exact cost, and the record has it with source sdk, tags, user and version."""
    execution = client.prompts.execute(
        "support-reply", {"ticket": "Where is my parcel?"}, tags={"team": "care"}, end_user="u-1", metadata={"a": [1]}
    )
    assert execution.status == "success"
    assert "simulated" in (execution.output or "")
    assert execution.token_in
    assert execution.latency_ms is not None
    found = client.executions.get(execution.id)
    assert found.output == execution.output
    assert (found.source, found.end_user, found.tags, found.metadata) == ("sdk", "u-1", {"team": "care"}, {"a": [1]})
    assert found.prompt_version is not None
    assert (found.prompt_version.version, found.prompt_name) == (1, "support-reply")
    listed = client.executions.list(limit=5, tags={"team": "care"}, status="success")
    assert execution.id in [one.id for one in listed]
    assert client.executions.list(tags={"team": "nobody"}) == []


def test_run_a_model_without_a_prompt(client: PromptForge) -> None:
    """A text runs on a model with no prompt at all, and is recorded without a version."""
    execution = client.run("demo-small", "Say hello", params={"demo": {"token_in": 500, "token_out": 200}})
    assert (execution.token_in, execution.token_out) == (500, 200)
    found = client.executions.get(execution.id)
    assert found.prompt_version is None
    assert found.input == {"content": "Say hello"}


@pytest.mark.parametrize(
    ("fail", "kind"),
    [
        ("authentication", AuthenticationError),
        ("validation", ValidationError),
        ("timeout", ExecutionError),
        ("content_filter", ExecutionError),
        ("provider", ProviderError),
        ("rate_limit", RateLimitError),
    ],
)
def test_failed_run_raises_and_is_on_record(client: PromptForge, fail: str, kind: type[PromptForgeError]) -> None:
    """A run that fails at the provider raises by its type and carries what was recorded."""
    demo = {"fail": fail, "retry_after": 0.001}
    with pytest.raises(kind) as caught:
        client.run("demo-small", "Say hello", params={"demo": demo}, deadline_ms=20_000)
    execution = caught.value.execution
    assert execution is not None
    assert execution.error == str(caught.value)
    found = client.executions.get(execution.id)
    assert (found.status, found.error_type, found.output) == ("error", fail, None)


def test_wrong_variables_are_refused_and_recorded(client: PromptForge, prompt) -> None:
    """A missing variable is a ValidationError that names it, for an execution that cost nothing."""
    with pytest.raises(ValidationError, match="ticket") as caught:
        client.prompts.execute(prompt.id, {})
    assert caught.value.execution is not None
    assert caught.value.execution.cost_usd == "0.0000"


def test_errors_of_the_server(served: Served, client: PromptForge, prompt) -> None:
    """A bad key, an unknown prompt and a taken name are the documented classes."""
    with PromptForge("pf_" + "x" * 40, served.url) as stranger:
        with pytest.raises(AuthenticationError) as caught:
            stranger.me()
        assert caught.value.status_code == 401
        with pytest.raises(AuthenticationError):
            list(stranger.run_stream("demo-small", "x"))
    for call in (
        lambda: client.prompts.execute("no-such-prompt"),
        lambda: client.prompts.get("no-such-prompt"),
        lambda: client.executions.get("exec_none"),
        lambda: client.prompts.execute(prompt.id, {"ticket": "x"}, version=99),
    ):
        with pytest.raises(NotFoundError):
            call()
    with pytest.raises(ValidationError) as caught:
        client.prompts.create(name="Support Reply")
    assert caught.value.status_code == 409
    with pytest.raises(PromptForgeError):
        client.prompts.create(name="no-model", template="Hi", params={})
    assert client.prompts.create(name="no-model").name == "no-model"


@pytest.mark.timeout(20)
def test_stream_of_what_is_not_there(client: PromptForge) -> None:
    """A stream that cannot begin says why at once, as execute does."""
    with pytest.raises(NotFoundError, match="no-such-prompt"):
        list(client.prompts.stream("no-such-prompt"))


def test_one_key_one_execution(client: PromptForge) -> None:
    """The same idempotency key gives the same execution; another input under it is refused."""
    runs = [client.run("demo-small", "Say hello", idempotency_key="once") for _ in range(2)]
    assert runs[0].id == runs[1].id
    with pytest.raises(ValidationError) as caught:
        client.run("demo-small", "Say something else", idempotency_key="once")
    assert caught.value.code == "CONFLICT"


def test_background_run_and_cancel(client: PromptForge) -> None:
    """Without waiting the execution is pending; cancelled, it ends in error."""
    execution = client.run("demo-small", "Think", params={"demo": {"latency_ms": 60_000}}, wait=False)
    assert execution.pending
    assert execution.id in [one.id for one in client.executions.list(status="pending")]
    assert client.executions.cancel(execution.id).error_type == "cancelled"


def test_stream(client: PromptForge, prompt) -> None:
    """A stream starts with the pending execution, brings the output in pieces, and ends with what was recorded."""
    events = list(client.prompts.stream(prompt.id, {"ticket": "Where?"}))
    assert events[0].kind == "started"
    assert events[-1].kind == "finished"
    assert events[-1].execution is not None
    assert "".join(event.text for event in events) == events[-1].execution.output
    assert len(events) > 3
    assert client.executions.get(events[-1].execution.id).streamed


def test_stream_that_fails(client: PromptForge) -> None:
    """A stream whose run fails half way brings what came and then raises, with the execution."""
    stream = client.run_stream("demo-small", "x", params={"demo": {"fail": "provider", "fail_after": 2}})
    assert next(stream).kind == "started"
    assert next(stream).text
    with pytest.raises(ProviderError) as caught:
        list(stream)
    assert caught.value.execution is not None


def test_versions_labels_diff_fork_archive(client: PromptForge) -> None:
    """A prompt's life: versions count up, labels point, diff tells, a fork is a copy, the archive frees the name."""
    made = client.prompts.create(name="life", template="Hi {{name}}", model="demo-small", label="live")
    second = client.prompts.create_version("life", template="Hello {{name}}", model="demo-large")
    assert second.version == 2
    assert client.prompts.set_label("life", "next", 2).labels[-1].label in {"live", "next"}
    execution = client.prompts.execute("life", {"name": "Ada"}, label="live")
    assert execution.prompt_version is not None
    assert (execution.prompt_version.version, execution.label) == (1, "live")
    diff = client.prompts.diff("life", 1, 2)
    assert "-Hi {{name}}" in diff.text
    assert diff.params == {"model": ["demo-small", "demo-large"]}
    assert [label.label for label in client.prompts.remove_label("life", "next").labels] == ["live"]
    fork = client.prompts.fork("life", "Second Life", version=1)
    assert (fork.name, fork.forked_from) == ("second-life", made.id)
    assert client.prompts.update("life", description="Greets").description == "Greets"
    assert client.prompts.archive("life").archived_at is not None
    assert client.prompts.create(name="life").id != made.id
    assert client.executions.get(execution.id).prompt_name == "life"


def test_stats_agree_with_the_list(client: PromptForge) -> None:
    """The overview's sums are those of the executions themselves, and cost is exact."""
    for _ in range(3):
        client.run("demo-small", "Count me", tags={"sum": "yes"}, params={"demo": {"token_in": 7, "token_out": 5}})
    totals = client.executions.stats("7d", tags={"sum": "yes"}).totals
    listed = client.executions.list(tags={"sum": "yes"})
    assert (totals.calls, totals.token_in, totals.token_out, totals.success_rate) == (3, 21, 15, 100.0)
    assert Decimal(totals.cost.usd) == sum(Decimal(one.cost.usd) for one in listed if one.cost and one.cost.usd)


def test_services_are_the_names_of_their_keys(client: PromptForge, served: Served) -> None:
    """What a key ran is listed under its name, with its figures of any window; a wrong window is named."""
    made = client.keys.create("night-shift", scopes=["run", "read"])
    with PromptForge(made.secret, served.url) as worker:
        worker.run("demo-small", "Hello", params={"demo": {"token_in": 7, "token_out": 5}})
    (found,) = [one for one in client.services("15m") if one.name == "night-shift"]
    assert (found.sources, found.figures.calls, found.figures.token_in, found.rejected) == (("sdk",), 1, 7, 0)
    assert found.calls_per_minute == 0.07
    assert found.last_seen is not None
    assert [one.calls_per_minute for one in client.services("all", limit=1)] == [None]
    with pytest.raises(ValidationError, match="fortnight"):
        client.services("fortnight")


def test_account_and_keys(client: PromptForge, served: Served) -> None:
    """A key is made, works within its scope, and ends when revoked."""
    assert client.me().role == "ADMINISTRATOR"
    made = client.keys.create("reader", scopes=["read"])
    with PromptForge(made.secret, served.url) as reader:
        assert reader.executions.list(limit=1) is not None
        with pytest.raises(PromptForgeError) as caught:
            reader.run("demo-small", "x")
        assert caught.value.code == "FORBIDDEN"
        assert client.keys.revoke(made.key.id).revoked_at is not None
        with pytest.raises(AuthenticationError):
            reader.me()
    assert made.secret not in repr(made)
    assert made.key.id in [key.id for key in client.keys.list()]


def test_secrets_come_in_and_never_go_out(client: PromptForge) -> None:
    """A secret is set, replaced, listed without its value, and removed once."""
    for value in ("sk-of-the-client-1", "sk-of-the-client-2"):
        made = client.secrets.set("shop_token", value)
        assert value not in repr(made)
    assert [(one.name, one.updated_at) for one in client.secrets.list()] == [("shop_token", made.updated_at)]
    assert client.secrets.remove("shop_token")
    with pytest.raises(NotFoundError, match="no secret 'shop_token'"):
        client.secrets.remove("shop_token")
    with pytest.raises(ValidationError, match="a secret has 8 to"):
        client.secrets.set("shop_token", "short")
    assert client.secrets.list() == []


def test_the_largest_pages_are_answered(client: PromptForge) -> None:
    """No list asks for more than the server's limits allow, even for as many as it ever gives."""
    assert client.prompts.list(limit=500)
    assert client.executions.list(limit=500)
    assert client.executions.list(limit=500, content=True)
    assert client.executions.list_chain_executions(limit=500) == []


def test_chains_are_empty_for_now(client: PromptForge) -> None:
    """Chains can be asked for; there are none yet."""
    assert client.chains.list() == []
    assert client.chain_executions.list(limit=500, content=True) == []


async def test_asynchronous_client(served: Served) -> None:
    """The asynchronous client runs, streams and follows changes as the blocking one does, at the same time."""
    async with AsyncPromptForge(served.key, served.url) as client:
        runs = await asyncio.gather(*(client.run("demo-small", f"n {n}", tags={"async": "1"}) for n in range(5)))
        assert len({run.id for run in runs}) == 5
        texts = [event.text async for event in client.run_stream("demo-small", "x")]
        assert "".join(texts)
        with pytest.raises(NotFoundError):
            await client.prompts.get("no-such-prompt")
        async with aclosing(client.executions.changes(tags={"watched": "1"})) as changes:
            seen = asyncio.ensure_future(anext(changes))
            while not seen.done():  # the subscription does not say when it begins
                await client.run("demo-small", "x", tags={"watched": "1"})
            assert seen.result().tags == {"watched": "1"}


def test_example_of_the_client_page(served: Served, prompt) -> None:
    """The example in the client's own documentation runs as it stands."""
    from promptforge.sdk import client as page

    example = "\n".join(
        line.removeprefix("    ") for line in (page.__doc__ or "").split("::", 1)[1].strip("\n").splitlines()
    )
    done = subprocess.run(
        [sys.executable, "-c", example],
        capture_output=True,
        text=True,
        check=True,
        env=surroundings(served.home)
        | {"PROMPTFORGE_API_KEY": served.key, "PROMPTFORGE_URL": served.url, "PATH": os.environ["PATH"]},
    )
    assert "simulated" in done.stdout


def test_record(client):
    """What ran elsewhere is handed in once, however often it is sent, and what is wrong is told."""
    one = {"createdAt": "2026-05-01T10:00:00Z", "externalId": "t-1", "model": "gpt-4o", "tokenIn": 3, "tokenOut": 4}
    first, again = client.executions.record([one, {"tokens": 1}]), client.executions.record([one])
    assert (first.received, first.stored, first.rejected, again.duplicate) == (2, 1, 1, 1)
    assert "'tokens'" in first.problems[0].message
    with pytest.raises(ValidationError, match="at most 1000"):
        client.executions.record([one] * 1001)
