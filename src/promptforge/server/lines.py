"""Answers that come line by line, as JSON, while the work behind them goes on."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.types import Send

from promptforge.core.errors import ForgeError
from promptforge.server.auth import STATUS
from promptforge.server.graphql import errors
from promptforge.server.reply import send_json

_HEADERS = ((b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store"))
_encode = msgspec.json.Encoder().encode


async def send_lines(send: Send, values: AsyncGenerator[object]) -> None:
    """Send each value as a line; an error before the first is a status of its own, a later one the last line."""
    going = False
    try:
        async with aclosing(values):
            async for value in values:
                if not going:
                    going = True
                    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                await send({"type": "http.response.body", "body": _encode(value) + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except ForgeError as error:
        body = errors.body(str(error), error.code)
        if not going:
            await send_json(send, STATUS.get(error.code, 500), body)
        else:
            await send({"type": "http.response.body", "body": _encode(body) + b"\n"})
