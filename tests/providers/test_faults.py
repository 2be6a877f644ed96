"""What can go wrong between us and a provider, with a real server that does it."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import bodies
from kit.providers import open_anthropic, open_openai
from kit.replay import recordings
from promptforge.core.execution import ErrorType
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.prompt import Message

KEY = "sk-live-0123456789abcdef"
OPEN = {"anthropic": open_anthropic, "openai": open_openai}
BOTH = pytest.mark.parametrize("name", list(OPEN))


async def call(name: str, url: str, *, stream: bool = False, remaining: float = 30.0):
    """(deltas, reply or failure) of one call."""
    provider, deltas = OPEN[name](KEY, url), []
    turns = (Message(role="user", content="hi"),)
    request = ModelRequest(model="m", messages=turns, params={}, stream=stream, remaining=remaining)
    try:
        async with aclosing(provider.send(request)) as answer:
            async for item in answer:
                if isinstance(item, Reply):
                    return deltas, item
                deltas.append(item.text)
        raise AssertionError("neither reply nor failure")
    except ModelFailure as failure:
        return deltas, failure
    finally:
        await provider.close()


def answer(
    body: bytes,
    content_type: str = "application/json",
    status: int = 200,
    *,
    length: int | None = None,
    extra: str = "",
):
    """A whole HTTP answer."""
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {size}\r\nconnection: close\r\n"
    return f"{head}{extra}\r\n".encode() + body


@asynccontextmanager
async def serving(raw: bytes, *, hold: bool = False):
    """A server that answers every request with these bytes, and with *hold* waits until the client leaves.

    It gives its address and two events: the first request has come, the client has left.
    """
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def client(reader, writer):
        await reader.read(65536)
        arrived.set()
        writer.write(raw)
        await writer.drain()
        if hold:
            while await reader.read(65536):
                pass
            closed.set()
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", arrived, closed


# ── statuses ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.shared
@BOTH
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "error_type", "refused", "retryable", "retry_after"),
    [
        (400, "validation", True, False, None),
        (401, "authentication", True, False, None),
        (404, "validation", True, False, None),
        (429, "rate_limit", True, True, 1.0),
        (500, "provider", False, False, None),
        (503, "provider", False, True, 1.0),
        (504, "timeout", False, False, None),
        (529, "provider", False, True, None),
    ],
)
async def test_an_error_status_is_told(
    replay_provider, name, stream, status, error_type, refused, retryable, retry_after
):
    """Type, refusal, advice and status of an error answer arrive, plain and streamed, from both providers."""
    _, failure = await call(name, replay_provider.fault(f"status/{status}"), stream=stream)
    assert isinstance(failure, ModelFailure)
    assert (failure.error_type, failure.http_status) == (error_type, status)
    assert (failure.refused, failure.retryable, failure.retry_after) == (refused, retryable, retry_after)
    assert (failure.text, failure.usage) == ("", None)
    assert f"'{name}'" in str(failure)


@pytest.mark.shared
@BOTH
async def test_a_real_401_gives_the_documented_sentence(replay_provider, name):
    """The specification's example comes out of a real 401."""
    _, failure = await call(name, replay_provider.fault("status/401"))
    assert str(failure) == f"Invalid API key for provider '{name}'"


@BOTH
async def test_a_key_in_the_providers_message_is_removed(name):
    """A provider that repeats our key does not bring it into a record."""
    body = b'{"error": {"type": "invalid_request_error", "message": "bad %s here"}}' % KEY.encode()
    async with serving(answer(body, status=400)) as (url, *_):
        _, failure = await call(name, url)
    assert str(failure) == f"Invalid request to provider '{name}': bad [removed] here"


@BOTH
async def test_a_redirect_is_not_followed(name):
    """The key goes to the configured address and nowhere that it points to."""
    async with serving(answer(b"", status=307, extra="location: http://127.0.0.1:1/\r\n")) as (url, *_):
        _, failure = await call(name, url)
    assert (failure.error_type, failure.refused) == (ErrorType.PROVIDER, True)
    assert "redirect (307)" in str(failure)


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.shared
@BOTH
@pytest.mark.parametrize("stream", [False, True])
async def test_silence_ends_at_the_deadline(replay_provider, name, stream):
    """A provider that never answers is a time-out with unknown usage."""
    _, failure = await call(name, replay_provider.fault("hang"), stream=stream, remaining=0.2)
    assert (failure.error_type, failure.refused, failure.usage) == (ErrorType.TIMEOUT, False, None)
    assert str(failure) == f"Provider '{name}' did not answer within 0.2 s"


@pytest.mark.shared
async def test_a_slow_stream_ends_at_the_deadline_and_keeps_its_text(replay_provider):
    """The deadline counts while a stream runs; what had arrived is kept."""
    url = replay_provider.base("anthropic", "message_stream", "slow/50")
    deltas, failure = await call("anthropic", url, stream=True, remaining=0.5)
    assert failure.error_type is ErrorType.TIMEOUT
    assert failure.text == "".join(deltas)
    assert (failure.usage, failure.usage_raw) == (None, {"input_tokens": 17, "output_tokens": 3})


@pytest.mark.shared
async def test_a_slow_stream_arrives_whole(replay_provider):
    """Slowness alone changes nothing, and deltas come before the end."""
    deltas, reply = await call("anthropic", replay_provider.base("anthropic", "tools_stream", "slow/1"), stream=True)
    assert len(deltas) > 3
    assert reply.usage.token_out == 153


@BOTH
async def test_leaving_closes_the_connection(name):
    """Who stops listening, or is cancelled, hangs up on the provider."""
    head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n"
    for raw in (b"", head):
        async with serving(raw, hold=True) as (url, arrived, closed):
            provider = OPEN[name](KEY, url)
            turns = (Message(role="user", content="hi"),)
            request = ModelRequest(model="m", messages=turns, params={}, stream=True, remaining=30)
            answers = provider.send(request)
            waiting = asyncio.ensure_future(anext(answers))
            await arrived.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await answers.aclose()
            await asyncio.wait_for(closed.wait(), 10)
            await provider.close()


# ── broken answers ────────────────────────────────────────────────────────────────────────────────────────────────


def streams():
    return recordings("anthropic", "message_stream", "thinking_stream", "tools_stream") + recordings(
        "openai", "chat_stream"
    )


@pytest.mark.shared
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_cut_stream_keeps_what_had_arrived(replay_provider, data):
    """At any byte: the partial text is a prefix of the whole, usage is unknown unless it had been reported."""
    recorded = data.draw(st.sampled_from(streams()))
    cut = data.draw(st.integers(0, len(recorded.body)))
    url = replay_provider.base(recorded.provider, recorded.name, f"cut/{cut}")
    deltas, outcome = asyncio.run(call(recorded.provider, url, stream=True))
    read = bodies.anthropic_text if recorded.provider == "anthropic" else bodies.openai_text
    text = "".join(deltas)
    assert text.startswith(read(recorded.body)) or read(recorded.body).startswith(text)
    if isinstance(outcome, Reply):
        assert outcome.text == text
        assert cut > recorded.body.rindex(b'"output_tokens"' if recorded.provider == "anthropic" else b'"usage"')
    else:
        assert (outcome.error_type, outcome.refused, outcome.text) == (ErrorType.NETWORK, False, text)
        assert outcome.usage is None


@pytest.mark.shared
@pytest.mark.parametrize("cut", [0, 1, 200, 1200])
async def test_a_cut_answer_is_a_lost_connection(replay_provider, cut):
    """A plain answer that breaks off is a network failure, whatever had arrived."""
    _, failure = await call("anthropic", replay_provider.base("anthropic", "message", f"cut/{cut}"))
    assert failure.error_type is ErrorType.NETWORK
    assert str(failure) == "Connection to provider 'anthropic' was lost before its answer was complete"


@BOTH
@pytest.mark.parametrize(
    ("raw", "error_type", "says"),
    [
        (answer(b"<html>", "text/html"), "provider", "answered with text/html where JSON was expected"),
        (answer(b'{"content": [{"ty'), "provider", "sent something unreadable"),
        (answer(b"[]"), "provider", "sent something unreadable"),
        (
            answer(b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'),
            "provider",
            "overloaded: busy",
        ),
        (answer(b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}'), "rate_limit", "slow"),
        (b"HTTP/1.1 200 OK\r\n", "network", "lost before it answered"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "network", "lost before it answered"),
        (b"", "network", "lost before it answered"),
    ],
)
async def test_an_answer_that_is_none_has_a_clear_sentence(name, raw, error_type, says):
    """Wrong types, truncated JSON, errors inside a 200 and other protocols are told apart, never output."""
    async with serving(raw) as (url, *_):
        _, failure = await call(name, url)
    assert isinstance(failure, ModelFailure)
    assert failure.error_type == error_type
    assert says in str(failure)


@pytest.mark.parametrize(
    "end", [b"", b"data: {bro", b"data: {broken}\n\n", b'data: {"error":{"message":"died","type":"server_error"}}\n\n']
)
async def test_a_stream_that_ends_badly_keeps_its_text(end):
    """A stream that just ends, turns to nonsense or reports an error fails, with the text before it."""
    body = b'data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n' + end
    async with serving(answer(body, "text/event-stream")) as (url, *_):
        deltas, failure = await call("openai", url, stream=True)
    assert isinstance(failure, ModelFailure)
    assert (deltas, failure.text, failure.refused, failure.usage) == (["half"], "half", False, None)


async def test_a_stream_may_end_without_its_last_word():
    """Servers that leave ``[DONE]`` out are understood, as long as the model said that it was done."""
    body = b'data: {"choices":[{"index":0,"delta":{"content":"all"},"finish_reason":"stop"}]}\n\n'
    async with serving(answer(body, "text/event-stream")) as (url, *_):
        _, reply = await call("openai", url, stream=True)
    assert (reply.text, reply.usage) == ("all", None)


async def test_an_answer_is_bounded(monkeypatch):
    """A provider cannot fill the memory."""
    monkeypatch.setattr("promptforge.providers.http.MAX_RESPONSE", 1000)
    for stream, kind in ((False, "application/json"), (True, "text/event-stream")):
        async with serving(answer(b"data: x\n\n" * 1000, kind)) as (url, *_):
            _, failure = await call("openai", url, stream=stream)
        assert isinstance(failure, ModelFailure)
        assert failure.error_type is ErrorType.PROVIDER


# ── no connection ─────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_where_nobody_listens_nothing_was_done(name):
    """A refused connection is a network failure that cost nothing and may be tried again."""
    async with serving(b"") as (url, *_):
        pass
    _, failure = await call(name, url)
    assert (failure.error_type, failure.refused, failure.retryable) == (ErrorType.NETWORK, True, True)
    assert str(failure).startswith(f"Cannot reach provider '{name}': 127.0.0.1:")


async def test_a_name_that_does_not_resolve_says_so():
    """The sentence names the host that was not found."""
    _, failure = await call("openai", "http://nowhere.invalid/v1")
    assert (failure.error_type, failure.refused) == (ErrorType.NETWORK, True)
    assert "'nowhere.invalid' cannot be resolved" in str(failure)


async def test_a_plain_server_behind_https_says_so():
    """A failed handshake is a network failure about the certificate, not a traceback."""
    async with serving(b"hello") as (url, *_):
        _, failure = await call("openai", url.replace("http:", "https:"))
    assert isinstance(failure, ModelFailure)
    assert failure.error_type is ErrorType.NETWORK
    assert "secure connection" in str(failure)


async def test_one_connection_serves_many_calls():
    """Calls of one provider share its pool: a second call finds the first one's connection."""
    opened = 0
    body = b'{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}'

    async def client(reader, writer):
        nonlocal opened
        opened += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = next(int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length"))
            await reader.readexactly(size)
            writer.write(answer(body).replace(b"connection: close\r\n", b""))

    def quiet(reader, writer):
        return asyncio.ensure_future(swallow(client(reader, writer), writer))

    async def swallow(work, writer):
        try:
            await work
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quiet, "127.0.0.1", 0)
    async with server:
        provider = open_openai(KEY, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        request = ModelRequest(
            model="m", messages=(Message(role="user", content="x"),), params={}, stream=False, remaining=9
        )
        for _ in range(3):
            assert [item.text async for item in provider.send(request) if not isinstance(item, Delta)] == ["x"]
        await provider.close()
    assert opened == 1
