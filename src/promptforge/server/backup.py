"""The backup door: the home is copied, and how far it is comes back line by line.

What is sent is the number of a request, never a path: the folder stands in a file of the home, where only those can
put it who may write there.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from promptforge.server.lines import send_lines

if TYPE_CHECKING:
    from promptforge.forge import Forge


class BackUp:
    """An ASGI application behind the gate."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Write the backup."""
        await send_lines(send, self._lines(scope))

    async def _lines(self, scope: Scope) -> AsyncGenerator[dict[str, Any]]:
        request = QueryParams(scope["query_string"]).get("request", "")
        async with aclosing(self._forge.backups.write(scope["actor"], request)) as steps:
            async for written in steps:
                yield {
                    "files": written.files,
                    "bytes": written.bytes,
                    "executions": written.executions,
                    "costUsd": written.cost_usd,
                    "done": written.done,
                }
