"""The scalars: times in UTC with milliseconds, whole numbers of any size, and JSON."""

from datetime import UTC, datetime, timedelta
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from promptforge.core.errors import InvalidInput

Count = NewType("Count", int)
Json = NewType("Json", object)


def write_time(value: datetime) -> str:
    """Write a time as the API shows it: ``2025-01-21T10:30:00.000Z``."""
    if value.utcoffset() != timedelta(0):
        value = value.astimezone(UTC)
    return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def read_time(value: object) -> datetime:
    """Read an ISO 8601 time with its offset; one without would mean another moment on another machine."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f"{str(value)[:60]!r} is not a time with an offset, such as '2025-01-21T10:30:00Z'")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(f"{str(value)[:60]!r} is out of the range of times") from None


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{str(value)[:60]!r} is not a whole number")
    return value


def _same(value: object) -> object:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, ISO 8601 in UTC with milliseconds: `2025-01-21T10:30:00.000Z`.",
        serialize=write_time,
        parse_value=read_time,
    ),
    Count: strawberry.scalar(
        name="Count",
        description="A whole number that may pass 32 bits; a number in JSON.",
        serialize=int,
        parse_value=_count,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description="Any JSON value. A selection of fields under it is accepted and changes nothing.",
        serialize=_same,
        parse_value=_same,
    ),
}
