"""What every Record promises to services."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import opened
from kit.executions import NOON, closed, done, pending, some
from kit.record import history, store, workspace
from promptforge.core.errors import Conflict, InvalidInput
from promptforge.core.execution import Content, ErrorType, Source, StepRef
from promptforge.core.filter import TOP_LEVEL, All, Any, Not, Operator, Test
from promptforge.core.ports import Claim
from promptforge.core.query import Breakdown, Dimension, Page, Recorded, Subject

__all__ = ["history", "store", "workspace"]


async def test_a_run_is_readable_at_every_moment_of_its_life(store, workspace):
    """Pending at once, closed at once, by id and on the page, one row all the time and nothing behind."""
    run = pending(workspace)
    assert await store.open(run) == run.id
    assert await store.get(workspace, run.id) == run
    assert list((await store.page(Page(workspace=workspace))).items) == [run]
    await store.close(closed(run))
    assert await store.get(workspace, run.id) == closed(run)
    page = await store.page(Page(workspace=workspace))
    assert list(page.items) == [closed(run)]
    assert page.freshness.behind == 0


async def test_content_is_out_of_answers_from_its_day_on_wherever_the_run_is(store, workspace):
    """A run that has not left the journal yet shows no content past its day either; its figures stay."""
    past, kept = done(workspace, expires_on=NOON.date()), done(workspace, expires_on=NOON.date() + timedelta(1))
    with store._shipper.lock:  # nothing leaves the journal meanwhile
        await store.record([past, kept])
        found, other = await store.get(workspace, past.id), await store.get(workspace, kept.id)
    assert found == replace(past, content=None)
    assert other == kept


async def test_a_second_close_changes_nothing_and_is_not_announced(store, workspace):
    """Closing is idempotent per id."""
    run = pending(workspace)
    await store.open(run)
    await store.close(closed(run))
    watcher = store.watch(workspace)
    await store.close(closed(run, latency_ms=1))
    other = pending(workspace)
    await store.open(other)
    assert (await anext(watcher)).id == other.id
    assert (await store.get(workspace, run.id)).latency_ms == 120


async def test_watchers_hear_of_openings_and_closings_of_their_workspace(store, workspace):
    """In order, from the moment they ask, only what is theirs."""
    before, run, other = pending(workspace), pending(workspace), pending(f"{workspace}-other")
    await store.open(before)
    watcher = store.watch(workspace)
    await store.open(other)
    await store.open(run)
    await store.close(closed(run))
    assert [await anext(watcher), await anext(watcher)] == [run, closed(run)]


async def test_a_slow_watcher_loses_the_oldest(store, workspace):
    """Its queue is bounded and holds the newest."""
    watcher = store.watch(workspace)
    runs = some(workspace, 1_500)
    await store.record(runs)
    heard = [await anext(watcher) for _ in range(1_000)]
    assert heard == runs[500:]


async def test_an_idempotency_key_opens_once(store, workspace):
    """The earlier id comes back and nothing is announced; another input is a conflict."""
    first, second = pending(workspace), pending(workspace)
    await store.open(first, Claim("k", "a"))
    watcher = store.watch(workspace)
    assert await store.open(second, Claim("k", "a")) == first.id
    with pytest.raises(Conflict):
        await store.open(second, Claim("k", "b"))
    third = pending(workspace)
    await store.open(third)
    assert (await anext(watcher)).id == third.id
    assert len((await store.page(Page(workspace=workspace))).items) == 2


async def test_what_came_from_outside_is_stored_exactly_once(store, workspace):
    """Repeats inside a batch, over batches, and of what left the journal's memory are counted as duplicates."""
    runs = some(workspace, 5)
    old = done(workspace, NOON - timedelta(days=30))
    assert await store.record([*runs, runs[0], old]) == Recorded(stored=6, duplicate=1)
    await store.page(Page(workspace=workspace))
    await store._journal._writer.write(lambda c: c.execute("DELETE FROM seen WHERE id = ?", (old.id,)) and None)
    more = done(workspace)
    assert await store.record([runs[2], old, more]) == Recorded(stored=1, duplicate=2)
    assert len((await store.page(Page(workspace=workspace))).items) == 7


async def test_two_batches_at_once_store_an_id_once(store, workspace):
    """Whoever comes first; received is stored and duplicate together."""
    runs = some(workspace, 100)
    results = await asyncio.gather(*(store.record(runs) for _ in range(4)))
    assert sum(r.stored for r in results) == 100
    assert sum(r.duplicate for r in results) == 300
    groups = await store.figures(Breakdown(workspace=workspace))
    assert groups.items[0].figures.calls == 100


async def test_what_cannot_be_kept_is_rejected_and_counted(store, workspace):
    """An id that is none or has another moment, a time far ahead, a number beyond 64 bits; the rest is stored."""
    good = done(workspace)
    bad = [
        replace(done(workspace), id="exec_1"),
        replace(done(workspace), created_at=NOON + timedelta(seconds=1)),
        done(workspace, NOON + timedelta(hours=25)),
        done(workspace, latency_ms=2**65),
    ]
    assert await store.record([good, *bad]) == Recorded(stored=1, duplicate=0, rejected=4)
    with pytest.raises(InvalidInput):
        await store.open(replace(pending(workspace), id="exec_1"))


async def test_content_that_no_store_keeps_is_made_storable(store, workspace):
    """Half a surrogate pair and a huge number are legal JSON: they are kept as near as can be."""
    run = pending(workspace, content=Content(input={"a\ud800": 10**30, "b": [{"c": "\ud83d\ude00"}]}))
    await store.open(run)
    await store.close(closed(run))
    kept = (await store.page(Page(workspace=workspace))).items[0]
    assert kept.content.input == {"a\ufffd": str(10**30), "b": [{"c": "😀"}]}


async def test_pages_hold_open_and_stored_runs_in_one_order(store, workspace):
    """Offsets, cursors and filters see one list, whatever is open or closed."""
    runs = [pending(workspace, NOON + timedelta(seconds=n)) for n in range(12)]
    for run in runs:
        await store.open(run)
    for run in runs[::3]:
        await store.close(closed(run))
    expected = [closed(run) if n % 3 == 0 else run for n, run in enumerate(runs)][::-1]
    whole = (await store.page(Page(workspace=workspace))).items
    assert list(whole) == expected
    for offset in range(13):
        page = await store.page(Page(workspace=workspace, limit=4, offset=offset))
        assert list(page.items) == expected[offset : offset + 4]
        after = await store.page(Page(workspace=workspace, limit=4, offset=1, after=expected[offset - 1].id))
        assert list(after.items) == (expected[offset + 1 : offset + 5] if offset else [])
    open_only = Page(workspace=workspace, filter=Test("status", Operator.IN, ("pending",)), content=False)
    assert [run.id for run in (await store.page(open_only)).items] == [r.id for r in expected if r.pending]
    assert all(run.content is None for run in (await store.page(open_only)).items)


async def test_a_run_is_counted_once_while_it_moves(store, workspace):
    """Every answer during a storm of openings and closings counts each run once, pending or finished."""
    opened = asyncio.Event()

    async def live(n: int) -> None:
        run = pending(workspace, NOON + timedelta(milliseconds=n))
        await store.open(run)
        opened.set()
        await store.close(closed(run))

    async def ask() -> None:
        await opened.wait()
        seen = 0
        while seen < 300:
            groups = await store.figures(Breakdown(workspace=workspace))
            figures = groups.items[0].figures
            assert figures.calls == figures.pending + figures.success
            assert figures.calls >= seen
            assert groups.freshness.behind == 0
            seen = figures.calls
            ids = [run.id for run in (await store.page(Page(workspace=workspace, limit=500))).items]
            assert len(ids) == len(set(ids)) >= seen

    async def storm() -> None:
        for start in range(0, 300, 20):
            await asyncio.gather(*(live(n) for n in range(start, start + 20)))

    await asyncio.gather(storm(), ask())


async def test_open_runs_are_counted_as_pending(store, workspace):
    """In the total and in each group, by subject; with the filter and the time applied to them too."""
    step = StepRef(chain_execution_id="chex_1")
    await store.open(pending(workspace, service="shop"))
    await store.open(pending(workspace, service="shop", step=step))
    await store.record(some(workspace, 2, service="shop") + some(workspace, 1))
    query = Breakdown(workspace=workspace, by=(Dimension.SERVICE,))
    runs = (await store.figures(query)).items
    assert [(g.key, g.figures.runs, g.figures.calls, g.figures.pending) for g in runs] == [
        (("shop",), 3, 4, 1),
        ((None,), 1, 1, 0),
    ]
    calls = (await store.figures(replace(query, subject=Subject.CALLS))).items
    assert calls[0].figures.pending == 2
    top = (await store.figures(replace(query, filter=TOP_LEVEL))).items
    assert top[0].figures.calls == 3
    assert list((await store.figures(replace(query, end=NOON))).items) == []


async def test_filters_mean_the_same_for_open_and_stored_runs(store, workspace):
    """The same tree, asked before and after closing."""
    run = pending(workspace, tags={"env": "prod"}, end_user="ada")
    tree = All(
        (
            Test("tag", Operator.IN, ("prod", "test"), "env"),
            Not(Test("end_user", Operator.LIKE, ("b*",))),
            Any((Test("text", Operator.WORDS, ("ADA",)), Test("cached", Operator.EXISTS))),
        )
    )
    page = Page(workspace=workspace, filter=tree)
    await store.open(run)
    assert [found.id for found in (await store.page(page)).items] == [run.id]
    await store.close(closed(run))
    assert [found.id for found in (await store.page(page)).items] == [run.id]


async def test_erasing_removes_everything_of_a_workspace(store, workspace):
    """Open runs, what is on its way and what is stored; it may be filled again."""
    other = done(f"{workspace}-other")
    await store.record([*some(workspace, 3), other])
    await store.page(Page(workspace=workspace))
    runs = some(workspace, 2)
    await store.record(runs)
    await store.open(pending(workspace))
    await store.erase(workspace)
    assert list((await store.page(Page(workspace=workspace))).items) == []
    assert await store.get(workspace, runs[0].id) is None
    assert await store.get(other.workspace, other.id) == other
    assert (await store.record(runs)).stored == 2
    assert store.health().open == 0


async def test_health_says_what_is_open(store, workspace):
    """Open runs are counted, and a record that works has no problem."""
    await store.open(pending(workspace))
    health = store.health()
    assert (health.open, health.history, health.problem) == (1, True, None)


async def test_an_error_is_kept_with_its_words(store, workspace):
    """Status, type and sentence of a failure come back as they were."""
    run = pending(workspace)
    await store.open(run)
    failed = closed(run, error_type=ErrorType.AUTHENTICATION)
    await store.close(failed)
    page = await store.page(Page(workspace=workspace, filter=Test("error_type", Operator.IN, ("authentication",))))
    assert list(page.items) == [failed]


async def test_services_are_seen_with_their_newest_and_every_road(store, workspace):
    """Open runs, chains and what has arrived in history are one answer: the newest first, at most as many as asked
    for, and nothing of another workspace."""
    await store.record(
        [
            done(workspace, NOON, service="shop", source=Source.OTLP),
            done(workspace, NOON - timedelta(days=90), service="shop", source=Source.GATEWAY),
            done(workspace, NOON - timedelta(hours=1), service="desk"),
            done(workspace, NOON - timedelta(hours=2)),
            done(f"{workspace}-other", NOON, service="theirs"),
        ]
    )
    await store.open(pending(workspace, NOON + timedelta(minutes=1), service="desk", source=Source.SDK))
    await store.open_chain(opened(workspace, NOON - timedelta(minutes=1), service="flow"))

    found = await store.seen(workspace, 10)

    assert [(one.service, one.last - NOON) for one in found] == [
        ("desk", timedelta(minutes=1)),
        ("shop", timedelta()),
        ("flow", timedelta(minutes=-1)),
        (None, timedelta(hours=-2)),
    ]
    assert found[0].sources == (Source.API, Source.SDK)
    assert found[1].sources == (Source.GATEWAY, Source.OTLP)
    assert list(await store.seen(workspace, 2)) == list(found[:2])
