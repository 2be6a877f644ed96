"""Health: whether the process lives, and whether it can keep what it is given."""

import asyncio
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from promptforge.core.access import system
from promptforge.core.errors import ForgeError, NotFound
from promptforge.server.reply import send_json

if TYPE_CHECKING:
    from promptforge.forge import Forge

CATALOG_SECONDS = 2.0
#: A finished execution that waits longer than this for history says that the journal does not drain.
DRAIN_SECONDS = 60.0


class Alive:
    """An ASGI application: the process answers."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Say so."""
        await send_json(send, 200, {"status": "ok"})


class Ready:
    """An ASGI application: 200 when stores are reachable and the journal drains, 503 with the reason otherwise.

    Anybody may ask, so it gives no number and no text of the stores; ``services/health.py`` does, to those who may.
    """

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Look at every store once."""
        health = self._forge.record.health()
        problem = await self._catalog()
        if not health.history:
            problem = "history does not take what it is given"
        elif health.oldest > DRAIN_SECONDS:
            problem = "the journal does not drain"
        if problem is None:
            await send_json(send, 200, {"status": "ready"})
        else:
            await send_json(send, 503, {"status": "unavailable", "problem": problem})

    async def _catalog(self) -> str | None:
        try:
            async with asyncio.timeout(CATALOG_SECONDS):
                await self._forge.access.workspace(system("default"))
        except NotFound:
            return None  # an answer all the same
        except (ForgeError, OSError, TimeoutError):
            return "the catalog is not reachable"
        return None
