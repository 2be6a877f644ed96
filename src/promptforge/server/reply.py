"""Replies: JSON and short pages, written straight to the connection."""

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec
from starlette.types import Send

_encode = msgspec.json.Encoder().encode


async def send_json(
    send: Send,
    status: int,
    value: object,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> None:
    """Answer with JSON that nobody may keep."""
    await send_bytes(send, status, _encode(value), content_type, {"cache-control": "no-store", **(headers or {})})


async def send_page(send: Send, status: int, title: str, *paragraphs: str) -> None:
    """Answer with a plain page of a title and some sentences."""
    text = "".join(f"<p>{escape(p)}</p>" for p in paragraphs)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><h1>{escape(title)}</h1>{text}</html>"
    )
    await send_bytes(send, status, page.encode(), "text/html; charset=utf-8", {"cache-control": "no-store"})


async def send_bytes(send: Send, status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> None:
    """Answer with these bytes."""
    start: dict[str, Any] = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body})
