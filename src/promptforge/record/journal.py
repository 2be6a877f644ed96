"""The journal: what is acknowledged is on disk here first.

Sequence numbers order everything. ``last`` is the newest closed event that was acknowledged; it and the table of open
runs change together, on the event loop, so that a reader sees both as of one moment.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from promptforge.core import ids
from promptforge.core.chain_execution import AnyExecution, ChainExecution, StepRun
from promptforge.core.erasure import Erasure
from promptforge.core.execution import Execution
from promptforge.core.ports import Claim, Clock
from promptforge.core.pruning import Border
from promptforge.core.query import StoreSize
from promptforge.core.record_ports import Closed
from promptforge.record import erasure, events, pruning, traces
from promptforge.record.body import decode_as, decode_step, encode
from promptforge.record.checkpoint import Checkpoint
from promptforge.record.erasure import Erased
from promptforge.record.journal_tables import CLOSED, prepare
from promptforge.record.outgoing import Outgoing
from promptforge.record.pending import Pending, PendingChains
from promptforge.record.remains import reopened
from promptforge.record.traces import Half, Joined, Key
from promptforge.record.writer import FileReader, Writer, connect

REMEMBERED = timedelta(days=7)
CLAIMED = timedelta(hours=24)
MANY = 50
_CHAIN = f"{ids.CHAIN_EXECUTION}_"


class SqliteJournal:
    """The Journal port on one SQLite file."""

    def __init__(self, path: Path, clock: Clock, *, after: int = 0, after_batch: int = 0) -> None:
        """A new file begins its numbers behind *after* and *after_batch*."""
        self._clock = clock
        self.path = path
        first = connect(path)
        prepare(first)
        for table, number in (("events", after), ("batches", after_batch)):
            if number:
                first.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))
        first.close()
        self._finder = FileReader(path)
        self._writer = Writer(path)
        self.outgoing = Outgoing(path, self._writer, self._now)
        self.open_runs: Pending[Execution] = Pending()
        self.open_chains = PendingChains()
        self.waiting_roots: Pending[ChainExecution] = Pending()
        self.erased = Erased()
        self._restore()
        self._writer.start()

    def _restore(self) -> None:
        connection = self._finder.connection
        found, self.damaged = reopened(connection)
        """What was opened, and what is wrong with that of it which could not be read, by workspace and id."""
        for execution in found:
            self._add(execution)
        for workspace, chain_execution_id, body in events.steps(connection):
            # a step that cannot be read is one that is not done
            with contextlib.suppress(ValueError):
                self.open_chains.advance(workspace, chain_execution_id, decode_step(body))
        for root in traces.roots(connection):
            self.waiting_roots.add(root)
        count, oldest, first = connection.execute(
            "SELECT count(*), min(at), min(seq) FROM events WHERE kind = ?", (CLOSED,)
        ).fetchone()
        used = connection.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'").fetchone()[0]
        self.forgotten = self._forgotten(connection, fresh=not used)
        """Ids that were recorded before that millisecond may not be known here any more."""
        self.waiting: int = count
        self.oldest_at: int | None = oldest
        self.last: int = used or 0
        self.shipped: int = first - 1 if count else self.last
        """Where the history stood when the journal was opened."""

    def _add(self, execution: AnyExecution) -> None:
        if isinstance(execution, ChainExecution):
            self.open_chains.add(execution)
        else:
            self.open_runs.add(execution)

    def _forgotten(self, connection: sqlite3.Connection, *, fresh: bool) -> int:
        row = connection.execute("SELECT value FROM about WHERE name = 'forgotten'").fetchone()
        if row or fresh:
            return int(row[0]) if row else 0
        # a file from before this was written down, or a new one beside an old history
        first = connection.execute("SELECT min(at) FROM seen").fetchone()[0]
        return max(first or self._now(), self._now() - _ms(REMEMBERED))

    # ── from the event loop ──

    async def open(self, execution: AnyExecution, claim: Claim | None = None) -> str:
        key, body = (execution.workspace, execution.id), encode(execution)
        now = self._now()

        def run(connection: sqlite3.Connection) -> str:
            if claim is not None and (earlier := events.claimed(connection, key[0], claim, now - _ms(CLAIMED))):
                return earlier
            if events.exists(connection, *key):
                return execution.id
            if claim is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO claims (workspace, key, fingerprint, id, at) VALUES (?, ?, ?, ?, ?)",
                    (key[0], claim.key, claim.fingerprint, execution.id, now),
                )
            events.insert_opened(connection, key, now, body)
            written.append(True)
            return execution.id

        written: list[bool] = []

        def kept(_: str) -> None:
            if written:
                self._add(execution)
                self.erased.note(execution)

        return await self._writer.write(run, kept)

    async def open_again(self, execution: Execution) -> None:
        key, body = (execution.workspace, execution.id), encode(execution)

        def kept(written: bool) -> None:
            if written and self.open_runs.get(*key) is not None:
                self._add(execution)

        await self._writer.write(lambda connection: events.update_opened(connection, key, body), kept)

    async def close(self, executions: Sequence[AnyExecution], step: StepRun | None = None) -> Closed:
        wanted, bodies = await _encoded(executions)
        checkpoint = step and Checkpoint.of(executions[0], step)
        now = self._now()

        def run(connection: sqlite3.Connection) -> tuple[Closed, bool]:
            # the step first: the last number must be that of what was closed
            written = checkpoint is not None and checkpoint.write(connection, now)
            return self._append(connection, wanted, bodies, now), written

        chains: list[ChainExecution | None] = [None]

        def kept(done: tuple[Closed, bool]) -> None:
            closed, written = done
            self._closed(closed, now)
            if written and checkpoint:
                chains.append(self.open_chains.advance(*checkpoint.key, checkpoint.step))

        closed, _ = await self._writer.write(run, kept)
        return replace(closed, chains=[chain for chain in chains if chain is not None])

    async def capture(self, executions: Sequence[Execution], chains: Sequence[ChainExecution]) -> Closed:
        wanted, bodies = await _encoded(executions)
        halves, steps = [Half.of(chain) for chain in chains], {(e.workspace, e.id): e.step for e in executions}
        now = self._now()

        def run(connection: sqlite3.Connection) -> tuple[Closed, Joined]:
            calls = self._append(connection, wanted, bodies, now)
            called = {(key[0], step.chain_execution_id) for key in calls.fresh if (step := steps[key])}
            joined = traces.join(connection, halves, called, now)
            chains = {half.key: half.chain for half in joined.whole}
            ends = self._append(connection, chains, {half.key: half.body for half in joined.whole}, now)
            return Closed(max(calls.last, ends.last), calls.fresh | ends.fresh, joined.changed), joined

        def kept(done: tuple[Closed, Joined]) -> None:
            closed, joined = done
            self._closed(closed, now)
            for chain in joined.opened:
                self._add(chain)
                self.erased.note(chain)
            for chain in joined.waiting:
                self.waiting_roots.add(chain)
            for half in joined.whole:
                self.open_chains.remove(*half.key)
                self.waiting_roots.remove(*half.key)

        return (await self._writer.write(run, kept))[0]

    def _append(
        self,
        connection: sqlite3.Connection,
        wanted: Mapping[Key, AnyExecution],
        bodies: dict[Key, bytes],
        now: int,
    ) -> Closed:
        """Append closed events for what was not closed before."""
        known = events.known(connection, list(bodies))
        fresh = [key for key in reversed(bodies) if key not in known]
        if not fresh:
            return Closed(self.last, frozenset())
        # not before it was made, whatever the clock says: what is forgotten is looked for by when it was made
        seen = [(*key, max(now, _at(wanted[key].created_at))) for key in fresh]
        connection.executemany("INSERT INTO seen (workspace, id, at) VALUES (?, ?, ?)", seen)
        last = events.insert_closed(connection, [(*key, bodies[key]) for key in fresh], now)
        return Closed(last, frozenset(fresh))

    def _closed(self, closed: Closed, now: int) -> None:
        """What is in memory, after the commit."""
        for workspace, shown in closed.fresh:
            chain = shown.startswith(_CHAIN)
            (self.open_chains if chain else self.open_runs).remove(workspace, shown)
        if closed.fresh:
            self.last = max(self.last, closed.last)
            self.waiting += len(closed.fresh)
            self.oldest_at = self.oldest_at or now

    async def trace_ids(self, workspace: str, wanted: Mapping[str, str]) -> Mapping[str, str]:
        now = self._now()
        return await self._writer.write(lambda c: traces.ids_of(c, workspace, wanted, now))

    def roots(self) -> Sequence[ChainExecution]:
        return tuple(self.waiting_roots)

    async def forget_roots(self, roots: Sequence[ChainExecution]) -> None:
        keys = [(root.workspace, root.id) for root in roots]

        def kept(_: None) -> None:
            for key in keys:
                self.waiting_roots.remove(*key)

        await self._writer.write(lambda c: traces.forget(c, keys), kept)

    async def advance(self, workspace: str, chain_execution_id: str, step: StepRun) -> ChainExecution | None:
        checkpoint = Checkpoint((workspace, chain_execution_id), step, encode(step))
        now = self._now()
        chains: list[ChainExecution | None] = [None]

        def kept(written: bool) -> None:
            if written:
                chains.append(self.open_chains.advance(workspace, chain_execution_id, step))

        await self._writer.write(lambda connection: checkpoint.write(connection, now), kept)
        return chains[-1]

    async def known(self, workspace: str, ids: Sequence[str]) -> frozenset[str]:
        found = await asyncio.to_thread(self._finder.read, lambda c: events.known(c, [(workspace, i) for i in ids]))
        return frozenset(execution_id for _, execution_id in found)

    def pending(self) -> Sequence[Execution]:
        return tuple(self.open_runs)

    def running(self, workspace: str, execution_id: str) -> AnyExecution | None:
        """The open execution or chain execution of that id, as it is now."""
        return self.open_runs.get(workspace, execution_id) or self.open_chains.get(workspace, execution_id)

    def unfinished(self) -> Sequence[ChainExecution]:
        return tuple(self.open_chains)

    async def find(self, workspace: str, execution_id: str) -> AnyExecution | None:
        if (run := self.running(workspace, execution_id)) is not None:
            return run
        rows = await asyncio.to_thread(
            self._finder.read,
            lambda c: c.execute(
                "SELECT body FROM events WHERE id = ? AND workspace = ? AND step IS NULL ORDER BY seq DESC LIMIT 1",
                (execution_id, workspace),
            ).fetchall(),
        )
        with contextlib.suppress(ValueError):  # what cannot be read is set aside by the shipper
            return decode_as(workspace, execution_id, rows[0][0]) if rows else None
        return None

    async def behind(self, workspace: str, after: int, upto: int) -> int:
        """How many closed executions of the workspace stand between two sequence numbers."""
        sql = "SELECT count(*) FROM events WHERE seq > ? AND seq <= ? AND kind = ? AND workspace = ?"
        rows = await asyncio.to_thread(
            self._finder.read, lambda c: c.execute(sql, (after, upto, CLOSED, workspace)).fetchall()
        )
        return int(rows[0][0])

    async def waiting_of(self, workspace: str, shipped: int) -> tuple[int, int | None]:
        """How many closed executions of the workspace wait behind that number, and since when the first does."""
        sql = "SELECT count(*), min(at) FROM events WHERE seq > ? AND kind = ? AND workspace = ?"
        return await asyncio.to_thread(
            self._finder.read, lambda c: c.execute(sql, (shipped, CLOSED, workspace)).fetchone()
        )

    async def size(self) -> StoreSize:
        """What the file and its log take, and how many events are in them."""
        count = await asyncio.to_thread(
            self._finder.read, lambda c: int(c.execute("SELECT count(*) FROM events").fetchone()[0])
        )
        return StoreSize(name="journal", bytes=bytes_of(self.path), rows=count)

    async def erase(self, workspace: str) -> None:
        def run(connection: sqlite3.Connection) -> int:
            gone = connection.execute(
                "SELECT count(*) FROM events WHERE workspace = ? AND kind = ?", (workspace, CLOSED)
            ).fetchone()[0]
            for table in ("events", "seen", "claims", "poison", "traces", "roots"):
                connection.execute(f"DELETE FROM {table} WHERE workspace = ?", (workspace,))
            return gone

        def kept(gone: int) -> None:
            self.open_runs.clear(workspace)
            self.open_chains.clear(workspace)
            self.waiting_roots.clear(workspace)
            self.waiting -= gone

        await self._writer.write(run, kept)

    async def erase_end_user(self, workspace: str, end_user: str) -> Erasure:
        def kept(_: Erasure) -> None:
            for run in self.open_runs.of(workspace):
                self.open_runs.add(self.erased.of(run))
            for chain in self.open_chains.of(workspace):
                self.open_chains.add(self.erased.of(chain))
            for root in self.waiting_roots.of(workspace):
                self.waiting_roots.add(self.erased.of(root))

        kinds = (self.open_runs, self.open_chains, self.waiting_roots)
        running = [execution for kind in kinds for execution in kind.of(workspace)]
        with self.erased.erasing(workspace, end_user, running):
            found = await self._writer.write(lambda c: erasure.blank(c, workspace, end_user), kept)
        await self._writer.rewrite()
        return found

    async def halfway(self, workspace: str, end_user: str) -> Sequence[str]:
        """Ids of an end user in the batch that was begun."""
        return await asyncio.to_thread(self._finder.read, lambda c: erasure.halfway(c, workspace, end_user))

    async def waiting_chains(self, workspace: str, before: datetime) -> Sequence[str]:
        return await asyncio.to_thread(self._finder.read, lambda c: pruning.waiting_chains(c, workspace, before))

    async def forget(self, border: Border) -> None:
        while await self._writer.write(lambda c: pruning.forget(c, border)) == events.CHUNK:
            pass

    def stop(self) -> None:
        """Commit what waits and end. Blocks."""
        self._writer.stop()
        self._finder.close()
        self.outgoing.close()

    # ── from the shipper's thread ──

    def tidy(self) -> None:
        """Forget what is past its time and give free pages back, a little at a time.

        Ids are forgotten one round after ``forgotten`` says so: by then nobody relies on them who read it before.
        """
        now = self._now()
        seen_until, claims_until = self.forgotten, now - _ms(CLAIMED)

        def run(connection: sqlite3.Connection) -> int:
            # an id may be forgotten only after its event has left, or a repeat would slip in between
            oldest = connection.execute("SELECT min(at) FROM events").fetchone()[0]
            until = seen_until if oldest is None else min(seen_until, oldest)
            part = f"SELECT workspace, id FROM seen WHERE at < ? LIMIT {events.CHUNK}"
            gone = connection.execute(f"DELETE FROM seen WHERE (workspace, id) IN ({part})", (until,)).rowcount
            connection.execute("DELETE FROM claims WHERE at < ?", (claims_until,))
            return max(gone, traces.tidy(connection, until, events.CHUNK))

        while self._writer.write_and_wait(run) == events.CHUNK:
            pass
        until = now - _ms(REMEMBERED)
        self.forgotten = self._writer.write_and_wait(lambda c: events.announce(c, self.forgotten, until))
        self._writer.write_and_wait(events.give_pages_back)

    # ── inside ──

    def _now(self) -> int:
        return _at(self._clock.now())


async def _encoded(executions: Sequence[AnyExecution]) -> tuple[dict[Key, AnyExecution], dict[Key, bytes]]:
    """Each of them once by workspace and id, the last one first, and its body."""
    wanted = {(e.workspace, e.id): e for e in reversed(executions)}
    if len(wanted) > MANY:
        return wanted, await asyncio.to_thread(lambda: {key: encode(e) for key, e in wanted.items()})
    return wanted, {key: encode(e) for key, e in wanted.items()}


def bytes_of(path: Path) -> int:
    """What an SQLite file and the log beside it take."""
    total = 0
    for part in (path, path.with_name(path.name + "-wal")):
        with contextlib.suppress(OSError):
            total += part.stat().st_size
    return total


def _at(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
