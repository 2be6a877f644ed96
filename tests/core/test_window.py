"""Windows of time: days of a zone, whatever their length."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.window import all_time, before, last_days, midnight, zone

ZONES = ["UTC", "Europe/Zurich", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(moments, st.sampled_from(ZONES), st.integers(1, 400))
def test_the_days_of_a_window_cover_it_without_gap_or_overlap(now, zone_name, days):
    """N days have N dates, each begins where the one before ended, and now lies in the last."""
    window = last_days(days, zone_name, now)

    assert days == len(window.dates)
    edges = [midnight(day, zone_name) for day in window.dates] + [window.end]
    assert window.start == edges[0]
    assert all(a < b for a, b in pairwise(edges))
    assert edges[-2] <= now < edges[-1]


def test_a_day_of_25_hours_is_one_day():
    """The night the clocks go back makes its day longer and the window's edges stay midnights."""
    window = last_days(2, "Europe/Zurich", datetime(2026, 10, 25, 12, tzinfo=UTC))

    assert timedelta(hours=49) == window.end - window.start


@given(moments, st.sampled_from(ZONES), st.integers(1, 60))
def test_the_span_before_ends_at_the_same_time_of_day(now, zone_name, days):
    """Today so far is compared with the same part of the earlier span, not with all of it."""
    window = last_days(days, zone_name, now)
    earlier = before(window, now)

    assert earlier is not None
    assert earlier.start <= earlier.end <= now
    assert earlier.days == days
    assert abs((now - earlier.end) - timedelta(days=days)) <= timedelta(hours=25)


def test_all_time_has_no_start_and_nothing_before_it():
    """All time is open at its beginning."""
    now = datetime(2026, 5, 1, tzinfo=UTC)

    assert all_time("UTC", now).start is None
    assert before(all_time("UTC", now), now) is None


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "", "Europe"])
def test_an_unknown_zone_is_named(name):
    """A wrong zone is the caller's error, said in a sentence."""
    with pytest.raises(InvalidInput, match="is not a time zone"):
        zone(name)
