"""What every Record promises of pruning: what is old leaves for good, and only that."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import call_of, ended, opened, step_of
from kit.executions import NOON, closed, done, pending
from kit.record import history, store, workspace
from promptforge.core.errors import Conflict
from promptforge.core.filter import Operator, Test
from promptforge.core.pruning import Pruned
from promptforge.core.query import Breakdown, Dimension, Page, Recorded

__all__ = ["history", "store", "workspace"]

BORDER = NOON - timedelta(days=2)
OLD, YOUNG = BORDER - timedelta(hours=1), BORDER + timedelta(hours=1)
NOTHING = Pruned(executions=0, chain_executions=0, cost=0, days=0)


async def ids_of(store, workspace):
    """The ids of all calls, and those of all chain executions."""
    calls, chains = await store.page(Page(workspace=workspace)), await store.chain_page(Page(workspace=workspace))
    return {run.id for run in calls.items}, {chain.id for chain in chains.items}


async def sums(store, workspace):
    """Calls and costs by day: from the sums that are kept, and from the rows."""
    by_day = Breakdown(workspace=workspace, by=(Dimension.DAY,))
    rows = replace(by_day, filter=Test("provider", Operator.IN, ("demo",)))
    found = [await store.figures(query) for query in (by_day, rows)]
    return [[(group.key, group.figures.calls, group.figures.cost) for group in groups.items] for groups in found]


async def chain_with_calls(store, workspace, at, *offsets):
    """A chain execution that was opened then, each of its calls made so much later and closed; it is still open."""
    chain = opened(workspace, at)
    await store.open_chain(chain)
    calls = []
    for number, offset in enumerate(offsets):
        ref = call_of(chain, f"step{number}", number).step
        call = closed(pending(workspace, at + offset, step=ref))
        await store.close_step(call, step_of(call))
        calls.append(call)
    return chain, calls


async def test_what_was_promised_goes_and_the_rest_stays_to_the_digit(store, workspace):
    """The dry run says exactly what the pruning takes; rows, kept sums and content of what is younger are as before."""
    draw = random.Random(7)
    runs = [
        done(workspace, NOON - timedelta(minutes=draw.randrange(6 * 1440)), cost=draw.randrange(10**12))
        for _ in range(300)
    ]
    other = done(f"{workspace}-other", OLD)
    await store.record([*runs, other])
    old = [run for run in runs if run.created_at < BORDER]
    kept = [run for run in runs if run.created_at >= BORDER]

    dry = await store.prune(workspace, BORDER, dry=True)
    assert len((await ids_of(store, workspace))[0]) == 50
    pruned = await store.prune(workspace, BORDER, dry=False)

    assert pruned == dry
    assert (pruned.executions, pruned.cost) == (len(old), sum(run.cost for run in old))
    assert pruned.days == len({run.created_at.date() for run in old})
    assert (pruned.first, pruned.last) == (min(r.created_at for r in old), max(r.created_at for r in old))
    rolled, counted = await sums(store, workspace)
    assert rolled == counted
    assert sum(row[1] for row in rolled) == len(kept)
    assert sum(row[2] for row in rolled) == sum(run.cost for run in kept)
    words = Page(workspace=workspace, filter=Test("text", Operator.WORDS, ("morning",)), limit=500)
    assert {run.id for run in (await store.page(words)).items} == {run.id for run in kept}
    assert await store.get(workspace, old[0].id) is None
    assert await store.get(other.workspace, other.id) == other
    assert await store.prune(workspace, BORDER, dry=False) == NOTHING


async def test_a_chain_execution_goes_with_all_its_calls(store, workspace):
    """Calls that were made after the border go with the chain execution from before it, and no others."""
    chain, calls = await chain_with_calls(store, workspace, OLD, timedelta(0), timedelta(hours=3))
    await store.close_chain(ended(chain, *(step_of(call) for call in calls)))
    later, its = await chain_with_calls(store, workspace, YOUNG, timedelta(0))
    await store.close_chain(ended(later, *(step_of(call) for call in its)))
    alone = done(workspace, YOUNG)
    await store.record([alone])

    pruned = await store.prune(workspace, BORDER, dry=False)

    assert (pruned.executions, pruned.chain_executions) == (2, 1)
    assert await ids_of(store, workspace) == ({its[0].id, alone.id}, {later.id})
    assert await store.get_chain(workspace, chain.id) is None


async def test_what_is_open_stays_with_what_belongs_to_it(store, workspace):
    """An old run that is open, and an open chain execution with the calls it has made, are as they were."""
    run = pending(workspace, OLD)
    await store.open(run)
    chain, calls = await chain_with_calls(store, workspace, OLD, timedelta(0), timedelta(hours=3))
    gone = done(workspace, OLD)
    await store.record([gone])

    pruned = await store.prune(workspace, BORDER, dry=False)
    assert (pruned.executions, pruned.chain_executions) == (1, 0)
    assert await ids_of(store, workspace) == ({run.id, *(call.id for call in calls)}, {chain.id})
    assert await store.get(workspace, calls[0].id) == calls[0]

    whole = ended(chain, *(step_of(call) for call in calls))
    await store.close_chain(whole)
    await store.close(closed(run))
    assert await store.get_chain(workspace, chain.id) == whole
    assert (await store.prune(workspace, BORDER, dry=False)).executions == 3


async def test_what_is_on_its_way_stays(store, workspace):
    """A row that has not arrived in history is not taken, nor forgotten: handed in again it is a duplicate."""
    waiting = done(workspace, OLD)
    store.patience = 0.0
    await asyncio.to_thread(store._shipper.stop)
    await store.record([waiting])

    assert await store.prune(workspace, BORDER, dry=False) == NOTHING
    assert await store.get(workspace, waiting.id) == waiting
    assert await store.record([waiting]) == Recorded(stored=0, duplicate=1, rejected=0)
    await store.shutdown(0.0)


async def test_what_is_gone_may_come_again_and_counts_once(store, workspace):
    """An id that was pruned is no duplicate of anything; one that stayed is."""
    old, young = done(workspace, OLD), done(workspace, YOUNG)
    await store.record([old, young])
    await store.prune(workspace, BORDER, dry=False)

    assert await store.record([old, young]) == Recorded(stored=1, duplicate=1, rejected=0)
    assert await store.record([old]) == Recorded(stored=0, duplicate=1, rejected=0)
    assert (await ids_of(store, workspace))[0] == {old.id, young.id}


async def test_the_doctor_misses_nothing_that_was_pruned(store, workspace):
    """What left on purpose is not a history that has lost rows; calls that went along with a chain are not either."""
    chain, calls = await chain_with_calls(store, workspace, OLD, timedelta(0), timedelta(hours=3))
    await store.close_chain(ended(chain, *(step_of(call) for call in calls)))
    await store.record([done(workspace, OLD)])
    await store.prune(workspace, BORDER, dry=False)

    checkup = await store.checkup(late=NOON, since=NOON)
    assert "missing" not in {finding.check for finding in checkup.findings}


async def test_pruning_leaves_no_old_files(store, history, workspace):
    """The parts that held the rows are off the disk when it returns."""
    await store.record([done(workspace, OLD), done(workspace, YOUNG)])
    await store.prune(workspace, BORDER, dry=False)

    held = "SELECT count() FROM system.parts WHERE NOT active AND database = currentDatabase()"
    assert history._engine.ask(held, {})[0][0] == 0


async def test_what_was_cut_short_is_done_again(store, history, workspace):
    """With the content gone and the figures not yet, all of it is due still."""
    await store.record([done(workspace, OLD), done(workspace, YOUNG)])
    due = await store.prune(workspace, BORDER, dry=True)
    half = "ALTER TABLE payloads DELETE WHERE workspace = {workspace:String} AND created_at < {before:DateTime64(3)}"
    history._engine.command(half, {"workspace": workspace, "before": BORDER.timestamp()}, mutations_sync=2)

    assert await store.prune(workspace, BORDER, dry=False) == due
    assert len((await ids_of(store, workspace))[0]) == 1


async def test_nothing_is_pruned_under_a_backup(store, workspace, monkeypatch):
    """A copy of half of it would be no copy."""
    monkeypatch.setattr(store, "_backing_up", True)
    with pytest.raises(Conflict, match="backup"):
        await store.prune(workspace, BORDER, dry=False)
