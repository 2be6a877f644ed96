"""When the demo's calls happen: growth over the period, quiet weekends, busy mornings.

Every day is drawn by itself, so that loading may stop after any day and go on without repeating the days before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

_WEEKDAYS = (100, 108, 106, 103, 92, 41, 33)
_HOURS = (9, 6, 4, 4, 6, 13, 28, 55, 86, 100, 97, 88, 74, 84, 92, 87, 76, 61, 48, 41, 36, 29, 21, 14)
_HOUR = timedelta(hours=1)
#: No call begins later than this before the end, so that the slowest has ended by then.
SETTLED = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class Day:
    """A day in UTC, *ago* days before the last one; ``moments`` are when calls begin, oldest first."""

    ago: int
    start: datetime
    moments: tuple[datetime, ...]


def schedule(until: datetime, *, executions: int, days: int, seed: str) -> list[Day]:
    """Spread exactly *executions* over the last *days* days up to *until*, oldest first; empty days left out."""
    end = until - SETTLED
    midnight = end.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [midnight - timedelta(days=ago) for ago in range(days - 1, -1, -1)]
    hours = [start + _HOUR * hour for start in starts for hour in range(24)]
    weights = [_weight(start, end, n // 24, days) for n, start in enumerate(hours)]
    counts = _apportion(executions, weights)
    drawn: list[Day] = []
    for n, start in enumerate(starts):
        chance = Random(f"{seed}/{days - 1 - n}/moments")  # noqa: S311
        moments = [
            moment
            for hour, count in enumerate(counts[n * 24 : n * 24 + 24])
            for moment in _moments(chance, start + _HOUR * hour, end, count)
        ]
        if moments:
            drawn.append(Day(days - 1 - n, start, tuple(moments)))
    return drawn


def _weight(start: datetime, end: datetime, day: int, days: int) -> int:
    """How much happens in the hour from *start*; the hour of *end* counts in part, later ones not at all."""
    seconds = min(3600, max(0, int((end - start).total_seconds())))
    growth = 55 + 45 * day // days
    return growth * _WEEKDAYS[start.weekday()] * _HOURS[start.hour] * seconds


def _moments(chance: Random, start: datetime, end: datetime, count: int) -> Sequence[datetime]:
    span = min(_HOUR, end - start) // timedelta(milliseconds=1)
    return [start + timedelta(milliseconds=n) for n in sorted(int(chance.random() * span) for _ in range(count))]


def _apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to *weights* that add up to *total*; the rest goes to the largest remainders."""
    whole = sum(weights)
    shares = [divmod(total * weight, whole) for weight in weights]
    counts = [share for share, _ in shares]
    by_remainder = sorted(range(len(shares)), key=lambda n: (-shares[n][1], n))
    for n in by_remainder[: total - sum(counts)]:
        counts[n] += 1
    return counts
