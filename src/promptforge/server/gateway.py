"""The gateway's door: requests in the format of a provider, below ``/openai/v1`` and ``/anthropic/v1``.

A credential that begins with ``pf_`` is ours wherever the SDK puts it; any other is the provider's, and our key comes
in ``X-PromptForge-Key``. Our own errors have the shape of the provider's, so that its SDK can show them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from promptforge.core.access import Actor
from promptforge.core.errors import ForgeError, InvalidInput, TooMany, Unauthenticated, Unavailable
from promptforge.core.execution import ErrorType, Source
from promptforge.core.model import ModelFailure
from promptforge.core.upstream import Header
from promptforge.server.auth import SERVICE, Gate, service_of
from promptforge.server.graphql import errors
from promptforge.server.reply import send_json
from promptforge.services.gateway import Passing

if TYPE_CHECKING:
    from promptforge.forge import Forge

KEY = "x-promptforge-key"
PROMPT = "x-promptforge-prompt"
VERSION = "x-promptforge-prompt-version"
END_USER = "x-promptforge-end-user"
SESSION = "x-promptforge-session"
TAGS = "x-promptforge-tags"
OURS = b"x-promptforge-"
_Headers = Mapping[str, str]
_PF = "pf_"
MAX_HEADERS = 100
STATUS = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "BAD_USER_INPUT": 400,
    "NOT_FOUND": 404,
    "RATE_LIMITED": 429,
    "UNAVAILABLE": 503,
}
#: The type of an error, in the words of the providers, by the status that it has.
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


class TooLarge(InvalidInput):
    """The request has more bytes or headers than pass."""


class GoesRound(ForgeError):
    """The request has been here already."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    sentence: str
    retry_after: float | None = None


class Door:
    """An ASGI application for one provider."""

    def __init__(self, forge: "Forge", gate: Gate, provider: str) -> None:
        self._forge = forge
        self._gate = gate
        self._provider = provider
        self._most = forge.settings.gateway_max_mb << 20
        self._name = forge.via

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or say why not."""
        caller = _Caller(receive, send)
        try:
            try:
                await self._pass(scope, caller)
            finally:
                caller.leave()
        except ForgeError as error:
            await self._refuse(send, caller, _refusal(error))
        except ModelFailure as failure:
            late = failure.error_type is ErrorType.TIMEOUT
            await self._refuse(send, caller, _Refusal(504 if late else 502, str(failure)))
        except ConnectionError:
            return  # the caller left before the request was complete
        except Exception as error:
            await self._refuse(send, caller, _Refusal(500, errors.masked(error)))

    async def _pass(self, scope: Scope, caller: "_Caller") -> None:
        raw: Sequence[Header] = scope["headers"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        actor, own = await self._actor(scope, headers)
        if len(raw) > MAX_HEADERS:
            raise TooLarge(f"a request with more than {MAX_HEADERS} headers does not pass")
        if self._name in headers.get("via", ""):
            raise GoesRound("this request has passed here already: the provider's base URL leads back to this server")
        kept = [header for header in raw if not header[0].startswith(OURS) and not _is_ours(header)]
        passing = Passing(
            provider=self._provider,
            method=scope["method"],
            path="/" + scope["path_params"]["path"],
            query=f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "",
            headers=[*kept, (b"via", f"1.1 {self._name}".encode())],
            body=await caller.body(self._most),
            own_key=own,
            **_described(headers),
        )
        await self._forge.gateway.let_pass(actor, passing, caller)

    async def _actor(self, scope: Scope, headers: _Headers) -> tuple[Actor, bool]:
        """Who asks, and whether our key stood where the provider's belongs."""
        shown, key = _credential(headers), headers.get(KEY)
        own = shown.startswith(_PF)
        if key is None and not own:
            raise Unauthenticated(
                "this needs a key of ours: send it in the header X-PromptForge-Key beside the provider's key, "
                "or in the place of the provider's key"
            )
        actor = await self._gate.keyed(key or shown)
        named = headers.get(SERVICE)
        if named is not None:
            actor = replace(actor, service=service_of(named))
        return replace(actor, source=Source.GATEWAY), own

    async def _refuse(self, send: Send, caller: "_Caller", refusal: _Refusal) -> None:
        if caller.started:
            return
        kind = _TYPES.get(refusal.status, "api_error")
        error = {"type": kind, "message": f"Prompt Forge: {refusal.sentence}"}
        body = {"type": "error", "error": error} if self._provider == "anthropic" else {"error": error}
        wait = refusal.retry_after
        headers = {"via": f"1.1 {self._name}", **({} if wait is None else {"retry-after": f"{max(1, round(wait))}"})}
        with suppress(ConnectionError):
            await send_json(send, refusal.status, body, headers)


def _refusal(error: ForgeError) -> _Refusal:
    if isinstance(error, TooLarge):
        return _Refusal(413, str(error))
    if isinstance(error, GoesRound):
        return _Refusal(508, str(error))
    wait = error.retry_after if isinstance(error, TooMany) else 1.0 if isinstance(error, Unavailable) else None
    return _Refusal(STATUS.get(error.code, 500), str(error), wait)


def _credential(headers: _Headers) -> str:
    """Where SDKs put a provider's key: the first that there is, ours before others."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    shown = [
        bearer.strip() if scheme.lower() == "bearer" else "",
        headers.get("x-api-key", ""),
        headers.get("api-key", ""),
    ]
    return next((one for one in shown if one.startswith(_PF)), "") or next(filter(None, shown), "")


def _is_ours(header: Header) -> bool:
    name, value = header
    return name in (b"authorization", b"x-api-key", b"api-key") and value.rpartition(b" ")[2].startswith(b"pf_")


def _described(headers: _Headers) -> dict[str, Any]:
    """What the headers say about the call."""
    version, label = headers.get(VERSION), None
    number: int | None = None
    if version is not None:
        number, label = (int(version), None) if version.isdecimal() and len(version) < 10 else (None, version)
    return {
        "prompt": headers.get(PROMPT) or None,
        "version": number,
        "label": label,
        "end_user": headers.get(END_USER),
        "session_id": headers.get(SESSION),
        "tags": _tags(headers.get(TAGS, "")),
    }


def _tags(text: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name.strip():
            tags[name.strip()] = value.strip()
    return tags


class _Caller:
    """The Caller of the service: one HTTP exchange."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._watch: asyncio.Task[None] | None = None
        self._tell: Callable[[], None] | None = None
        self.gone = False
        self.started = False

    async def body(self, most: int) -> bytes:
        """The request's body, and from then on a look at whether the caller is there; TooLarge, ConnectionError."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise TooLarge(f"a request with more than {most >> 20} MB does not pass")
            chunks.append(chunk)
            if not message.get("more_body"):
                break
        self._watch = asyncio.ensure_future(self._watched())
        return b"".join(chunks)

    async def _watched(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._tell is not None:
            self._tell()

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Call *tell* once, when the caller goes."""
        self._tell = tell
        if self.gone:
            tell()

    def leave(self) -> None:
        """Look no longer."""
        self._tell = None
        if self._watch is not None:
            self._watch.cancel()

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """Send the head."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def send(self, chunk: bytes) -> None:
        """Send bytes at once."""
        if not self.gone:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self, chunk: bytes) -> None:
        """Send the last bytes."""
        self._tell = None
        if not self.gone:
            await self._send({"type": "http.response.body", "body": chunk})

    def cut(self) -> None:
        """Leave the answer without its end: the server breaks the connection off."""
