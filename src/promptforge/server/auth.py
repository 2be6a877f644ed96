"""Who is there: the one place where a request becomes an actor.

Every route is closed unless it was opened on purpose. A program shows its key in ``Authorization: Bearer`` or
``X-API-Key``; a browser has a session cookie, which other sites cannot use, since whatever is not a plain GET must
come from our own origin; and a name that is not ours is not answered at all, so that no foreign name can be pointed
at this machine.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from promptforge.core.access import Actor
from promptforge.core.errors import Forbidden, ForgeError, InvalidInput, Unauthenticated
from promptforge.core.execution import Source
from promptforge.server.graphql import errors
from promptforge.server.reply import send_json

if TYPE_CHECKING:
    from promptforge.services.access import Access

COOKIE = "promptforge_session"
WORKSPACE = "x-promptforge-workspace"
SOURCE = "x-promptforge-source"
SERVICE = "x-promptforge-service"
_SOURCES = {"cli": Source.CLI, "sdk": Source.SDK}
_ALWAYS = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  compared with, never bound
_MAX_SERVICE = 100
STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "BAD_USER_INPUT": 400, "UNAVAILABLE": 503}


class Gate:
    """Turns headers into an actor."""

    def __init__(self, access: "Access") -> None:
        self._access = access

    async def actor(self, scope: Scope, key: str | None = None) -> Actor:
        """The actor of a request; *key* is one that came by another way than a header."""
        headers = Headers(scope=scope)
        key = key or shown_key(headers)
        if key is not None:
            return self._described(await self._access.authenticate(key), headers)
        secret = session_secret(headers)
        if secret is None:
            raise Unauthenticated(
                "this needs a key: send it as 'Authorization: Bearer pf_…' or 'X-API-Key: pf_…', or log in"
            )
        if scope.get("method") not in {"GET", "HEAD"} and not same_origin(headers):
            raise Forbidden("a session is used from the dashboard's own pages only; programs send a key instead")
        # a download is a plain link, which carries no header
        workspace = headers.get(WORKSPACE) or QueryParams(scope.get("query_string", b"")).get("workspace")
        return await self._access.authenticate_session(secret, workspace)

    async def keyed(self, key: str) -> Actor:
        """The actor of a key, whatever the other headers say."""
        return await self._access.authenticate(key)

    def _described(self, actor: Actor, headers: Headers) -> Actor:
        source, service = headers.get(SOURCE), headers.get(SERVICE)
        if source is not None:
            if source not in _SOURCES:
                raise InvalidInput(f"the header {SOURCE} is 'cli' or 'sdk', or is left out")
            actor = replace(actor, source=_SOURCES[source])
        if service is not None:
            actor = replace(actor, service=service_of(service))
        return actor


class Guarded:
    """Lets a request through to *app* with its actor in the scope, or answers it."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who it is first."""
        try:
            scope["actor"] = await self._gate.actor(scope)
        except ForgeError as error:
            status = STATUS.get(error.code, 500)
            challenge = {"www-authenticate": "Bearer"} if status == 401 else {}
            await send_json(send, status, errors.body(str(error), error.code), challenge)
            return
        await self._app(scope, receive, send)


class Hosts:
    """Answers only to our own names, and adds the headers that every reply carries."""

    def __init__(self, app: ASGIApp, host: str, allowed: Iterable[str]) -> None:
        self._app = app
        own = () if host in _EVERYWHERE else (f"[{host}]" if ":" in host else host,)
        self._names = frozenset(name.lower() for name in (*_ALWAYS, *own, *allowed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the Host header of requests and websockets; what fails below is logged and masked."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if host_name(Headers(scope=scope).get("host", "")) not in self._names:
            await send({"type": "websocket.close", "code": 4403, "reason": "unknown host"})
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            await send({"type": "websocket.close", "code": 1011, "reason": errors.masked(error)})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # ours stand in the place of a provider's that came through the gateway
                own = [header for header in message.get("headers", ()) if header[0] not in _HEADERS]
                message["headers"] = [*own, *_HEADERS.items()]
            await send(message)

        name = host_name(Headers(scope=scope).get("host", ""))
        if name not in self._names:
            sentence = (
                f"this server does not answer to the name '{name[:100]}': reach it by one of its own names, "
                "or add the name to PROMPTFORGE_ALLOWED_HOSTS"
            )
            await send_json(dressed, 421, errors.body(sentence, Forbidden.code))
            return
        try:
            await self._app(scope, receive, dressed)
        except Exception as error:
            sentence = errors.masked(error)
            if started:
                raise ConnectionError(sentence) from None
            await send_json(dressed, 500, errors.body(sentence, ForgeError.code))


CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    b"content-security-policy": CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


def service_of(header: str) -> str:
    """The service that a header names; InvalidInput when it is no name."""
    if not header.isprintable() or not 1 <= len(header) <= _MAX_SERVICE:
        raise InvalidInput(f"the header {SERVICE} takes 1 to {_MAX_SERVICE} printable characters")
    return header


def shown_key(headers: Headers) -> str | None:
    """The key in the headers, where there is one."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return headers.get("x-api-key") or None


def session_secret(headers: Headers) -> str | None:
    """The session's secret from the cookie."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE) or None


def same_origin(headers: Headers) -> bool:
    """Whether a browser sent this from one of our own pages."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False


def host_name(header: str) -> str:
    """The name in a Host header, without the port; empty when it is none."""
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name.lower()


def set_cookie(secret: str, *, secure: bool, seconds: int) -> str:
    """The Set-Cookie header of a session; no seconds end it."""
    flag = "; Secure" if secure else ""
    return f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{flag}"
