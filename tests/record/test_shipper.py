"""Between journal and history: a history that fails, rows that cannot be stored, bounds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.clock import FixedClock
from kit.executions import NOON, closed, done, pending, some
from kit.record import PATIENCE, history, workspace
from promptforge.core.errors import SettingsError, Unavailable
from promptforge.core.query import Breakdown, Page
from promptforge.record import open_record, shipper
from promptforge.record.body import encode
from promptforge.record.home import take

__all__ = ["history", "workspace"]


class Failing:
    """A history that refuses to store while ``away``, or whatever ``refuse`` says; everything else is the real one."""

    def __init__(self, history) -> None:
        self._history = history
        self.away = False
        self.refuse = None
        self.gone = range(0)  # the inserts of single rows during which it is away; of several it takes none then
        self.single = 0
        self.tried = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def insert(self, batch, rows, *, doubt):
        self._loop.call_soon_threadsafe(self.tried.set)
        self.single += len(rows) == 1
        if self.gone and (len(rows) > 1 or self.single in self.gone):
            raise Unavailable("the history is away")
        if self.away or (self.refuse and any(run.id == self.refuse for _, run in rows)):
            raise Unavailable("the history is away")
        self._history.insert(batch, rows, doubt=doubt)

    def __getattr__(self, name):
        return getattr(self._history, name)


class Expiring:
    """A history that says when it was asked to drop what has expired; everything is the real one."""

    def __init__(self, history) -> None:
        self._history = history
        self._done = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def expire(self, today):
        self._history.expire(today)
        self._loop.call_soon_threadsafe(self._done.set)

    async def round(self):
        """Wait for the next time."""
        await asyncio.wait_for(self._done.wait(), PATIENCE)
        self._done.clear()

    def __getattr__(self, name):
        return getattr(self._history, name)


@pytest.fixture
async def failing(history):
    """The real history behind a switch."""
    return Failing(history)


@pytest.fixture
async def store(tmp_path, failing, monkeypatch):
    """A record over it that may hold back 100, and tries again soon."""
    monkeypatch.setattr(shipper, "LONGEST_BACKOFF", 0.01)
    opened = await open_record(tmp_path / "own", FixedClock(NOON), history=failing, backlog=100, min_free_mb=0)
    yield opened
    failing.away = False
    await opened.shutdown()


async def shipped(store):
    """Wait until nothing is on its way; from now on reads wait too."""
    store.patience = PATIENCE
    assert await store._shipper.reach(store._journal.last, PATIENCE)


@pytest.mark.parametrize("gone", [range(1, 3), range(2, 4), range(4, 7)], ids=["comes back", "blinks", "goes"])
async def test_a_history_that_comes_and_goes_blames_no_row(store, failing, workspace, gone):
    """Away for some of the rows that are tried one by one, it has them all in the end, and none is kept aside."""
    failing.gone = gone
    failing.away = True
    runs = some(workspace, 5)
    await store.record(runs)
    store._shipper._failures = shipper.PATIENCE
    failing.away = False
    await shipped(store)

    page = await store.page(Page(workspace=workspace))
    assert [run.id for run in page.items] == [run.id for run in runs[::-1]]


async def test_a_history_that_is_away_delays_and_loses_nothing(store, failing, workspace):
    """What is behind is said, health names the problem, an id is found all the same; later all is there once."""
    failing.away = True
    runs = some(workspace, 5)
    await store.record(runs)
    page = await store.page(Page(workspace=workspace))
    assert (list(page.items), page.freshness.behind) == ([], 5)
    assert (await store.page(Page(workspace=f"{workspace}-other"))).freshness.behind == 0
    assert await store.get(workspace, runs[0].id) == runs[0]
    await failing.tried.wait()
    health = store.health()
    assert (health.journaled, health.history, health.problem) == (5, False, "the history is away")
    failing.away = False
    await shipped(store)
    page = await store.page(Page(workspace=workspace))
    assert (list(page.items), page.freshness.behind) == (runs[::-1], 0)
    assert store.health().problem is None


async def test_a_full_backlog_refuses_new_work_and_lets_running_work_close(store, failing, workspace):
    """Beyond the bound nothing is taken in, with a sentence that says why; what was opened may still be closed."""
    failing.away = True
    run = pending(workspace)
    await store.open(run)
    await store.record(some(workspace, 100))
    await failing.tried.wait()
    with pytest.raises(Unavailable, match="100 executions wait to be stored and the limit is 100"):
        await store.open(pending(workspace))
    with pytest.raises(Unavailable, match="nothing was kept"):
        await store.record(some(workspace, 1))
    await store.close(closed(run))
    failing.away = False
    await shipped(store)
    groups = await store.figures(Breakdown(workspace=workspace))
    assert groups.items[0].figures.calls == 101


@pytest.mark.parametrize("kind", ["unreadable", "unstorable", "refused", "other id", "other workspace"])
async def test_a_poison_row_is_set_aside_and_holds_nothing_up(store, failing, workspace, kind):
    """A body that cannot be read or is another's, a value that no column holds, a row that the store refuses: the rest
    arrives, and the health says what did not."""
    runs = some(workspace, 6)
    bad = runs[2]
    if kind == "unstorable":
        bad = runs[2] = closed(bad, latency_ms=2**63)  # fits the journal's 64 bits, not the signed column
    failing.away = True
    await store.record(runs)
    if kind == "unreadable":
        await store._journal._writer.write(
            lambda c: c.execute("UPDATE events SET body = x'00ff' WHERE id = ?", (bad.id,)) and None
        )
    if kind in {"other id", "other workspace"}:
        another = done(workspace) if kind == "other id" else replace(bad, workspace=f"{workspace}-other")
        await store._journal._writer.write(
            lambda c: c.execute("UPDATE events SET body = ? WHERE id = ?", (encode(another), bad.id)) and None
        )
    if kind == "refused":
        failing.refuse = bad.id
    failing.away = False
    await shipped(store)
    found = (await store.page(Page(workspace=workspace))).items
    assert [run.id for run in found] == [run.id for run in reversed(runs) if run.id != bad.id]
    await asyncio.to_thread(store._shipper.stop)
    kept = store._journal._finder.read(lambda c: c.execute("SELECT id, problem FROM poison").fetchall())
    assert [row[0] for row in kept] == [bad.id]
    assert kept[0][1]
    assert any(problem.text.endswith(f"is set aside: {kept[0][1]}") for problem in store.problems())
    assert list((await store.page(Page(workspace=f"{workspace}-other"))).items) == []
    assert store._journal.outgoing.next_batch() is None


async def test_steady_work_puts_no_housekeeping_off(tmp_path, history, workspace, monkeypatch):
    """Without a moment of rest an expired week leaves the disk all the same, and ids past their time the journal."""

    def kept():
        sql = "SELECT count() FROM payloads WHERE workspace = {workspace:String}"
        return history._engine.ask(sql, {"workspace": workspace})[0][0]

    def remembered(journal):
        return journal._finder.read(lambda c: c.execute("SELECT count(*) FROM seen").fetchone()[0])

    monkeypatch.setattr(shipper, "IDLE_SECONDS", PATIENCE)
    clock, watched = FixedClock(NOON), Expiring(history)
    store = await open_record(tmp_path / "own", clock, history=watched, min_free_mb=0)
    await watched.round()
    await store.record([done(workspace, expires_on=NOON.date() + timedelta(days=1))])
    await shipped(store)
    assert kept() == 1

    for _ in range(3):  # an id is forgotten a round after that was announced
        clock.advance(8 * 86_400)
        await store.record([done(workspace, clock.now(), expires_on=NOON.date() + timedelta(days=900))])
        await shipped(store)
        await watched.round()

    assert (kept(), remembered(store._journal)) == (3, 2)
    await store.shutdown()


async def test_a_disk_below_the_floor_refuses_new_work(tmp_path, history, workspace):
    """Nothing is opened or taken in below it; what runs may be closed."""
    store = await open_record(tmp_path, FixedClock(NOON), history=history, min_free_mb=1 << 40)
    with pytest.raises(Unavailable, match="free space, below the floor"):
        await store.open(pending(workspace))
    run = done(workspace)
    await store.close(run)
    assert await store.get(workspace, run.id) == run
    await store.shutdown()
    await store.shutdown()


async def test_a_journal_that_cannot_be_written_acknowledges_nothing(store, workspace):
    """A full disk under SQLite is a clear refusal, and work goes on when there is room again."""
    writer = store._journal._writer
    pages = await writer.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await writer.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone() and None)
    run = pending(workspace)
    big = closed(run, content=type(run.content)(output="".join(map(str, range(100_000)))))
    with pytest.raises(Unavailable, match="could not be written"):
        await store.close(big)
    assert await store.get(workspace, run.id) is None
    await writer.write(lambda c: c.execute("PRAGMA max_page_count = 1073741823").fetchone() and None)
    await store.close(big)
    assert await store.get(workspace, run.id) == big


def test_a_home_is_private_and_held(tmp_path):
    """The folder is for its owner only, a second holder is refused, and a released one may be taken."""
    home = take(tmp_path / "a" / "b")
    assert home.path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(SettingsError, match="is using"):
        take(home.path)
    home.release()
    take(home.path).release()


def test_a_home_that_cannot_be_made_is_said(tmp_path):
    """A file in the way is an error of the settings, with the path in it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be used"):
        take(tmp_path / "file" / "home")
