"""Health: whether the process lives, and whether it can keep what it is given."""

import asyncio
from typing import TYPE_CHECKING, Any

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
    """An ASGI application: 200 when stores are reachable and the journal drains, 503 with the reason otherwise."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Look at every store once."""
        health = self._forge.record.health()
        problem = health.problem or await self._catalog()
        if problem is None and not health.history:
            problem = "history is not reachable"
        if problem is None and health.oldest > DRAIN_SECONDS:
            problem = f"the journal does not drain: its first entry has waited {health.oldest:.0f} s"
        answer: dict[str, Any] = {
            "status": "ready" if problem is None else "unavailable",
            "open": health.open,
            "journaled": health.journaled,
            "oldestSeconds": round(health.oldest, 3),
            "history": health.history,
        }
        if problem is not None:
            answer["problem"] = problem
        await send_json(send, 200 if problem is None else 503, answer)

    async def _catalog(self) -> str | None:
        try:
            async with asyncio.timeout(CATALOG_SECONDS):
                await self._forge.access.workspace(system("default"))
        except NotFound:
            return None  # an answer all the same
        except (ForgeError, OSError, TimeoutError):
            return "the catalog is not reachable"
        return None
