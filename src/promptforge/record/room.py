"""Room for new work: whether more may come in, by what waits for the history and by the disk."""

import os
import time
from pathlib import Path

from promptforge.core.errors import Unavailable
from promptforge.record.journal import SqliteJournal
from promptforge.record.shipper import Shipper

LOOK_SECONDS = 1.0
"""So long the disk is believed to have room once it had."""


class Room:
    """Refuses new work when the backlog or the disk says so; what runs already may always be closed."""

    def __init__(self, home: Path, journal: SqliteJournal, shipper: Shipper, *, backlog: int, min_free_mb: int) -> None:
        self._home = home
        self._journal = journal
        self._shipper = shipper
        self._backlog = backlog
        self._min_free = min_free_mb << 20
        self._free_until = 0.0

    def require(self, count: int) -> None:
        """Unavailable when there is none for so many more."""
        if self._journal.waiting + count > self._backlog:
            why = self._shipper.problem or "The history is slower than what comes in"
            raise Unavailable(
                f"{self._journal.waiting:,} executions wait to be stored and the limit is {self._backlog:,}; "
                f"nothing was kept. {why}; try again later"
            )
        now = time.monotonic()
        if now > self._free_until:
            free = self.free_bytes()
            if free < self._min_free:
                raise Unavailable(
                    f"{self._home} has {free >> 20} MB of free space, below the floor of "
                    f"{self._min_free >> 20} MB; nothing was kept. Free some space or move the home"
                )
            self._free_until = now + LOOK_SECONDS

    def free_bytes(self) -> int:
        """What is free on the disk of the home."""
        space = os.statvfs(self._home)
        return space.f_bavail * space.f_frsize
