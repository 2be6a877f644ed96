"""The gateway: a real server process between an HTTP client and a provider that a test writes by hand."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from kit.crash import Server, killed_after
from kit.site import HELD, Site, answer, site

OWN = "sk-own-key-of-the-server"
THEIRS = "sk-key-of-the-caller"
CHAT, MESSAGES = "/openai/v1/chat/completions", "/anthropic/v1/messages"
ASKED = {"model": "gpt-4o-2024-08-06", "messages": [{"role": "user", "content": "Hi there"}]}
ANSWERED = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
}
FOUND = """query($id: ID!) { execution(id: $id) {
    id status errorType error source provider model responseModel service endUser sessionId tags input request output
    tokenIn tokenOut costUsd usageSource streamed firstTokenMs finishReason promptVersion { version prompt { name } }
    attempts { httpStatus requestId } cost { usd state } } }"""


def chunk(**fields):
    return b"data: " + json.dumps({"model": "gpt-4o-2024-08-06", "choices": [], **fields}).encode() + b"\n\n"


def piece(text, finish=None):
    return chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


USAGE = chunk(usage=ANSWERED["usage"])
DONE = b"data: [DONE]\n\n"
STREAM = b": comment\n\n" + piece("Hel") + piece("lo.") + piece("", "stop")


def streamed(body, *, complete=True):
    """A chunked stream of events, as one answer."""
    end = b"0\r\n\r\n" if complete else b""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n" + end


class Through:
    """A client of the gateway, the provider behind it, and the record beside it."""

    def __init__(self, server: Server, here: Site, client: httpx.AsyncClient) -> None:
        self.server, self.here, self.client = server, here, client
        self.ours = {"authorization": f"Bearer {server.key}"}

    async def post(self, path, asked=ASKED, **headers):
        return await self.client.post(
            path,
            content=asked if isinstance(asked, bytes) else json.dumps(asked).encode(),
            headers=headers or self.ours,
        )

    async def found(self, execution_id):
        return (await asyncio.to_thread(self.server.ask, FOUND, id=execution_id))["execution"]

    async def newest(self):
        query = "{ executions(limit: 1) { id } }"
        return await self.found((await asyncio.to_thread(self.server.ask, query))["executions"][0]["id"])

    async def recorded(self, reply):
        return await self.found(reply.headers["x-promptforge-execution"])


@asynccontextmanager
async def passing(home, **environment):
    async with site() as here:
        url = f"http://127.0.0.1:{here.port}"
        given = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": OWN, "ANTHROPIC_BASE_URL": url, **environment}
        with killed_after(Server(home, given)) as server:
            await asyncio.to_thread(server.start)
            async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
                yield Through(server, here, client)
            await asyncio.to_thread(server.stop)


@pytest.fixture(scope="module")
async def running(tmp_path_factory):
    async with passing(tmp_path_factory.mktemp("gateway")) as through:
        yield through


@pytest.fixture
async def through(running):
    """The gateway, with a provider that has been asked nothing."""
    running.here.pages.clear()
    running.here.asked.clear()
    running.here.left.clear()
    return running


async def test_a_call_passes_and_is_an_execution(through):
    """The provider gets the very bytes, the caller the very bytes back, and the record has all of it, priced."""
    raw, sent = json.dumps(ANSWERED, indent=3).encode(), json.dumps(ASKED, indent=1).encode()
    through.here.pages["/v1/chat/completions"] = answer(raw, x_request_id="req_7")
    reply = await through.post(CHAT, sent)

    asked = through.here.asked[0]
    assert (reply.status_code, reply.content, asked.body) == (200, raw, sent)
    assert reply.headers["x-request-id"] == "req_7"
    assert asked.headers["authorization"] == f"Bearer {OWN}"
    assert asked.headers["via"].startswith("1.1 promptforge-")
    found = await through.recorded(reply)
    assert found["input"] == ASKED["messages"]
    assert found["request"] == ASKED
    assert found["attempts"] == [{"httpStatus": 200, "requestId": "req_7"}]
    assert found["cost"] == {"usd": "0.0035", "state": "priced"}  # 1,000 at $2.50 and 100 at $10 a million
    told = {name: found[name] for name in ("status", "source", "provider", "output", "tokenIn", "tokenOut", "streamed")}
    assert told == {
        "status": "success",
        "source": "gateway",
        "provider": "openai",
        "output": "Hello.",
        "tokenIn": 1000,
        "tokenOut": 100,
        "streamed": False,
    }


async def test_a_provider_key_goes_on_and_ours_stays(through):
    """With the provider's own key in its place, ours comes in a header that does not leave."""
    through.here.pages["/v1/chat/completions"] = answer(json.dumps(ANSWERED).encode())
    reply = await through.post(
        CHAT, authorization=f"Bearer {THEIRS}", **{"X-PromptForge-Key": through.server.key, "x-promptforge-tags": "a=b"}
    )
    headers = through.here.asked[0].headers
    assert headers["authorization"] == f"Bearer {THEIRS}"
    assert [name for name in headers if "promptforge" in name] == []
    assert THEIRS not in json.dumps(await through.recorded(reply))


async def test_headers_say_what_the_call_is_for(through):
    """Prompt and version, service, end user, session and tags; a prompt that is not here becomes a tag."""
    through.here.pages["/v1/chat/completions"] = answer(json.dumps(ANSWERED).encode())
    ask = through.server.ask
    create = """mutation { createPrompt(input: {name: "greeting", description: ""}) { id } }"""
    prompt = (await asyncio.to_thread(ask, create))["createPrompt"]["id"]
    version = """mutation($id: ID!) { createPromptVersion(input:
        {promptId: $id, content: "Hi", params: {model: "gpt-4o"}}) { id } }"""
    await asyncio.to_thread(ask, version, id=prompt)
    headers = {
        "x-promptforge-prompt-version": "1",
        "x-promptforge-service": "shop",
        "x-promptforge-end-user": "u-1",
        "x-promptforge-session": "s-1",
        "x-promptforge-tags": "env=prod, team = x",
    }
    found = await through.recorded(
        await through.post(CHAT, **through.ours, **headers, **{"x-promptforge-prompt": "greeting"})
    )
    assert found["promptVersion"] == {"version": 1, "prompt": {"name": "greeting"}}
    assert (found["service"], found["endUser"], found["sessionId"]) == ("shop", "u-1", "s-1")
    assert found["tags"] == {"env": "prod", "team": "x"}
    other = await through.recorded(
        await through.post(CHAT, **through.ours, **headers, **{"x-promptforge-prompt": "gone"})
    )
    assert (other["promptVersion"], other["tags"]["prompt"]) == (None, "gone")


async def test_a_stream_passes_as_it_comes(through):
    """Each piece arrives before the next is sent; the record has text, usage and the time of the first token."""
    through.here.pages["/v1/chat/completions"] = streamed(STREAM + USAGE + DONE)
    reply = await through.post(CHAT, {**ASKED, "stream": True})
    assert reply.content == STREAM + USAGE + DONE
    found = await through.recorded(reply)
    assert (found["status"], found["output"], found["finishReason"]) == ("success", "Hello.", "stop")
    assert (found["streamed"], found["usageSource"], found["tokenIn"], found["tokenOut"]) == (
        True,
        "reported",
        1000,
        100,
    )
    assert 0 <= found["firstTokenMs"]


async def test_a_piece_is_not_held_back(through):
    """What the provider has sent is with the caller although more is to come."""
    head = b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    through.here.pages["/v1/chat/completions"] = (
        HELD + head + f"{len(piece('Hel')):x}\r\n".encode() + piece("Hel") + b"\r\n"
    )
    body = json.dumps({**ASKED, "stream": True})
    async with through.client.stream("POST", CHAT, content=body, headers=through.ours) as reply:
        assert await anext(reply.aiter_raw()) == piece("Hel")


async def test_usage_that_is_never_told_is_estimated(through):
    """A stream without usage is counted by a rough rule and says so."""
    through.here.pages["/v1/chat/completions"] = streamed(STREAM + DONE)
    found = await through.recorded(await through.post(CHAT, {**ASKED, "stream": True}))
    assert (found["status"], found["usageSource"], found["tokenOut"]) == ("success", "estimated", 2)
    assert found["cost"]["state"] == "priced"


@pytest.mark.parametrize(
    ("status", "error_type", "state"),
    [
        (400, "validation", "priced"),
        (401, "authentication", "priced"),
        (429, "rate_limit", "priced"),
        (500, "provider", "unknown"),
    ],
)
async def test_an_error_passes_and_is_recorded_by_its_type(through, status, error_type, state):
    """The caller sees the provider's own error; nothing is paid where it did no work."""
    body = json.dumps({"error": {"message": "told by the provider", "type": "x", "code": None}}).encode()
    through.here.pages["/v1/chat/completions"] = answer(body, status, retry_after="7")
    reply = await through.post(CHAT)
    assert (reply.status_code, reply.content, reply.headers["retry-after"]) == (status, body, "7")
    found = await through.recorded(reply)
    assert (found["status"], found["errorType"], found["cost"]["state"]) == ("error", error_type, state)


async def test_a_cut_stream_keeps_what_had_come(through):
    """The caller sees the break; the record has the text so far and the error of the network."""
    through.here.pages["/v1/chat/completions"] = streamed(piece("Hel"), complete=False)
    with pytest.raises(httpx.RemoteProtocolError):
        await through.post(CHAT, {**ASKED, "stream": True})
    found = await through.newest()
    assert (found["status"], found["errorType"], found["output"]) == ("error", "network", "Hel")
    assert (found["usageSource"], found["costUsd"]) == ("unknown", None)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"choices": [', b"\xff\xfe", b"null", b"[" * 20_000])
async def test_an_answer_that_is_none_passes_and_is_an_error(through, body):
    """Nonsense with a 200 reaches the caller as it is, and nobody calls it a success."""
    through.here.pages["/v1/chat/completions"] = answer(body)
    reply = await through.post(CHAT)
    assert (reply.status_code, reply.content) == (200, body)
    found = await through.recorded(reply)
    assert (found["status"], found["errorType"], found["cost"]["state"]) == ("error", "provider", "unknown")


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"model": 7}', b"\xff\xfe", b"[" * 20_000])
async def test_a_request_that_is_none_passes_too(through, body):
    """What is wrong with a request is the provider's to say; it is recorded as it is."""
    through.here.pages["/v1/chat/completions"] = answer(b'{"error": {"message": "no"}}', 400)
    reply = await through.post(CHAT, body)
    assert reply.status_code == 400
    assert through.here.asked[0].body == body
    found = await through.recorded(reply)
    assert (found["errorType"], found["model"]) == ("validation", "unknown")


async def test_the_end_of_an_answer_waits_for_the_record(through):
    """Whoever has the whole answer finds it closed in the record, at once."""
    through.here.pages["/v1/chat/completions"] = answer(json.dumps(ANSWERED).encode())
    replies = await asyncio.gather(*[through.post(CHAT) for _ in range(20)])
    for reply in replies:
        assert (await through.recorded(reply))["status"] == "success"


async def test_models_pass_without_a_record(through):
    """No model is called, so nothing is recorded."""
    through.here.pages["/v1/models"] = answer(b'{"data": []}')
    before = await through.newest() if await _any(through) else None
    reply = await through.client.get("/openai/v1/models?limit=3", headers=through.ours)
    assert (reply.status_code, reply.content) == (200, b'{"data": []}')
    assert through.here.asked[0].path == "/v1/models?limit=3"
    assert (await through.newest() if await _any(through) else None) == before


async def _any(through):
    return (await asyncio.to_thread(through.server.ask, "{ executions(limit: 1) { id } }"))["executions"]


async def test_what_is_refused_here_is_said_in_the_provider_s_words(through):
    """Without our key, on a closed path, without a provider's key, in a circle, too large, with too many headers."""
    stranger = await through.post(CHAT, authorization=f"Bearer {THEIRS}")
    wrong = await through.post(MESSAGES, **{"x-api-key": "pf_unknown"})
    closed = await through.post("/openai/v1/files")
    keyless = await through.post(MESSAGES)
    large = await through.post(CHAT, b" " * ((32 << 20) + 1))
    many = await through.post(CHAT, **through.ours, **{f"x-{n}": "1" for n in range(101)})
    through.here.pages["/v1/chat/completions"] = answer(b"{}")
    await through.post(CHAT)
    circle = await through.post(CHAT, **through.ours, via=through.here.asked[0].headers["via"])
    replies = [stranger, wrong, closed, keyless, large, many, circle]
    assert [reply.status_code for reply in replies] == [401, 401, 404, 400, 413, 413, 508]
    assert stranger.json()["error"]["type"] == "authentication_error"
    assert "X-PromptForge-Key" in stranger.json()["error"]["message"]
    assert wrong.json()["type"] == "error"
    assert "provider key anthropic" in keyless.json()["error"]["message"]
    assert len(through.here.asked) == 1


async def test_what_is_refused_counts_for_the_service_that_sent_it(through):
    """A path that does not pass and a provider without a key are rejected calls of their service, with the reason."""
    named = {**through.ours, "x-promptforge-service": "lost"}
    await through.post("/openai/v1/files", **named)
    await through.post(MESSAGES, **named)
    asked = "{ services { name lastSeen rejected lastRejection { text } } health { counters { source rejected } } }"
    found = await asyncio.to_thread(through.server.ask, asked)
    (lost,) = [one for one in found["services"] if one["name"] == "lost"]
    assert (lost["lastSeen"], lost["rejected"]) == (None, 2)
    assert "provider key anthropic" in lost["lastRejection"]["text"]
    counted = sum(one["rejected"] for one in found["health"]["counters"])
    assert sum(one["rejected"] for one in found["services"]) == counted


async def test_a_session_is_no_key(through):
    """A browser's cookie opens nothing here, so no page can spend a provider's key."""
    reply = await through.post(CHAT, cookie="promptforge_session=x")
    assert reply.status_code == 401


async def test_a_secret_of_the_workspace_is_the_key(through):
    """Another provider's key is stored with the workspace, and is used from then on."""
    through.here.pages["/v1/messages"] = answer(
        b'{"type": "error", "error": {"type": "api_error", "message": "x"}}', 529
    )
    await asyncio.to_thread(
        through.server.ask, """mutation { setSecret(name: "ANTHROPIC_API_KEY", value: "sk-ant-stored") { name } }"""
    )
    reply = await through.post(MESSAGES, **{"x-api-key": through.server.key})
    assert reply.status_code == 529
    assert through.here.asked[0].headers["x-api-key"] == "sk-ant-stored"


async def test_a_provider_that_is_away_is_said(tmp_path):
    """The caller gets a 502 in the provider's words; the record says what happened, at no cost."""
    async with passing(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:1/v1", PROMPTFORGE_GATEWAY_RATE="2") as through:
        reply = await through.post(CHAT)
        assert (reply.status_code, reply.json()["error"]["type"]) == (502, "api_error")
        found = await through.newest()
        assert (found["errorType"], found["costUsd"], found["usageSource"]) == ("network", "0.0000", "none")
        replies = await asyncio.gather(*[through.post(CHAT) for _ in range(20)])
        limited = next(reply for reply in replies if reply.status_code == 429)
        assert limited.headers["retry-after"] == "1"


@pytest.mark.parametrize("setting", ["drain", "cancel"])
async def test_what_a_caller_left_behind_is_recorded(tmp_path, setting):
    """A caller that hangs up: the answer is taken to its end, or cut off and what is billed by then estimated."""
    first, rest = piece("Hel"), piece("lo.") + piece("", "stop") + USAGE + DONE
    released = asyncio.Event()

    async def page(reader, writer):
        head, _, _ = streamed(b"").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n" + f"{len(first):x}\r\n".encode() + first + b"\r\n")
        await writer.drain()
        if setting == "cancel":
            await reader.read()
            released.set()
            return
        await released.wait()
        writer.write(f"{len(rest):x}\r\n".encode() + rest + b"\r\n0\r\n\r\n")
        await writer.drain()

    async with passing(tmp_path, PROMPTFORGE_GATEWAY_HANG_UP=setting) as through:
        through.here.pages["/v1/chat/completions"] = page
        body = json.dumps({**ASKED, "stream": True})
        async with through.client.stream("POST", CHAT, content=body, headers=through.ours) as reply:
            assert await anext(reply.aiter_raw()) == first
        if setting == "cancel":
            await released.wait()
        else:
            assert (await through.newest())["status"] == "pending"
            released.set()
        found = await _closed(through)
    assert (found["status"], found["errorType"]) == ("error", "cancelled")
    told = (found["output"], found["usageSource"], found["tokenIn"], found["tokenOut"])
    assert told == (("Hel", "estimated", 6, 1) if setting == "cancel" else ("Hello.", "reported", 1000, 100))


async def _closed(through):
    while (found := await through.newest())["status"] == "pending":
        await asyncio.sleep(0.02)
    return found


async def test_a_unit_that_nobody_knows_is_kept_and_named(through):
    """A provider that begins to bill something new is not read past: the block is verbatim, and the field is told."""
    block = ANSWERED["usage"] | {"prompt_tokens_details": {"cached_tokens": 0, "hologram_tokens": 7}, "newest": None}
    through.here.pages["/v1/chat/completions"] = answer(json.dumps(ANSWERED | {"usage": block}).encode())
    reply = await through.post(CHAT)
    query = "query($id: ID!) { execution(id: $id) { usage usageRaw usageUnknown } }"

    found = await asyncio.to_thread(through.server.ask, query, id=reply.headers["x-promptforge-execution"])

    assert found["execution"] == {
        "usage": {"input": 1000, "output": 100},
        "usageRaw": block,
        "usageUnknown": ["prompt_tokens_details.hologram_tokens"],
    }


async def test_a_response_that_goes_on_in_the_background_has_no_usage(through):
    """It has only begun: its tokens and its cost are unknown, not estimated from half of it."""
    begun = {"model": "gpt-5", "status": "queued", "background": True, "output": [], "usage": None}
    through.here.pages["/v1/responses"] = answer(json.dumps(begun).encode())
    asked = {"model": "gpt-5", "input": "think hard", "background": True}

    found = await through.recorded(await through.post("/openai/v1/responses", asked))

    assert (found["status"], found["finishReason"], found["usageSource"]) == ("success", "queued", "unknown")
    assert (found["tokenIn"], found["costUsd"], found["cost"]["state"]) == (None, None, "unknown")
