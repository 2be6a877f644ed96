"""The record as services see it: one way in, for executions and chain executions alike. The questions are answered by
``reader.py``, what takes rows away is in ``removal.py``."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from promptforge.core.altered import altered
from promptforge.core.backup import Written
from promptforge.core.chain_execution import AnyExecution, ChainExecution, StepRun
from promptforge.core.doctor import Checkup
from promptforge.core.errors import Conflict, InvalidInput, Unavailable
from promptforge.core.execution import Execution, Source
from promptforge.core.ports import Claim, Clock
from promptforge.core.query import Counts, Problem, Recorded, RecordHealth, Refusals
from promptforge.core.record_ports import History
from promptforge.core.redaction import Redactors
from promptforge.record.backup import Backup, asked_for, write
from promptforge.record.checkup import examined, hanging
from promptforge.record.counters import Counters, Problems, Refused, road
from promptforge.record.home import Home
from promptforge.record.intake import chain_taken_in, claim_taken_in, step_taken_in, taken_in
from promptforge.record.journal import SqliteJournal
from promptforge.record.remains import interrupted
from promptforge.record.removal import Removal
from promptforge.record.room import Room
from promptforge.record.schema import moment_of
from promptforge.record.shipper import Shipper
from promptforge.record.watchers import Watchers

T = TypeVar("T")
E = TypeVar("E", Execution, ChainExecution)
DRAIN_SECONDS = 5.0
AGAIN_SECONDS = 1.0
"""Between two tries to close what could not be closed."""
LOOKUP = 10_000
MANY = 50
AHEAD = timedelta(hours=24)


class RecordStore(Removal):
    """The Record and ChainRecord ports. Made by ``open_record``; belongs to the event loop that made it."""

    def __init__(
        self,
        home: Home,
        journal: SqliteJournal,
        history: History,
        shipper: Shipper,
        clock: Clock,
        *,
        redactors: Redactors,
        backlog: int,
        min_free_mb: int,
        closing: Callable[[], None],
    ) -> None:
        super().__init__(journal, history, shipper, clock)
        self._home = home
        self._redactors = redactors
        self._room = Room(home.path, journal, shipper, backlog=backlog, min_free_mb=min_free_mb)
        self._watchers: Watchers[Execution] = Watchers()
        self._chain_watchers: Watchers[ChainExecution] = Watchers()
        self._closing = closing
        self._unclosed: list[tuple[AnyExecution, StepRun | None]] = []
        self._again: asyncio.Task[None] | None = None
        self._closed = False
        self._counters = Counters()
        self._refused = Refused()
        self._problems = Problems()
        shipper.on_problem = lambda text: self._problems.note(clock.now(), text)

    # ── in ──

    async def open(self, execution: Execution, claim: Claim | None = None) -> str:
        return await self._to_the_end(self._open(execution, claim))

    async def open_chain(self, execution: ChainExecution, claim: Claim | None = None) -> str:
        return await self._to_the_end(self._open(execution, claim))

    async def _open(self, execution: E, claim: Claim | None) -> str:
        with self._noted([execution]):
            self._room.require(1)
            execution = altered(self._journal.erased.of(self._taken_in(execution)))
            kept = await self._journal.open(execution, claim_taken_in(claim, self._redactors.of(execution.workspace)))
        one = Counter([road(execution)])
        # the journal keeps this very copy, unless the id or the claim was known
        if self._journal.running(execution.workspace, execution.id) is execution:
            self._counters.add(one, stored=one)
            self._tell(execution)
        else:
            self._counters.add(one, duplicate=one)
        return kept

    async def open_again(self, execution: Execution) -> None:
        with self._noted():
            await self._journal.open_again(self._journal.erased.of(self._taken_in(execution)))

    async def close(self, execution: Execution) -> None:
        with self._noted():
            await self._close(self._taken_in(self._stamped(execution)))

    async def close_chain(self, execution: ChainExecution) -> None:
        with self._noted():
            await self._close(self._taken_in(self._stamped(execution)))

    async def close_step(self, execution: Execution, step: StepRun) -> None:
        with self._noted():
            redactor = self._redactors.of(execution.workspace)
            await self._close(self._taken_in(self._stamped(execution)), step_taken_in(step, redactor))

    async def advance(self, workspace: str, chain_execution_id: str, step: StepRun) -> None:
        with self._noted():
            done = step_taken_in(step, self._redactors.of(workspace))
            done = self._journal.erased.step_of(workspace, chain_execution_id, done)
            chain = await self._journal.advance(workspace, chain_execution_id, done)
        if chain is not None:
            self._tell(chain)

    async def record(self, executions: Sequence[Execution]) -> Recorded:
        return await self._to_the_end(self._record(executions))

    async def capture(self, executions: Sequence[Execution], chains: Sequence[ChainExecution]) -> Recorded:
        return await self._to_the_end(self._record(executions, chains))

    async def _record(self, executions: Sequence[Execution], chains: Sequence[ChainExecution] = ()) -> Recorded:
        with self._noted(executions):
            good, stored = await self._recorded(executions, chains)
        first = {(e.workspace, e.id): road(e) for e in reversed(good)}
        kept = Counter(came for key, came in first.items() if key in stored)
        fit = Counter(map(road, good))
        received = Counter(map(road, executions))
        self._counters.add(received, stored=kept, duplicate=fit - kept, rejected=received - fit)
        return Recorded(stored=len(stored), duplicate=len(good) - len(stored), rejected=len(executions) - len(good))

    async def _recorded(
        self, executions: Sequence[Execution], chains: Sequence[ChainExecution]
    ) -> "tuple[list[Execution], frozenset[tuple[str, str]]]":
        """What of it can be kept, and the (workspace, id) of what is kept now for the first time."""
        self._room.require(len(executions))
        if len(executions) > MANY:
            good, bad = await asyncio.to_thread(self._all_taken_in, executions)
        else:
            good, bad = self._all_taken_in(executions)
        for execution, why in bad:
            self._refuse(execution, why)
        fresh = {(e.workspace, e.id): e for e in reversed(good)}
        clean = await asyncio.to_thread(self._halves, chains) if len(chains) > MANY else self._halves(chains)
        halves = {(e.workspace, e.id): e for e in clean}
        for key in await self._stored_long_ago({**fresh, **halves}):
            fresh.pop(key, None)
            halves.pop(key, None)
        if not fresh and not halves:
            return good, frozenset()
        return good, await self._keep(list(reversed(fresh.values())), chains=list(halves.values()))

    @contextmanager
    def _noted(self, offered: Sequence[AnyExecution] = ()) -> Generator[None]:
        """Count what fails as rejected, and remember a failure of ours."""
        try:
            yield
        except Exception as error:
            received = Counter(map(road, offered))
            self._counters.add(received, rejected=received)
            for execution in offered:
                self._refuse(execution, str(error))
            if isinstance(error, Unavailable):
                self._problems.note(self._clock.now(), str(error))
            raise

    def _all_taken_in(self, executions: Sequence[Execution]) -> tuple[list[Execution], list[tuple[Execution, str]]]:
        """Those that can be kept, and the others each with the reason."""
        good: list[Execution] = []
        bad: list[tuple[Execution, str]] = []
        limit = self._clock.now() + AHEAD
        for execution in executions:
            if execution.created_at > limit:
                bad.append((execution, f"createdAt {execution.created_at.isoformat()} is more than 24 hours ahead"))
                continue
            try:
                good.append(self._taken_in(self._stamped(execution)))
            except InvalidInput as error:
                bad.append((execution, str(error)))
        return good, bad

    def _halves(self, chains: Sequence[ChainExecution]) -> list[ChainExecution]:
        """What is said of chain executions, as it may be kept: only what has ended was recorded."""
        return [self._taken_in(chain if chain.pending else self._stamped(chain)) for chain in chains]

    def _refuse(self, execution: AnyExecution, why: str) -> None:
        self._refused.note(execution.workspace, execution.service, 1, self._clock.now(), why)

    async def _keep(
        self,
        executions: Sequence[AnyExecution],
        step: StepRun | None = None,
        *,
        chains: Sequence[ChainExecution] = (),
    ) -> "frozenset[tuple[str, str]]":
        erased = self._journal.erased
        executions = [erased.of(execution) for execution in executions]
        if chains:
            calls = [execution for execution in executions if isinstance(execution, Execution)]
            closed = await self._journal.capture(calls, [erased.of(chain) for chain in chains])
        else:
            call = executions[0]
            if step is not None and isinstance(call, Execution) and call.step is not None:
                step = erased.step_of(call.workspace, call.step.chain_execution_id, step)
            closed = await self._journal.close(executions, step)
        if closed.fresh:
            self._shipper.notice()
        told = [e for e in executions if (e.workspace, e.id) in closed.fresh]
        self._tell(*told, *closed.chains)
        return frozenset((e.workspace, e.id) for e in told)

    def _tell(self, *told: AnyExecution) -> None:
        self._watchers.tell([e for e in told if not isinstance(e, ChainExecution)])
        self._chain_watchers.tell([e for e in told if isinstance(e, ChainExecution)])

    async def _close(self, execution: AnyExecution, step: StepRun | None = None) -> None:
        try:
            await self._keep([execution], step)
        except Unavailable:
            if self._journal.running(execution.workspace, execution.id) is not None:
                # how it ended is known here and nowhere else: without this it would be open until the next start
                self._unclosed.append((execution, step))
                self._again = self._again or asyncio.create_task(self._close_again())
            raise

    async def _close_again(self) -> None:
        while self._unclosed:
            await asyncio.sleep(AGAIN_SECONDS)
            some = self._unclosed[:MANY]
            with suppress(Unavailable):
                await asyncio.gather(*(self._keep([execution], step) for execution, step in some))
                del self._unclosed[: len(some)]
        self._again = None

    async def _stored_long_ago(self, keys: "Mapping[tuple[str, str], AnyExecution]") -> list[tuple[str, str]]:
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

    def _taken_in(self, execution: E) -> E:
        redactor = self._redactors.of(execution.workspace)
        if isinstance(execution, ChainExecution):
            return chain_taken_in(execution, redactor)
        return taken_in(execution, redactor)

    def _stamped(self, execution: E) -> E:
        return execution if execution.recorded_at else altered(execution, recorded_at=self._clock.now())

    async def trace_ids(self, workspace: str, wanted: Mapping[str, str]) -> Mapping[str, str]:
        with self._noted():
            return await self._journal.trace_ids(workspace, wanted)

    def roots(self, workspace: str | None = None) -> Sequence[ChainExecution]:
        return [root for root in self._journal.roots() if workspace in (None, root.workspace)]

    async def forget_roots(self, roots: Sequence[ChainExecution]) -> None:
        await self._to_the_end(self._journal.forget_roots(roots))

    # ── out ──

    def watch(self, workspace: str) -> AsyncIterator[Execution]:
        return self._watchers.add(workspace)

    def watch_chains(self, workspace: str) -> AsyncIterator[ChainExecution]:
        return self._chain_watchers.add(workspace)

    def unfinished(self, workspace: str | None = None) -> Sequence[ChainExecution]:
        chains = self._journal.open_chains
        return tuple(chains) if workspace is None else chains.of(workspace)

    def calls_of(self, workspace: str, chain_execution_id: str) -> Sequence[Execution]:
        runs = self._journal.open_runs.of(workspace)
        return [run for run in runs if run.step and run.step.chain_execution_id == chain_execution_id]

    def health(self) -> RecordHealth:
        return RecordHealth(
            open=len(self._journal.open_runs) + len(self._journal.open_chains),
            journaled=self._journal.waiting,
            oldest=self._age(self._journal.oldest_at) if self._journal.waiting else 0.0,
            history=self._shipper.problem is None,
            problem=self._shipper.problem,
            free_bytes=self._room.free_bytes(),
        )

    async def health_of(self, workspace: str) -> RecordHealth:
        waiting, oldest = await self._journal.waiting_of(workspace, self._shipper.shipped)
        return RecordHealth(
            open=len(self._journal.open_runs.of(workspace)) + len(self._journal.open_chains.of(workspace)),
            journaled=waiting,
            oldest=self._age(oldest),
            history=self._shipper.problem is None,
        )

    def _age(self, at: int | None) -> float:
        return max(0.0, self._clock.now().timestamp() - at / 1000) if at else 0.0

    def counters(self, workspace: str | None = None) -> Mapping[Source, Counts]:
        return self._counters.as_they_are(workspace)

    def refused(self, workspace: str, source: Source, count: int, *, service: str | None = None, why: str = "") -> None:
        some = Counter({(workspace, source): count})
        self._counters.add(some, rejected=some)
        self._refused.note(workspace, service, count, self._clock.now(), why)

    def refusals(self, workspace: str) -> Mapping[str | None, Refusals]:
        return self._refused.as_they_are(workspace)

    def problems(self) -> Sequence[Problem]:
        return self._problems.newest_first()

    # ── the rest ──

    async def checkup(self, *, late: datetime, since: datetime) -> Checkup:
        stuck = sum(execution.created_at < late for execution in self._journal.pending())
        home, today = self._home.path, self._clock.now().date()
        found = await self._on(self._heavy, lambda: examined(home, self._history, today, since))
        return replace(found, findings=[*hanging(stuck), *found.findings])

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
        """Close what an earlier process left open, with what is known of it, and begin to ship.

        Chain executions stay open, and the calls of those: they can go on, which is for the chain service. One whose
        opened event is damaged cannot: its plan is lost.
        """
        damaged = self._journal.damaged
        for problem in damaged.values():
            self._problems.note(self._clock.now(), problem)
        stuck = [chain for chain in self._journal.unfinished() if (chain.workspace, chain.id) in damaged]
        if stuck:
            await self._keep([self._stamped(interrupted(chain)) for chain in stuck])
        found = [interrupted(execution) for execution in self._journal.pending() if not self._can_go_on(execution)]
        for start in range(0, len(found), 1_000):
            await self._keep([self._stamped(execution) for execution in found[start : start + 1_000]])
        self._shipper.start()

    def _can_go_on(self, call: Execution) -> bool:
        step = call.step
        return step is not None and self._journal.open_chains.get(call.workspace, step.chain_execution_id) is not None

    async def shutdown(self, seconds: float = DRAIN_SECONDS) -> None:
        """Ship what can be shipped in that time, close both stores, let go of the home. The rest ships next time."""
        if self._closed:
            return
        self._closed = True
        self._watchers.end()
        self._chain_watchers.end()
        if self._again is not None:
            self._again.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._shipper.reach(self._journal.last, seconds)
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._shipper.stop()
        self._journal.stop()
        self._end_threads()
        self._closing()
        self._home.release()
