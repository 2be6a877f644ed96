"""Breakdowns by SQL against the same in Python: any dimensions, buckets of any zone, any rank, any limit."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.executions import done, pending
from kit.record import history
from promptforge.core import bucket
from promptforge.core.execution import CostState, ErrorType, PromptRef, Status, StepRef
from promptforge.core.filter import EVERYTHING, All, Operator
from promptforge.core.filter import Test as Where
from promptforge.core.query import BUCKETS, Breakdown, Dimension, Metric, Subject, Tag
from promptforge.core.stats import Figures, total
from promptforge.record import merge

__all__ = ["history"]

WORKSPACE = "breakdowns"
ZONES = ("UTC", "Europe/Zurich", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
CHANGES = (  # clocks go forward or back in one of the zones
    datetime(2025, 10, 26, 1, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 4, 4, 15, 0, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 4, 30, tzinfo=UTC),
)
DIMENSIONS = (*Dimension, Tag("team"), Tag("absent"))


def made(count):
    """Executions around the changes of clocks, from few values, so that groups are of several."""
    draw = random.Random(5)

    def maybe(*values):
        return draw.choice([None, *values])

    for _ in range(count):
        failed = draw.random() < 0.3
        version = draw.randint(1, 3)
        yield done(
            WORKSPACE,
            draw.choice(CHANGES) + timedelta(milliseconds=draw.randint(-90_000_000, 90_000_000)),
            status=Status.ERROR if failed else Status.SUCCESS,
            error_type=draw.choice(list(ErrorType)) if failed else None,
            finish_reason=None if failed else draw.choice(["stop", "length"]),
            model=draw.choice("abc"),
            prompt=maybe(PromptRef(prompt_id="p", prompt_name="n", version_id=f"v{version}", version=version)),
            step=maybe(StepRef(chain_execution_id="x", chain_id="c", chain_name="chain", chain_version=version)),
            session_id=maybe(*(f"s{n}" for n in range(20))),
            service=maybe("shop", "desk"),
            tags=draw.choice([{}, {"team": "care"}, {"team": ""}, {"team": "sales", "x": "y"}]),
            cached=draw.random() < 0.2,
            latency_ms=maybe(0, 5, 500),
            token_in=None if failed else draw.randint(0, 50),
            token_out=None if failed else draw.randint(0, 50),
            cost=None if failed else draw.randint(0, 10**12),
            cost_state=CostState.UNKNOWN if failed else draw.choice([CostState.PRICED, CostState.UNPRICED]),
        )


@pytest.fixture(scope="module")
def runs(history):
    """The stored executions."""
    history.erase(WORKSPACE)
    some = list(made(400))
    history.insert(7_000_001, list(enumerate(some, 7_000_001)), doubt=False)
    return some


def value(dimension, run, zone):
    """What an execution is grouped by, said anew."""
    if isinstance(dimension, Tag):
        return run.tags.get(dimension.key) or None
    if dimension in BUCKETS:
        return bucket.key(dimension, run.created_at, zone)
    places = {"prompt_id": run.prompt, "prompt_name": run.prompt, "version_id": run.prompt, "version": run.prompt}
    places |= {"label": run.prompt, "chain_id": run.step, "chain_name": run.step, "chain_version": run.step}
    found = getattr(places.get(dimension.value, run), dimension.value, None)
    return getattr(found, "value", found) or None


def figures_of(run, subject):
    """What one finished call adds."""
    counted = subject is Subject.CALLS or run.step is None
    return Figures(
        runs=run.step is None,
        calls=1,
        success=counted and run.status is Status.SUCCESS,
        error=counted and run.status is Status.ERROR,
        latency_ms_sum=(run.latency_ms or 0) * counted,
        latency_count=counted and run.latency_ms is not None,
        token_in=run.token_in or 0,
        token_out=run.token_out or 0,
        cost=run.cost or 0,
        priced=run.cost_state is CostState.PRICED,
        unpriced=run.cost_state is CostState.UNPRICED,
        unknown=run.cost_state is CostState.UNKNOWN,
    )


def expected(query, runs):
    """The groups by plain addition, ranked as the reader ranks."""
    parts = {}
    for run in runs:
        parts.setdefault(tuple(value(d, run, query.zone) for d in query.by), []).append(figures_of(run, query.subject))
    return merge.ordered(query, {key: total(some) for key, some in parts.items()})


breakdowns = st.builds(
    Breakdown,
    workspace=st.just(WORKSPACE),
    by=st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True).map(tuple),
    subject=st.sampled_from(Subject),
    zone=st.sampled_from(ZONES),
    rank=st.sampled_from([None, *Metric]),
    minimum=st.sampled_from([0, 5, 60]),
    rest=st.booleans(),
    limit=st.sampled_from([1, 3, 10_000]),
)


@given(query=breakdowns)
@example(query=Breakdown(workspace=WORKSPACE, by=(Dimension.HOUR_OF_WEEK,), zone="Australia/Lord_Howe"))
@example(query=Breakdown(workspace=WORKSPACE, by=(Dimension.MODEL,), rank=Metric.ERROR_RATE, limit=1, rest=True))
def test_sql_and_python_group_alike(history, runs, query):
    """Groups, their order, their sums and the rest are the same by SQL, from kept sums or rows, as by addition."""
    wanted = expected(query, runs)
    assert history.figures(query) == wanted
    assert history.figures(query, 8_000_000) == wanted
    if query.rest or query.limit == 10_000:
        assert total(group.figures for group in wanted) == total(figures_of(run, query.subject) for run in runs)


@given(
    kind=st.sampled_from(sorted(BUCKETS)),
    zone=st.sampled_from(ZONES),
    start=st.sampled_from(CHANGES).flatmap(
        lambda at: st.integers(-(10**8), 10**8).map(lambda ms: at + timedelta(milliseconds=ms))
    ),
    length=st.integers(1, 4 * 10**8),
    at=st.integers(0, 10**9),
)
def test_buckets_leave_nothing_out(kind, zone, start, length, at):
    """Each moment of a window is in the one bucket of its key, which begins before it and ends after it."""
    end = start + timedelta(milliseconds=length)
    found = bucket.buckets(kind, start, end, zone)
    assert len({one.key for one in found}) == len(found)
    moment = start + timedelta(milliseconds=at % length)
    (mine,) = [one for one in found if one.key == bucket.key(kind, moment, zone)]
    if kind is not Dimension.HOUR_OF_WEEK:
        assert mine.start <= moment < mine.end
        assert (found[0].start, found[-1].end) == (start, end)
        assert all(one.end == after.start for one, after in pairwise(found))


def test_days_of_23_and_25_hours():
    """Where clocks change a day has as many hours as it has, each once, and says so in its label."""
    for day, hours in ((datetime(2026, 3, 28, 23, tzinfo=UTC), 23), (datetime(2026, 10, 24, 22, tzinfo=UTC), 25)):
        found = bucket.buckets(Dimension.HOUR, day, day + timedelta(hours=hours), "Europe/Zurich")
        labels = [bucket.label(Dimension.HOUR, one.key, "Europe/Zurich") for one in found]
        assert len(set(labels)) == hours
        assert Counter(one.end - one.start for one in found) == {timedelta(hours=1): hours}
        assert bucket.buckets(Dimension.DAY, day, day + timedelta(hours=hours), "Europe/Zurich")[0].end == found[-1].end


def test_labels():
    """Weeks are those of ISO, whose first and last belong to another year at times."""
    start, end = datetime(2026, 12, 28, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC)
    assert [bucket.label(Dimension.WEEK, b.key, "UTC") for b in bucket.buckets(Dimension.WEEK, start, end, "UTC")] == [
        "2026-W53",
        "2027-W01",
    ]
    months = bucket.buckets(Dimension.MONTH, start, end, "UTC")
    assert [bucket.label(Dimension.MONTH, b.key, "UTC") for b in months] == ["2026-12", "2027-01"]
    assert bucket.label(Dimension.HOUR_OF_WEEK, 33, "UTC") == "Tue 09"


@given(query=breakdowns, count=st.integers(1, 30))
def test_open_runs_count_in_a_group_or_in_the_rest(history, runs, query, count):
    """What is open is added where it belongs; with the rest nothing is lost, whatever the limit is."""
    draw = random.Random(count)
    running = [
        pending(
            WORKSPACE, CHANGES[0] + timedelta(hours=n), model=draw.choice("abcd"), service=draw.choice(["shop", ""])
        )
        for n in range(count)
    ]
    found = merge.groups(query, running, history.figures(query))
    assert len([group for group in found if group.key or not query.by]) <= query.limit
    if query.rest or query.limit == 10_000:
        sums = total(group.figures for group in found)
        assert (sums.calls, sums.pending) == (len(runs) + count, count)


def test_a_search_is_grouped_alike(history, runs):
    """A text filter is answered window by window, with the same groups."""
    words = All((Where("text", Operator.WORDS, ("morning",)),))
    query = Breakdown(
        workspace=WORKSPACE, by=(Dimension.WEEK, Tag("team")), filter=words, limit=3, rest=True, zone="Asia/Kathmandu"
    )
    assert query.filter != EVERYTHING
    kept = [run for run in runs if run.content]
    assert history.figures(query) == expected(query, kept)
