"""The journal's tables, as an ordered list of changes; each runs once, in its own transaction.

``events.kind`` is 0 for opened, 1 for closed, and 2 for a finished step: it has the id of its chain execution and in
``step`` its name, once. ``opened`` points at the opened event, which stays, as steps do, until the closed one has left
for history. AUTOINCREMENT because a plain rowid is used again after the table empties.
"""

import sqlite3
from collections.abc import Callable

from promptforge.core.errors import SettingsError
from promptforge.record.migration import newer

OPENED = 0
CLOSED = 1
STEP = 2


def _first(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, workspace TEXT NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL,
            at INTEGER NOT NULL, opened INTEGER, body BLOB NOT NULL)""",
        "CREATE INDEX events_id ON events (id)",
        """CREATE TABLE seen (
            workspace TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (workspace, id)) WITHOUT ROWID""",
        "CREATE INDEX seen_at ON seen (at)",
        """CREATE TABLE claims (
            workspace TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, id TEXT NOT NULL,
            at INTEGER NOT NULL, PRIMARY KEY (workspace, key)) WITHOUT ROWID""",
        "CREATE INDEX claims_at ON claims (at)",
        """CREATE TABLE batches (
            number INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, last INTEGER NOT NULL,
            at INTEGER NOT NULL)""",
        """CREATE TABLE poison (
            seq INTEGER PRIMARY KEY, workspace TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
            problem TEXT NOT NULL)""",
    ):
        connection.execute(statement)


def _about(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")


def _steps(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE events ADD COLUMN step TEXT")
    connection.execute("CREATE UNIQUE INDEX events_step ON events (workspace, id, step) WHERE step IS NOT NULL")


def _sums(_: sqlite3.Connection) -> None:
    """Change the number only: an earlier release must not open a file whose bodies it would take for damaged."""


def _traces(connection: sqlite3.Connection) -> None:
    """``traces`` remembers ids as ``seen`` does; a root in ``roots`` waits for the first call of its trace."""
    for statement in (
        """CREATE TABLE traces (
            workspace TEXT NOT NULL, trace TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (workspace, trace)) WITHOUT ROWID""",
        "CREATE INDEX traces_at ON traces (at)",
        """CREATE TABLE roots (
            workspace TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (workspace, id))""",
    ):
        connection.execute(statement)


CHANGES: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _about, _steps, _sums, _traces)


def prepare(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest shape; SettingsError when it is newer than this code."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS applied (number INTEGER PRIMARY KEY)")
    done: int = connection.execute("SELECT coalesce(max(number), 0) FROM applied").fetchone()[0]
    if done > len(CHANGES):
        raise SettingsError(newer("journal", done, len(CHANGES)))
    for number, change in enumerate(CHANGES[done:], done + 1):
        connection.execute("BEGIN IMMEDIATE")
        change(connection)
        connection.execute("INSERT INTO applied (number) VALUES (?)", (number,))
        connection.execute("COMMIT")


def forgets(connection: sqlite3.Connection, until: int) -> None:
    """Write down that ids recorded before that millisecond may be forgotten; never less than before."""
    connection.execute(
        "INSERT INTO about (name, value) VALUES ('forgotten', ?) ON CONFLICT (name) "
        "DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
        (str(until),),
    )
