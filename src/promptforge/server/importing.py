"""The import door: a CSV or JSONL file goes in as it is, and what became of it comes back line by line.

The file is read, recorded and forgotten in batches, so its size does not matter; each line of the answer counts what
is on disk by then.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput, Unavailable
from promptforge.core.execution import Json, Source
from promptforge.server.lines import send_lines
from promptforge.services.arrivals import Occurrences, Received
from promptforge.wire.tables import PRESETS, Row, Table, columns

if TYPE_CHECKING:
    from promptforge.forge import Forge

BATCH = 4_000
BATCH_BYTES = 16 << 20
MAX_PROBLEMS = 1_000
#: How often a batch is offered again while the stores are behind, and the pause between.
PATIENCE, PAUSE = 120, 0.25


class Import:
    """An ASGI application behind the gate."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the file and answer with progress; what is refused as a whole is one JSON error."""
        with suppress(ConnectionError):  # the sender left; what was told is kept
            await send_lines(send, self._progress(scope, receive))

    async def _progress(self, scope: Scope, receive: Receive) -> AsyncGenerator[dict[str, Any]]:
        actor: Actor = scope["actor"]
        actor.require(Permission.INGEST)
        file = File(self._forge, replace(actor, source=Source.IMPORT), QueryParams(scope["query_string"]))
        async for progress in file.taken_in(_body(receive)):
            yield progress


class File:
    """One file on its way in, and what has become of it so far."""

    def __init__(self, forge: "Forge", actor: Actor, query: QueryParams) -> None:
        self._forge = forge
        self._actor = actor
        preset = query.get("preset")
        if preset is not None and preset not in PRESETS:
            raise InvalidInput(f"there is no preset '{preset[:60]}'; there are: {', '.join(PRESETS)}", path="$.preset")
        known = PRESETS[preset] if preset else None
        mapping = columns([*(known.columns if known else ()), *query.getlist("map")])
        format = query.get("format") or (known.format if known else "csv")
        self._table = Table(format, mapping, ours=bool(known and known.ours))
        self._given: dict[str, Json] = {name: query[name] for name in ("model", "provider") if query.get(name)}
        skip = query.get("skip") or "0"
        if not skip.isdecimal():
            raise InvalidInput("skip is a number of lines", path="$.skip")
        self._skip = int(skip)
        self._occurrences = Occurrences()
        self._left_out: list[dict[str, Json]] = []
        self._items: list[dict[str, Json]] = []
        self._lines: list[int] = []
        self._problems: list[dict[str, Any]] = []
        self._told = 0
        self._unread = 0
        self._counts = dict.fromkeys(("lines", "received", "stored", "duplicate", "rejected"), 0)

    async def taken_in(self, body: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
        """Record batch by batch; the last progress is marked ``done``."""
        size = 0
        async for piece in body:
            size += len(piece)
            for row in self._table.feed(piece):
                self._add(row)
                if len(self._items) >= BATCH:
                    size = 0
                    yield await self._recorded()
                if len(self._left_out) >= BATCH:
                    await self._passed_over()
            if size > BATCH_BYTES:
                size = 0
                yield await self._recorded()
        for row in self._table.end():
            self._add(row)
        yield {**await self._recorded(), "done": True}

    def _add(self, row: Row) -> None:
        self._counts["lines"] = row.line
        if row.line <= self._skip:
            if row.fields is not None:
                self._left_out.append({**self._given, **row.fields})
            return
        if row.fields is None:
            self._unread += 1
            self._problem(row.line, "$", row.problem)
            return
        self._items.append({**self._given, **row.fields})
        self._lines.append(row.line)

    def _problem(self, line: int, path: str, message: str) -> None:
        if self._told < MAX_PROBLEMS:
            self._told += 1
            self._problems.append({"line": line, "path": path, "message": message})

    async def _passed_over(self) -> None:
        items, self._left_out = self._left_out, []
        await asyncio.to_thread(self._forge.arrivals.pass_over, self._actor, items, self._occurrences)

    async def _recorded(self) -> dict[str, Any]:
        await self._passed_over()
        items, lines, self._items, self._lines = self._items, self._lines, [], []
        unread, self._unread = self._unread, 0
        self._forge.arrivals.refuse(self._actor, unread, "lines that cannot be read")
        for name in ("received", "rejected"):
            self._counts[name] += unread
        if items:
            done = await self._offered(items, lines)
            for name in ("received", "stored", "duplicate", "rejected"):
                self._counts[name] += getattr(done, name)
            for problem in done.problems:
                self._problem(problem.line or 0, problem.path, problem.message)
        problems, self._problems = self._problems, []
        return {**self._counts, "problems": problems}

    async def _offered(self, items: list[dict[str, Json]], lines: list[int]) -> Received:
        """Hand the batch in, again while the stores are behind what comes in."""
        for tries in range(PATIENCE):
            try:
                return await self._forge.arrivals.record(self._actor, items, lines=lines, occurrences=self._occurrences)
            except Unavailable:
                if tries == PATIENCE - 1:
                    raise
                await asyncio.sleep(PAUSE)
        raise AssertionError("the last try returns or raises")


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
