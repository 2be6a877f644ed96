"""The rough count of tokens, and what it leaves alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.usage import usage
from promptforge.wire.estimate import estimated, tokens
from promptforge.wire.exchange import EXCHANGES, Asked
from promptforge.wire.sse import Event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["content", "input", "role", "x"]), inner),
)


def chat(**body) -> Asked:
    return EXCHANGES["openai", "/chat/completions"].asked(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("", 0),
        ("abcd", 1),
        ("abcde", 2),
        ("日本", 2),
        (None, 0),
        (["abcd", "ab"], 2),
        ([11, 12, 13], 3),
        ([{"role": "user", "content": "abcdefgh"}], 4 + 2),
        ([{"role": "user", "content": [{"type": "text", "text": "abcdefgh"}]}], 4 + 2),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:" + "A" * 4000}}]}], 4),
        ({"system": "abcd", "messages": [{"role": "user", "content": "abcd"}]}, 1 + 4 + 1),
        ([{"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}]}], 4 + 1 + 2),
        ({"instructions": "abcd", "input": "abcd"}, 2),
    ],
)
def test_a_token_is_four_bytes_and_a_message_four_tokens_more(value, count):
    """Text counts by its UTF-8 bytes, messages by their text; pictures and dressing do not count."""
    assert tokens(value) == count


@given(JSON, st.text())
def test_whatever_was_asked_can_be_estimated(value, text):
    """An estimate is there for any JSON, and never negative."""
    counted = estimated(Asked(model="", input=value, streamed=True, body=value), text)
    assert counted.token_in >= 0
    assert counted.token_out == tokens(text)


def test_tools_are_read_by_the_model_too():
    """Definitions of tools are part of the input, and are billed as such."""
    plain = chat(messages=[{"role": "user", "content": "hi"}])
    tool = {"type": "function", "function": {"name": "look_up"}}
    armed = chat(messages=[{"role": "user", "content": "hi"}], tools=[tool])
    more = estimated(armed, "").token_in - estimated(plain, "").token_in
    assert more == tokens(json.dumps([tool], separators=(",", ":")))


def test_what_the_provider_told_stands():
    """Told input is exact with its cached parts; told output counts unless more than that has arrived."""
    asked, told = chat(messages=[]), usage(input=5, input_cache_read=90, output=3, web_searches=1)
    assert estimated(asked, "a" * 40, told) == usage(input=5, input_cache_read=90, output=10, web_searches=1)
    assert estimated(asked, "a", told) == told


def test_a_stream_of_anthropic_tells_its_input_first():
    """A hang-up after the first event still knows the input exactly; the usage is not final yet."""
    stream = EXCHANGES["anthropic", "/messages"].stream()
    assert stream.usage_so_far is None
    block = {"input_tokens": 7, "cache_read_input_tokens": 4, "output_tokens": 1}
    list(stream.feed(Event("message", json.dumps({"type": "message_start", "message": {"usage": block}}))))
    assert stream.usage is None
    assert estimated(chat(), "a" * 12, stream.usage_so_far) == usage(input=7, input_cache_read=4, output=3)


def test_a_stream_of_openai_tells_nothing_before_its_end():
    """All that can be done then is to estimate both."""
    stream = EXCHANGES["openai", "/chat/completions"].stream()
    list(stream.feed(Event("message", json.dumps({"choices": [{"delta": {"content": "abcdefgh"}}]}))))
    assert stream.usage_so_far is None
    asked = chat(messages=[{"role": "user", "content": "abcd"}])
    assert estimated(asked, stream.text, stream.usage_so_far) == usage(input=5, output=2)
