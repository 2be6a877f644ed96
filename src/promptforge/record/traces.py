"""What the journal keeps of captured traces, as functions of a connection; the writer calls them in a transaction.

A trace comes in two halves, in any order and in as many requests as its program likes: its calls, and its root. Its
chain execution is open once a call has come, closed once both have; a root without calls waits in ``roots`` and is in
no answer. Whether the other half has come is asked in the transaction that keeps the one, so no order of requests and
no crash leaves a trace half done.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from promptforge.core.chain_execution import ChainExecution
from promptforge.record import events
from promptforge.record.body import decode_as, encode
from promptforge.record.journal_tables import OPENED

Key = tuple[str, str]
"""Workspace and id of a chain execution."""


@dataclass(frozen=True, slots=True)
class Half:
    """What a request said of a trace's chain execution: pending, or its root and so how it ended."""

    chain: ChainExecution
    body: bytes

    @classmethod
    def of(cls, chain: ChainExecution) -> "Half":
        """Ready to be written."""
        return cls(chain, encode(chain))

    @property
    def key(self) -> Key:
        """Where it is filed."""
        return self.chain.workspace, self.chain.id


@dataclass(slots=True)
class Joined:
    """What became of the halves: opened, whole and to be closed, or a root that waits for a call."""

    opened: list[ChainExecution] = field(default_factory=list[ChainExecution])
    whole: list[Half] = field(default_factory=list[Half])
    waiting: list[ChainExecution] = field(default_factory=list[ChainExecution])

    @property
    def changed(self) -> tuple[ChainExecution, ...]:
        """Those that whoever watches is told of."""
        return (*self.opened, *(half.chain for half in self.whole))


def ids_of(connection: sqlite3.Connection, workspace: str, wanted: Mapping[str, str], at: int) -> dict[str, str]:
    """The id of each trace's chain execution: that of the first time, else the one that is wanted."""
    connection.executemany(
        "INSERT OR IGNORE INTO traces (workspace, trace, id, at) VALUES (?, ?, ?, ?)",
        [(workspace, trace, shown, at) for trace, shown in wanted.items()],
    )
    rows = connection.execute(
        "SELECT t.trace, t.id FROM json_each(?) asked JOIN traces t ON t.workspace = ? AND t.trace = asked.value",
        (json.dumps(list(wanted)), workspace),
    )
    return dict(rows.fetchall())


def join(connection: sqlite3.Connection, halves: Sequence[Half], called: Collection[Key], at: int) -> Joined:
    """Keep each half, or find that the trace is whole by it; *called* had their first or another call just now.

    What is whole is left to be closed, and its root waits no more.
    """
    joined = Joined()
    known = events.known(connection, [half.key for half in halves])
    for half in halves:
        if half.key in known:
            continue
        if not half.chain.pending:
            if half.key in called or _is_open(connection, half.key):
                joined.whole.append(half)
            elif _wait(connection, half, at):
                joined.waiting.append(half.chain)
        elif half.key not in called:
            continue  # of calls that were known: what they say of their chain execution was kept with them
        elif root := _root(connection, half.key):
            joined.whole.append(root)
        elif not _is_open(connection, half.key):
            events.insert_opened(connection, half.key, at, half.body)
            joined.opened.append(half.chain)
    forget(connection, [half.key for half in joined.whole])
    return joined


def forget(connection: sqlite3.Connection, keys: Sequence[Key]) -> None:
    """Let go of roots that wait."""
    connection.executemany("DELETE FROM roots WHERE workspace = ? AND id = ?", keys)


def tidy(connection: sqlite3.Connection, until: int, chunk: int) -> int:
    """Forget the ids of traces that came before, at most a chunk; how many."""
    part = f"SELECT workspace, trace FROM traces WHERE at < ? LIMIT {chunk}"
    return connection.execute(f"DELETE FROM traces WHERE (workspace, trace) IN ({part})", (until,)).rowcount


def roots(connection: sqlite3.Connection) -> Iterator[ChainExecution]:
    """Those that wait. One that cannot be read has not come."""
    for workspace, shown, body in connection.execute("SELECT workspace, id, body FROM roots").fetchall():
        with suppress(ValueError):
            yield cast("ChainExecution", decode_as(workspace, shown, body))


def _is_open(connection: sqlite3.Connection, key: Key) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM events WHERE workspace = ? AND id = ? AND kind = ?)"
    return bool(connection.execute(sql, (*key, OPENED)).fetchone()[0])


def _wait(connection: sqlite3.Connection, half: Half, at: int) -> bool:
    """Keep a root until a call comes; whether it is the first of its trace."""
    sql = "INSERT OR IGNORE INTO roots (workspace, id, at, body) VALUES (?, ?, ?, ?)"
    return connection.execute(sql, (*half.key, at, half.body)).rowcount > 0


def _root(connection: sqlite3.Connection, key: Key) -> Half | None:
    sql = "SELECT body FROM roots WHERE workspace = ? AND id = ?"
    row = connection.execute(sql, key).fetchone()
    if row is None:
        return None
    with suppress(ValueError):
        return Half(cast("ChainExecution", decode_as(*key, row[0])), row[0])
    forget(connection, [key])
    return None
