"""Windows of time: "last N days" is today and the N-1 days before, in a zone, so the sum of days is the total."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from promptforge.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Window:
    """From *start* (inclusive; None is the beginning) to *end* (exclusive), counted in days of *zone*."""

    start: datetime | None
    end: datetime
    zone: str
    days: int | None

    @property
    def dates(self) -> tuple[date, ...]:
        """The days of the window, oldest first; empty for all time, whose first day only the record knows."""
        if self.start is None or self.days is None:
            return ()
        first = self.start.astimezone(ZoneInfo(self.zone)).date()
        return tuple(first + timedelta(days=n) for n in range(self.days))


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name; InvalidInput for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"'{name[:60]}' is not a time zone; use an IANA name such as 'Europe/Zurich'") from None


def midnight(day: date, zone_name: str) -> datetime:
    """The first moment of *day* in the zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone(zone_name)).astimezone(UTC)


def last_days(days: int, zone_name: str, now: datetime) -> Window:
    """Today in the zone and the days before it; the end is the coming midnight there."""
    if not 1 <= days <= 3660:
        raise InvalidInput("a window takes 1 to 3660 days")
    today = now.astimezone(zone(zone_name)).date()
    start = midnight(today - timedelta(days=days - 1), zone_name)
    return Window(start, midnight(today + timedelta(days=1), zone_name), zone_name, days)


def last_minutes(minutes: int, zone_name: str, now: datetime) -> Window:
    """So many minutes up to this moment."""
    if not 1 <= minutes <= 3660 * 1440:
        raise InvalidInput("a window takes 1 minute to 3660 days")
    return Window(now - timedelta(minutes=minutes), now + timedelta(milliseconds=1), zone(zone_name).key, None)


def between(start: datetime, end: datetime, zone_name: str) -> Window:
    """From a moment (inclusive) to another (exclusive)."""
    if start >= end:
        raise InvalidInput("the window is empty: 'from' must lie before 'to'", path="$.from")
    return Window(start, end, zone(zone_name).key, None)


def all_time(zone_name: str, now: datetime) -> Window:
    """Everything up to the coming midnight in the zone."""
    today = now.astimezone(zone(zone_name)).date()
    return Window(None, midnight(today + timedelta(days=1), zone_name), zone_name, None)


def before(window: Window, now: datetime) -> Window | None:
    """The same span N days earlier, cut at the same time of day, to compare with; None for all time."""
    if window.start is None or window.days is None:
        return None
    local = window.start.astimezone(zone(window.zone)).date() - timedelta(days=window.days)
    start = midnight(local, window.zone)
    wall = now.astimezone(zone(window.zone))
    cut = (wall - timedelta(days=window.days)).astimezone(UTC)
    return Window(start, cut, window.zone, window.days)
