"""OTLP from whoever likes to break things: any body is an Export or Unreadable, at a cost that follows its size."""

import json
import sys
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import otlp as told
from promptforge.core.execution import ErrorType
from promptforge.core.json import bounded, storable
from promptforge.core.span import Span
from promptforge.core.usage import Usage
from promptforge.wire import otlp
from promptforge.wire.conventions import FAMILIES, TABLE

_texts = st.text(max_size=30) | st.sampled_from(
    [
        "[]",
        "{}",
        '[{"role":"user"}]',
        '{"messages":[1]}',
        "[" * 200,
        "\0",
        '"\\u0000"',
        '[{"parts":[{}]}]',
        "NaN",
        "9" * 30,
    ]
)
_scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | _texts | st.binary(max_size=8)
_words = st.sampled_from(
    [
        "role",
        "content",
        "parts",
        "type",
        "text",
        "tool_calls",
        "function",
        "arguments",
        "id",
        "name",
        "message",
        "messages",
    ]
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
_numbered = st.builds(
    lambda family, number, field: f"{family}.{number}.{field}",
    st.sampled_from(sorted(FAMILIES)),
    st.integers(-1, 10**7) | st.integers(0, 3),
    st.sampled_from(
        [
            "role",
            "content",
            "message.role",
            "message.content",
            "message.tool_calls.0.tool_call.function.name",
            "a..b",
            "",
        ]
    )
    | st.text(max_size=8),
)
_names = st.sampled_from(sorted(TABLE)) | _numbered | st.text(max_size=20)
_attributes = st.dictionaries(_names, _values, max_size=12)
_event_names = st.sampled_from(
    [
        "exception",
        "gen_ai.choice",
        "gen_ai.user.message",
        "gen_ai.tool.message",
        "gen_ai.content.prompt",
        "gen_ai.client.inference.operation.details",
        "First Token Stream Event",
        "",
    ]
)
_event_fields = _names | _words | st.sampled_from(["gen_ai.event.content", "finish_reason", "index"])
_events = st.lists(
    st.builds(
        told.event,
        _event_names,
        st.dictionaries(_event_fields, _values, max_size=5),
        st.integers(0, 2**64 - 1),
    ),
    max_size=3,
)


def sound(span: Span) -> None:
    """What the record takes for granted of a span: kinds, bounds, and that every store can keep it."""
    for text in (span.error, span.output, span.stack_trace, span.model, span.provider, span.finish_reason):
        assert text is None or isinstance(text, str)
    assert span.error_type is None or isinstance(span.error_type, ErrorType)
    assert span.usage is None or isinstance(span.usage, Usage)
    assert span.failed == (span.error is not None)
    assert span.ended_ns >= span.started_ns > 0
    assert all(isinstance(value, str) for value in (*span.tags, *span.tags.values()))
    assert len(span.tags) <= 32
    for value in (span.input, span.params, span.usage_raw, span.metadata, span.tags):
        bounded(value, "$")
        storable(value, "$")
    storable([span.name, span.output, span.error, span.stack_trace, span.service, span.scope, span.end_user], "$")
    msgspec.json.encode(span)


@given(attributes=_attributes, events=_events, status=st.integers(0, 3), message=_texts)
def test_whatever_a_span_says_is_read(attributes, events, status, message):
    """Any values under any of the conventions' names make a sound span, the same in protobuf and in JSON."""
    sent = told.span(attributes, events=events, status=status % 3, message=message, took_ms=5)
    (span,) = otlp.read(told.protobuf(sent), json=False).spans

    sound(span)
    assert otlp.read(told.as_json(sent), json=True).spans == [span]


@given(body=st.binary(max_size=300), json=st.booleans())
def test_any_bytes_are_read_or_unreadable(body, json):
    """No body raises anything else."""
    try:
        read = otlp.read(body, json=json)
    except otlp.Unreadable:
        return
    for span in read.spans:
        sound(span)


_WHOLE = told.protobuf(
    told.span(told.OPENAI | {"gen_ai.input.messages": '[{"role":"user","content":"Hi"}]', "list": [1, {"a": b"b"}]}),
    told.span(told.LLM, events=[told.event("exception", {"exception.type": "ValueError"})], status=2),
)


@given(at=st.integers(0, len(_WHOLE) - 1), byte=st.integers(0, 255), cut=st.integers(0, len(_WHOLE)))
def test_a_damaged_request_is_read_or_unreadable(at, byte, cut):
    """A byte changed or an end missing makes nothing worse than Unreadable."""
    damaged = bytearray(_WHOLE)
    damaged[at] = byte
    for body in (bytes(damaged), _WHOLE[:cut]):
        try:
            read = otlp.read(body, json=False)
        except otlp.Unreadable:
            continue
        for span in read.spans:
            sound(span)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "key",
                    "value",
                    "stringValue",
                    "intValue",
                    "doubleValue",
                    "arrayValue",
                    "kvlistValue",
                    "values",
                    "bytesValue",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)
_ID = {"traceId": told.TRACE, "spanId": told.SPAN, "startTimeUnixNano": "1", "endTimeUnixNano": 2}
_FIELDS = [
    "traceId",
    "spanId",
    "parentSpanId",
    "name",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "events",
    "status",
    "kind",
    "links",
]


@given(spans=st.lists(st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=4), max_size=2), attributes=_json)
def test_any_json_is_read_or_unreadable(spans, attributes):
    """Values of the wrong kind in the right places make nothing worse than Unreadable."""
    for each in ([_ID | span for span in spans], [_ID | {"attributes": [{"key": "a", "value": attributes}]}]):
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": each}]}]}).encode()
        try:
            read = otlp.read(body, json=True)
        except otlp.Unreadable:
            continue
        for span in read.spans:
            sound(span)


@pytest.mark.parametrize("depth", [10, 40, 60, 200, 5_000, 100_000])
def test_depth_is_bounded(depth):
    """Values in values are read to a depth, and beyond it the body is unreadable: no stack runs over."""
    value = '{"arrayValue":{"values":[' * depth + '{"intValue":1}' + "]}}" * depth
    span = json.dumps(_ID)[:-1] + ',"attributes":[{"key":"deep","value":' + value + "}]}"
    body = ('{"resourceSpans":[{"scopeSpans":[{"spans":[' + span + "]}]}]}").encode()
    try:
        (read,) = otlp.read(body, json=True).spans
    except otlp.Unreadable:
        assert depth > 40
    else:
        assert depth <= 40
        sound(read)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"parts":['])
def test_deep_json_in_a_text_stays_a_text(opening):
    """A text of JSON that is nested too deep for the record is kept as the text that it is."""
    for depth in (70, 5_000):
        closing = "".join({"[": "]", "{": "}"}[sign] for sign in reversed(opening) if sign in "[{")
        text = opening * depth + "1" + closing * depth
        (span,) = otlp.read(told.protobuf(told.span({"gen_ai.input.messages": text})), json=False).spans

        assert span.input == text
        sound(span)


def test_work_follows_the_size_of_the_body():
    """Huge numbers in names and many of them take memory by what was sent, not by what was written."""
    attributes = {f"llm.input_messages.{n * 997 % 10**6}.message.content": "x" for n in range(5000)}
    attributes |= {f"llm.output_messages.0.message.tool_calls.{n}.tool_call.id": "x" for n in range(5000)}
    body = told.protobuf(told.span(attributes))
    tracemalloc.start()
    try:
        (span,) = otlp.read(body, json=False).spans
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(span.input) <= 2000
    assert peak < 40 * len(body)


def test_nothing_is_kept_between_bodies():
    """Names that programs make up are not remembered: reading a body leaves nothing behind."""
    bodies = [told.protobuf(told.span({f"made.up.{n}.{m}": m for m in range(20)})) for n in range(300)]
    for body in bodies[:100]:
        otlp.read(body, json=False)
    before = sys.getallocatedblocks()
    for body in bodies[100:]:
        otlp.read(body, json=False)

    assert sys.getallocatedblocks() - before < 2000
