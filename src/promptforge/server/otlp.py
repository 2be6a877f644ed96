"""``POST /v1/traces``: spans of other programs, as OTLP over HTTP wants it; docs/capture.md says how to send them.

What is answered with 200 is on disk. Whoever gets 429 or 503 tries again later, and nothing is stored twice by that.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from promptforge.core.access import Actor
from promptforge.core.errors import ForgeError, TooMany, Unavailable
from promptforge.core.execution import Source
from promptforge.server.auth import STATUS
from promptforge.server.reply import send_bytes
from promptforge.services.traces import Taken
from promptforge.wire.otlp import Export, Unreadable, answer, failure, read

if TYPE_CHECKING:
    from promptforge.forge import Forge

MAX_BODY = 16 << 20
MAX_INFLATED = 64 << 20
#: Of bodies that are being worked on, together: a sender is told to wait before memory runs out.
MAX_UNDER_WAY = 128 << 20
#: Bytes up to which a body is read at once: less than it takes to get to another thread and back.
SMALL = 48 << 10
RETRY_SECONDS = "2"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
#: So many reasons are told of spans that are refused.
MAX_TOLD = 5


class Refusal(Exception):
    """A request that is not taken, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Receiver:
    """An ASGI application behind the gate."""

    def __init__(self, forge: "Forge") -> None:
        self._traces = forge.traces
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the spans in and answer in the request's own format."""
        headers = Headers(scope=scope)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        json, extra = kind == JSON, dict[str, str]()
        try:
            actor: Actor = replace(scope["actor"], source=Source.OTLP)
            taken = await self._taken(actor, headers, receive, kind)
            status, body = 200, answer(taken.rejected, _reasons(taken), json=json)
        except Refusal as error:
            status, body = error.status, failure(str(error), json=json)
        except (Unavailable, TooMany) as error:
            status, body = (429 if isinstance(error, TooMany) else 503), failure(str(error), json=json)
            extra = {"retry-after": RETRY_SECONDS}
        except ForgeError as error:
            status, body = STATUS.get(error.code, 500), failure(str(error), json=json)
        except ConnectionError:
            return  # the sender left before the end of its request
        await send_bytes(send, status, body, JSON if json else PROTOBUF, extra)

    async def _taken(self, actor: Actor, headers: Headers, receive: Receive, kind: str) -> Taken:
        if kind not in {PROTOBUF, JSON}:
            raise Refusal(415, f"spans come as {PROTOBUF} or {JSON}, not as '{kind[:60]}'")
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", ""}:
            raise Refusal(415, f"a body is sent as it is or with gzip, not with '{encoding[:60]}'")
        held = 0
        try:
            body = bytearray()
            async for piece in _pieces(receive):
                held += len(piece)
                self._hold(len(piece))
                body += piece
                if len(body) > MAX_BODY:
                    raise Refusal(413, f"a request takes at most {MAX_BODY >> 20} MiB: send fewer spans at once")
            export = await self._read(actor, bytes(body), gzip=encoding == "gzip", json=kind == JSON)
            return await self._traces.take(actor, export.spans, export.refused)
        finally:
            self._under_way -= held

    def _hold(self, size: int) -> None:
        self._under_way += size
        if self._under_way > MAX_UNDER_WAY:
            raise TooMany("more spans come in than can be worked on; try again later")

    async def _read(self, actor: Actor, body: bytes, *, gzip: bool, json: bool) -> Export:
        def work() -> Export:
            return read(inflated(body) if gzip else body, json=json)

        try:
            return work() if len(body) <= (SMALL >> 3 if gzip else SMALL) else await asyncio.to_thread(work)
        except Unreadable as error:
            self._traces.refuse(actor, str(error))
            raise Refusal(400, str(error)) from None


def inflated(body: bytes) -> bytes:
    """What gzip made smaller; Refusal when it is more than a request may hold, or no gzip."""
    out = bytearray()
    while body:
        stream = zlib.decompressobj(wbits=31)
        try:
            out += stream.decompress(body, MAX_INFLATED + 1 - len(out))
        except zlib.error:
            raise Refusal(400, "the body is not what gzip makes") from None
        if len(out) > MAX_INFLATED:
            raise Refusal(413, f"a request takes at most {MAX_INFLATED >> 20} MiB of spans: send fewer at once")
        if not stream.eof:
            raise Refusal(400, "the body ends before its gzip does")
        body = stream.unused_data
    return bytes(out)


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _reasons(taken: Taken) -> str:
    more = len(taken.problems) - MAX_TOLD
    told = "; ".join(taken.problems[:MAX_TOLD]) + (f"; and {more} more" if more > 0 else "")
    return told or "the record could not keep them"
