"""Erasing an end user from both stores, down to the bytes on the disk.

A store that only marks rows as gone keeps them in its files, so each is made to write its files anew and to let go of
the old ones. All of it may be done again from its start, whatever became of the last time.
"""

import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from promptforge.core import ids
from promptforge.core.chain_execution import AnyExecution, ChainExecution, StepRun
from promptforge.core.erasure import Erasure, erased
from promptforge.core.execution import Execution
from promptforge.record.body import decode, decode_step, encode
from promptforge.record.engine import Engine
from promptforge.record.journal_tables import CLOSED
from promptforge.record.schema import TABLES, number_of

E = TypeVar("E", bound=AnyExecution)


class Erased:
    """Whose executions are being erased, and which were open then: of those nothing is written from now on that an
    erasure takes away. They are few, and forgotten at the next start, which closes what was open."""

    def __init__(self) -> None:
        self._end_users: set[tuple[str, str]] = set()
        self._open: set[tuple[str, str]] = set()

    @contextmanager
    def erasing(self, workspace: str, end_user: str, running: Iterable[AnyExecution]) -> Generator[None]:
        """What is opened meanwhile counts as open, too: it may be on its way to the disk already."""
        self._end_users.add((workspace, end_user))
        for execution in running:
            self.note(execution)
        try:
            yield
        finally:
            self._end_users.discard((workspace, end_user))

    def note(self, execution: AnyExecution) -> bool:
        """Remember it when it is to be erased; whether it is."""
        key = (execution.workspace, execution.id)
        theirs = (execution.workspace, execution.end_user or "") in self._end_users
        step = execution.step if isinstance(execution, Execution) else None
        if theirs or (step is not None and (execution.workspace, step.chain_execution_id) in self._open):
            self._open.add(key)
        return key in self._open

    def of(self, execution: E) -> E:
        """What of it may be written."""
        return erased(execution) if self.note(execution) else execution

    def step_of(self, workspace: str, chain_execution_id: str, step: StepRun) -> StepRun:
        """What may be written of a chain execution's step."""
        return replace(step, content=None) if (workspace, chain_execution_id) in self._open else step


# ── from the journal ──


def halfway(connection: sqlite3.Connection, workspace: str, end_user: str) -> list[str]:
    """Ids of an end user in a batch that was begun: their content may be in history already, without figures."""
    rows = connection.execute(
        "SELECT id, body FROM events JOIN batches ON seq BETWEEN first AND last WHERE workspace = ? AND kind = ?",
        (workspace, CLOSED),
    )
    found: list[str] = []
    for shown, body in rows:
        with suppress(ValueError):
            if _of(body, end_user):
                found.append(shown)
    return found


def blank(connection: sqlite3.Connection, workspace: str, end_user: str) -> Erasure:
    """Write every event of an end user anew, without what is erased. What cannot be read stays, and is counted."""
    theirs: dict[str, bool] = {}
    unreadable: set[str] = set()
    for table, update in (
        ("events", "UPDATE events SET body = ? WHERE seq = ?"),
        ("roots", "UPDATE roots SET body = ? WHERE rowid = ?"),
        ("poison", "UPDATE poison SET body = ?, problem = 'what was wrong was erased with it' WHERE seq = ?"),
    ):
        changes: list[tuple[bytes, int]] = []
        plain = "AND step IS NULL" if table == "events" else ""
        seq = "rowid" if table == "roots" else "seq"
        sql = f"SELECT {seq}, id, body FROM {table} WHERE workspace = ? {plain}"
        for seq, shown, body in connection.execute(sql, (workspace,)):
            try:
                execution = _of(body, end_user)
            except ValueError:
                unreadable.add(shown)
                continue
            if execution is not None:
                theirs[shown] = isinstance(execution, ChainExecution)
                changes.append((encode(erased(execution)), seq))
        connection.executemany(update, changes)
    chains = [shown for shown, is_chain in theirs.items() if is_chain]
    _blank_steps(connection, workspace, chains)
    return Erasure(
        executions=len(theirs) - len(chains), chain_executions=len(chains), unreadable=len(unreadable - set(theirs))
    )


def _blank_steps(connection: sqlite3.Connection, workspace: str, chains: Sequence[str]) -> None:
    for shown in chains:
        sql = "SELECT seq, body FROM events WHERE workspace = ? AND id = ? AND step IS NOT NULL"
        for seq, body in connection.execute(sql, (workspace, shown)).fetchall():
            try:
                bare = encode(replace(decode_step(body), content=None))
            except ValueError:  # a step that cannot be read is one that is not done
                connection.execute("DELETE FROM events WHERE seq = ?", (seq,))
            else:
                connection.execute("UPDATE events SET body = ? WHERE seq = ?", (bare, seq))


def _of(body: bytes, end_user: str) -> AnyExecution | None:
    execution = decode(body)
    return execution if execution.end_user == end_user else None


# ── from the history ──

_THEIRS = "workspace = {workspace:String} AND end_user = {end_user:String}"
_COUNT = (
    f"SELECT countIf(kind = 'execution' AND id NOT IN {{calls:Array(UInt128)}}), "
    f"countIf(kind = 'chain' AND id NOT IN {{chains:Array(UInt128)}}) FROM facts PREWHERE {_THEIRS}"
)
_FORGET_CONTENT = (
    "ALTER TABLE payloads DELETE WHERE workspace = {workspace:String} AND "
    f"((created_at, id, steps != '') IN (SELECT created_at, id, kind = 'chain' FROM facts WHERE {_THEIRS}) "
    "OR (steps = '' AND id IN {calls:Array(UInt128)}) OR (steps != '' AND id IN {chains:Array(UInt128)}))"
)
_FORGET_NAMES = (
    "ALTER TABLE facts UPDATE end_user = '', session_id = '', "
    f"tags = CAST(map(), 'Map(LowCardinality(String), String)') WHERE {_THEIRS}"
)


def erase_rows(engine: Engine, workspace: str, end_user: str, begun: Sequence[str]) -> Erasure:
    """Delete an end user's content, then blank what names them; every figure stays. *begun* is not counted."""
    of_chains = ids.CHAIN_EXECUTION + "_"
    values = {
        "workspace": workspace,
        "end_user": end_user,
        "calls": [number_of(shown) for shown in begun if not shown.startswith(of_chains)],
        "chains": [number_of(shown) for shown in begun if shown.startswith(of_chains)],
    }
    with engine.writing():
        ((executions, chains),) = engine.ask(_COUNT, values)
        # the content first: it is found by the figures' names
        engine.command(_FORGET_CONTENT, values, mutations_sync=2)
        engine.command(_FORGET_NAMES, values, mutations_sync=2)
        _let_go(engine)
    return Erasure(executions=executions, chain_executions=chains)


def _let_go(engine: Engine) -> None:
    """Take off the disk what a change left there: its text, which holds the name, and the parts as they were."""
    engine.command("KILL MUTATION WHERE database = currentDatabase() AND is_done")
    engine.let_go(TABLES)
