"""OpenAI's responses format: which items are output, how a stream becomes the same answer, what is counted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.model import ModelFailure
from promptforge.core.usage import usage
from promptforge.wire.answer import answer_of
from promptforge.wire.dialect import Complained, Garbled
from promptforge.wire.exchange import EXCHANGES
from promptforge.wire.responses import usage_of
from promptforge.wire.sse import Event

RESPONSES = EXCHANGES["openai", "/responses"]
TOKENS = st.integers(0, 10**6)
BLOCK = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 150,
}
LEAVES = usage(input=30, input_cache_read=60, input_cache_write=10, output=30, output_reasoning=20)
REASONING = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "content": []}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
CUSTOM = {"type": "custom_tool_call", "call_id": "c2", "name": "sql", "input": "select 1"}


def message(*parts: dict) -> dict:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def says(text: str) -> dict:
    return {"type": "output_text", "text": text, "annotations": []}


def response(*items: dict, status: str | None = "completed", **more) -> dict:
    return {"object": "response", "model": "gpt-x-1", "status": status, "output": list(items), "usage": BLOCK} | more


def read(body: dict):
    return RESPONSES.reply(json.dumps(body).encode())


def gather(*events: dict):
    stream, deltas = RESPONSES.stream(), []
    for event in events:
        deltas += [delta.text for delta in stream.feed(Event(event["type"], json.dumps(event)))]
    return stream, deltas


def events_of(body: dict, *, before: int = 3) -> list[dict]:
    """The stream of a response: its opening, *before* letters a delta, its end."""
    opening = {key: value for key, value in body.items() if key != "usage"} | {"status": "in_progress", "output": []}
    events = [{"type": "response.created", "response": opening}, {"type": "response.in_progress", "response": opening}]
    for index, item in enumerate(body["output"]):
        events.append({"type": "response.output_item.added", "output_index": index, "item": {"type": item["type"]}})
        for part in item.get("content") or []:
            kind = "refusal" if "refusal" in part else "output_text"
            text = part.get("refusal") or part.get("text")
            for start in range(0, len(text), before):
                delta = text[start : start + before]
                events.append({"type": f"response.{kind}.delta", "output_index": index, "delta": delta})
        if item["type"] == "function_call":
            events.append({"type": "response.function_call_arguments.delta", "delta": item["arguments"]})
            events.append({"type": "response.function_call_arguments.done", "arguments": item["arguments"]})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*events, {"type": f"response.{body['status']}", "response": body}]


ANSWERS = [
    response(message(says("Paris."))),
    response(REASONING, SEARCH, message(says("It is "), says("Paris."))),
    response(message(says("Let me see.")), CALL, CUSTOM),
    response(CALL),
    response(message({"type": "refusal", "refusal": "I cannot."})),
    response(message(says("so f")), status="incomplete", incomplete_details={"reason": "content_filter"}),
    response(message(says("so f")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    response(message(says("quick")), service_tier="flex"),
    response(),
]


def test_what_is_asked_is_the_instructions_and_the_input():
    """Both are read by the model; where only one is given, it stands alone."""
    both = RESPONSES.asked(b'{"model": "m", "instructions": "be brief", "input": "hi", "stream": true}')
    assert (both.model, both.input, both.streamed) == ("m", {"instructions": "be brief", "input": "hi"}, True)
    assert RESPONSES.asked(b'{"model": "m", "input": [{"role": "user", "content": "hi"}]}').input == [
        {"role": "user", "content": "hi"}
    ]


@pytest.mark.parametrize("body", ANSWERS, ids=str)
def test_a_stream_becomes_the_same_answer(body):
    """Plain and streamed, a response is one reply, and the deltas add up to its text."""
    stream, deltas = gather(*events_of(body))
    assert stream.reply() == read(body)
    assert "".join(deltas) == stream.text == stream.reply().text
    assert (stream.finished, stream.closed) == (True, True)


def test_the_answer_is_its_messages_and_its_calls():
    """Messages are text, what the caller is asked to do follows as JSON; the provider's own work is no output."""
    reply = read(response(REASONING, message(says("Let me ")), SEARCH, message(says("see.")), CALL, CUSTOM))
    text, _, calls = reply.text.partition("\n\n")
    assert text == "Let me see."
    assert json.loads(calls)["tool_calls"] == [
        {"id": "c1", "name": "f", "arguments": {"a": 1}},
        {"id": "c2", "name": "sql", "arguments": "select 1"},
    ]
    assert (reply.usage, reply.usage_raw, reply.model, reply.finish_reason) == (LEAVES, BLOCK, "gpt-x-1", "completed")


@pytest.mark.parametrize(
    ("item", "call"),
    [
        (
            {"type": "shell_call", "call_id": "s", "action": {"commands": ["ls"]}},
            {"id": "s", "name": "shell_call", "arguments": {"commands": ["ls"]}},
        ),
        (
            {"type": "apply_patch_call", "call_id": "p", "operation": {"type": "delete_file", "path": "a"}},
            {"id": "p", "name": "apply_patch_call", "arguments": {"type": "delete_file", "path": "a"}},
        ),
        (
            {"type": "mcp_approval_request", "id": "m", "name": "ask", "server_label": "x", "arguments": "{}"},
            {"id": "m", "name": "ask", "arguments": {}},
        ),
    ],
)
def test_every_kind_of_call_for_the_caller_is_output(item, call):
    """Whatever the model asks the caller to do is part of what it said."""
    assert json.loads(read(response(item)).text) == {"tool_calls": [call]}


@pytest.mark.parametrize(
    ("body", "finish_reason", "filtered", "terms"),
    [
        (ANSWERS[4], "completed", True, {}),
        (ANSWERS[5], "content_filter", True, {}),
        (ANSWERS[6], "max_output_tokens", False, {}),
        (ANSWERS[7], "completed", False, {"service_tier": "flex"}),
        (response(service_tier="default"), "completed", False, {}),
        (response(status="cancelled"), "cancelled", False, {}),
    ],
)
def test_how_it_ended_and_how_it_is_billed(body, finish_reason, filtered, terms):
    """The status says how it ended, its reason where it is incomplete; a tier that is not standard has its price."""
    reply = read(body)
    assert (reply.finish_reason, reply.filtered, reply.terms) == (finish_reason, filtered, terms)


def test_a_response_in_the_background_has_no_usage_yet():
    """It is accepted, not answered: nothing is known of its tokens, and nothing is guessed."""
    reply = read(response(status="queued", usage=None, background=True))
    assert (reply.text, reply.usage, reply.finish_reason) == ("", None, "queued")


def test_a_stream_that_ends_early_keeps_what_came():
    """The text is there, the usage is not known, and it is not finished."""
    stream, _ = gather(*events_of(response(message(says("Paris."))))[:-2])
    assert (stream.text, stream.usage, stream.usage_so_far, stream.finished) == ("Paris.", None, None, False)


def test_a_stream_without_deltas_is_settled_by_its_end():
    """A server may deliver everything with the last event; the text is whole all the same."""
    body = response(message(says("Paris.")), CALL)
    stream, deltas = gather({"type": "response.completed", "response": body})
    assert "".join(deltas) == stream.reply().text == read(body).text


def test_a_last_event_without_its_items_takes_those_that_came():
    """The calls of finished items are not lost where the end does not repeat them."""
    body = response(message(says("ok")), CALL)
    events = events_of(body)
    events[-1] = {"type": "response.completed", "response": body | {"output": []}}
    assert gather(*events)[0].reply().text == read(body).text


@pytest.mark.parametrize(
    "error", [{"code": "rate_limit_exceeded", "message": "slow down"}, {"code": "invalid_prompt", "message": "no"}]
)
def test_a_failed_response_is_a_complaint_that_keeps_its_usage(error):
    """The provider's error is told as such, and what it billed until then is not lost."""
    body = response(status="failed", error=error)
    with pytest.raises(Complained) as plain:
        read(body)
    stream = RESPONSES.stream()
    with pytest.raises(Complained) as streamed:
        list(stream.feed(Event("x", json.dumps({"type": "response.failed", "response": body}))))
    assert plain.value.complaint == streamed.value.complaint
    assert plain.value.complaint.message == error["message"]
    assert plain.value.complaint.status == {"rate_limit_exceeded": 429, "invalid_prompt": 400}[error["code"]]
    assert plain.value.usage == stream.usage == LEAVES
    assert not stream.finished


@pytest.mark.parametrize("streamed", [False, True])
def test_a_response_that_failed_on_its_way_is_a_failure_with_its_usage(streamed):
    """What passes is recorded as failed, and as billed, in both forms."""
    body = response(status="failed", error={"code": "server_error", "message": "broke"})
    raw = json.dumps({"type": "response.failed", "response": body} if streamed else body)
    kind = "text/event-stream" if streamed else "application/json"
    answer = answer_of("openai", RESPONSES, 200, {"content-type": kind}, None)
    answer.feed((f"data: {raw}\n\n" if streamed else raw).encode())
    with pytest.raises(ModelFailure, match="broke") as caught:
        answer.reply()
    assert (caught.value.usage or answer.usage, caught.value.usage_raw or answer.usage_raw) == (LEAVES, BLOCK)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "broke", "param": None, "sequence_number": 3},
        {"type": "error", "error": {"type": "server_error", "message": "broke"}},
    ],
)
def test_an_error_event_is_a_complaint(event):
    """Both ways to write it are read."""
    with pytest.raises(Complained, match="broke") as caught:
        gather(event)
    assert caught.value.complaint.status == 500


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"output": null}', b'{"output": [1]}', b'{"output": "x"}'])
def test_an_answer_of_another_shape_is_garbled(raw):
    """What is no response never becomes an empty output."""
    with pytest.raises(Garbled):
        RESPONSES.reply(raw)


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_leaves_are_disjoint_and_complete(fresh, cached, written, output, reasoning):
    """Every token is in one leaf, and the leaves add up to the totals."""
    block = {
        "input_tokens": fresh + cached + written,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": output + reasoning,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": fresh + cached + written + output + reasoning,
    }
    assert usage_of(block) == usage(
        input=fresh,
        input_cache_read=cached,
        input_cache_write=written,
        output=output,
        output_reasoning=reasoning,
    )


def test_what_tools_of_the_provider_used_is_counted_beside():
    """Searches are billed one by one; pictures are tokens of another model, which no rate of this one may price."""
    tools = {
        "web_search": {"num_requests": 2},
        "image_gen": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12},
    }
    reply = read(response(tool_usage=tools))
    assert reply.usage == usage(**LEAVES.leaves, web_searches=2, other_model_tokens=12)
    assert reply.usage_raw == BLOCK | {"tool_usage": tools}
