"""Garbage at the gateway, from both sides: whatever a caller sends and a provider answers passes or is refused."""

import json
import re
import socket
import threading
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.crash import Server, killed_after
from kit.stage import CREATE_KEY

PATHS = st.sampled_from(
    ["openai/v1/chat/completions", "openai/v1/responses", "openai/v1/embeddings", "anthropic/v1/messages"]
)
pytestmark = pytest.mark.timeout(600)  # in its long form it asks a server some thousand times
SECONDS = 10
#: What the memory of the server may grow by over thousands of requests: caches fill, the history's engine warms up.
GROWTH_MB = 200


class Garbling:
    """A provider that reads a request and writes what it is told to, head and all."""

    def __init__(self) -> None:
        self.says: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                try:
                    self._answer(file)
                except (ConnectionError, ValueError):
                    continue  # the gateway has had enough of it

    def _answer(self, file) -> None:
        length = 0
        while (line := file.readline().strip()) and line:
            name, _, value = line.lower().partition(b":")
            length = int(value) if name == b"content-length" else length
        file.read(length)
        for piece in self.says:
            file.write(piece)
            file.flush()

    def stop(self) -> None:
        """End it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(scope="module")
def provider():
    """One for the tests of this file."""
    garbling = Garbling()
    yield garbling
    garbling.stop()


@pytest.fixture(scope="module")
def server(provider, tmp_path_factory):
    """A server that passes everything on to it."""
    urls = {"OPENAI_BASE_URL": f"{provider.url}/v1", "ANTHROPIC_BASE_URL": provider.url}
    keys = {"OPENAI_API_KEY": "sk-test", "ANTHROPIC_API_KEY": "sk-ant-test"}
    with killed_after(Server(tmp_path_factory.mktemp("hostile"), urls | keys)) as running:
        running.start()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def client(server):
    """A caller with a key of its own."""
    key = server.ask(CREATE_KEY, name="hostile", scopes=None)["createKey"]["secret"]
    with httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {key}"}, timeout=SECONDS) as opened:
        yield opened


def all_is_well(client):
    """Nothing that was done left a call open, or the server unwell."""
    query = {"query": "{ overview(window: ALL_TIME) { totals { pending } } }"}
    answer = client.post("/graphql", json=query).json()
    assert answer["data"]["overview"]["totals"]["pending"] == 0
    assert client.get("/readyz").status_code == 200


def whole(kind: bytes, body: bytes) -> list[bytes]:
    """A well-formed answer of that body."""
    return [b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\n", body]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
NAMES = (
    "model",
    "messages",
    "input",
    "system",
    "stream",
    "role",
    "content",
    "type",
    "choices",
    "delta",
    "usage",
    "index",
)
NAMES += ("message", "text", "tool_calls", "function", "output", "response", "error", "data", "content_block", "id")
KINDS = ("message_start", "content_block_start", "content_block_delta", "message_delta", "error", "text", "tool_use")
KINDS += ("response.created", "response.completed", "response.output_text.delta", "response.failed", "chat.completion")
WORDS = st.sampled_from(NAMES + KINDS)
#: Documents of the words that mean something, with anything as their values.
ALIKE = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def encoded(value) -> bytes:
    """As JSON, or as what passes for it (NaN)."""
    return json.dumps(value).encode()


EVENTS = st.lists(
    st.one_of(
        ALIKE.map(lambda value: b"data: " + encoded(value) + b"\n\n"),
        st.tuples(st.sampled_from(KINDS), ALIKE).map(
            lambda told: (
                b"event: " + told[0].encode() + b"\ndata: " + encoded({"type": told[0]} | as_object(told[1])) + b"\n\n"
            )
        ),
        st.sampled_from(
            [b"data: [DONE]\n\n", b"\n", b"\r\n\r\n", b":\n\n", b"data:\n\n", b"id: \x00\n\n", b"retry: x\n"]
        ),
        st.binary(max_size=40),
    ),
    max_size=8,
)


def as_object(value) -> dict:
    """A document with a type can only be an object."""
    return value if isinstance(value, dict) else {"message": value, "delta": value}


def asked(client, path, content) -> tuple[int, bytes]:
    """The status and the bytes of an answer, as far as they come: one that is broken off is as good as any."""
    received = []
    with client.stream("POST", f"/{path}", content=content, headers={"content-type": "application/json"}) as answer:
        with suppress(httpx.RemoteProtocolError):
            received.extend(answer.iter_raw())
        return answer.status_code, b"".join(received)


def test_whatever_a_caller_sends_passes(provider, client):
    """The provider decides what it makes of a body: its answer comes back, byte for byte."""

    @given(
        path=PATHS,
        body=st.binary(max_size=400) | JSON.map(encoded) | ALIKE.map(lambda value: encoded(as_object(value))),
    )
    @example(path="openai/v1/chat/completions", body=b"[" * 100_000)
    @example(path="anthropic/v1/messages", body=b'{"model": "\\ud800", "stream": 1e999}')
    @example(path="openai/v1/chat/completions", body=b'{"model": "' + b"m" * 70_000 + b'"}')
    def passes(path, body):
        assert asked(client, path, body) == (200, b'{"any": "thing"}')

    provider.says = whole(b"application/json", b'{"any": "thing"}')
    passes()
    all_is_well(client)


def test_whatever_a_provider_answers_passes(provider, client):
    """A body that is no answer comes through as it is."""

    @given(path=PATHS, body=st.binary(max_size=400) | ALIKE.map(encoded), streamed=st.booleans())
    @example(path="openai/v1/chat/completions", body=b"[" * 100_000, streamed=False)
    def passes(path, body, streamed):
        provider.says = whole(b"application/json", body)
        assert asked(client, path, encoded({"model": "gpt-4o", "stream": streamed})) == (200, body)

    passes()
    all_is_well(client)


def test_whatever_a_provider_streams_passes(provider, client):
    """Events of the right words in the wrong places, pieces of events, and no events at all."""

    @given(path=PATHS, events=EVENTS, streamed=st.booleans())
    @example(path="openai/v1/chat/completions", events=[b"data: " + b"[" * 50_000 + b"\n\n"], streamed=True)
    @example(path="anthropic/v1/messages", events=[b"data: " + b"x" * 3_000_000], streamed=True)
    def passes(path, events, streamed):
        provider.says = [whole(b"text/event-stream", b"")[0], *events]
        got = asked(client, path, encoded({"model": "gpt-4o", "stream": streamed}))
        assert got == (200, b"".join(events))

    passes()
    all_is_well(client)


def head_of(status: int, reason: str, rest: bytes) -> bytes:
    """The beginning of an answer, or what looks like one."""
    return f"HTTP/1.1 {status} {reason}\r\n".encode(errors="replace") + rest + b"\r\n\r\n{}"


HEADS = st.builds(head_of, st.integers(-1, 999), st.text(max_size=20), st.binary(max_size=20))


def test_whatever_is_no_answer_is_the_failure_of_the_provider(provider, client):
    """What cannot be read as an answer is never a failure of ours; what can be read passes."""

    @given(path=PATHS, said=st.binary(max_size=200) | HEADS)
    @example(path="anthropic/v1/messages", said=b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n{}")
    @example(path="anthropic/v1/messages", said=b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nnot gzip")
    @example(path="openai/v1/embeddings", said=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}")
    @example(path="openai/v1/embeddings", said=b"HTTP/1.1 204 No Content\r\n\r\n")
    @example(path="openai/v1/embeddings", said=b"HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\n\r\n")
    def passes(path, said):
        provider.says = [said]
        status, _ = asked(client, path, b'{"model": "gpt-4o"}')
        told = said.split(b" ", 2)
        assert status == 502 or (len(told) > 1 and told[1][:3] == str(status).encode())

    passes()
    all_is_well(client)


def resident_mb(server) -> float:
    """The memory that the process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


@pytest.mark.parametrize("count", [400, pytest.param(50_000, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])])
def test_memory_does_not_grow_with_what_passes(provider, server, client, count):
    """Hundreds or thousands of broken streams later the server holds about what it held before."""
    head, _ = whole(b"text/event-stream", b"")
    provider.says = [head, b'data: {"choices": [{"delta": {"content": "', b"x" * 20_000]
    body = encoded({"model": "gpt-4o", "stream": True, "messages": "y" * 20_000})
    before = 0.0
    for number in range(count):
        if number == count // 3:
            before = resident_mb(server)
        asked(client, "openai/v1/chat/completions", body)
    grown = resident_mb(server) - before
    print(f"{count} broken streams: {grown:.0f} MB")
    assert grown < GROWTH_MB
