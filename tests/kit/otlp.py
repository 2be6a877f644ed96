"""Requests of OTLP, written as programs write them: in protobuf, or in the JSON of the same."""

import base64
import json

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from promptforge.wire import otlp

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
START = 1_767_225_600_000_000_000
OPENAI = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
LLM = {"openinference.span.kind": "LLM", "llm.provider": "openai", "llm.model_name": "gpt-4o"}


def any_value(value) -> AnyValue:
    """A Python value as the protocol has it."""
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(each) for each in value]))
    return AnyValue(string_value=value)


def pairs(attributes) -> list[KeyValue]:
    """Attributes as the protocol has them."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def event(name, attributes=(), at=START) -> Span.Event:
    """Something that happened within a span."""
    return Span.Event(name=name, time_unix_nano=at, attributes=pairs(dict(attributes)))


def span(attributes=(), *, trace=TRACE, id=SPAN, parent="", name="chat", start=START, took_ms=1500, **more) -> Span:
    """A span; ``status`` and ``message`` say how it ended, ``events`` what happened within it."""
    return Span(
        trace_id=bytes.fromhex(trace),
        span_id=bytes.fromhex(id),
        parent_span_id=bytes.fromhex(parent),
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + took_ms * 1_000_000,
        attributes=pairs(dict(attributes)),
        events=more.get("events", ()),
        status=Status(code=more.get("status", 0), message=more.get("message", "")),
    )


def request(*spans, service="shop", **resource) -> ExportTraceServiceRequest:
    """A request with these spans of one service; a pair is a span and the instrumentation that wrote it."""
    named = {"service.name": service} if service else {}
    scopes = [
        ScopeSpans(spans=[each[0]], scope=InstrumentationScope(name=each[1]))
        if isinstance(each, tuple)
        else ScopeSpans(spans=[each])
        for each in spans
    ]
    resource_spans = ResourceSpans(resource=Resource(attributes=pairs(named | resource)), scope_spans=scopes)
    return ExportTraceServiceRequest(resource_spans=[resource_spans])


def protobuf(*spans, **more) -> bytes:
    """The body of a request in protobuf."""
    return request(*spans, **more).SerializeToString()


def as_json(*spans, **more) -> bytes:
    """The body of the same request in JSON: ids in hex, which protobuf's own JSON has not."""
    body = MessageToDict(request(*spans, **more))
    for resource in body.get("resourceSpans", ()):
        for scope in resource["scopeSpans"]:
            for each in scope.get("spans", ()):
                for id in ("traceId", "spanId", "parentSpanId"):
                    if id in each:
                        each[id] = base64.b64decode(each[id]).hex()
    return json.dumps(body).encode()


def read(attributes=(), **more):
    """What a span of these attributes means; that it means the same in protobuf and in JSON is checked on the way."""
    sent = span(attributes, **more)
    (meant,) = otlp.read(protobuf(sent), json=False).spans
    assert otlp.read(as_json(sent), json=True).spans == [meant]
    return meant
