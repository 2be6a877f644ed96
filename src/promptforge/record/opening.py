"""Opening the record: the lock first, then both stores, then what a crash left behind."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from promptforge.core.errors import SettingsError
from promptforge.core.ports import Clock
from promptforge.core.record_ports import History
from promptforge.core.redaction import Redactors
from promptforge.record.history import ClickHouseHistory
from promptforge.record.home import Home, take
from promptforge.record.journal import REMEMBERED, SqliteJournal
from promptforge.record.pairing import pair
from promptforge.record.shipper import Shipper
from promptforge.record.store import RecordStore

BACKLOG = 400_000
MIN_FREE_MB = 512


async def open_record(
    home: Path,
    clock: Clock,
    *,
    redactors: Redactors | None = None,
    backlog: int = BACKLOG,
    min_free_mb: int = MIN_FREE_MB,
    history: History | None = None,
    engine_settings: Mapping[str, Any] | None = None,
) -> RecordStore:
    """Open the record in a folder, made when needed; SettingsError when another process has it.

    At most *backlog* closed executions may wait for the history, and new work is refused with less than *min_free_mb*
    of free disk. A *history* that is given is used in place of the one in the home, and stays open afterwards.
    *engine_settings* are added to every read of the home's own, for measuring.
    """

    def today() -> date:
        return clock.now().date()

    taken = await asyncio.to_thread(take, home)
    with contextlib.ExitStack() as undo:
        undo.callback(taken.release)
        own = None
        if history is None:
            own = await asyncio.to_thread(ClickHouseHistory, taken.folder("history"), today, engine_settings)
            undo.callback(own.close)
        used = history or own
        assert used is not None  # noqa: S101 - one of the two is there
        journal = await asyncio.to_thread(_journal, taken, used, clock, kin=own is not None)
        undo.callback(journal.stop)
        store = RecordStore(
            taken,
            journal,
            used,
            Shipper(journal, used, clock),
            clock,
            redactors=redactors or Redactors(),
            backlog=backlog,
            min_free_mb=min_free_mb,
            closing=own.close if own else _nothing,
        )
        await store.start()
        undo.pop_all()
    return store


def _nothing() -> None:
    pass


def _journal(home: Home, history: History, clock: Clock, *, kin: bool) -> SqliteJournal:
    path = home.folder("journal") / "journal.db"
    try:
        if kin:
            pair(path, history, clock.now(), REMEMBERED)
        # a new journal beside an old history must not use its numbers again
        first, batch = (0, 0) if path.exists() else history.last()
        return SqliteJournal(path, clock, after=first, after_batch=batch)
    except sqlite3.DatabaseError as error:
        raise SettingsError(
            f"the journal {path} cannot be used ({error}); put back a copy of the home. Without one, move the folder "
            f"{path.parent} away and start again: what had not left it for history is lost, all else stays"
        ) from error
