"""What was open when its process ended, and whose opened event a disk has damaged since."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from kit.chains import call_of, opened, step
from kit.clock import FixedClock
from kit.executions import NOON, done, pending
from kit.record import PATIENCE, history, workspace
from promptforge.core.execution import CostState, ErrorType, Execution
from promptforge.core.query import Breakdown, Page
from promptforge.record import open_record
from promptforge.record.body import encode

__all__ = ["history", "workspace"]


async def reopened(folder, history):
    """A record on the folder, with a patience that no busy machine exhausts."""
    store = await open_record(folder, FixedClock(NOON), history=history, min_free_mb=0)
    store.patience = PATIENCE
    return store


def damage(home, body: bytes) -> None:
    """Change one bit in the middle of a body where the journal's file holds it."""
    path = home / "journal" / "journal.db"
    file = bytearray(path.read_bytes())
    assert file.count(body) == 1
    file[file.index(body) + len(body) // 2] ^= 1
    path.write_bytes(file)


def aside(home) -> list[tuple[str, str]]:
    """Id and problem of what the journal has set aside."""
    with closing(sqlite3.connect(home / "journal" / "journal.db")) as journal:
        return journal.execute("SELECT id, problem FROM poison ORDER BY seq").fetchall()


async def test_a_damaged_open_run_is_closed_with_what_its_id_says(tmp_path, history, workspace):
    """It is interrupted beside the others, once, is told among the problems and for the doctor; so it is after the
    next start."""
    store = await reopened(tmp_path, history)
    runs = [pending(workspace), pending(workspace)]
    for run in runs:
        await store.open(run)
    kept = [store._journal.running(workspace, run.id) for run in runs]
    await store.shutdown()
    damage(tmp_path, encode(kept[0]))

    for start in range(2):
        store = await reopened(tmp_path, history)
        items = (await store.page(Page(workspace=workspace))).items
        assert [run.id for run in items] == [run.id for run in reversed(runs)]
        broken = items[1]
        assert (broken.created_at, broken.error_type, broken.cost_state, broken.token_in, broken.model) == (
            NOON,
            ErrorType.INTERRUPTED,
            CostState.UNKNOWN,
            None,
            "",
        )
        assert broken.content.error.endswith("what was written down when it began is damaged")
        assert items[0].content == replace(kept[1].content, error=items[0].content.error)
        (group,) = (await store.figures(Breakdown(workspace=workspace))).items
        assert (group.figures.calls, group.figures.error, group.figures.pending) == (2, 2, 0)
        problems = [problem.text for problem in store.problems()]
        await store.shutdown()
        assert [found for found, _ in aside(tmp_path)] == [runs[0].id]
        if start == 0:
            assert problems == [aside(tmp_path)[0][1]]
            assert problems[0].startswith(f"{runs[0].id} was open, and its opened event cannot be read: ")


async def test_a_damaged_open_chain_is_closed_with_the_steps_that_are_done(tmp_path, history, workspace):
    """Its plan is lost, so it cannot go on: it is interrupted, and so are its open calls."""
    store = await reopened(tmp_path, history)
    chain = opened(workspace)
    call = call_of(chain, "late", 1)
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, step("a"))
    await store.open(call)
    await store.shutdown()
    damage(tmp_path, encode(chain))

    store = await reopened(tmp_path, history)
    assert store.unfinished(workspace) == ()
    (found,) = (await store.chain_page(Page(workspace=workspace))).items
    assert (found.id, found.created_at, found.error_type) == (chain.id, NOON, ErrorType.INTERRUPTED)
    assert [done.name for done in found.steps] == ["a"]
    assert (await store.get(workspace, call.id)).error_type is ErrorType.INTERRUPTED
    await store.shutdown()
    assert [found for found, _ in aside(tmp_path)] == [chain.id]


async def test_an_opened_event_of_another_id_is_never_shown_as_that(tmp_path, history, workspace):
    """Where the row and its body name two executions, neither is believed but for the row's own id."""
    store = await reopened(tmp_path, history)
    run, other = pending(workspace), pending(f"{workspace}-other")
    await store.open(run)
    await store._journal._writer.write(
        lambda c: c.execute("UPDATE events SET body = ? WHERE id = ?", (encode(other), run.id)) and None
    )
    await store.shutdown()
    store = await reopened(tmp_path, history)
    (found,) = (await store.page(Page(workspace=workspace))).items
    assert (found.id, found.error_type) == (run.id, ErrorType.INTERRUPTED)
    assert list((await store.page(Page(workspace=other.workspace))).items) == []
    await store.shutdown()
    ((_, problem),) = aside(tmp_path)
    assert "holds another execution" in problem


@pytest.mark.parametrize("shown", ["", "exec_short", "nothing"])
async def test_an_opened_event_without_an_id_is_set_aside(tmp_path, history, workspace, shown):
    """Nothing is known of it: it stands in the journal for the doctor, and holds nothing up."""
    store = await reopened(tmp_path, history)
    run = pending(workspace)
    await store.open(run)
    await store._journal._writer.write(
        lambda c: c.execute("UPDATE events SET id = ?, body = x'00' WHERE id = ?", (shown, run.id)) and None
    )
    await store.shutdown()
    store = await reopened(tmp_path, history)
    assert store.health().open == 0
    assert isinstance(await _kept(store, workspace), Execution)
    await store.shutdown()
    assert [found for found, _ in aside(tmp_path)] == [shown]


async def _kept(store, workspace):
    run = done(workspace)
    await store.record([run])
    return await store.get(workspace, run.id)
