"""A clock that stands still until it is moved, and ids that count up."""

from datetime import UTC, datetime, timedelta

import pytest

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


class FixedClock:
    """Time moves by ``advance`` only; ``bits`` are 1, 2, 3, …"""

    def __init__(self, at: datetime = START) -> None:
        self._at = at
        self._seconds = 0.0
        self._drawn = 0

    def now(self) -> datetime:
        """The time it was set to."""
        return self._at

    def monotonic(self) -> float:
        """Seconds that it was advanced by."""
        return self._seconds

    def bits(self) -> int:
        """The next number."""
        self._drawn += 1
        return self._drawn

    def advance(self, seconds: float) -> None:
        """Move on."""
        self._at += timedelta(seconds=seconds)
        self._seconds += seconds


@pytest.fixture
def fixed_clock():
    """A clock at the same moment in every test."""
    return FixedClock()
