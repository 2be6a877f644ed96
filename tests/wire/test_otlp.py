"""Reading OTLP: what a body holds, what is refused, and what is answered."""

import json

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from kit import otlp as told
from promptforge.core.usage import usage
from promptforge.wire import otlp

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.request.temperature": 0.5,
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 7,
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Say hello."}]}]',
    "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Hello."}]}]',
}


def both(*spans, **more):
    """What the same request says in protobuf; that JSON says the same is checked on the way."""
    read = otlp.read(told.protobuf(*spans, **more), json=False)
    assert otlp.read(told.as_json(*spans, **more), json=True) == read
    return read


def one(attributes, **more):
    """The one span of a request."""
    (span,) = both(told.span(attributes, **more)).spans
    return span


def test_a_call_of_a_model_is_read_whole():
    """Who, what, how long, what went in and out, and what it used come out of the GenAI conventions."""
    span = one(CHAT, parent="00f067aa0ba902b7")

    assert (span.trace_id, span.span_id, span.parent_id) == (told.TRACE, told.SPAN, "00f067aa0ba902b7")
    assert (span.name, span.service, span.calls_model) == ("chat", "shop", True)
    assert (span.started_ns, span.ended_ns) == (told.START, told.START + 1_500_000_000)
    assert (span.provider, span.model, span.response_model) == ("openai", "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert (span.request_id, span.finish_reason) == ("chatcmpl-1", "stop")
    assert span.params == {"temperature": 0.5}
    assert span.input == [{"role": "user", "content": "Say hello."}]
    assert span.output == "Hello."
    assert span.usage == usage(input=12, output=7)
    assert span.usage_raw == {"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 7}
    assert (span.failed, span.error, span.metadata, span.tags) == (False, None, None, {})


def test_a_span_of_work_around_calls_is_no_call():
    """Agents, tools and workflows are spans, and not calls of models, whatever they say of tokens."""
    span = one({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o", "gen_ai.system": "openai"})

    assert not span.calls_model


@pytest.mark.parametrize("service", ["", "unknown_service", "unknown_service:python"])
def test_a_service_without_a_name_is_none(service):
    """What an SDK puts in for want of a service's name is not taken for one."""
    assert both(told.span(CHAT), service=service).spans[0].service is None


def test_spans_without_identity_are_refused_alone():
    """A span with ids or times that are none is refused with a sentence; its neighbours are read."""
    read = both(
        told.span(CHAT, trace="00" * 16, name="zero"),
        told.span(CHAT, trace="ab" * 15, name="short"),
        told.span(CHAT, id="", name="none"),
        told.span(CHAT, start=0, name="timeless"),
        told.span(CHAT),
    )

    assert [span.name for span in read.spans] == ["chat"]
    assert [why.split(":")[0] for why in read.refused] == [
        "span 'zero'",
        "span 'short'",
        "span 'none'",
        "span 'timeless'",
    ]


def test_a_span_that_ends_before_it_starts_took_no_time():
    """Clocks step back; such a span is kept, and took nothing."""
    span = one(CHAT, took_ms=-5)

    assert span.ended_ns == span.started_ns


@pytest.mark.parametrize(
    ("body", "json", "why"),
    [
        (b"\xff\xff\xff", False, "protobuf"),
        (b"{", True, "JSON"),
        (b"[]", True, "JSON"),
        (b'{"resourceSpans": 5}', True, "JSON"),
        (b"[" * 100_000, True, "JSON"),
    ],
)
def test_a_body_that_is_no_request_is_unreadable(body, json, why):
    """What cannot be parsed at all says so, and raises nothing else."""
    with pytest.raises(otlp.Unreadable, match=why):
        otlp.read(body, json=json)


@pytest.mark.parametrize("json", [True, False])
def test_an_empty_request_holds_nothing(json):
    """A request without spans is well formed."""
    assert otlp.read(b"{}" if json else b"", json=json) == otlp.Export([], [])


def test_the_answer_names_rejected_spans_only_when_there_are_any():
    """Whole success is an empty message; partial success says how many and why, as the protocol writes it."""
    assert otlp.answer(0, "", json=False) == b""
    assert otlp.answer(0, "", json=True) == b"{}"

    partial = ExportTraceServiceResponse.FromString(otlp.answer(3, "no ids", json=False)).partial_success
    assert (partial.rejected_spans, partial.error_message) == (3, "no ids")
    assert json.loads(otlp.answer(3, "no ids", json=True)) == {
        "partialSuccess": {"rejectedSpans": "3", "errorMessage": "no ids"}
    }


@pytest.mark.parametrize("message", ["too large", "ü" * 300])
def test_a_refusal_is_a_status(message):
    """A refused request is answered with the message field of google.rpc.Status."""
    raw = otlp.failure(message, json=False)
    written = message.encode()

    assert raw[:1] == b"\x12"
    assert raw.endswith(written)
    assert len(raw) == len(written) + (2 if len(written) < 128 else 3)
    assert json.loads(otlp.failure(message, json=True)) == {"message": message}
