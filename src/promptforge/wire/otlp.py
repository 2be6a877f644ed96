"""OTLP over HTTP: the spans in the body of a request, and the answers that the protocol asks for.

Protobuf (here) and JSON (``wire/otlp_json``) are read into the same ``Told``, whose meaning ``wire/span`` finds by the
table in ``wire/conventions``. A body can be read or it cannot; of one that can, a span without sense is refused alone.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from promptforge.core.json import Json
from promptforge.core.span import Span
from promptforge.wire import otlp_json
from promptforge.wire.span import span_of
from promptforge.wire.told import Happening, Told, number, refusal, service, short, text
from promptforge.wire.twins import once


class Unreadable(ValueError):
    """The body is no request to export spans; the text says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Export:
    """What a body held: the spans, and of each span that makes no sense a sentence that says why."""

    spans: Sequence[Span]
    refused: Sequence[str]


def read(body: bytes, *, json: bool) -> Export:
    """Read the body of a request, each call of a model once; Unreadable for what cannot be read at all."""
    spans = list[Span]()
    refused = list[str]()
    for told in _from_json(body) if json else _from_protobuf(body):
        if isinstance(told, str):
            refused.append(told)
        else:
            spans.append(span_of(told))
    once(spans)
    return Export(spans, refused)


def answer(rejected: int, message: str, *, json: bool) -> bytes:
    """The answer to a request that was taken, whole or but for *rejected* spans."""
    if json:
        told = {"rejectedSpans": str(rejected), "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": told} if rejected else {})
    if not rejected:
        return b""
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial).SerializeToString()


def failure(message: str, *, json: bool) -> bytes:
    """The body of an answer that refuses a request: a ``google.rpc.Status`` with a message and no code."""
    if json:
        return msgspec.json.encode({"message": message})
    # The only field of a message that is not part of the OTLP package: number 2, a text.
    raw = message.encode()
    return b"\x12" + _length(len(raw)) + raw


def _length(size: int) -> bytes:
    written = bytearray()
    while size > 0x7F:
        written.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*written, size))


def _from_json(body: bytes) -> Iterable[Told | str]:
    try:
        return otlp_json.told(body)
    except RecursionError:
        raise Unreadable("the body is JSON that is nested too deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"the body is no OTLP request in JSON: {error}") from None


def _from_protobuf(body: bytes) -> Iterator[Told | str]:
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise Unreadable("the body is no OTLP request in protobuf") from None
    for resource in request.resource_spans:
        name = service(_attributes(resource.resource.attributes))
        for scope in resource.scope_spans:
            scope_name = short(scope.scope.name)
            for span in scope.spans:
                yield _told(span, name, scope_name)


def _told(span: trace_pb2.Span, service_name: str | None, scope: str | None) -> Told | str:
    trace_id, span_id, name = span.trace_id.hex(), span.span_id.hex(), text(span.name)
    started, ended = span.start_time_unix_nano, span.end_time_unix_nano
    if (why := refusal(trace_id, span_id, name, started, ended)) is not None:
        return why
    status, events = span.status, span.events
    return Told(
        trace_id,
        span_id,
        span.parent_span_id.hex() or None,
        name,
        started,
        ended,
        status.code,
        text(status.message),
        _attributes(span.attributes),
        [Happening(each.name, each.time_unix_nano, _attributes(each.attributes)) for each in events] if events else (),
        service_name,
        scope,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Json]:
    """The attributes by name. To ask which kind a value is costs more than to read it, so the usual kinds are tried."""
    told: dict[str, Json] = {}
    for pair in pairs:
        value = pair.value
        if string := value.string_value:
            told[pair.key] = text(string) if "\0" in string else string
        else:
            told[pair.key] = value.int_value or _value(value)
    return told


def _value(value: AnyValue) -> Json:
    """Any value as JSON. The depth is bounded, because the decoder takes no deeper message."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return {text(each.key): _value(each.value) for each in value.kvlist_value.values}
    if kind == "double_value":
        return number(value.double_value)
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    if kind == "string_value":
        return text(value.string_value)
    if kind == "bool_value":
        return value.bool_value
    return value.int_value if kind == "int_value" else None
