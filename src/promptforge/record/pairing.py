"""Whether journal and history belong together, and what a journal that is older than its history must learn from it.

Both hold the id of the home. A journal falls behind when the tail of its log is lost (a damaged disk, an older copy put
back): what it still holds may have left for history long ago, and must not leave again.
"""

import contextlib
import secrets
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from promptforge.core import ids
from promptforge.core.errors import SettingsError
from promptforge.core.record_ports import History
from promptforge.record.journal_tables import forgets, prepare
from promptforge.record.schema import milliseconds, number_of
from promptforge.record.writer import connect


def pair(path: Path, history: History, now: datetime, remembered: timedelta) -> None:
    """Make the journal at *path* fit the history of the same home; SettingsError when they are of two homes."""
    with contextlib.closing(connect(path)) as journal:
        prepare(journal)
        _recognise(journal, path, history)
        _catch_up(journal, history, now, remembered)


def _recognise(journal: sqlite3.Connection, path: Path, history: History) -> None:
    home, folder = path.parent.parent, path.parent.parent / "history"
    row = journal.execute("SELECT value FROM about WHERE name = 'home'").fetchone()
    ours, theirs = row[0] if row else None, history.owner()
    if ours and theirs and ours != theirs:
        raise SettingsError(
            f"the history in {folder} belongs to another home than the journal in {path.parent}; "
            "put back the two that belong together"
        )
    if ours and not theirs and _number(journal, "batches") and history.last() == (0, 0):
        waiting = journal.execute("SELECT count(*) FROM events").fetchone()[0]
        raise SettingsError(
            f"the history in {folder} is missing, and the journal has moved executions into it; put the folder back. "
            f"To begin anew without it, move {path.parent} away too ({waiting:,} entries wait there), "
            f"or choose another folder than {home} with --home"
        )
    owner = ours or theirs or secrets.token_hex(16)
    if not ours:
        journal.execute("INSERT INTO about (name, value) VALUES ('home', ?)", (owner,))
    if not theirs:
        history.own(owner)


def _catch_up(journal: sqlite3.Connection, history: History, now: datetime, remembered: timedelta) -> None:
    sequence, batch = history.last()
    known = _number(journal, "batches")
    if batch <= known and sequence <= _number(journal, "events"):
        return
    new = journal.execute("SELECT NOT EXISTS (SELECT 1 FROM events)").fetchone()[0]
    # what is too old to be remembered is looked for in the history itself, when it is offered again
    since = milliseconds(now - remembered) or 0 if new else 0
    stored = history.since(known, since)
    journal.execute("BEGIN IMMEDIATE")
    journal.executemany("DELETE FROM events WHERE workspace = ? AND id = ?", stored)
    at = milliseconds(now) or 0
    seen = [(workspace, shown, max(at, _made(shown))) for workspace, shown in stored]
    journal.executemany("INSERT OR IGNORE INTO seen (workspace, id, at) VALUES (?, ?, ?)", seen)
    if new:
        forgets(journal, since)
    for table, number in (("events", sequence), ("batches", batch)):
        if number > _number(journal, table):
            journal.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            journal.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))
    journal.execute("COMMIT")


def _made(shown: str) -> int:
    return ids.milliseconds(number_of(shown))


def _number(journal: sqlite3.Connection, table: str) -> int:
    row = journal.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return row[0] if row else 0
