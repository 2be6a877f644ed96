"""Breakdowns over the real record: what is shown and the rest are the whole, and the same everywhere."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kit.executions import pending, some
from promptforge.core import window
from promptforge.core.access import OF_ROLE, Permission, Role
from promptforge.core.errors import Forbidden, InvalidInput
from promptforge.core.execution import CostState, ErrorType, PromptRef, Status
from promptforge.core.filter import All, Operator
from promptforge.core.filter import Test as Where
from promptforge.core.query import Dimension, Metric, Subject, Tag
from promptforge.core.stats import total

FAILED = {"status": Status.ERROR, "error_type": ErrorType.TIMEOUT, "latency_ms": None, "cost": None,
          "cost_state": CostState.UNKNOWN, "token_in": None, "token_out": None, "usage": None}  # fmt: skip
AT = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
SPAN = window.between(AT - timedelta(days=1), AT + timedelta(days=2), "Europe/Zurich")


@pytest.fixture
async def filled(forge, actor):
    """Five models: many, dear, failing, failed once, slow; over the night in which clocks go forward."""
    made = [
        *some(actor.workspace, 40, AT, model="many", cost=1, tags={"team": "a"}),
        *some(actor.workspace, 5, AT + timedelta(hours=12), model="dear", cost=10**12),
        *some(actor.workspace, 6, AT + timedelta(hours=14), model="failing"),
        *some(actor.workspace, 4, AT + timedelta(hours=14), model="failing", **FAILED),
        *some(actor.workspace, 1, AT + timedelta(hours=20), model="once", **FAILED),
        *some(actor.workspace, 2, AT + timedelta(hours=30), model="slow", latency_ms=60_000, tags={"team": "b"}),
    ]
    await forge.record.record(made)
    await forge.record.open(pending(actor.workspace, AT, model="many"))
    return actor


@pytest.mark.parametrize(
    ("metric", "minimum", "first"),
    [
        (Metric.CALLS, 0, "many"),
        (Metric.COST, 0, "dear"),
        (Metric.ERROR, 0, "failing"),
        (Metric.ERROR_RATE, 0, "once"),
        (Metric.ERROR_RATE, 2, "failing"),
        (Metric.LATENCY, 0, "slow"),
        (Metric.PENDING, 0, "many"),
        (Metric.COST_PER_CALL, 0, "dear"),
        (Metric.TOKENS, 0, "many"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_the_top_and_the_rest_are_the_whole(forge, filled, metric, minimum, first, limit):
    """Whatever is ranked, the first is first, and the parts with the rest are what the overview says."""
    top = await forge.breakdowns.top(
        filled, by=Dimension.MODEL, window=SPAN, metric=metric, minimum=minimum, limit=limit
    )
    whole = await forge.overviews.overview(filled, window=SPAN)
    assert top.parts[0].key == first
    assert len(top.parts) <= limit
    assert total([*(part.figures for part in top.parts), top.rest.figures]) == top.total == whole.totals
    assert len(top.parts) + top.rest.groups == 5
    assert top.subject is Subject.CALLS


async def test_shares_are_of_everything(forge, filled):
    """In percent of the sum, shown or not; an average has none."""
    top = await forge.breakdowns.top(filled, by=Dimension.MODEL, window=SPAN, metric=Metric.CALLS, limit=1)
    assert top.parts[0].share == Decimal("69.49")  # 41 of 59, the open one counted
    top = await forge.breakdowns.top(filled, by=Dimension.MODEL, window=SPAN, metric=Metric.LATENCY, limit=1)
    assert top.parts[0].share is None


@pytest.mark.parametrize("by", [None, Dimension.MODEL, Tag("team"), Dimension.SESSION])
@pytest.mark.parametrize("bucket", [Dimension.HOUR, Dimension.DAY, Dimension.WEEK, Dimension.HOUR_OF_WEEK])
async def test_a_series_adds_up_both_ways(forge, filled, bucket, by):
    """Buckets make the total, and groups with the rest make each bucket."""
    series = await forge.breakdowns.series(filled, bucket=bucket, window=SPAN, by=by, limit=2)
    whole = await forge.overviews.overview(filled, window=SPAN)
    assert total(b.figures for b in series.buckets) == series.total == replace(whole.totals)
    if by is not None:
        columns = [*(row.buckets for row in series.rows), series.rest_buckets]
        for n, one in enumerate(series.buckets):
            assert total(column[n] for column in columns) == one.figures
    if bucket is Dimension.DAY:
        assert [(b.label, b.figures.calls) for b in series.buckets] == [
            ("2026-03-27", 0),
            ("2026-03-28", 41),
            ("2026-03-29", 18),
            ("2026-03-30", 0),
        ]
        lengths = [b.end - b.start for b in series.buckets]
        assert lengths[2] == timedelta(hours=23)


async def test_all_time_begins_with_the_first(forge, filled):
    """Without a start the buckets run from the first with anything in it."""
    series = await forge.breakdowns.series(
        filled, bucket=Dimension.MONTH, window=window.all_time("UTC", forge.clock.now())
    )
    assert series.buckets[0].label == "2026-03"
    assert series.total.calls == 59


async def test_ids_have_names(forge, actor):
    """A prompt, a version and a user are shown by name; what is not known by its id alone."""
    prompt = await forge.prompts.create(actor, name="Support Reply")
    known = PromptRef(prompt_id=prompt.id, prompt_name="old-name", version_id="gone", version=1)
    await forge.record.record(some(actor.workspace, 2, AT, prompt=known, user_id=actor.user_id))

    async def first(by):
        (part,) = (await forge.breakdowns.top(actor, by=by, window=SPAN)).parts
        return part.key, part.name

    assert await first(Dimension.PROMPT) == (prompt.id, "support-reply")
    assert await first(Dimension.PROMPT_NAME) == ("old-name", None)
    assert await first(Dimension.VERSION_ID) == ("gone", None)
    assert await first(Dimension.USER) == (actor.user_id, (await forge.access.me(actor)).name)


async def test_too_much_is_said(forge, filled):
    """Where an answer would not be whole it is refused, with what to do."""
    long = window.between(AT - timedelta(days=900), AT, "UTC")
    with pytest.raises(InvalidInput, match="more than 5,000 buckets; ask for larger"):
        await forge.breakdowns.series(filled, bucket=Dimension.HOUR, window=long)
    with pytest.raises(InvalidInput, match="limit must be 1 to 50"):
        await forge.breakdowns.series(filled, bucket=Dimension.DAY, window=SPAN, limit=51)
    with pytest.raises(InvalidInput, match="limit must be 1 to 500"):
        await forge.breakdowns.top(filled, by=Dimension.MODEL, window=SPAN, limit=0)


async def test_numbers_are_enough_unless_words_are_searched(forge, filled):
    """As for an overview: who may see numbers only cannot find content out by its words."""
    billing = replace(filled, permissions=OF_ROLE[Role.BILLING])
    nobody = replace(filled, permissions=frozenset({Permission.RUN}))
    words = All((Where("text", Operator.WORDS, ("salary",)),))
    await forge.breakdowns.top(billing, by=Dimension.PROMPT, window=SPAN)
    with pytest.raises(Forbidden):
        await forge.breakdowns.top(billing, by=Dimension.MODEL, window=SPAN, filter=words)
    with pytest.raises(Forbidden):
        await forge.breakdowns.series(billing, bucket=Dimension.DAY, window=SPAN, filter=words)
    with pytest.raises(Forbidden):
        await forge.breakdowns.series(nobody, bucket=Dimension.DAY, window=SPAN)


async def test_other_workspaces_are_not_counted(forge, filled, other_actor):
    """A breakdown is a workspace's own."""
    top = await forge.breakdowns.top(other_actor, by=Dimension.MODEL, window=SPAN)
    assert (top.parts, top.total.calls, top.rest.groups) == ([], 0, 0)
