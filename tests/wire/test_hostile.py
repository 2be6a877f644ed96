"""Whatever bytes pass the gateway: they are read as far as they go, and nothing of it can hurt us."""

import gzip
import json
import tracemalloc
from contextlib import suppress
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.json import MAX_DEPTH, bounded
from promptforge.core.model import ModelFailure, Reply
from promptforge.wire.answer import MAX_READ, answer_of
from promptforge.wire.dialect import Complained, Garbled
from promptforge.wire.estimate import estimated
from promptforge.wire.exchange import EXCHANGES
from promptforge.wire.failure import Complaint
from promptforge.wire.sse import MAX_EVENT, Decoder, EventTooLarge

KINDS = [pytest.param(exchange, id="".join(key)) for key, exchange in EXCHANGES.items()]
ALL = st.sampled_from(list(EXCHANGES.values()))
NAMES = [
    *("model", "stream", "messages", "input", "instructions", "prompt", "system", "tools", "role", "content", "text"),
    *(
        "choices",
        "delta",
        "message",
        "index",
        "finish_reason",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "refusal",
    ),
    *("usage", "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "input_tokens_details"),
    *("cached_tokens", "output_tokens_details", "server_tool_use", "cache_creation", "iterations", "tool_usage"),
    *("type", "error", "code", "output", "response", "status", "item", "output_index", "data", "content_block"),
    *("stop_reason", "incomplete_details", "service_tier", "call_id", "id", "action", "partial_json", "audio"),
]
WORDS = [
    *("", "message", "function_call", "error", "failed", "completed", "queued", "response.completed", "tool_use"),
    *("response.failed", "response.output_text.delta", "response.output_item.done", "message_start", "output_text"),
    *("message_delta", "content_block_start", "content_block_delta", "text_delta", "input_json_delta", "text"),
    *("message_stop", "stop", "[DONE]", "compaction", "advisor_message", '{"a":', "²", "9" * 5000),
]
NUMBERS = [0, 1, -1, 2**53, 2**64, -(2**63) - 1, 10**400, 0.5, -0.0, 1e300]
VALUES = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.integers(0, 50) | st.sampled_from(WORDS) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=30,
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8).map(lambda value: json.dumps(value).encode())


@st.composite
def damaged(draw) -> bytes:
    """A document with some bytes put in place of others."""
    raw = draw(DOCUMENTS)
    start, length = draw(st.integers(0, len(raw))), draw(st.integers(0, 20))
    return raw[:start] + draw(st.binary(max_size=20)) + raw[start + length :]


@st.composite
def streams(draw) -> bytes:
    """Events with documents in them, some of them damaged, with any line ends."""
    end = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    pieces = draw(st.lists(DOCUMENTS | damaged() | st.just(b"[DONE]"), max_size=5))
    return b"".join(b"data: " + piece + end * draw(st.integers(1, 2)) for piece in pieces)


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    return [raw[start:end] for start, end in pairwise(edges)]


def deep(levels: int, around: bytes) -> bytes:
    """A document with nested arrays where it has a question mark."""
    return around.replace(b"?", b"[" * levels + b"]" * levels)


def keeps(*values: object) -> None:
    """A journal and a history can hold it, and read it again."""
    for value in values:
        bounded(value, "$")
        msgspec.msgpack.decode(msgspec.msgpack.encode(value))
        msgspec.json.decode(msgspec.json.encode(value))


def check_reply(reply: Reply) -> None:
    keeps(reply.text, reply.usage_raw, reply.model, reply.finish_reason, dict(reply.terms))
    calls = reply.text[reply.text.find('{"tool_calls"') :]
    if calls.startswith("{"):
        keeps(msgspec.json.decode(calls))
    if reply.usage is not None:
        keeps(dict(reply.usage.leaves))
        assert 0 <= reply.usage.token_in + reply.usage.token_out < 2**63


@given(ALL, st.binary() | DOCUMENTS | damaged())
def test_any_request_is_read(exchange, raw):
    """Reading a request never raises, whatever it is; what comes of it can be kept and estimated."""
    asked = exchange.asked(raw)
    keeps(asked.model, asked.input, asked.streamed, asked.body)
    assert estimated(asked, "x").token_in >= 0


@given(ALL, st.binary() | DOCUMENTS | damaged())
def test_any_answer_is_a_reply_or_told_to_be_none(exchange, raw):
    """Complained and Garbled are all that can come instead of a reply."""
    with suppress(Complained, Garbled):
        check_reply(exchange.reply(raw))


@given(ALL, st.binary() | streams(), st.lists(st.integers(0, 10_000), max_size=5))
def test_any_stream_in_any_pieces_is_read(exchange, raw, places):
    """Complained, Garbled and EventTooLarge are all that a stream can come to; what came before stays readable."""
    stream, decoder, deltas = exchange.stream(), Decoder(2_000), []
    with suppress(Complained, Garbled, EventTooLarge):
        for chunk in cut(raw, places):
            for event in decoder.feed(chunk):
                deltas += [delta.text for delta in stream.feed(event)]
    assert stream.text == "".join(deltas)
    keeps(stream.text, stream.usage_raw)
    if stream.finished:
        reply = stream.reply()
        check_reply(reply)
        assert (reply.text, reply.usage) == (stream.text, stream.usage)


@given(
    ALL,
    st.binary() | streams() | DOCUMENTS | damaged(),
    st.lists(st.integers(0, 10_000), max_size=5),
    st.sampled_from([200, 204, 302, 400, 401, 429, 500, 599]),
    st.sampled_from(["text/event-stream", "application/json", ""]),
    st.sampled_from(["", "gzip", "deflate", "br"]),
)
def test_any_answer_that_passes_comes_to_a_reply_or_a_failure(exchange, raw, places, status, kind, coding):
    """Nothing a provider sends can stop its bytes from passing: reading never raises, and the end is a sentence."""
    answer = answer_of("openai", exchange, status, {"content-type": kind, "content-encoding": coding}, None)
    for chunk in cut(raw, places):
        answer.feed(chunk)
    keeps(answer.text, answer.usage_raw)
    try:
        check_reply(answer.reply())
    except ModelFailure as failure:
        assert str(failure)


DEEP = [
    b'{"choices": [{"message": {"content": "x"}}], "output": [], "data": [], "content": [], "usage": {"x": ?}}',
    b'{"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": "?"}}]}}]}',
    b'{"content": [{"type": "tool_use", "name": "f", "input": ?}]}',
    b'{"output": [{"type": "shell_call", "action": ?}], "status": "completed"}',
    b'{"error": ?}',
]
DEEP_STREAMS = [
    [b'{"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "usage": {"x": ?}}'],
    [b'{"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "?"}}]}, "finish_reason": "stop"}]}'],
    [b'{"type": "message_start", "message": {"usage": {"x": ?}}}', b'{"type": "message_delta", "delta": {}}'],
    [
        b'{"type": "content_block_start", "content_block": {"type": "tool_use", "input": {"x": ?}}}',
        b'{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}',
    ],
    [b'{"type": "x", "response": {"status": "completed", "output": [{"type": "shell_call", "action": ?}]}}'],
    [b'{"type": "x", "response": {"status": "completed", "output": [], "usage": {"x": ?}}}'],
    [b'{"type": "x", "response": {"status": "failed", "error": {"code": ?}}}'],
]
LEVELS = [MAX_DEPTH - 8, MAX_DEPTH, MAX_DEPTH + 1, 400, 900, 980, 10_000, 1_000_000]


@pytest.mark.parametrize("exchange", KINDS)
@pytest.mark.parametrize("levels", LEVELS)
def test_no_depth_breaks_a_reader(exchange, levels):
    """What is nested more deeply than can be kept is left out where it can be read at all, and garbled where not."""
    asked = exchange.asked(deep(levels, b'{"model": "m", "input": ?, "messages": [?], "system": "["}'))
    keeps(asked.input, asked.body)
    for around in DEEP:
        with suppress(Complained, Garbled):
            check_reply(exchange.reply(deep(levels, around)))
    for events in DEEP_STREAMS:
        decoder, stream = Decoder(), exchange.stream()
        with suppress(Complained, Garbled):
            for around in events:
                for event in decoder.feed(b"data: " + deep(levels, around) + b"\n\n"):
                    list(stream.feed(event))
        keeps(stream.text, stream.usage_raw)
        if stream.finished:
            check_reply(stream.reply())


def test_what_is_asked_is_kept_up_to_its_depth():
    """The rest of a request is not lost because of one monstrous part, or of brackets in a text."""
    raw = deep(200, b'{"model": "m", "messages": [{"content": "]]"}], "x": ?}')
    body = EXCHANGES["openai", "/chat/completions"].asked(raw).body
    assert (body["model"], body["messages"]) == ("m", [{"content": "]]"}])
    assert "…" in json.dumps(body["x"], ensure_ascii=False)


@pytest.mark.parametrize("count", [10**12 + 1, 2**63, 2**64, 10**400, -1, 1.5, True, "7", []])
@pytest.mark.parametrize("exchange", KINDS)
def test_a_count_that_cannot_be_is_no_usage(exchange, count):
    """No count reaches the figures that would break a sum; the block is kept for whoever wants to know."""
    block = dict.fromkeys(("prompt_tokens", "input_tokens"), count) | dict.fromkeys(
        ("completion_tokens", "output_tokens"), 1
    )
    answer = {"choices": [{"message": {"content": "x"}}], "output": [], "data": [], "content": [], "usage": block}
    reply = exchange.reply(json.dumps(answer).encode())
    assert reply.usage is None
    assert set(reply.usage_raw) == set(block)
    keeps(reply.usage_raw)


@pytest.mark.parametrize(
    ("raw", "model"),
    [
        (b'{"model": "a", "model": "b"}', "b"),
        (b'{"model": ["a"]}', ""),
        (b'{"model": "' + b"m" * 5000 + b'"}', "m" * 256),
        (b'{"model": "a", "seed": 123456789012345678901234567890}', "a"),
        (b'{"model": "a", "x": NaN}', ""),
        (b'{"model": "\\ud800"}', ""),
        (b'{"model": "\xff"}', ""),
        (b'"model"', ""),
        (b"", ""),
    ],
)
def test_odd_json_is_read_as_far_as_it_goes(raw, model):
    """The last of two fields counts, as for the provider; what is no JSON says nothing."""
    asked = EXCHANGES["openai", "/chat/completions"].asked(raw)
    assert asked.model == model
    keeps(asked.body)


@pytest.mark.parametrize("kind", ["²", "9" * 5000, "4²9", "1000"])
def test_a_code_that_only_looks_like_a_status_is_none(kind):
    """An error's code may be any text."""
    assert Complaint((kind,)).status == 500


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_a_small_answer_cannot_become_a_large_one(content_type):
    """A compressed answer is taken in up to the bounds and no further."""
    bomb = gzip.compress(bytes(10 * MAX_READ), 1)
    answer = answer_of(
        "openai",
        EXCHANGES["openai", "/chat/completions"],
        200,
        {"content-type": content_type, "content-encoding": "gzip"},
        None,
    )
    tracemalloc.start()
    try:
        for start in range(0, len(bomb), 65_536):
            answer.feed(bomb[start : start + 65_536])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * MAX_READ + MAX_EVENT
    with pytest.raises(ModelFailure, match=r"sent (more than|something unreadable)"):
        answer.reply()
