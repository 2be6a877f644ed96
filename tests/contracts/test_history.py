"""What every History promises."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kit.chains import ended, opened, step
from kit.executions import NOON, done, some
from kit.record import history, workspace
from promptforge.core import ids
from promptforge.core.execution import (
    Attempt,
    Content,
    CostState,
    ErrorType,
    Execution,
    PromptRef,
    Source,
    Status,
    StepRef,
)
from promptforge.core.filter import All, Operator, Test
from promptforge.core.price import Line, PriceSource
from promptforge.core.query import Breakdown, Dimension, Page, Subject
from promptforge.core.usage import UsageSource, usage
from promptforge.record.rows import payloads_block

__all__ = ["history", "workspace"]


def stored(history, runs, batch=1, first=1):
    """Put runs there under the numbers from *first*."""
    history.insert(batch, list(enumerate(runs, first)), doubt=False)
    return runs


def full(workspace) -> Execution:
    """An execution with every field set to something of its own."""
    return done(
        workspace,
        source=Source.GATEWAY,
        prompt=PromptRef(prompt_id="p-1", prompt_name="greeter", version_id="v-7", version=7, label="production"),
        step=StepRef(chain_execution_id="chex_1", chain_id="chain_1", step="classify", order=2, iteration=3),
        response_model="demo-small-0613",
        user_id="user_1",
        key_id="key_1",
        service="shop",
        end_user="customer 'é' \\ %",
        session_id="session\t1",
        tags={"env": "prod", "tenant": "a,b"},
        status=Status.ERROR,
        error_type=ErrorType.RATE_LIMIT,
        finish_reason="length",
        first_token_ms=7,
        usage=usage(input=400, input_cache_read=100, output=200),
        usage_source=UsageSource.ESTIMATED,
        cost=-(10**18) - 1,
        cost_state=CostState.UNPRICED,
        lines=(
            Line(
                unit="input",
                quantity=400,
                rate=3_000_001,
                per=1_000_000,
                amount=-5,
                source=PriceSource.WORKSPACE,
                valid_from=NOON,
                rounded=True,
                attempt=2,
            ),
        ),
        claimed=17,
        cached=True,
        avoided=10**18,
        attempts=(
            Attempt(
                number=1,
                provider="demo",
                model="demo-small",
                offset_ms=0,
                latency_ms=5,
                status=Status.ERROR,
                error_type=ErrorType.NETWORK,
                http_status=503,
                request_id="req-1",
            ),
        ),
        streamed=True,
        expires_on=date(2027, 11, 24),
        input_hash=2**64 - 1,
        output_hash=1,
        input_chars=12,
        output_chars=13,
        content=Content(
            input=[{"role": "user", "content": 'say "hi"\n\u2028'}],
            request={"a": [1, 2.5, None, True]},
            output="",
            error="429",
            stack_trace="  at x\n",
            usage_raw={"input_tokens": 400},
            metadata={"k": []},
            attempt_errors=("reset", "é"),
        ),
    )


def test_every_field_comes_back(history, workspace):
    """What is read equals what was stored, by id and on a page."""
    run = full(workspace)
    stored(history, [run])
    assert history.get(workspace, run.id) == run
    assert list(history.page(Page(workspace=workspace))) == [run]


def test_the_bare_minimum_comes_back(history, workspace):
    """Nothing known stays nothing known: no zero, no empty text."""
    run = replace(done(workspace), started_at=None, latency_ms=None, token_in=None, token_out=None, usage=None)
    run = replace(run, cost=None, cost_state=CostState.UNKNOWN, content=Content())
    stored(history, [run])
    assert history.get(workspace, run.id) == run


def test_content_comes_only_when_asked_for(history, workspace):
    """A page without content shows the figures alone; a run that has none stays without."""
    run, bare = done(workspace), done(workspace, NOON + timedelta(seconds=1), content=None)
    stored(history, [run, bare])
    assert list(history.page(Page(workspace=workspace, content=False))) == [bare, replace(run, content=None)]
    assert history.get(workspace, bare.id) == bare


def test_content_is_gone_on_its_day(history, workspace):
    """From ``expires_on`` the figures stay and the content does not show, nor is it found."""
    run = done(workspace, expires_on=NOON.date())
    kept = done(workspace, NOON - timedelta(1), expires_on=NOON.date() + timedelta(1))
    stored(history, [run, kept])
    assert history.get(workspace, run.id) == replace(run, content=None)
    found = Test("text", Operator.WORDS, ("morning",))
    assert list(history.page(Page(workspace=workspace, filter=found))) == [kept]


def test_expired_weeks_leave_the_disk(history, workspace):
    """Dropping content leaves figures and younger content alone."""
    old, young = done(workspace, expires_on=date(2020, 1, 6)), done(workspace, expires_on=date(2030, 1, 6))
    stored(history, [old, young])
    history.expire(date(2020, 1, 13))
    assert history.get(workspace, old.id) == replace(old, content=None)
    assert history.get(workspace, young.id) == young


def test_a_week_leaves_the_disk_on_its_last_day(history, workspace):
    """On Sunday the content of the whole week has expired and falls; on Saturday one day of it still shows."""

    def kept():
        return next(size.rows for size in history.sizes() if size.name == "payloads")

    stored(history, [done(workspace, expires_on=date(2019, 12, 30) + timedelta(day)) for day in range(7)])
    before = kept()

    history.expire(date(2020, 1, 4))
    assert kept() == before

    history.expire(date(2020, 1, 5))
    assert kept() == before - 7


def test_pages_are_newest_first_by_offset_and_by_cursor(history, workspace):
    """Offsets and cursors walk the same list, each execution once; equal moments are ordered by id."""
    runs = stored(history, some(workspace, 7) + some(workspace, 7))
    expected = sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)
    by_offset = [history.page(Page(workspace=workspace, limit=5, offset=n)) for n in (0, 5, 10, 15)]
    assert [run for page in by_offset for run in page] == expected
    found, after = [], None
    while page := history.page(Page(workspace=workspace, limit=4, after=after)):
        found += page
        after = page[-1].id
    assert found == expected


def test_a_search_goes_back_as_far_as_there_is_something(history, workspace):
    """Hits years apart come on one page, newest first, with offset and cursor too."""
    runs = [done(workspace, NOON - timedelta(days=days)) for days in (0, 1, 5, 90, 900)]
    stored(history, runs)
    page = Page(workspace=workspace, filter=Test("text", Operator.WORDS, ("GOOD morning",)))
    assert list(history.page(page)) == runs
    assert list(history.page(replace(page, limit=2, offset=2))) == runs[2:4]
    assert list(history.page(replace(page, after=runs[1].id))) == runs[2:]


def test_a_workspace_sees_only_its_own(history, workspace):
    """No id, page, filter or figure crosses the border."""
    run = done(workspace)
    stored(history, [run])
    other = f"{workspace}-other"
    assert history.get(other, run.id) is None
    assert list(history.page(Page(workspace=other, filter=Test("text", Operator.WORDS, ("morning",))))) == []
    assert list(history.figures(Breakdown(workspace=other))) == []
    assert history.known(other, [run.id]) == frozenset()


def test_known_says_which_are_stored(history, workspace):
    """Over any span of time."""
    runs = stored(history, [done(workspace, NOON - timedelta(days=days)) for days in (0, 400)])
    absent = done(workspace)
    assert history.known(workspace, [r.id for r in [*runs, absent]]) == {run.id for run in runs}
    assert history.known(workspace, []) == frozenset()


def test_a_batch_in_doubt_is_completed_not_repeated(history, workspace):
    """Whatever part of a batch was there, afterwards each row is there once, with its content."""
    runs = some(workspace, 6)
    rows = list(enumerate(runs, 1))
    batch = hash(workspace) % 2**40
    history.insert(batch, rows[:2], doubt=False)
    history._engine.insert("payloads", payloads_block(batch, runs[2:4]))
    history.insert(batch, rows, doubt=True)
    history.insert(batch, rows, doubt=True)
    assert list(history.page(Page(workspace=workspace))) == runs[::-1]
    counted = history._engine.ask("SELECT count() FROM payloads PREWHERE workspace = {w:String}", {"w": workspace})
    assert counted[0][0] == 6


def test_a_batch_of_both_kinds_in_doubt_is_completed_not_repeated(history, workspace):
    """Also where a call carries the number of a chain execution, and whatever part of either was there."""
    chains = [ended(opened(workspace, NOON + timedelta(seconds=n)), step("a")) for n in range(3)]
    calls = [done(workspace, c.created_at, id=c.id.replace("chex_", "exec_")) for c in chains]
    rows = list(enumerate([calls[0], chains[0], chains[1], calls[1], chains[2], calls[2]], 1))
    batch = hash(workspace) % 2**40 + 1
    history.insert(batch, rows[:2], doubt=False)
    history._engine.insert("payloads", payloads_block(batch, [chains[1], calls[2]]))
    history.insert(batch, rows, doubt=True)
    history.insert(batch, rows, doubt=True)
    page = Page(workspace=workspace)
    assert list(history.page(page)) == calls[::-1]
    assert list(history.chain_page(page)) == chains[::-1]
    counted = history._engine.ask("SELECT count() FROM payloads PREWHERE workspace = {w:String}", {"w": workspace})
    assert counted[0][0] == 6
    since = {shown for whose, shown in history.since(batch - 1, 0) if whose == workspace}
    assert since == {run.id for run in (*calls, *chains)}
    assert history.chain_page(page, upto=3) == chains[1::-1]


def test_answers_stand_as_of_a_journal_number(history, workspace):
    """What came later is left out, of pages and of figures."""
    runs = stored(history, some(workspace, 5), first=100)
    assert list(history.page(Page(workspace=workspace), upto=102)) == runs[:3][::-1]
    assert history.figures(Breakdown(workspace=workspace), upto=102)[0].figures.calls == 3


def test_what_cannot_be_a_row_is_refused_before_anything_is_stored(history, workspace):
    """A number beyond the tables raises from ``insert`` and from ``check``, and stores nothing."""
    bad = done(workspace, latency_ms=2**70)
    with pytest.raises(OverflowError):
        history.check(1, [(1, bad)])
    with pytest.raises(OverflowError):
        history.insert(1, [(1, bad), (2, done(workspace))], doubt=False)
    assert list(history.page(Page(workspace=workspace, content=False))) == []


def test_runs_and_calls_are_counted_apart(history, workspace):
    """A call inside a chain is a call and no run; an adjustment is neither, but its cost counts."""
    outside = done(workspace, latency_ms=100, cost=10)
    inside = done(workspace, latency_ms=30, cost=5, step=StepRef(chain_execution_id="chex_1"))
    failed = done(
        workspace,
        status=Status.ERROR,
        error_type=ErrorType.TIMEOUT,
        latency_ms=None,
        token_in=None,
        token_out=None,
        cost=None,
        cost_state=CostState.UNKNOWN,
    )
    adjusted = done(workspace, adjusts=outside.id, cost=-3, token_in=0, token_out=0, content=None)
    stored(history, [outside, inside, failed, adjusted])
    (runs,) = history.figures(Breakdown(workspace=workspace))
    assert (runs.figures.runs, runs.figures.calls, runs.figures.success, runs.figures.error) == (2, 3, 1, 1)
    assert (runs.figures.latency_ms_sum, runs.figures.latency_count) == (100, 1)
    assert (runs.figures.token_in, runs.figures.token_out, runs.figures.cost) == (1000, 400, 12)
    assert (runs.figures.priced, runs.figures.unknown) == (2, 1)
    (calls,) = history.figures(Breakdown(workspace=workspace, subject=Subject.CALLS))
    assert (calls.figures.success, calls.figures.error, calls.figures.latency_ms_sum) == (2, 1, 130)
    assert len(history.page(Page(workspace=workspace))) == 3


def test_days_are_those_of_the_zone(history, workspace):
    """An evening in UTC is the next day in Zurich; days come oldest first."""
    stored(history, [done(workspace, NOON.replace(hour=hour)) for hour in (1, 23)])
    utc = history.figures(Breakdown(workspace=workspace, by=(Dimension.DAY,)))
    zurich = history.figures(Breakdown(workspace=workspace, by=(Dimension.DAY,), zone="Europe/Zurich"))
    assert [(group.key, group.figures.calls) for group in utc] == [((date(2026, 11, 24),), 2)]
    assert [group.key for group in zurich] == [(date(2026, 11, 24),), (date(2026, 11, 25),)]


def test_groups_come_by_size_and_are_cut(history, workspace):
    """Most first, ties by name, missing values as None, at most so many."""
    for model, count in (("b", 1), ("a", 1), ("c", 3)):
        stored(history, some(workspace, count, model=model))
    query = Breakdown(workspace=workspace, by=(Dimension.MODEL, Dimension.SERVICE), subject=Subject.CALLS)
    assert [group.key for group in history.figures(query)] == [("c", None), ("a", None), ("b", None)]
    assert [group.key for group in history.figures(replace(query, limit=1))] == [("c", None)]


def test_a_breakdown_counts_from_start_to_before_end(history, workspace):
    """The start belongs to it, the end does not; the filter narrows it."""
    stored(history, some(workspace, 5))
    query = Breakdown(workspace=workspace, start=NOON + timedelta(seconds=1), end=NOON + timedelta(seconds=4))
    assert history.figures(query)[0].figures.calls == 3
    late = All((Test("created_at", Operator.AT_LEAST, (NOON + timedelta(seconds=3),)),))
    assert history.figures(replace(query, filter=late))[0].figures.calls == 1


def test_erasing_takes_one_workspace(history, workspace):
    """All of it, and nothing of others."""
    mine, other = done(workspace), done(f"{workspace}-other")
    stored(history, [mine, other])
    history.erase(workspace)
    assert history.get(workspace, mine.id) is None
    assert history.get(other.workspace, other.id) == other


def test_an_id_that_is_none_finds_nothing(history, workspace):
    """A malformed id is not found, as an unknown one is not."""
    assert history.get(workspace, "exec_nonsense") is None
    assert history.get(workspace, ids.text("chex", 5)) is None
    assert list(history.page(Page(workspace=workspace, after="what"))) == []


def test_a_look_through_it_finds_what_must_not_be(history, workspace):
    """Content past its day, executions that are there twice and those without a price are counted, versions named."""
    today, since = NOON.date(), NOON - timedelta(days=30)
    before = history.examine(today, since)
    prompt = PromptRef(prompt_id=f"p-{workspace}", prompt_name="p", version_id=f"v-{workspace}", version=1)
    changes = {"model": workspace, "cost_state": CostState.UNPRICED, "cost": None, "lines": (), "prompt": prompt}
    run = done(workspace, **changes, expires_on=today - timedelta(days=20))
    stored(history, [run], batch=3_000_001)
    stored(history, [run], batch=3_000_002)
    found = history.examine(today, since)
    assert (found.twice - before.twice, found.expired - before.expired) == (1, 2)
    assert (workspace, 2) in found.unpriced
    assert (workspace, f"p-{workspace}", f"v-{workspace}") in [
        (name.workspace, name.prompt_id, name.version_id) for name in found.named
    ]
    history.erase(workspace)
