"""The shipper: one thread that moves closed executions from the journal to the history.

A batch's bounds are on disk before anything is inserted; after any failure, and at the start, the batch is sent again
in doubt, which makes the history look which rows it has. Only then does the batch leave the journal.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

from promptforge.core.chain_execution import AnyExecution
from promptforge.core.errors import ForgeError, Unavailable
from promptforge.core.ports import Clock
from promptforge.core.record_ports import History
from promptforge.record.body import decode_as
from promptforge.record.journal import SqliteJournal
from promptforge.record.outgoing import BATCH_ROWS, Batch

LINGER_SECONDS = 1.0
IDLE_SECONDS = 1.0
TIDY_SECONDS = 600.0
LONGEST_BACKOFF = 15.0
PATIENCE = 4
"""Failures in a row before the rows of a batch that fails are tried one by one."""

Row = tuple[int, AnyExecution]
_log = logging.getLogger(__name__)


class Shipper:
    """Moves batches while it runs. ``shipped`` changes on the event loop, as the journal's ``last`` does."""

    def __init__(self, journal: SqliteJournal, history: History, clock: Clock) -> None:
        self._journal = journal
        self._history = history
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._stopping = threading.Event()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._failures = 0
        self._tidied_at = float("-inf")
        self.lock = threading.Lock()
        """Held while a batch is on its way; who holds it may change both stores."""
        self.shipped = journal.shipped
        self.begun = 0
        """How many batches have begun to move: while it stands still and the lock is free, the history does."""
        self.problem: str | None = None
        self.on_problem: Callable[[str], None] = lambda _: None
        """Told of each failure and of each row that is set aside, on the shipper's thread."""
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process left behind."""
        self._wake.set()
        self._thread.start()

    def notice(self) -> None:
        """Something was closed. Costs nothing when the thread knows."""
        if not self._wake.is_set():
            self._wake.set()
        if self._journal.waiting >= BATCH_ROWS:
            self._urgent.set()

    async def reach(self, seq: int, seconds: float) -> bool:
        """Wait until everything up to *seq* is in the history; whether it came in time."""
        if self.shipped >= seq:
            return True
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append((seq, future))
        self._urgent.set()
        self._wake.set()
        try:
            await asyncio.wait_for(future, seconds)
        except TimeoutError:
            self._waiters = [waiter for waiter in self._waiters if waiter[1] is not future]
            return False
        return True

    def stop(self) -> None:
        """End after the batch that is on its way. Blocks."""
        self._stopping.set()
        self._urgent.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    # ── on the thread ──

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._wake.wait(IDLE_SECONDS):
                self._rest()
                self._keep_house()
                continue
            self._urgent.wait(LINGER_SECONDS)
            self._wake.clear()
            self._urgent.clear()
            more = True
            while more and not self._stopping.is_set():
                more = self._step()
                self._keep_house()

    def _step(self) -> bool:
        """Move one batch; whether the next should follow at once. A failure waits, and is tried again.

        What came while a batch was on its way lingers as what came before it did: small batches cost the history more
        than they hold.
        """
        try:
            with self.lock:
                upto = self._journal.last
                batch = self._journal.outgoing.next_batch()
                if batch is None:
                    # what stood up to there has left, or was erased
                    self._failures, self.problem = 0, None
                    self._tell(lambda: self._advance(upto))
                    return False
                self.begun += 1
                problems = self._ship(batch)
                for seq, text in problems:
                    self.on_problem(f"event {seq} is set aside: {text}")
                self.problem = None  # before anybody who waits is told that all is there
                self._tell(lambda: self._advance(batch.last))
                oldest = self._journal.outgoing.finish(batch, problems)
                self._tell(lambda: self._left(len(batch.entries), oldest))
        except Exception as error:  # the thread must outlive whatever a store does
            self._failures += 1
            self.problem = str(error) if isinstance(error, ForgeError) else f"the record cannot be shipped: {error}"
            self.on_problem(self.problem)
            if self._failures in {1, 10}:
                _log.warning("%s", self.problem, exc_info=not isinstance(error, ForgeError))
            self._stopping.wait(min(LONGEST_BACKOFF, 0.1 * 2 ** min(self._failures, 10)))
            return True
        self._failures = 0
        return batch.full

    def _ship(self, batch: Batch) -> Sequence[tuple[int, str]]:
        rows: list[Row] = []
        problems: list[tuple[int, str]] = []
        for entry in batch.entries:
            try:
                rows.append((entry.seq, decode_as(entry.workspace, entry.id, entry.body)))
            except ValueError as error:
                problems.append((entry.seq, str(error)))
        doubt = batch.doubt or self._failures > 0
        try:
            self._history.insert(batch.number, rows, doubt=doubt)
        except Unavailable:
            if self._failures < PATIENCE:
                raise
            problems += self._one_by_one(batch.number, rows)
        except (ValueError, TypeError, OverflowError):
            bad = self._unfit(batch.number, rows)
            problems += bad
            unfit = {seq for seq, _ in bad}
            self._history.insert(batch.number, [row for row in rows if row[0] not in unfit], doubt=True)
        return problems

    def _unfit(self, number: int, rows: Sequence[Row]) -> list[tuple[int, str]]:
        """The rows whose values the tables cannot hold."""
        bad: list[tuple[int, str]] = []
        for row in rows:
            try:
                self._history.check(number, [row])
            except (ValueError, TypeError, OverflowError) as error:
                bad.append((row[0], str(error)))
        return bad

    def _one_by_one(self, number: int, rows: Sequence[Row]) -> list[tuple[int, str]]:
        """Single out the rows that the history refuses; when it refuses all, the rows are not to blame."""
        good: Row | None = None
        doubtful: list[Row] = []
        for row in rows:
            try:
                self._history.insert(number, [row], doubt=True)
                good = row
            except (Unavailable, ValueError, TypeError, OverflowError):
                doubtful.append(row)
                if len(doubtful) == len(rows) or len(doubtful) > 100:
                    raise
        return [problem for row in doubtful if (problem := self._refused(number, row, good))]

    def _refused(self, number: int, row: Row, good: Row | None) -> tuple[int, str] | None:
        """Why a row cannot be stored. It is offered again in turn with one that could: a history that comes and goes
        refuses that one too, and then no row is to blame."""
        problem = ""
        for _ in range(PATIENCE):
            try:
                self._history.insert(number, [row], doubt=True)
            except (Unavailable, ValueError, TypeError, OverflowError) as error:
                problem = str(error)
            else:
                return None
            if good is not None:
                self._history.insert(number, [good], doubt=True)
        return row[0], problem

    def _rest(self) -> None:
        try:
            self._history.rest()
        except Exception:
            _log.warning("the history gave no memory back", exc_info=True)

    def _keep_house(self) -> None:
        """Let go of what is past its time, now and then: between batches too, or steady work would put it off."""
        now = self._clock.monotonic()
        if now - self._tidied_at <= TIDY_SECONDS:
            return
        self._tidied_at = now
        try:
            self._journal.tidy()
            self._history.expire(self._clock.now().date())
        except Exception:
            _log.warning("housekeeping of the record failed", exc_info=True)

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop is closed: nobody listens any more
            pass

    # ── on the event loop ──

    def _advance(self, last: int) -> None:
        self.shipped = max(self.shipped, last)
        still: list[tuple[int, asyncio.Future[None]]] = []
        for seq, future in self._waiters:
            if seq > self.shipped:
                still.append((seq, future))
            elif not future.done():
                future.set_result(None)
        self._waiters = still

    def _left(self, count: int, oldest: int | None) -> None:
        self._journal.waiting -= count
        self._journal.oldest_at = oldest
