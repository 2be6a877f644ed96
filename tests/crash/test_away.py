"""A history that fails under load, and a clock that is set back: runs go on, nothing is lost, all catches up alone."""

import asyncio
from datetime import timedelta

import pytest

from kit import spans
from kit.clock import FixedClock
from kit.executions import NOON, closed, done, pending
from kit.record import PATIENCE, history, workspace
from promptforge.core.errors import Unavailable
from promptforge.core.ports import Claim
from promptforge.core.query import Breakdown, Page
from promptforge.record import open_record
from promptforge.services.calls import Call

__all__ = ["history", "workspace"]
RUNS = 200


async def test_runs_go_on_while_the_history_fails(forge, actor, monkeypatch):
    """Every run is answered and found by its id meanwhile, what is behind is said; afterwards all is there once and
    the problem is gone, without anybody's doing."""
    store, call = forge.record, Call(content="hello", params={"model": "demo-small", "demo": {"latency_ms": 0}})
    insert = store._history.insert

    def fail_after_half(batch, rows, *, doubt):
        """Store a part of the batch and then break, which is the worst that a store can do."""
        insert(batch, rows[: len(rows) // 2], doubt=doubt)
        raise Unavailable("the history broke in the middle")

    monkeypatch.setattr(store, "patience", 0.0)
    monkeypatch.setattr(store._history, "insert", fail_after_half)
    runs = await asyncio.gather(*[forge.executions.execute(actor, call) for _ in range(RUNS)])
    while store.health().history:
        await asyncio.sleep(0.01)
    health, page = store.health(), await forge.executions.page(actor, limit=500)
    assert {run.status for run in runs} == {"success"}
    assert (await forge.executions.get(actor, runs[0].id)).content == runs[0].content
    assert (health.history, health.problem) == (False, "the history broke in the middle")
    assert page.freshness.behind > 0

    monkeypatch.setattr(store._history, "insert", insert)
    monkeypatch.setattr(store, "patience", PATIENCE)
    page = await forge.executions.page(actor, limit=500)
    assert sorted(run.id for run in page.items) == sorted(run.id for run in runs)
    figures = (await store.figures(Breakdown(workspace=actor.workspace))).items[0].figures
    assert (figures.calls, figures.success) == (RUNS, RUNS)
    assert store.health().problem is None


async def test_spans_are_taken_while_the_history_fails(forge, actor, monkeypatch):
    """Requests are acknowledged meanwhile, also those that come again; afterwards each call is there once, in its chain
    execution."""
    store, insert = forge.record, forge.record._history.insert

    def fail_after_half(batch, rows, *, doubt):
        """Store a part of the batch and then break, which is the worst that a store can do."""
        insert(batch, rows[: len(rows) // 2], doubt=doubt)
        raise Unavailable("the history broke in the middle")

    now = forge.clock.now()
    roots = [spans.work(now, spans.trace()) for _ in range(RUNS // 4)]
    requests = [[spans.under(root), spans.under(root, 1), root, spans.call(now)] for root in roots]
    with monkeypatch.context() as away:
        away.setattr(store, "patience", 0.0)
        away.setattr(store._history, "insert", fail_after_half)
        taken = await asyncio.gather(*[forge.traces.take(actor, request) for request in requests])
        while store.health().history:
            await asyncio.sleep(0.01)
        again = await asyncio.gather(*[forge.traces.take(actor, request[::-1]) for request in requests])
    assert {(one.stored, one.duplicate, two.stored) for one, two in zip(taken, again, strict=True)} == {(3, 0, 0)}

    calls = await forge.executions.page(actor, limit=500)
    found = await forge.chain_reader.page(actor, limit=500)
    assert (len(calls.items), len({run.id for run in calls.items})) == (3 * len(roots), 3 * len(roots))
    assert [(chain.status, len(chain.steps)) for chain in found.items] == [("success", 2)] * len(roots)
    assert store.health().problem is None


async def test_a_clock_that_is_set_back_confuses_nothing(tmp_path, history, workspace):
    """Runs opened before are closed after, keys still stand for what they stood for, ids stay known, ages are no less
    than nothing; a start on the way loses none."""
    clock = FixedClock(NOON)
    store = await open_record(tmp_path, clock, history=history, min_free_mb=0)
    store.patience = PATIENCE
    first, running, stored = pending(workspace), pending(workspace), done(workspace)
    await store.open(first, Claim("key", "input"))
    await store.open(running)
    await store.record([stored])
    clock.advance(-20 * 3_600)
    assert store.health().oldest >= 0
    await store.close(closed(first))
    later = pending(workspace, clock.now() + timedelta(seconds=1))
    assert await store.open(later, Claim("key", "input")) == first.id
    await store.open(later)
    assert (await store.record([stored])).duplicate == 1
    await store.shutdown()

    store = await open_record(tmp_path, clock, history=history, min_free_mb=0)
    store.patience = PATIENCE
    found = (await store.page(Page(workspace=workspace))).items
    assert [run.id for run in found] == [run.id for run in (stored, running, first, later)]
    assert [run.error_type for run in found] == [None, "interrupted", None, "interrupted"]
    assert (await store.record([stored])).duplicate == 1
    await store.shutdown()


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_that_ran_ahead_and_is_set_right_lets_nothing_in_twice(tmp_path, history, workspace, restarted):
    """What the journal forgot too early is found in the history; what is new is taken in all the same."""
    clock = FixedClock(NOON)
    store = await open_record(tmp_path, clock, history=history, min_free_mb=0)
    old, young = done(workspace, NOON - timedelta(days=6)), done(workspace, NOON + timedelta(hours=23))
    await store.record([old, young])
    assert await store._shipper.reach(store._journal.last, PATIENCE)
    clock.advance(9 * 86_400)
    # no id is forgotten before its event has left the journal, which may be a moment after it was shipped
    while await store._journal.known(workspace, [old.id, young.id]):
        await asyncio.to_thread(store._journal.tidy)
    clock.advance(-9 * 86_400)
    if restarted:
        await store.shutdown()
        store = await open_record(tmp_path, clock, history=history, min_free_mb=0)
    new = done(workspace, NOON - timedelta(days=1))
    recorded = await store.record([old, young, new])
    assert (recorded.stored, recorded.duplicate) == (1, 2)
    store.patience = PATIENCE
    found = (await store.page(Page(workspace=workspace))).items
    assert [run.id for run in found] == [young.id, new.id, old.id]
    await store.shutdown()
