"""What takes rows out of both stores: of a workspace, of an end user, and old ones.

While it works no batch is on its way, so that nothing which has left one store comes back from the other. It is done to
the end, even if the one who asked is gone.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from promptforge.core.erasure import Erasure
from promptforge.core.errors import Conflict, InvalidInput
from promptforge.core.ports import Clock
from promptforge.core.pruning import Border, Pruned
from promptforge.core.record_ports import History
from promptforge.record.journal import SqliteJournal
from promptforge.record.reader import Reader
from promptforge.record.shipper import Shipper

T = TypeVar("T")


class Removal(Reader):
    """The removing part of the Record port."""

    def __init__(self, journal: SqliteJournal, history: History, shipper: Shipper, clock: Clock) -> None:
        super().__init__(journal, history, shipper, clock)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._backing_up = False
        self._one_by_one = asyncio.Lock()

    async def erase(self, workspace: str) -> None:
        await self._to_the_end(self._erase(workspace))

    async def _erase(self, workspace: str) -> None:
        async with self._standing_still():
            await self._journal.erase(workspace)
            await asyncio.to_thread(self._history.erase, workspace)

    async def erase_end_user(self, workspace: str, end_user: str) -> Erasure:
        if not end_user:
            raise InvalidInput("name the end user whose content is to be erased", path="$.endUser")
        return await self._to_the_end(self._erase_end_user(workspace, end_user))

    async def _erase_end_user(self, workspace: str, end_user: str) -> Erasure:
        async with self._standing_still():
            if self._backing_up:
                raise Conflict("a backup is being written, which would keep what is erased; erase when it is done")
            begun = await self._journal.halfway(workspace, end_user)
            stored = await asyncio.to_thread(self._history.erase_end_user, workspace, end_user, begun)
            # the journal last: until then it names what the history may hold half of
            return stored + await self._journal.erase_end_user(workspace, end_user)

    async def prune(self, workspace: str, before: datetime, *, dry: bool) -> Pruned:
        await self._shipper.reach(self._journal.last, self.patience)
        if dry:
            return (await self._due(workspace, before))[1]
        return await self._to_the_end(self._prune(workspace, before))

    async def _prune(self, workspace: str, before: datetime) -> Pruned:
        async with self._standing_still():
            if self._backing_up:
                raise Conflict("a backup is being written; prune when it is done")
            border, due = await self._due(workspace, before)
            await asyncio.to_thread(self._history.prune, border)
            await self._journal.forget(border)
            return due

    async def _due(self, workspace: str, before: datetime) -> tuple[Border, Pruned]:
        chains = await self._journal.waiting_chains(workspace, before)
        border = await self._on(self._heavy, lambda: self._history.border(workspace, before, chains))
        return border, await self._on(self._heavy, lambda: self._history.due(border))

    @asynccontextmanager
    async def _standing_still(self) -> AsyncGenerator[None]:
        """No batch is on its way while both stores lose rows."""
        lock = self._shipper.lock
        async with self._one_by_one:  # in the order in which they were asked for, which a thread's lock does not keep
            await asyncio.to_thread(lock.acquire)
            try:
                yield
            finally:
                lock.release()

    async def _to_the_end(self, work: "Coroutine[Any, Any, T]") -> T:
        """Do it and count it, even if the one who asked is gone meanwhile."""
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # taken, whether or not somebody still waits for it
