"""The record as services see it: one way in, one reader.

A question is answered as of one journal number: the open runs of that moment from memory, and from the history what was
closed up to it. So a run is never in an answer twice, and never missing while it moves.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from promptforge.core import ids
from promptforge.core.backup import Written
from promptforge.core.errors import Conflict, InvalidInput, Unavailable
from promptforge.core.execution import Content, CostState, ErrorType, Execution, Source, Status
from promptforge.core.ports import Claim, Clock, History
from promptforge.core.query import (
    Breakdown,
    Counts,
    Executions,
    Freshness,
    Groups,
    Page,
    Problem,
    Recorded,
    RecordHealth,
    StoreSize,
)
from promptforge.core.redaction import Redactor
from promptforge.core.usage import UsageSource
from promptforge.record import merge
from promptforge.record.backup import Backup, asked_for, write
from promptforge.record.counters import Counters, Problems
from promptforge.record.home import Home
from promptforge.record.intake import taken_in
from promptforge.record.journal import SqliteJournal
from promptforge.record.schema import moment_of
from promptforge.record.shipper import Shipper
from promptforge.record.watchers import Watchers

T = TypeVar("T")
FRESH_SECONDS = 0.25
DRAIN_SECONDS = 5.0
AGAIN_SECONDS = 1.0
"""Between two tries to close what could not be closed."""
LOOKUP = 10_000
MANY = 50
AHEAD = timedelta(hours=24)


class RecordStore:
    """The Record port. Made by ``open_record``; belongs to the event loop that made it."""

    def __init__(
        self,
        home: Home,
        journal: SqliteJournal,
        history: History,
        shipper: Shipper,
        clock: Clock,
        *,
        redactor: Redactor,
        backlog: int,
        min_free_mb: int,
        closing: Callable[[], None],
    ) -> None:
        self._home = home
        self._journal = journal
        self._history = history
        self._shipper = shipper
        self._clock = clock
        self._redactor = redactor
        self._backlog = backlog
        self._min_free = min_free_mb << 20
        self._free_until = 0.0
        self._watchers = Watchers()
        self._light = ThreadPoolExecutor(4, thread_name_prefix="history")
        self._heavy = ThreadPoolExecutor(2, thread_name_prefix="history-figures")
        self._closing = closing
        self._unclosed: list[Execution] = []
        self._again: asyncio.Task[None] | None = None
        self.patience = FRESH_SECONDS
        """How long a read waits for what was acknowledged before it."""
        self._closed = False
        self._under_way: set[asyncio.Task[Any]] = set()
        self._backing_up = False
        self._counters = Counters()
        self._problems = Problems()
        shipper.on_problem = lambda text: self._problems.note(clock.now(), text)

    # ── in ──

    async def open(self, execution: Execution, claim: Claim | None = None) -> str:
        return await self._to_the_end(self._open(execution, claim))

    async def _open(self, execution: Execution, claim: Claim | None) -> str:
        with self._noted([execution]):
            self._require_room(1)
            execution = taken_in(execution, self._redactor)
            kept = await self._journal.open(execution, claim)
        one = Counter([execution.source])
        # the journal keeps the very object, unless the id or the claim was known
        if self._journal.open_runs.get(execution.workspace, execution.id) is execution:
            self._counters.add(one, stored=one)
            self._watchers.tell(execution)
        else:
            self._counters.add(one, duplicate=one)
        return kept

    async def close(self, execution: Execution) -> None:
        with self._noted():
            await self._close(taken_in(self._stamped(execution), self._redactor))

    async def record(self, executions: Sequence[Execution]) -> Recorded:
        return await self._to_the_end(self._record(executions))

    async def _record(self, executions: Sequence[Execution]) -> Recorded:
        with self._noted(executions):
            good, stored = await self._recorded(executions)
        first = {(e.workspace, e.id): e.source for e in reversed(good)}
        kept = Counter(source for key, source in first.items() if key in stored)
        fit = Counter(e.source for e in good)
        received = Counter(e.source for e in executions)
        self._counters.add(received, stored=kept, duplicate=fit - kept, rejected=received - fit)
        return Recorded(stored=len(stored), duplicate=len(good) - len(stored), rejected=len(executions) - len(good))

    async def _recorded(self, executions: Sequence[Execution]) -> "tuple[list[Execution], frozenset[tuple[str, str]]]":
        """What of it can be kept, and the (workspace, id) of what is kept now for the first time."""
        self._require_room(len(executions))
        limit = self._clock.now() + AHEAD
        if len(executions) > MANY:
            good = await asyncio.to_thread(self._all_taken_in, executions)
        else:
            good = self._all_taken_in(executions)
        good = [execution for execution in good if execution.created_at <= limit]
        fresh = {(e.workspace, e.id): e for e in reversed(good)}
        for key in await self._stored_long_ago(fresh):
            del fresh[key]
        return good, await self._keep(list(reversed(fresh.values()))) if fresh else frozenset()

    @contextmanager
    def _noted(self, offered: Sequence[Execution] = ()) -> Generator[None]:
        """Count what fails as rejected, and remember a failure of ours."""
        try:
            yield
        except Exception as error:
            received = Counter(execution.source for execution in offered)
            self._counters.add(received, rejected=received)
            if isinstance(error, Unavailable):
                self._problems.note(self._clock.now(), str(error))
            raise

    async def _to_the_end(self, work: "Coroutine[Any, Any, T]") -> T:
        """Do it and count it, even if the one who asked is gone meanwhile."""
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # taken, whether or not somebody still waits for it

    def _all_taken_in(self, executions: Sequence[Execution]) -> list[Execution]:
        good: list[Execution] = []
        for execution in executions:
            try:
                good.append(taken_in(self._stamped(execution), self._redactor))
            except InvalidInput:
                continue
        return good

    async def _keep(self, executions: Sequence[Execution]) -> "frozenset[tuple[str, str]]":
        closed = await self._journal.close(executions)
        if closed.fresh:
            self._shipper.notice()
            for execution in executions:
                if (execution.workspace, execution.id) in closed.fresh:
                    self._watchers.tell(execution)
        return closed.fresh

    async def _close(self, execution: Execution) -> None:
        try:
            await self._keep([execution])
        except Unavailable:
            if self._journal.open_runs.get(execution.workspace, execution.id) is not None:
                # how it ended is known here and nowhere else: without this it would be open until the next start
                self._unclosed.append(execution)
                self._again = self._again or asyncio.create_task(self._close_again())
            raise

    async def _close_again(self) -> None:
        while self._unclosed:
            await asyncio.sleep(AGAIN_SECONDS)
            some = self._unclosed[:MANY]
            with suppress(Unavailable):
                await self._keep(some)
                del self._unclosed[: len(some)]
        self._again = None

    async def _stored_long_ago(self, keys: "dict[tuple[str, str], Execution]") -> list[tuple[str, str]]:
        """Those in the history that the journal may have forgotten. What is younger it knows itself."""
        until = moment_of(self._journal.forgotten)
        asked: dict[str, list[str]] = {}
        for (workspace, execution_id), execution in keys.items():
            if execution.created_at < until:
                asked.setdefault(workspace, []).append(execution_id)
        found: list[tuple[str, str]] = []
        for workspace, some in asked.items():
            for start in range(0, len(some), LOOKUP):
                part = some[start : start + LOOKUP]
                known = await self._on(self._light, lambda w=workspace, p=part: self._history.known(w, p))
                found += [(workspace, execution_id) for execution_id in known]
        return found

    def _stamped(self, execution: Execution) -> Execution:
        return execution if execution.recorded_at else replace(execution, recorded_at=self._clock.now())

    def _require_room(self, count: int) -> None:
        """Refuse new work when the backlog or the disk says so; what runs already may always be closed."""
        if self._journal.waiting + count > self._backlog:
            why = self._shipper.problem or "The history is slower than what comes in"
            raise Unavailable(
                f"{self._journal.waiting:,} executions wait to be stored and the limit is {self._backlog:,}; "
                f"nothing was kept. {why}; try again later"
            )
        now = time.monotonic()
        if now > self._free_until:
            free = self._free_bytes()
            if free < self._min_free:
                raise Unavailable(
                    f"{self._home.path} has {free >> 20} MB of free space, below the floor of "
                    f"{self._min_free >> 20} MB; nothing was kept. Free some space or move the home"
                )
            self._free_until = now + 1.0

    # ── out ──

    async def get(self, workspace: str, execution_id: str) -> Execution | None:
        number = ids.parse(ids.EXECUTION, execution_id)
        if number is None:
            return None
        shown = ids.text(ids.EXECUTION, number)
        found = await self._journal.find(workspace, shown)
        return found or await self._on(self._light, lambda: self._history.get(workspace, shown))

    async def page(self, query: Page) -> Executions:
        upto, runs = self._journal.last, merge.on_page(query, self._journal.open_runs.of(query.workspace))
        freshness = await self._freshness(query.workspace, upto)
        part = merge.stored_part(query, len(runs))
        bound = upto if runs else None
        stored = await self._on(self._light, lambda: self._history.page(part, bound))
        return Executions(items=merge.page(query, runs, stored, part.offset), freshness=freshness)

    async def figures(self, query: Breakdown) -> Groups:
        upto, runs = self._journal.last, merge.in_figures(query, self._journal.open_runs.of(query.workspace))
        freshness = await self._freshness(query.workspace, upto)
        # without a bound the history answers from its sums: exact as of *upto* when nothing moves meanwhile
        shipper = self._shipper
        begun, still = shipper.begun, shipper.shipped <= upto and not shipper.lock.locked()
        stored = None
        if still or not runs:
            stored = await self._on(self._heavy, lambda: self._history.figures(query))
        if stored is None or (runs and shipper.begun != begun):
            stored = await self._on(self._heavy, lambda: self._history.figures(query, upto))
        return Groups(items=merge.groups(query, runs, stored), freshness=freshness)

    def watch(self, workspace: str) -> AsyncIterator[Execution]:
        return self._watchers.add(workspace)

    def health(self) -> RecordHealth:
        oldest = self._journal.oldest_at
        now = self._clock.now().timestamp()
        return RecordHealth(
            open=len(self._journal.open_runs),
            journaled=self._journal.waiting,
            oldest=max(0.0, now - oldest / 1000) if oldest and self._journal.waiting else 0.0,
            history=self._shipper.problem is None,
            problem=self._shipper.problem,
            free_bytes=self._free_bytes(),
        )

    def counters(self) -> Mapping[Source, Counts]:
        return self._counters.as_they_are()

    def problems(self) -> Sequence[Problem]:
        return self._problems.newest_first()

    async def sizes(self) -> Sequence[StoreSize]:
        return [await self._journal.size(), *await self._on(self._light, self._history.sizes)]

    def _free_bytes(self) -> int:
        space = os.statvfs(self._home.path)
        return space.f_bavail * space.f_frsize

    async def _freshness(self, workspace: str, upto: int) -> Freshness:
        as_of = self._clock.now()
        behind = 0
        if not await self._shipper.reach(upto, self.patience):
            behind = await self._journal.behind(workspace, self._shipper.shipped, upto)
        return Freshness(as_of=as_of, behind=behind)

    async def _on(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    # ── the rest ──

    async def erase(self, workspace: str) -> None:
        lock = self._shipper.lock
        await asyncio.to_thread(lock.acquire)  # no batch is on its way while both stores lose their rows
        try:
            await self._journal.erase(workspace)
            await asyncio.to_thread(self._history.erase, workspace)
        finally:
            lock.release()

    async def back_up(self, request: str) -> AsyncGenerator[Written]:
        if self._backing_up:
            raise Conflict("a backup is being written already; wait for its end")
        self._backing_up = True
        thread = ThreadPoolExecutor(1, thread_name_prefix="backup")
        try:
            folder = await self._on(thread, lambda: asked_for(self._home.path, request))
            steps = write(
                Backup(self._home.path, folder), self._history.copies(), self._shipper.lock, self._clock.now()
            )
            try:
                while written := await self._to_the_end(self._on(thread, lambda: next(steps, None))):
                    yield written
            finally:
                await self._on(thread, steps.close)  # behind a step that is still being done
        finally:
            thread.shutdown(wait=False)
            self._backing_up = False

    async def start(self) -> None:
        """Close what an earlier process left open, with what is known of it, and begin to ship."""
        found = [interrupted(execution) for execution in self._journal.pending()]
        for start in range(0, len(found), 1_000):
            await self._keep([self._stamped(execution) for execution in found[start : start + 1_000]])
        self._shipper.start()

    async def shutdown(self, seconds: float = DRAIN_SECONDS) -> None:
        """Ship what can be shipped in that time, close both stores, let go of the home. The rest ships next time."""
        if self._closed:
            return
        self._closed = True
        self._watchers.end()
        if self._again is not None:
            self._again.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._shipper.reach(self._journal.last, seconds)
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._shipper.stop()
        self._journal.stop()
        self._light.shutdown()
        self._heavy.shutdown()
        self._closing()
        self._home.release()


def interrupted(execution: Execution) -> Execution:
    """An open execution as a later process closes it: nobody knows what the provider did."""
    return replace(
        execution,
        status=Status.ERROR,
        error_type=ErrorType.INTERRUPTED,
        usage_source=UsageSource.UNKNOWN,
        cost_state=CostState.UNKNOWN,
        content=replace(
            execution.content or Content(), error="Interrupted: Prompt Forge stopped before the execution finished"
        ),
    )
