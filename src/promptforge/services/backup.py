"""Backups: who may have a copy of everything that a home holds, secrets included."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from promptforge.core.access import Actor, Permission
from promptforge.core.backup import Written
from promptforge.core.errors import Forbidden
from promptforge.core.ports import Record
from promptforge.services.access import DEFAULT


class Backups:
    """Writes copies of the home while everything goes on."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def write(self, actor: Actor, request: str) -> AsyncGenerator[Written]:
        """Write into the folder that a request in the home names, and say how far it is."""
        require_machine(actor)
        async with aclosing(self._record.back_up(request)) as steps:
            async for written in steps:
                yield written


def of_the_machine(actor: Actor) -> bool:
    """Whether the actor may have what concerns all workspaces at once."""
    return actor.workspace == DEFAULT and Permission.ADMIN in actor.permissions


def require_machine(actor: Actor) -> None:
    """Raise Forbidden unless the actor is of the machine."""
    actor.require(Permission.ADMIN)
    if not of_the_machine(actor):
        raise Forbidden(f"this concerns all workspaces: it needs an administrator's key of the workspace '{DEFAULT}'")
