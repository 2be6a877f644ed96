"""OTLP as JSON: ids in hex, 64-bit numbers as texts or numbers, enums by number or name, unknown fields ignored."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from promptforge.core.json import Json
from promptforge.wire.told import Happening, Told, number, refusal, service, short, text

#: Of a value in values; protobuf's own bound is about the same.
MAX_DEPTH = 48
_HEX = re.compile(r"[0-9a-f]*", re.IGNORECASE)
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


class _Array(msgspec.Struct):
    values: "list[_Value | None] | None" = None


class _Pairs(msgspec.Struct):
    values: "list[_Pair] | None" = None


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: _Array | None = None
    kvlist_value: _Pairs | None = None
    bytes_value: str | None = None


class _Pair(msgspec.Struct):
    key: str = ""
    value: _Value | None = None


class _Event(msgspec.Struct, rename="camel"):
    name: str | None = None
    time_unix_nano: int | str | None = None
    attributes: list[_Pair] | None = None


class _Status(msgspec.Struct):
    code: int | str | None = None
    message: str | None = None


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[_Pair] | None = None
    events: list[_Event] | None = None
    status: _Status | None = None


class _Named(msgspec.Struct):
    name: str | None = None


class _Scope(msgspec.Struct):
    scope: _Named | None = None
    spans: list[_Span] | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Pair] | None = None


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_Scope] | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None


_request = msgspec.json.Decoder(_Request)


def told(body: bytes) -> Sequence[Told | str]:
    """Each span of a request, or the sentence that says why it is none; what the decoder raises for other bodies."""
    return list(_spans(_request.decode(body)))


def _spans(request: _Request) -> Iterator[Told | str]:
    for resource in request.resource_spans or ():
        name = service(_attributes(resource.resource.attributes if resource.resource else None))
        for scope in resource.scope_spans or ():
            scope_name = short(scope.scope.name or "") if scope.scope else None
            for span in scope.spans or ():
                yield _told(span, name, scope_name)


def _told(span: _Span, service_name: str | None, scope: str | None) -> Told | str:
    trace_id, span_id, name = _id(span.trace_id), _id(span.span_id), text(span.name or "")
    started, ended = _whole(span.start_time_unix_nano), _whole(span.end_time_unix_nano)
    if (why := refusal(trace_id, span_id, name, started, ended)) is not None:
        return why
    status = span.status or _Status()
    code = _STATUSES.get(status.code, 0) if isinstance(status.code, str) else status.code or 0
    return Told(
        trace_id,
        span_id,
        _id(span.parent_span_id) or None,
        name,
        started,
        ended,
        code,
        text(status.message or ""),
        _attributes(span.attributes),
        [Happening(each.name or "", _whole(each.time_unix_nano), _attributes(each.attributes)) for each in span.events]
        if span.events
        else (),
        service_name,
        scope,
    )


def _id(value: str | None) -> str:
    return value.lower() if value and _HEX.fullmatch(value) else ""


def _whole(value: int | str | None) -> int:
    """A number of 64 bits; -1, which is none, for what is no number."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 20 else -1
    return value or 0


def _attributes(pairs: Sequence[_Pair] | None) -> dict[str, Json]:
    return {pair.key: _json(pair.value) for pair in pairs or ()}


def _json(value: _Value | None, depth: int = 0) -> Json:
    """Any value as JSON; RecursionError for one that is nested too deep."""
    if value is None:
        return None
    if depth > MAX_DEPTH:
        raise RecursionError
    if value.string_value is not None:
        return text(value.string_value)
    if value.int_value is not None:
        return _integer(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _double(value.double_value)
    if value.array_value is not None:
        return [_json(each, depth + 1) for each in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return {text(each.key): _json(each.value, depth + 1) for each in value.kvlist_value.values or ()}
    return text(value.bytes_value) if value.bytes_value is not None else None


def _integer(value: int | str) -> Json:
    """The number that it says, within 64 bits; otherwise what it says."""
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20):
            return text(value)
        value = int(value)
    return value if -(2**63) <= value < 2**63 else str(value)


def _double(value: float | str) -> Json:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return text(str(value))
    return number(value)
