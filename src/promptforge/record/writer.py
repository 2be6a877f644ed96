"""The connections to the journal's file. The writer is one thread and commits everything that waits at once.

A commit is one fsync, so the more callers wait, the cheaper each is. Checkpoints run on a thread and a connection of
their own, because inside a commit they cost tens of milliseconds.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from promptforge.core.errors import Unavailable

T = TypeVar("T")
GROUP = 2_000
CHECKPOINT_BYTES = 4 << 20
LARGE_WAL_BYTES = 128 << 20
REWRITE_SECONDS = 10.0
REWRITE_PAUSE_SECONDS = 0.05


def connect(path: Path) -> sqlite3.Connection:
    """Open the journal's file with the settings that every connection needs."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


class FileReader:
    """A connection that only reads, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.connection = connect(path)
        self._lock = threading.Lock()

    def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Ask something."""
        with self._lock:
            return ask(self.connection)

    def close(self) -> None:
        """End, after what is being asked."""
        with self._lock:
            self.connection.close()


class Work:
    """Something to do inside a transaction, and whom to tell. *kept* runs on the event loop after the commit.

    What is done *alone* is in no transaction; all that was asked for before it has been done then.
    """

    __slots__ = ("alone", "error", "future", "kept", "loop", "result", "run")

    def __init__(
        self,
        run: Callable[[sqlite3.Connection], Any],
        kept: Callable[[Any], None] | None,
        future: "asyncio.Future[Any] | Future[Any]",
        loop: asyncio.AbstractEventLoop | None,
        *,
        alone: bool = False,
    ) -> None:
        self.alone = alone
        self.run = run
        self.kept = kept
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: Exception | None = None

    def settle(self) -> None:
        """Tell whoever waits what became of it."""
        if self.error is None and self.kept is not None:
            self.kept(self.result)
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """The one place that writes the journal's file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path)
        self._queue: SimpleQueue[list[Work] | None] = SimpleQueue()
        self._gathered: list[Work] = []
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._checkpoint_due = threading.Event()
        self._stopping = False
        self._checkpoints = threading.Thread(target=self._checkpoint, name="journal-checkpoint", daemon=True)

    def start(self) -> None:
        """Begin to commit."""
        self._thread.start()
        self._checkpoints.start()

    async def write(self, run: Callable[[sqlite3.Connection], T], kept: Callable[[T], None] | None = None) -> T:
        """Do *run* in the next commit; returns when it is on disk. *run* raises before it writes, or not at all."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._require()
        if not self._gathered:  # one hand-over for all that is asked for in this turn of the loop
            loop.call_soon(self._hand_over)
        self._gathered.append(Work(run, kept, future, loop))
        return await future

    async def rewrite(self) -> None:
        """Write the file anew and empty its log: nothing is left in them of what was changed or removed before.

        Commits wait meanwhile. Unavailable when it could not be done.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._hand_over()
        self._put(Work(_rewrite, None, future, loop, alone=True))
        await future

    def write_and_wait(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """The same from a thread, which waits."""
        future: Future[T] = Future()
        self._put(Work(run, None, future, None))
        return future.result()

    def stop(self) -> None:
        """Commit what waits, fold the log into the file, and end."""
        if self._stopping:
            return
        self._hand_over()
        self._stopping = True
        self._queue.put(None)
        self._thread.join()
        self._checkpoint_due.set()
        self._checkpoints.join()
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.close()

    def _require(self) -> None:
        if self._stopping:
            raise Unavailable("the record is shutting down; nothing was kept")

    def _put(self, work: Work) -> None:
        self._require()
        self._queue.put([work])

    def _hand_over(self) -> None:
        if self._gathered:
            works, self._gathered = self._gathered, []
            self._queue.put(works)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = first, False
            with contextlib.suppress(Empty):
                while len(group) < GROUP:
                    works = self._queue.get_nowait()
                    if works is None:
                        last = True
                        break
                    group += works
            self._commit([work for work in group if not work.alone])
            for work in group:
                if work.alone:
                    self._do(work)
            self._settle(group)
            self._look_at_log()
            if last:
                return

    def _commit(self, group: list[Work]) -> None:
        if not group:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for work in group:
                try:
                    work.result = work.run(self._connection)
                except sqlite3.Error:
                    raise
                except Exception as error:  # it belongs to the one who asked
                    work.error = error
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if len(group) > 1:  # one bad request must not take the others with it
                for work in group:
                    work.error = None
                    self._commit([work])
            else:
                group[0].error = Unavailable(
                    f"the journal {self._path} could not be written ({error}); nothing was kept. "
                    "Look at the free space and the permissions of that folder, then try again."
                )

    def _do(self, work: Work) -> None:
        try:
            work.result = work.run(self._connection)
        except (sqlite3.Error, Unavailable) as error:
            work.error = Unavailable(
                f"the journal {self._path} could not be written anew ({error}), so what was removed may still be in "
                "its bytes; look at the free space of that folder, then try again"
            )

    def _settle(self, group: list[Work]) -> None:
        waiting = [work for work in group if work.loop is not None]
        for work in group:
            if work.loop is None:
                work.settle()
        if waiting and waiting[0].loop is not None:
            # a closed loop has nobody left who waits
            with contextlib.suppress(RuntimeError):
                waiting[0].loop.call_soon_threadsafe(_settle_all, waiting)

    def _look_at_log(self) -> None:
        if self._log_size() > CHECKPOINT_BYTES:
            self._checkpoint_due.set()

    def _log_size(self) -> int:
        try:
            return self._path.with_name(self._path.name + "-wal").stat().st_size
        except OSError:
            return 0

    def _checkpoint(self) -> None:
        connection = connect(self._path)
        folded = 0
        while True:
            self._checkpoint_due.wait()
            self._checkpoint_due.clear()
            if self._stopping:
                break
            mode = "TRUNCATE" if self._log_size() > LARGE_WAL_BYTES else "PASSIVE"
            with contextlib.suppress(sqlite3.Error):
                connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            folded += 1
            # the log keeps its size after a checkpoint, so wait for it to be written over
            threading.Event().wait(0.2)
        connection.close()


def _rewrite(connection: sqlite3.Connection) -> None:
    connection.execute("VACUUM")
    end = time.monotonic() + REWRITE_SECONDS
    # busy at once while the other thread folds the log
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > end:
            raise Unavailable("its log is being read")
        time.sleep(REWRITE_PAUSE_SECONDS)


def _settle_all(group: list[Work]) -> None:
    for work in group:
        work.settle()
