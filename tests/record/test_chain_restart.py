"""Chain executions across the ends of processes: what is open goes on, wherever it stood."""

import asyncio
import shutil
from contextlib import closing

import msgspec
import pytest

from kit.chains import call_of, ended, opened, step, step_of
from kit.clock import FixedClock
from kit.executions import NOON, closed, pending
from kit.record import PATIENCE, history, workspace
from promptforge.core.errors import Unavailable
from promptforge.core.execution import ErrorType
from promptforge.core.query import Breakdown, Page
from promptforge.record import journal_tables, open_record
from promptforge.record.body import encode
from promptforge.record.journal_tables import CLOSED
from promptforge.record.writer import connect

__all__ = ["history", "workspace"]


async def reopened(folder, history):
    """A record on the folder, with a patience that no busy machine exhausts."""
    store = await open_record(folder, FixedClock(NOON), history=history, min_free_mb=0)
    store.patience = PATIENCE
    return store


def life(workspace):
    """A chain's life as one write after the other: two steps at once, a step that calls nothing, and the end."""
    chain = opened(workspace)
    calls = [call_of(chain, name) for name in ("classify", "score")]
    steps = [step_of(closed(call)) for call in calls]
    last = step("shape", 1)
    whole = ended(chain, *steps, last)
    return chain, [
        lambda store: store.open_chain(chain),
        lambda store: store.open(calls[0]),
        lambda store: store.open(calls[1]),
        lambda store: store.close_step(closed(calls[1]), steps[1]),
        lambda store: store.close_step(closed(calls[0]), steps[0]),
        lambda store: store.advance(workspace, chain.id, last),
        lambda store: store.close_chain(whole),
    ]


@pytest.mark.parametrize("cut", range(8))
async def test_a_killed_process_goes_on_where_it_stood(tmp_path, history, workspace, cut):
    """Whatever was the last write: the open chain with its steps and its open calls are as they were before, and what
    remains to be done gives the same record as without the kill."""
    chain, writes = life(workspace)
    store = await reopened(tmp_path / "a", history)
    for write in writes[:cut]:
        await write(store)
    before = (store.unfinished(), tuple(store.calls_of(workspace, chain.id)))
    await store.chain_page(Page(workspace=workspace))
    (tmp_path / "b").mkdir()
    # the journal's files as a kill leaves them
    shutil.copytree(tmp_path / "a" / "journal", tmp_path / "b" / "journal")
    await store.shutdown()

    store = await reopened(tmp_path / "b", history)
    assert (store.unfinished(), tuple(store.calls_of(workspace, chain.id))) == before
    for write in writes[max(0, cut - 1) :]:  # the last one again: nobody knows whether it was told
        await write(store)
    assert [run.id for run in (await store.chain_page(Page(workspace=workspace))).items] == [chain.id]
    found = await store.get_chain(workspace, chain.id)
    assert [done.name for done in found.steps] == ["classify", "score", "shape"]
    (group,) = (await store.figures(Breakdown(workspace=workspace))).items
    assert (group.figures.runs, group.figures.calls, group.figures.success, group.figures.pending) == (1, 2, 1, 0)
    await store.shutdown()


async def test_a_call_of_a_chain_that_has_ended_is_interrupted(tmp_path, history, workspace):
    """Nobody can go on with it; that of an open chain waits for the chain."""
    store = await reopened(tmp_path, history)
    over, going = opened(workspace), opened(workspace)
    calls = [call_of(over, "late"), call_of(going, "now")]
    await store.open_chain(over)
    await store.open_chain(going)
    for call in calls:
        await store.open(call)
    await store.close_chain(ended(over))
    await store.shutdown()
    store = await reopened(tmp_path, history)
    assert (await store.get(workspace, calls[0].id)).error_type is ErrorType.INTERRUPTED
    assert list(store.calls_of(workspace, going.id)) == [calls[1]]
    assert (await store.get(workspace, calls[1].id)).pending
    await store.shutdown()


async def test_checkpoints_leave_the_journal_with_their_chain(tmp_path, history, workspace):
    """What is open keeps its events, what has left leaves none, and only what is closed waits."""
    store = await reopened(tmp_path, history)
    gone, going = opened(workspace), opened(workspace)
    for chain in (gone, going):
        await store.open_chain(chain)
        await store.advance(workspace, chain.id, step("a"))
        await store.advance(workspace, chain.id, step("b", 1))
    assert store.health().journaled == 0
    await store.close_chain(ended(gone, step("a"), step("b", 1)))
    assert (await store.chain_page(Page(workspace=workspace))).freshness.behind == 0
    await asyncio.to_thread(store._shipper.stop)  # the batch that is on its way has left whole
    kept = store._journal._finder.read(lambda c: c.execute("SELECT id, kind FROM events ORDER BY seq").fetchall())
    assert kept == [(going.id, 0), (going.id, 2), (going.id, 2)]
    await store.shutdown()


async def test_a_disk_that_fills_up_delays_the_end_of_a_step(tmp_path, history, workspace, monkeypatch):
    """Neither the call nor the checkpoint is kept then; both are, once there is room."""
    monkeypatch.setattr("promptforge.record.store.AGAIN_SECONDS", 0.01)
    store = await reopened(tmp_path, history)
    chain = opened(workspace)
    call = call_of(chain, "classify")
    await store.open_chain(chain)
    await store.open(call)
    writer = store._journal._writer
    pages = await writer.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await writer.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone() and None)
    content = type(call.content)(output="".join(map(str, range(100_000))))
    big = closed(call, content=content)
    watcher = store.watch_chains(workspace)
    with pytest.raises(Unavailable):
        await store.close_step(big, step_of(big))
    assert store.unfinished() == (chain,)
    assert list(store.calls_of(workspace, chain.id)) == [call]
    await writer.write(lambda c: c.execute("PRAGMA max_page_count = 1073741823").fetchone() and None)
    assert (await anext(watcher)).steps == (step_of(big),)
    assert await store.get(workspace, call.id) == big
    await store.shutdown()


async def test_an_unreadable_checkpoint_is_a_step_that_is_not_done(tmp_path, history, workspace):
    """The chain is there without it, and what cannot be read holds nothing up."""
    store = await reopened(tmp_path, history)
    chain = opened(workspace)
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, step("a"))
    await store.advance(workspace, chain.id, step("b", 1))
    damage = "UPDATE events SET body = x'04ff' WHERE step = 'a'"
    await store._journal._writer.write(lambda c: c.execute(damage) and None)
    await store.shutdown()
    store = await reopened(tmp_path, history)
    assert [done.name for done in store.unfinished()[0].steps] == ["b"]
    await store.shutdown()


async def test_a_journal_from_before_chains_is_read(tmp_path, history, workspace, monkeypatch):
    """What an earlier release left open is found, closed as interrupted, and beside it chains can be kept."""
    monkeypatch.setattr(journal_tables, "CHANGES", journal_tables.CHANGES[:2])
    folder = tmp_path / "journal"
    folder.mkdir()
    run = pending(workspace)
    with closing(connect(folder / "journal.db")) as old:
        journal_tables.prepare(old)
        old.execute(
            "INSERT INTO events (workspace, id, kind, at, body) VALUES (?, ?, 0, 0, ?)",
            (workspace, run.id, b"\x00" + msgspec.msgpack.encode(run)),
        )
    monkeypatch.undo()
    store = await reopened(tmp_path, history)
    assert (await store.get(workspace, run.id)).error_type is ErrorType.INTERRUPTED
    chain = opened(workspace)
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, step("a"))
    assert [done.name for done in store.unfinished()[0].steps] == ["a"]
    await store.shutdown()


async def test_long_bodies_of_each_kind_come_back(tmp_path, history, workspace):
    """Deflated in the journal, exactly the same after a start; a step is no closed event."""
    store = await reopened(tmp_path, history)
    long = "é" * 50_000
    chain = opened(workspace, tags={"long": long})
    finished = step("a", content=type(step("a").content)(output=long))
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, finished)
    before = store.unfinished()
    await store._journal._writer.write(
        lambda c: (
            c.execute(
                "INSERT INTO events (workspace, id, kind, at, body) VALUES (?, ?, ?, 0, ?)",
                (workspace, opened(workspace).id, CLOSED, encode(finished)),
            )
            and None
        )
    )
    await store.shutdown()
    store = await reopened(tmp_path, history)
    assert store.unfinished() == before
    await store._shipper.reach(store._journal.last, PATIENCE)
    assert [run.id for run in (await store.chain_page(Page(workspace=workspace))).items] == [chain.id]
    await store.shutdown()
