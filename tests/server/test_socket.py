"""Subscriptions with a real websocket client that speaks graphql-transport-ws."""

import pytest

from kit.caller import open_socket

STREAM = """subscription($input: ExecutePromptInput!) { executePromptStream(input: $input) {
    kind text execution { id status output tokenOut } } }"""
CHANGES = "subscription($f: ExecutionFilter) { executionChanges(filter: $f) { id status model output } }"
EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"


def demo(**options):
    """Input for a run of the simulated model."""
    return {"content": "hello", "params": {"model": "demo-small", "demo": options}}


async def test_output_arrives_as_it_comes(caller):
    """The pending execution first, then deltas that add up to the output, then the closed execution, then the end."""
    async with caller.socket() as socket:
        await socket.subscribe("1", STREAM, input=demo(text="one two three four"))
        events = []
        while (message := await socket.hear())["type"] == "next":
            assert message["id"] == "1"
            events.append(message["payload"]["data"]["executePromptStream"])

    assert message == {"id": "1", "type": "complete"}
    assert (events[0]["kind"], events[0]["execution"]["status"]) == ("started", "pending")
    assert (events[-1]["kind"], events[-1]["execution"]["status"]) == ("finished", "success")
    assert "".join(e["text"] for e in events if e["kind"] == "delta") == events[-1]["execution"]["output"]
    assert events[0]["execution"]["id"] == events[-1]["execution"]["id"]


async def test_changes_and_pulse(caller):
    """Whoever listens sees executions of its workspace open and close, as filtered, and a page's pulse counts them."""
    async with caller.socket() as socket:
        await socket.subscribe("changes", CHANGES, f={"model": ["demo-s*"]})
        await socket.subscribe("pulse", "subscription { activity { at opened closed } }")
        await socket.say("ping")
        assert (await socket.hear())["type"] == "pong"
        done = (await caller.ask(EXECUTE, input=demo(text="hi")))["executePrompt"]
        seen, pulse = [], 0
        while len(seen) < 2 or pulse < 2:
            message = await socket.hear()
            data = message["payload"]["data"]
            if message["id"] == "changes":
                seen.append(data["executionChanges"])
            else:
                pulse += data["activity"]["opened"] + data["activity"]["closed"]

    assert [(e["id"], e["status"]) for e in seen] == [(done["id"], "pending"), (done["id"], "success")]
    assert seen[1]["output"] == "hi"


async def test_complete_stops_listening_and_not_the_run(caller):
    """Who stops listening to a stream hears no more of it; the execution goes on to its end."""
    async with caller.socket() as socket:
        await socket.subscribe("1", STREAM, input=demo(text="a b c", latency_ms=200))
        started = (await socket.hear())["payload"]["data"]["executePromptStream"]["execution"]["id"]
        await socket.say("complete", id="1")
        await socket.subscribe("2", CHANGES)
        status = "pending"
        while status == "pending":
            found = await caller.ask("query($id: ID!) { execution(id: $id) { status } }", id=started)
            status = found["execution"]["status"]

    assert status == "success"


async def test_queries_and_their_errors_run_here_too(caller):
    """Any operation may use the connection; a document that cannot run ends in one error message."""
    async with caller.socket() as socket:
        await socket.subscribe("q", "{ me { name } }")
        assert (await socket.hear())["payload"]["data"]["me"]["name"]
        assert (await socket.hear()) == {"id": "q", "type": "complete"}
        await socket.subscribe("bad", "{ nothing }")
        bad = await socket.hear()
        await socket.subscribe("input", STREAM, input={"content": "no model"})
        wrong = await socket.hear()

    assert (bad["type"], bad["payload"][0]["extensions"]["code"]) == ("error", "GRAPHQL_VALIDATION_FAILED")
    assert "params.model" in str(wrong["payload"])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([("subscribe", {"id": "1", "payload": {"query": "{ me { id } }"}})], 4401),
        ([("connection_init", {})], 4403),
        ([("connection_init", {"payload": {"apiKey": "pf_wrong"}})], 4403),
        ([("connection_init", {"payload": {"apiKey": True}})], 4403),
        ([("ping", {}), ("nonsense", {})], 4401),
    ],
    ids=["early", "anonymous", "wrong key", "no text", "unknown"],
)
async def test_a_stranger_is_hung_up_on(url, said, code):
    """Nothing is answered before a good key; the close code says why."""
    async with open_socket(url) as socket:
        for kind, rest in said:
            await socket.say(kind, **rest)

        assert await socket.closed() == code


async def test_the_protocol_is_kept(caller, url):
    """Another protocol, a second init, a repeated id and what is not JSON end the connection, each with its code."""
    async with open_socket(url, subprotocol="graphql-ws") as socket:
        assert await socket.closed() == 4406
    async with caller.socket() as socket:
        await socket.say("connection_init")
        assert await socket.closed() == 4429
    async with caller.socket() as socket:
        await socket.subscribe("1", CHANGES)
        await socket.subscribe("1", CHANGES)
        assert await socket.closed() == 4409
    async with caller.socket() as socket:
        await socket.connection.send("{")
        assert await socket.closed() == 4400


async def test_other_workspaces_changes_are_not_heard(caller, caller_of, other_actor):
    """A listener hears its own workspace only."""
    stranger = await caller_of(other_actor)
    async with stranger.socket() as socket:
        await socket.subscribe("1", CHANGES)
        await socket.say("ping")
        assert (await socket.hear())["type"] == "pong"
        await caller.ask(EXECUTE, input=demo(text="mine"))
        await stranger.ask(EXECUTE, input=demo(text="theirs"))
        first = (await socket.hear())["payload"]["data"]["executionChanges"]
        second = (await socket.hear())["payload"]["data"]["executionChanges"]

    assert first["id"] == second["id"]
    assert second["output"] == "theirs"
