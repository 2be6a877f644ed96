"""Buckets of time: hours, days, weeks and months as the clocks and calendars of a zone have them.

A bucket is known by its key: a day, the Monday of a week and the first of a month as a date; an hour as the moment of
its start; an hour of the week as its number from Monday's first (0 to 167). Each moment is in one bucket of a kind, so
buckets add up to the whole, also where a day has 23 or 25 hours.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from promptforge.core.errors import InvalidInput
from promptforge.core.query import Dimension
from promptforge.core.window import midnight

Key = date | int
MOST = 5_000
"""At most so many buckets are in an answer."""

_QUARTER = timedelta(minutes=15)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Bucket:
    """*start* (inclusive) and *end* (exclusive) in UTC; None for an hour of the week, which comes back."""

    key: Key
    start: datetime | None
    end: datetime | None


def _hour(local: datetime) -> datetime:
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return local.astimezone(UTC) - past


_KEYS: Mapping[Dimension, Callable[[datetime], Key]] = {
    Dimension.HOUR: _hour,
    Dimension.DAY: datetime.date,
    Dimension.WEEK: lambda local: local.date() - timedelta(days=local.weekday()),
    Dimension.MONTH: lambda local: local.date().replace(day=1),
    Dimension.HOUR_OF_WEEK: lambda local: local.weekday() * 24 + local.hour,
}


def key(kind: Dimension, moment: datetime, zone: str) -> Key:
    """The bucket that a moment is in."""
    return _KEYS[kind](moment.astimezone(ZoneInfo(zone)))


def label(kind: Dimension, key: Key, zone: str) -> str:
    """As people write it: ``2026-11-24T13:00+01:00``, ``2026-11-24``, ``2026-W48``, ``2026-11``, ``Mon 09``."""
    if isinstance(key, datetime):
        return key.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")
    if isinstance(key, int):
        return f"{_WEEKDAYS[key // 24]} {key % 24:02}"
    year, week, _ = key.isocalendar()
    return {Dimension.WEEK: f"{year}-W{week:02}", Dimension.MONTH: f"{key:%Y-%m}"}.get(kind, key.isoformat())


def buckets(kind: Dimension, start: datetime, end: datetime, zone: str) -> list[Bucket]:
    """All from *start* (inclusive) to *end* (exclusive), oldest first; the first and the last are cut by these.

    InvalidInput when there are more than MOST.
    """
    if kind is Dimension.HOUR_OF_WEEK:
        return [Bucket(number, None, None) for number in range(7 * 24)]
    if start >= end:
        return []
    found: list[tuple[Key, datetime]] = []
    for one in (_hours if kind is Dimension.HOUR else _dates)(kind, start, end, zone):
        if len(found) == MOST:
            raise InvalidInput(f"there are more than {MOST:,} buckets; ask for larger ones, or for a shorter window")
        found.append(one)
    spans = pairwise([*(max(start, begin) for _, begin in found), end])
    return [Bucket(key, *span) for (key, _), span in zip(found, spans, strict=True)]


def _hours(kind: Dimension, start: datetime, end: datetime, zone: str) -> Iterator[tuple[Key, datetime]]:
    """By quarters, since clocks are put forward and back by those."""
    last, moment = None, start.astimezone(UTC)
    while moment < end:
        if (found := key(kind, moment, zone)) != last:
            yield found, moment
            last = found
        moment = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0) + _QUARTER


def _dates(kind: Dimension, start: datetime, end: datetime, zone: str) -> Iterator[tuple[Key, datetime]]:
    local, last = ZoneInfo(zone), None
    day, final = start.astimezone(local).date(), (end - timedelta(milliseconds=1)).astimezone(local).date()
    while day <= final:
        if (found := _KEYS[kind](datetime(day.year, day.month, day.day, tzinfo=local))) != last:
            yield found, midnight(day, zone)
            last = found
        day += timedelta(days=1)
