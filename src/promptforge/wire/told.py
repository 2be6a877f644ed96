"""What a span says, before anybody asks what it means: names and values, whatever the encoding was.

The values are JSON: what JSON has no word for (NaN, bytes) becomes text. NUL is taken out of every text, because no
store can keep it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptforge.core.json import Json

#: The latest moment that the 64 bits of nanoseconds can hold.
LATEST = 2**64 - 1
#: Of a service and an instrumentation: as much as the record takes of a name.
MAX_NAME = 256
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(slots=True)
class Happening:
    """Something that happened within a span; OpenTelemetry calls it an event."""

    name: str
    at_ns: int
    attributes: Mapping[str, Json]


@dataclass(slots=True)
class Told:
    """One span as it was sent. Ids are lower-case hex; ``status`` is 0 (not said), 1 (good) or 2 (failed)."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    status: int
    message: str
    attributes: dict[str, Json]
    happenings: Sequence[Happening]
    service: str | None
    scope: str | None


def refusal(trace_id: str, span_id: str, name: str, started_ns: int, ended_ns: int) -> str | None:
    """Why a span cannot be taken, as a sentence; None when it can."""
    what = ""
    if len(trace_id) != 32 or trace_id == _NO_TRACE:
        what = "its trace id is not 16 bytes, or all of them are zero"
    elif len(span_id) != 16 or span_id == _NO_SPAN:
        what = "its span id is not 8 bytes, or all of them are zero"
    elif not 0 < started_ns <= LATEST:
        what = "its start is no time in nanoseconds since 1970"
    elif not 0 <= ended_ns <= LATEST:
        what = "its end is no time in nanoseconds since 1970"
    return f"span {name[:60]!r}: {what}" if what else None


def service(attributes: Mapping[str, Json]) -> str | None:
    """The service that a resource names; what an SDK puts in for want of a name is none."""
    name = attributes.get("service.name")
    return short(name) if isinstance(name, str) and not name.startswith("unknown_service") else None


def short(name: str) -> str | None:
    """A name within its bound, without NUL; None when it is empty."""
    return text(name[:MAX_NAME]) or None


def text(value: str) -> str:
    """The text without NUL."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value


def number(value: float) -> Json:
    """The number; as text when it is none."""
    return value if math.isfinite(value) else str(value)
