"""Logging in by a link, and out."""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from promptforge.core.errors import ForgeError
from promptforge.server.auth import session_secret, set_cookie
from promptforge.server.reply import send_bytes, send_page

if TYPE_CHECKING:
    from promptforge.services.access import Access

DAYS = 30
_MAX_TOKEN = 200


class Login:
    """An ASGI application: a one-time token becomes a session cookie."""

    def __init__(self, access: "Access") -> None:
        self._access = access

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Use the token up and go to the dashboard; a preview of the link (HEAD) uses nothing up."""
        token = QueryParams(scope["query_string"]).get("token", "")
        if scope["method"] != "GET":
            await send_page(send, 405, "Open the link in a browser")
            return
        try:
            secret = await self._access.log_in(token[:_MAX_TOKEN])
        except ForgeError as error:
            await send_page(send, 401, "This login link does not work", f"{str(error).rstrip('.')}.")
            return
        cookie = set_cookie(secret, secure=scope["scheme"] == "https", seconds=DAYS * 86_400)
        await _redirect(send, cookie)


class Logout:
    """An ASGI application behind the gate: the session ends."""

    def __init__(self, access: "Access") -> None:
        self._access = access

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """End the session of the cookie, and take the cookie away."""
        secret = session_secret(Headers(scope=scope))
        if secret is not None:
            await self._access.log_out(secret)
        cookie = set_cookie("", secure=scope["scheme"] == "https", seconds=0)
        await send_bytes(send, 204, b"", "text/plain", {"set-cookie": cookie, "cache-control": "no-store"})


async def _redirect(send: Send, cookie: str) -> None:
    headers = {"location": "/", "set-cookie": cookie, "cache-control": "no-store"}
    await send_bytes(send, 303, b"", "text/plain", headers)
