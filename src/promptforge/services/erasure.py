"""Erasure: what an end user said, and what says who they are, goes from every store; figures stay."""

import asyncio
from dataclasses import replace

from promptforge.core.access import Actor, Permission
from promptforge.core.chain_ports import MemoryCatalog
from promptforge.core.erasure import Erasure
from promptforge.core.ports import Record


class Erasures:
    """Erases end users, to the end even when whoever asked is gone meanwhile."""

    def __init__(self, record: Record, memory: MemoryCatalog) -> None:
        self._record = record
        self._memory = memory
        self._under_way: set[asyncio.Task[Erasure]] = set()

    async def of_end_user(self, actor: Actor, end_user: str) -> Erasure:
        """Erase an end user of the actor's workspace, and say what was found; again, should it have failed."""
        actor.require(Permission.ADMIN)
        task = asyncio.create_task(self._erase(actor.workspace, end_user))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _erase(self, workspace: str, end_user: str) -> Erasure:
        # the memory first: the record refuses while a backup is written, and the next one copies the catalog later
        memories = await self._memory.forget(workspace, end_user)
        found = await self._record.erase_end_user(workspace, end_user)
        return replace(found, memories=memories)
