"""What every Journal promises."""

import asyncio
from datetime import timedelta

import pytest

from kit.clock import FixedClock
from kit.executions import NOON, closed, done, pending, some
from kit.record import journal, workspace
from promptforge.core.errors import Conflict
from promptforge.core.ports import Claim
from promptforge.record.journal import SqliteJournal

__all__ = ["journal", "workspace"]


async def test_an_opened_execution_is_pending_until_it_is_closed(journal, workspace):
    """Opening puts a run among the pending, closing takes it out."""
    run = pending(workspace)
    assert await journal.open(run) == run.id
    assert list(journal.pending()) == [run]
    await journal.close([closed(run)])
    assert list(journal.pending()) == []


async def test_the_newest_event_is_found_by_id(journal, workspace):
    """``find`` gives the pending state first and the closed one after, and only inside the workspace."""
    run = pending(workspace)
    await journal.open(run)
    assert await journal.find(workspace, run.id) == run
    await journal.close([closed(run)])
    assert await journal.find(workspace, run.id) == closed(run)
    assert await journal.find("another", run.id) is None


async def test_a_second_close_changes_nothing(journal, workspace):
    """An id is closed once; what comes later under it is left out and said to be."""
    run = done(workspace)
    first = await journal.close([run])
    again = await journal.close([closed(run, latency_ms=9)])
    assert first.fresh == {(workspace, run.id)}
    assert again.fresh == frozenset()
    assert await journal.find(workspace, run.id) == run


async def test_a_repeat_inside_one_call_is_dropped(journal, workspace):
    """The first of two equal ids is kept."""
    run = done(workspace)
    assert len((await journal.close([run, closed(run, latency_ms=9)])).fresh) == 1
    assert await journal.find(workspace, run.id) == run


async def test_sequence_numbers_follow_the_order_given(journal, workspace):
    """Closed events keep the order in which they were given, over calls too."""
    runs = some(workspace, 60)
    first = await journal.close(runs[:30])
    second = await journal.close(runs[30:])
    assert second.last - first.last == 30
    batch = journal.outgoing.next_batch()
    assert [entry.id for entry in batch.entries] == [run.id for run in runs]


async def test_known_ids_are_those_closed_in_the_workspace(journal, workspace):
    """The same id in another workspace is another execution."""
    runs = some(workspace, 3)
    await journal.close(runs[:2])
    assert await journal.known(workspace, [run.id for run in runs]) == {runs[0].id, runs[1].id}
    assert await journal.known("another", [runs[0].id]) == frozenset()


async def test_ids_are_forgotten_after_seven_days_but_not_while_they_wait(tmp_path, workspace):
    """A repeat must not slip in between the journal's memory and the history."""
    clock = FixedClock(NOON)
    journal = SqliteJournal(tmp_path / "journal.db", clock)
    run = done(workspace)
    await journal.close([run])
    clock.advance(8 * 86_400)
    await asyncio.to_thread(journal.tidy)
    assert await journal.known(workspace, [run.id]) == {run.id}
    await asyncio.to_thread(lambda: journal.outgoing.finish(journal.outgoing.next_batch(), []))
    await asyncio.to_thread(journal.tidy)
    assert await journal.known(workspace, [run.id]) == frozenset()
    assert NOON.timestamp() * 1000 < journal.forgotten == (clock.now() - timedelta(days=7)).timestamp() * 1000
    journal.stop()


async def test_a_claim_gives_the_earlier_id(journal, workspace):
    """The same idempotency key with the same input opens nothing new, in this workspace."""
    first, second, other = pending(workspace), pending(workspace), pending("another")
    assert await journal.open(first, Claim("key", "input")) == first.id
    assert await journal.open(second, Claim("key", "input")) == first.id
    assert await journal.open(other, Claim("key", "input")) == other.id
    assert {run.id for run in journal.pending()} == {first.id, other.id}


async def test_a_claim_with_another_input_is_a_conflict(journal, workspace):
    """Nothing is written then, and others in the same commit do not suffer."""
    await journal.open(pending(workspace), Claim("key", "input"))
    good = pending(workspace)
    results = await asyncio.gather(
        journal.open(pending(workspace), Claim("key", "else")), journal.open(good), return_exceptions=True
    )
    assert isinstance(results[0], Conflict)
    assert results[1] == good.id


async def test_a_claim_ends_after_a_day(tmp_path, workspace):
    """The key may be used for something else 24 hours later."""
    clock = FixedClock(NOON)
    journal = SqliteJournal(tmp_path / "journal.db", clock)
    await journal.open(pending(workspace), Claim("key", "input"))
    clock.advance(86_400)
    later = pending(workspace)
    assert await journal.open(later, Claim("key", "else")) == later.id
    journal.stop()


async def test_many_callers_at_once_are_all_kept(journal, workspace):
    """Group commit loses and mixes nothing."""
    runs = some(workspace, 400)
    await asyncio.gather(*(journal.open(run) for run in runs))
    await asyncio.gather(*(journal.close([closed(run)]) for run in runs))
    assert await journal.known(workspace, [run.id for run in runs]) == {run.id for run in runs}


async def test_a_restart_finds_what_was_open(tmp_path, workspace):
    """The pending table and the numbers come back from the file."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, FixedClock(NOON))
    open_run, closed_run = pending(workspace), pending(workspace)
    await journal.open(open_run)
    await journal.open(closed_run)
    last = (await journal.close([closed(closed_run)])).last
    journal.stop()
    again = SqliteJournal(path, FixedClock(NOON))
    assert list(again.pending()) == [open_run]
    assert again.waiting == 1
    assert again.last == last
    assert (await again.close([done(workspace)])).last > last
    again.stop()


async def test_erasing_forgets_a_workspace_only(journal, workspace):
    """Its events, ids and claims are gone; others stay."""
    mine, other = done(workspace), done("another")
    await journal.close([mine, other])
    await journal.erase(workspace)
    assert await journal.find(workspace, mine.id) is None
    assert await journal.known(workspace, [mine.id]) == frozenset()
    assert await journal.find("another", other.id) == other


@pytest.mark.parametrize("size", [10, 100_000])
async def test_content_of_any_size_comes_back(journal, workspace, size):
    """Short bodies are stored plain, long ones compressed, both exactly."""
    run = done(workspace)
    run = closed(run, content=type(run.content)(input={"text": "é" * size}, output="x" * size, metadata=[1, 2.5, None]))
    await journal.close([run])
    assert await journal.find(workspace, run.id) == run
