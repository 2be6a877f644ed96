"""OpenAI's dialect, beyond what the recordings show."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.model import ModelRequest
from promptforge.core.prompt import Message
from promptforge.core.usage import Usage, usage
from promptforge.wire.dialect import Complained, Garbled, read_complaint
from promptforge.wire.openai import OpenAI, usage_of
from promptforge.wire.sse import Event
from promptforge.wire.unknown_usage import unknown_usage

TOKENS = st.integers(0, 10**6)


def request(model: str = "gpt-4o", *, stream: bool = False, **params) -> ModelRequest:
    turns = (Message(role="system", content="be brief"), Message(role="user", content="hi"))
    return ModelRequest(model=model, messages=turns, params=params, stream=stream, remaining=5)


def gather(*chunks: dict | str):
    stream, deltas = OpenAI().stream(), []
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        deltas += [delta.text for delta in stream.feed(Event("message", data))]
    return stream, deltas


def piece(finish_reason=None, **delta) -> dict:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def test_the_body_is_the_documented_request():
    """System turns stay turns; a stream is asked for its usage, other stream options kept."""
    assert OpenAI().body(request(stream=True, temperature=0, stream_options={"include_obfuscation": False})) == {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_obfuscation": False, "include_usage": True},
    }
    assert "stream" not in OpenAI().body(request())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("o1", "max_completion_tokens"),
        ("o3-mini", "max_completion_tokens"),
        ("gpt-5-nano", "max_completion_tokens"),
        ("gpt-5.2", "max_completion_tokens"),
        ("openai/o4-mini", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("gpt-35-turbo", "max_tokens"),
        ("gpt-4.1-mini", "max_tokens"),
        ("llama3", "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_model_knows(model, name):
    """Reasoning models refuse ``max_tokens``; all others, and servers like this one, want it."""
    limits = {key: value for key, value in OpenAI().body(request(model, max_tokens=9)).items() if key.startswith("max")}
    assert limits == {name: 9}


def test_several_outputs_are_refused():
    """An execution has one output; paying for more and dropping them would be a loss."""
    with pytest.raises(InvalidInput, match="'n' must be 1"):
        OpenAI().body(request(n=2))


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_leaves_are_disjoint_and_complete(fresh, cached, audio, cached_audio, output, reasoning, spoken):
    """Every token is in one leaf, and the leaves add up to what the provider calls prompt and completion."""
    block = {
        "prompt_tokens": fresh + cached + audio + cached_audio,
        "completion_tokens": output + reasoning + spoken,
        "prompt_tokens_details": {
            "cached_tokens": cached + cached_audio,
            "audio_tokens": audio + cached_audio,
            "cached_tokens_details": {"audio_tokens": cached_audio},
        },
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken},
        "total_tokens": fresh + cached + audio + cached_audio + output + reasoning + spoken,
    }
    counted = usage_of(block)
    assert counted.token_in == block["prompt_tokens"]
    assert counted.token_out == block["completion_tokens"]
    if cached_audio:
        assert counted == usage(
            input=fresh,
            input_cache_read=cached,
            input_audio=audio,
            input_audio_cache_read=cached_audio,
            output=output,
            output_reasoning=reasoning,
            output_audio=spoken,
        )


def test_reasoning_beside_the_completion_is_seen_from_the_total():
    """Some servers count reasoning outside completion_tokens; their total gives it away."""
    block = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45}
    block["completion_tokens_details"] = {"reasoning_tokens": 30}
    assert usage_of(block) == usage(input=10, output=5, output_reasoning=30)


@pytest.mark.parametrize(
    "block",
    [
        {"completion_tokens": 3},
        {"prompt_tokens": 1, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 5}},
        {"prompt_tokens": -1},
        {"prompt_tokens": 2.5},
    ],
)
def test_counts_that_do_not_add_up_are_unknown(block):
    """Nothing is guessed about a usage block that contradicts itself."""
    assert usage_of(block) is None


def test_tool_calls_of_a_stream_are_put_together():
    """Pieces of tool calls become one line of JSON, delivered last, so deltas add up to the text."""
    stream, deltas = gather(
        piece(role="assistant", content="Let me see."),
        piece(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a"'}}]),
        piece(tool_calls=[{"index": 1, "id": "c2", "function": {"name": "g", "arguments": "not json"}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        piece("tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 6}},
        "[DONE]",
    )
    reply = stream.reply()
    assert "".join(deltas) == reply.text
    text, _, calls = reply.text.partition("\n\n")
    assert text == "Let me see."
    assert json.loads(calls)["tool_calls"] == [
        {"id": "c1", "name": "f", "arguments": {"a": 1}},
        {"id": "c2", "name": "g", "arguments": "not json"},
    ]
    assert (reply.usage, reply.finish_reason, stream.closed) == (usage(input=4, output=6), "tool_calls", True)


@pytest.mark.parametrize(
    ("message", "finish_reason", "text", "filtered"),
    [
        ({"content": None, "refusal": "I cannot"}, "stop", "I cannot", True),
        ({"content": "so f"}, "content_filter", "so f", True),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "stop", "ab", False),
        ({"content": None, "audio": {"transcript": "said"}}, "stop", "said", False),
        ({"content": ""}, "length", "", False),
    ],
)
def test_what_the_model_wrote_is_the_text(message, finish_reason, text, filtered):
    """Content, parts, transcript or refusal: whatever the model produced is the output, and a filter is flagged."""
    reply = OpenAI().reply(
        json.dumps({"choices": [{"message": message, "finish_reason": finish_reason}], "service_tier": "flex"}).encode()
    )
    assert (reply.text, reply.filtered, reply.finish_reason) == (text, filtered, finish_reason)
    assert (reply.usage, reply.usage_raw, reply.terms) == (None, None, {"service_tier": "flex"})


def test_an_error_in_a_stream_or_in_a_200_is_a_complaint():
    """An error where an answer was expected is the provider's error, not an empty answer."""
    error = {"error": {"message": "server overloaded", "type": "server_error", "code": 503}}
    with pytest.raises(Complained) as caught:
        gather(piece(content="x"), error)
    assert caught.value.complaint.status == 503
    with pytest.raises(Complained):
        OpenAI().reply(json.dumps(error).encode())


@pytest.mark.parametrize("raw", [b"", b"null", b"{}", b'{"choices": []}', b'{"choices": [{"mess'])
def test_an_answer_of_another_shape_is_garbled(raw):
    """A 200 that is not a completion never becomes an empty output."""
    with pytest.raises(Garbled):
        OpenAI().reply(raw)


def test_a_server_behind_a_gateway_that_failed_is_a_complaint():
    """Inside a choice, or beside the choices; what was billed all the same is kept, and the reason behind is told."""
    error = {"code": 502, "message": "Provider returned error", "metadata": {"raw": "no GPU", "provider_name": "x"}}
    usage = {"prompt_tokens": 5, "completion_tokens": 1}
    choice = {"index": 0, "message": {"content": "par"}, "finish_reason": "error", "error": error}
    with pytest.raises(Complained, match="Provider returned error: no GPU") as caught:
        OpenAI().reply(json.dumps({"choices": [choice], "usage": usage}).encode())
    assert (caught.value.complaint.status, caught.value.usage) == (502, Usage({"input": 5, "output": 1}))
    for chunk in ({"choices": [choice]}, {"choices": [], "x_groq": {"id": "r", "error": "over capacity"}}):
        with pytest.raises(Complained):
            gather(chunk)


@pytest.mark.parametrize("tier", ["default", "on_demand", "auto", None])
def test_a_usual_tier_is_no_term(tier):
    """A server names the tier of every call; only another price is a term."""
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "service_tier": tier}
    assert OpenAI().reply(json.dumps(answer).encode()).terms == {}


def test_cached_tokens_are_found_wherever_a_server_tells_them():
    """In the details, in DeepSeek's words, or at the top as Together has them."""
    block = {"prompt_tokens": 10, "completion_tokens": 1}
    for told in ({"prompt_tokens_details": {"cached_tokens": 4}}, {"prompt_cache_hit_tokens": 4}, {"cached_tokens": 4}):
        assert usage_of({**block, **told}) == Usage({"input": 6, "input_cache_read": 4, "output": 1})
        assert unknown_usage("groq", {**block, **told}) == ()


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "top_k"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]},
        {
            "object": "error",
            "message": {"detail": [{"loc": ["body", "top_k"], "msg": "Extra inputs are not permitted"}]},
            "type": "invalid_request_error",
        },
    ],
)
def test_fields_that_a_server_refuses_are_named(body):
    """As Mistral lists them."""
    assert read_complaint(json.dumps(body).encode()).message == "body.top_k: Extra inputs are not permitted"
