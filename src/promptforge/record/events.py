"""What the journal asks of its file, as functions of a connection; the writer calls them inside a transaction."""

import json
import sqlite3
from collections.abc import Iterator, Sequence

from promptforge.core.errors import Conflict
from promptforge.core.ports import Claim
from promptforge.record.journal_tables import CLOSED, OPENED, STEP, forgets

CHUNK = 2_000
"""So many rows are removed at a time, so that nobody waits long."""


def opened(connection: sqlite3.Connection) -> Iterator[tuple[int, str, str, bytes]]:
    """Number, workspace, id and body of what was opened and not closed, in order."""
    sql = (
        "SELECT seq, workspace, id, body FROM events o WHERE kind = ? AND NOT EXISTS "
        "(SELECT 1 FROM events c WHERE c.id = o.id AND c.workspace = o.workspace AND c.kind = ?) ORDER BY seq"
    )
    yield from connection.execute(sql, (OPENED, CLOSED))


def steps(connection: sqlite3.Connection) -> Iterator[tuple[str, str, bytes]]:
    """Workspace, chain execution and body of the steps that are there, in order."""
    yield from connection.execute("SELECT workspace, id, body FROM events WHERE step IS NOT NULL ORDER BY seq")


def insert_opened(connection: sqlite3.Connection, key: tuple[str, str], at: int, body: bytes) -> None:
    """Append an opened event."""
    connection.execute(
        "INSERT INTO events (workspace, id, kind, at, body) VALUES (?, ?, ?, ?, ?)", (*key, OPENED, at, body)
    )


def update_opened(connection: sqlite3.Connection, key: tuple[str, str], body: bytes) -> bool:
    """Put another body in the place of an opened event's; whether it was there, and not closed."""
    done = connection.execute(
        "UPDATE events SET body = ?3 WHERE workspace = ?1 AND id = ?2 AND kind = ?4 "
        "AND NOT EXISTS (SELECT 1 FROM seen WHERE workspace = ?1 AND id = ?2)",
        (*key, body, OPENED),
    )
    return done.rowcount > 0


def insert_closed(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, bytes]], at: int) -> int:
    """Append closed events, each pointing at its opened one; the last number."""
    connection.executemany(
        "INSERT INTO events (workspace, id, kind, at, opened, body) VALUES (?1, ?2, ?3, ?4, "
        "(SELECT seq FROM events WHERE id = ?2 AND workspace = ?1 AND kind = ?5), ?6)",
        [(workspace, shown, CLOSED, at, OPENED, body) for workspace, shown, body in rows],
    )
    return connection.execute("SELECT last_insert_rowid()").fetchone()[0]


def insert_step(connection: sqlite3.Connection, key: tuple[str, str], step: str, at: int, body: bytes) -> bool:
    """Append a finished step when its chain execution is open and has none of that name; whether it was."""
    done = connection.execute(
        "INSERT OR IGNORE INTO events (workspace, id, kind, at, opened, step, body) "
        "SELECT workspace, id, ?3, ?4, seq, ?5, ?6 FROM events WHERE workspace = ?1 AND id = ?2 AND kind = ?7 "
        "AND NOT EXISTS (SELECT 1 FROM seen WHERE workspace = ?1 AND id = ?2)",
        (*key, STEP, at, step, body, OPENED),
    )
    return done.rowcount > 0


def claimed(connection: sqlite3.Connection, workspace: str, claim: Claim, after: int) -> str | None:
    """The id that the claim was made for since; Conflict for another input."""
    row = connection.execute(
        "SELECT fingerprint, id FROM claims WHERE workspace = ? AND key = ? AND at > ?",
        (workspace, claim.key, after),
    ).fetchone()
    if row is None:
        return None
    if row[0] != claim.fingerprint:
        raise Conflict(
            f"the idempotency key '{claim.key[:60]}' was used in the last 24 hours with another input; "
            "use a new key for a new request"
        )
    return str(row[1])


def exists(connection: sqlite3.Connection, workspace: str, execution_id: str) -> bool:
    """Whether an id was opened or recorded."""
    return bool(
        connection.execute(
            "SELECT EXISTS (SELECT 1 FROM events WHERE id = ?1 AND workspace = ?2) "
            "OR EXISTS (SELECT 1 FROM seen WHERE workspace = ?2 AND id = ?1)",
            (execution_id, workspace),
        ).fetchone()[0]
    )


def known(connection: sqlite3.Connection, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (workspace, id) were closed."""
    rows = connection.execute(
        "SELECT seen.workspace, seen.id FROM json_each(?) asked "
        "JOIN seen ON seen.workspace = asked.value ->> 0 AND seen.id = asked.value ->> 1",
        (json.dumps(keys),),
    )
    return set(rows.fetchall())


def remove(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Take out what was closed between two numbers, with how it was opened and the steps on the way."""
    span = (first, last, CLOSED)
    # CROSS JOIN keeps the order: few steps wait at a time, so each look-up is into a small index
    connection.execute(
        "DELETE FROM events WHERE seq IN (SELECT s.seq FROM events c CROSS JOIN events s "
        "ON s.workspace = c.workspace AND s.id = c.id AND s.step IS NOT NULL "
        "WHERE c.seq BETWEEN ? AND ? AND c.kind = ?)",
        span,
    )
    connection.execute(
        "DELETE FROM events WHERE seq IN "
        "(SELECT opened FROM events WHERE seq BETWEEN ? AND ? AND kind = ? AND opened IS NOT NULL)",
        span,
    )
    connection.execute("DELETE FROM events WHERE seq BETWEEN ? AND ? AND kind = ?", span)


def set_aside(connection: sqlite3.Connection, problems: Sequence[tuple[int, str]]) -> None:
    """Keep a copy of events, by their numbers, with what is wrong with them."""
    move = (
        "INSERT OR REPLACE INTO poison (seq, workspace, id, at, body, problem) "
        "SELECT seq, workspace, id, at, body, ? FROM events WHERE seq = ?"
    )
    connection.executemany(move, [(text, seq) for seq, text in problems])


def announce(connection: sqlite3.Connection, before: int, until: int) -> int:
    """Write down that ids before *until* will be forgotten, if there are any; a clock that ran ahead is not undone."""
    old = "SELECT EXISTS (SELECT 1 FROM seen WHERE at < ?1) OR EXISTS (SELECT 1 FROM traces WHERE at < ?1)"
    if not connection.execute(old, (until,)).fetchone()[0]:
        return before
    forgets(connection, until)
    return max(before, until)


def give_pages_back(connection: sqlite3.Connection) -> None:
    """Shrink the file a little when much of it is free."""
    if connection.execute("PRAGMA freelist_count").fetchone()[0] > CHUNK:
        connection.execute(f"PRAGMA incremental_vacuum({CHUNK})").fetchall()
