"""The doctor's door: one line of JSON with all that was found."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from promptforge.server.lines import send_lines

if TYPE_CHECKING:
    from promptforge.forge import Forge


class Look:
    """An ASGI application behind the gate."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Look at everything."""
        await send_lines(send, self._lines(scope))

    async def _lines(self, scope: Scope) -> AsyncGenerator[dict[str, Any]]:
        yield {"findings": [asdict(finding) for finding in await self._forge.doctor.look(scope["actor"])]}
