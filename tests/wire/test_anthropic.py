"""Anthropic's dialect, beyond what the recordings show."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.model import ModelRequest
from promptforge.core.prompt import Message
from promptforge.core.usage import usage
from promptforge.wire.anthropic import Anthropic, usage_of
from promptforge.wire.dialect import Complained, Garbled
from promptforge.wire.sse import Event

TOKENS = st.integers(0, 10**6)


def request(*messages: tuple[str, str], stream: bool = False, **params) -> ModelRequest:
    turns = tuple(Message(role=role, content=content) for role, content in messages or (("user", "hi"),))
    return ModelRequest(model="claude-x", messages=turns, params=params, stream=stream, remaining=5)


def gather(*events: dict):
    stream, deltas = Anthropic().stream(), []
    for event in events:
        deltas += [delta.text for delta in stream.feed(Event("message", json.dumps(event)))]
    return stream, deltas


def test_the_body_is_the_documented_request():
    """System turns go apart, ``stop`` gets its name, a limit is always sent, the stream is asked for."""
    told = request(
        ("system", "be brief"), ("user", "hi"), ("assistant", "yes?"), ("user", "go"), stop="END", stream=True
    )
    assert Anthropic().body(told) == {
        "model": "claude-x",
        "system": "be brief",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes?"},
            {"role": "user", "content": "go"},
        ],
        "stop_sequences": ["END"],
        "max_tokens": 4096,
        "stream": True,
    }
    assert Anthropic().body(request(max_tokens=7, temperature=0.5)) == {
        "model": "claude-x",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 7,
        "temperature": 0.5,
    }


@pytest.mark.parametrize(
    "wrong", [request(("system", "only")), request(stream=False, n=2), request(messages=[]), request(("tool", "x"))]
)
def test_what_the_format_cannot_say_is_refused_with_its_path(wrong):
    """A request without a turn, with several outputs or with a smuggled field never leaves."""
    with pytest.raises(InvalidInput) as caught:
        Anthropic().body(wrong)
    assert caught.value.path.startswith("$.")


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_leaves_are_disjoint_and_complete(fresh, read, short, long, output, thinking):
    """Input is what the provider bills as input in all its kinds, once each; output includes its thinking."""
    block = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": output + thinking,
        "output_tokens_details": {"thinking_tokens": thinking},
    }
    counted = usage_of(block)
    assert counted.token_in == fresh + read + short + long
    assert counted.token_out == output + thinking
    assert counted == usage(
        input=fresh,
        input_cache_read=read,
        input_cache_write=short,
        input_cache_write_1h=long,
        output=output,
        output_reasoning=thinking,
    )


@pytest.mark.parametrize("wrong", [-1, 1.5, "7", True, [1]])
def test_a_count_that_is_no_count_makes_usage_unknown(wrong):
    """Nothing is guessed: one bad count and the usage is unknown, while the block is kept."""
    raw = json.dumps({"type": "message", "content": [], "usage": {"input_tokens": wrong, "output_tokens": 1}})
    reply = Anthropic().reply(raw.encode())
    assert reply.usage is None
    assert reply.usage_raw == {"input_tokens": wrong, "output_tokens": 1}


def test_an_unknown_usage_field_is_kept_verbatim():
    """What is not understood today is there tomorrow."""
    raw = b'{"content": [], "usage": {"input_tokens": 1, "output_tokens": 2, "moon_tokens": {"a": 3}}}'
    assert Anthropic().reply(raw).usage_raw["moon_tokens"] == {"a": 3}


def test_the_terms_of_billing_are_told():
    """A batch, a fast lane, a priority tier cost otherwise; the standard tier says nothing."""

    def terms(**fields):
        return Anthropic().reply(json.dumps({"content": [], "usage": {"input_tokens": 1, **fields}}).encode()).terms

    assert terms(service_tier="standard") == {}
    assert terms(service_tier="batch") == {"processing": "batch"}
    assert terms(service_tier="priority") == {"service_tier": "priority"}
    assert terms(speed="fast") == {"speed": "fast"}


def test_a_refusal_is_filtered_and_a_tool_call_is_not_lost():
    """A refusal is flagged; a reply of tool calls alone is their JSON."""
    raw = {"content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}], "stop_reason": "refusal"}
    reply = Anthropic().reply(json.dumps(raw).encode())
    assert reply.filtered
    assert json.loads(reply.text) == {"tool_calls": [{"id": "t1", "name": "f", "arguments": {"a": 1}}]}


def test_counts_of_a_stream_are_totals_and_placeholders_do_not_count():
    """Each message_delta replaces the counts before it; before one has come, the usage is unknown, its block kept."""
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    stream, _ = gather(start)
    assert stream.usage is None
    assert stream.usage_raw == {"input_tokens": 9, "output_tokens": 1}
    stream, _ = gather(
        start,
        {"type": "message_delta", "usage": {"output_tokens": 5}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 8, "input_tokens": None},
        },
    )
    assert stream.reply().usage == usage(input=9, output=8)


def test_an_error_event_and_a_garbled_event_are_told_apart():
    """The provider's error is its complaint; broken JSON is a broken stream."""
    with pytest.raises(Complained) as caught:
        gather({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert caught.value.complaint.status == 529
    with pytest.raises(Garbled):
        list(Anthropic().stream().feed(Event("message", '{"type": "mess')))


@pytest.mark.parametrize("raw", [b"", b"[]", b"<html>", b"{}", b'{"content": 7}', b"\xff\xfe"])
def test_an_answer_of_another_shape_is_garbled(raw):
    """A 200 that is not a message never becomes an empty output."""
    with pytest.raises(Garbled):
        Anthropic().reply(raw)
