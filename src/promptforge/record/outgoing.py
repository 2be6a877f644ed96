"""The way out of the journal: closed events in batches, for the shipper's thread."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptforge.record import events
from promptforge.record.journal_tables import CLOSED
from promptforge.record.writer import FileReader, Writer

BATCH_ROWS = 10_000
BATCH_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A closed event on its way to history."""

    seq: int
    workspace: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Closed events with the bounds that were stored first. *doubt*: some of it may be in history already."""

    number: int
    first: int
    last: int
    entries: Sequence[Entry]
    doubt: bool

    @property
    def full(self) -> bool:
        """Whether more may stand behind it; what an earlier process began says nothing of that."""
        size = sum(len(entry.body) for entry in self.entries)
        return self.doubt or len(self.entries) >= BATCH_ROWS or size > BATCH_BYTES


class Outgoing:
    """Batches, whose bounds are on disk before anything of them is in history."""

    def __init__(self, path: Path, writer: Writer, now: Callable[[], int]) -> None:
        self._reader = FileReader(path)
        self._writer = writer
        self._now = now

    def next_batch(self) -> Batch | None:
        """The batch that was begun and not finished, or a new one with its bounds on disk; None when all has left."""
        begun = self._reader.read(
            lambda c: c.execute("SELECT number, first, last FROM batches ORDER BY number LIMIT 1").fetchone()
        )
        if begun is not None:
            number, first, last = begun
            return Batch(number, first, last, self._entries(first, last), doubt=True)
        entries = self._entries(0, 1 << 62)
        if not entries:
            return None
        bounds = (entries[0].seq, entries[-1].seq, self._now())
        insert = "INSERT INTO batches (first, last, at) VALUES (?, ?, ?) RETURNING number"
        number = self._writer.write_and_wait(lambda c: int(c.execute(insert, bounds).fetchone()[0]))
        return Batch(number, bounds[0], bounds[1], entries, doubt=False)

    def finish(self, batch: Batch, problems: Sequence[tuple[int, str]]) -> int | None:
        """Take a batch that is in history out of the journal; poison rows are kept aside. The oldest time left."""
        if problems:
            self._writer.write_and_wait(lambda c: events.set_aside(c, problems))
        for start in range(0, len(batch.entries), events.CHUNK):
            part = batch.entries[start : start + events.CHUNK]
            self._writer.write_and_wait(lambda c, part=part: events.remove(c, part[0].seq, part[-1].seq))
        self._writer.write_and_wait(
            lambda c: c.execute("DELETE FROM batches WHERE number = ?", (batch.number,)) and None
        )
        oldest = "SELECT at FROM events WHERE seq > ? AND kind = ? ORDER BY seq LIMIT 1"
        row = self._reader.read(lambda c: c.execute(oldest, (batch.last, CLOSED)).fetchone())
        return row[0] if row else None

    def _entries(self, first: int, last: int) -> list[Entry]:
        def read(connection: sqlite3.Connection) -> list[Entry]:
            rows = connection.execute(
                "SELECT seq, workspace, id, body FROM events WHERE seq BETWEEN ? AND ? AND kind = ? "
                "ORDER BY seq LIMIT ?",
                (first, last, CLOSED, BATCH_ROWS),
            )
            entries: list[Entry] = []
            size = 0
            for row in rows:
                entries.append(Entry(*row))
                size += len(row[3])
                if size > BATCH_BYTES:
                    break
            return entries

        return self._reader.read(read)

    def close(self) -> None:
        """End the reading."""
        self._reader.close()
