"""Ollama's chat: requests, lines of JSON as a stream, counts and errors."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.model import ModelRequest
from promptforge.core.prompt import Message
from promptforge.core.usage import Usage
from promptforge.wire.dialect import Complained, Garbled
from promptforge.wire.lines import LineDecoder
from promptforge.wire.ollama import Ollama, usage_of
from promptforge.wire.sse import EventTooLarge
from promptforge.wire.unknown_usage import unknown_usage

COUNTS = {
    "total_duration": 10_386_172_208,
    "load_duration": 8_078_850_750,
    "prompt_eval_count": 17,
    "prompt_eval_duration": 175_861_000,
    "eval_count": 66,
    "eval_duration": 2_127_200_000,
}


def asked(*, stream=False, **params):
    turns = (Message(role="system", content="be brief"), Message(role="user", content="hi"))
    return ModelRequest(model="llama3", messages=turns, params=params, stream=stream, remaining=30)


def answer(text="hi", *calls, **more):
    message = {"role": "assistant", "content": text} | ({"tool_calls": list(calls)} if calls else {})
    return {"model": "llama3", "message": message, "done": True, "done_reason": "stop"} | COUNTS | more


def read(document):
    return Ollama().reply(json.dumps(document).encode())


def gathered(*documents, step=9, ended=True):
    raw = b"\n".join(json.dumps(each).encode() for each in documents) + (b"\n" if ended else b"")
    stream, decoder, deltas = Ollama().stream(), LineDecoder(), []
    for start in range(0, len(raw), step):
        for event in decoder.feed(raw[start : start + step]):
            deltas += [delta.text for delta in stream.feed(event)]
    for event in decoder.end():
        deltas += [delta.text for delta in stream.feed(event)]
    return stream, deltas


def piece(text):
    return {"model": "llama3", "message": {"role": "assistant", "content": text}, "done": False}


def test_a_request_is_as_the_documentation_writes_it():
    """Options in their place by their names here; without a stream the server is told so."""
    schema = {"type": "object"}
    body = Ollama().body(asked(temperature=0, max_tokens=9, stop="END", num_ctx=4096, format=schema, think=True))
    assert body == {
        "model": "llama3",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "stream": False,
        "options": {"temperature": 0, "num_predict": 9, "stop": ["END"], "num_ctx": 4096},
        "format": schema,
        "think": True,
    }
    assert Ollama().body(asked(stream=True))["stream"] is True
    assert Ollama().path(asked()) == "/api/chat"
    assert Ollama().headers("") == {}


def test_counts_are_leaves_and_times_are_known():
    """Prompt and answer; a server that leaves one out has said nothing that can be counted."""
    assert usage_of(COUNTS) == Usage({"input": 17, "output": 66})
    assert unknown_usage("ollama", COUNTS) == unknown_usage("my-server", COUNTS) == ()
    for block in (None, {}, {"eval_count": 3}, {"prompt_eval_count": 3}, {**COUNTS, "eval_count": "3"}):
        assert usage_of(block) is None


def test_calls_of_tools_follow_the_text():
    """With their arguments as they are; thinking is no text."""
    call = {"function": {"name": "now", "arguments": {"zone": "UTC"}}}
    document = answer("Let me see.", call)
    document["message"]["thinking"] = "hm"
    reply = read(document)
    text, _, calls = reply.text.partition("\n\n")
    assert text == "Let me see."
    assert json.loads(calls)["tool_calls"] == [{"id": None, "name": "now", "arguments": {"zone": "UTC"}}]
    stream, deltas = gathered(document)
    assert stream.reply() == reply
    assert "".join(deltas) == reply.text


@given(st.lists(st.text(max_size=6), max_size=5), st.integers(1, 80), st.booleans())
def test_plain_and_streamed_are_one_reply(pieces, step, ended):
    """Wherever the network cuts, with and without a line end behind the last line."""
    stream, deltas = gathered(*map(piece, pieces), answer(""), step=step, ended=ended)
    assert stream.finished
    assert stream.closed
    assert stream.reply() == read(answer("".join(pieces)))
    assert "".join(deltas) == "".join(pieces)


def test_an_error_in_the_middle_is_the_providers_complaint():
    """Whole, and after some text; what is no answer is garbled."""
    with pytest.raises(Complained, match="out of memory"):
        read({"error": "out of memory"})
    with pytest.raises(Complained, match="out of memory"):
        gathered(piece("hi"), {"error": "out of memory"})
    for document in ({}, [], {"message": 3}):
        with pytest.raises(Garbled):
            read(document)


def test_a_stream_that_was_cut_is_not_finished():
    """Its text is there, its usage is not."""
    stream, _ = gathered(piece("hi"))
    assert (stream.text, stream.finished, stream.usage) == ("hi", False, None)


def test_one_line_is_bounded():
    """A stream without line ends does not eat the memory."""
    decoder = LineDecoder(limit=100)
    decoder.feed(b"x" * 100)
    with pytest.raises(EventTooLarge):
        decoder.feed(b"x")
