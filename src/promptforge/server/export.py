"""The export door: everything that a filter finds, streamed as one file.

It is read, written and forgotten in parts, so its size does not matter. What breaks after the first byte breaks the
connection, so that a torn file is never taken for a whole one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from promptforge.core.access import Actor
from promptforge.core.errors import ForgeError, InvalidInput
from promptforge.core.query import Export as Exported
from promptforge.server.auth import STATUS
from promptforge.server.graphql import errors, filter_json
from promptforge.server.parquet import Parquet
from promptforge.server.reply import send_json
from promptforge.wire.export import Column, Csv, Jsonl, Writer, columns, utc

if TYPE_CHECKING:
    from promptforge.forge import Forge


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    content_type: str
    writer: Callable[[Sequence[Column]], Writer]


FORMATS: Mapping[str, Format] = {
    "jsonl": Format("application/x-ndjson", Jsonl),
    "csv": Format("text/csv; charset=utf-8; header=present", Csv),
    "parquet": Format("application/vnd.apache.parquet", Parquet),
}
_CONTENT = {"true": True, "false": False}


class Export:
    """An ASGI application behind the gate."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; what is refused is one JSON error."""
        try:
            actor: Actor = scope["actor"]
            query = QueryParams(scope["query_string"])
            name, content = query.get("format") or "jsonl", _CONTENT.get(query.get("content") or "true")
            if name not in FORMATS:
                raise InvalidInput(f"'{name[:20]}' is not a format: give {', '.join(FORMATS)}", path="$.format")
            if content is None:
                raise InvalidInput("content is true or false", path="$.content")
            wanted = filter_json.read(query.get("filter"))
            found = await self._forge.executions.export(actor, wanted, content=content)
        except ForgeError as error:
            await send_json(send, STATUS.get(error.code, 500), errors.body(str(error), error.code))
            return
        writer = FORMATS[name].writer(columns(content=found.content))
        await send({"type": "http.response.start", "status": 200, "headers": _headers(name, found)})
        gone = asyncio.ensure_future(_gone(receive))
        try:
            async with aclosing(found.parts):
                await _piece(send, writer.begin())
                async for part in found.parts:
                    if gone.done():
                        return
                    await _piece(send, await asyncio.to_thread(writer.rows, part))
                await send({"type": "http.response.body", "body": await asyncio.to_thread(writer.end)})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


def _headers(name: str, found: Exported) -> list[tuple[bytes, bytes]]:
    file = f"executions-{found.as_of:%Y-%m-%d-%H%M%S}.{name}"
    return [
        (b"content-type", FORMATS[name].content_type.encode()),
        (b"content-disposition", f'attachment; filename="{file}"'.encode()),
        (b"cache-control", b"no-store"),
        (b"x-promptforge-rows", str(found.count).encode()),
        (b"x-promptforge-as-of", utc(found.as_of).encode()),
    ]


async def _piece(send: Send, body: bytes) -> None:
    if body:
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    """Return when the other side has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
