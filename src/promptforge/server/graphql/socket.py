"""GraphQL over a websocket: the protocol graphql-transport-ws, and only that one.

The caller says who it is in a header, in the first message (``{"apiKey": "pf_…"}``) or by its session cookie, and is
asked again from time to time, so that a revoked key stops listening too. The first message of a page also names the
workspace that the page shows (``{"workspace": "…"}``).
"""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from promptforge.core.access import Actor
from promptforge.core.errors import ForgeError
from promptforge.core.json import is_object
from promptforge.server.auth import WORKSPACE, Gate, same_origin, session_secret, shown_key
from promptforge.server.graphql import errors
from promptforge.server.graphql.document import Refused
from promptforge.server.graphql.operation import Api, BadRequest, Operation, read

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
RECHECK_SECONDS = 30.0
MAX_OPERATIONS = 50


class Socket:
    """An ASGI application for websockets."""

    def __init__(self, api: Api, gate: Gate) -> None:
        self._api = api
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold one conversation."""
        headers = Headers(scope=scope)
        if shown_key(headers) is None and session_secret(headers) is not None and not same_origin(headers):
            await send({"type": "websocket.close", "code": 4403, "reason": "a session is for our own pages"})
            return
        await _Conversation(self._api, self._gate, WebSocket(scope, receive, send)).hold()


class _Hangup(Exception):
    """End the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Conversation:
    def __init__(self, api: Api, gate: Gate, socket: WebSocket) -> None:
        self._api = api
        self._gate = gate
        self._socket = socket
        self._key: str | None = None
        self._workspace: str | None = None
        self._running: dict[str, asyncio.Task[None]] = {}

    async def hold(self) -> None:
        """Talk until either side ends it."""
        socket = self._socket
        if PROTOCOL not in socket.scope.get("subprotocols", []):
            await socket.accept()
            await socket.close(4406, f"only the protocol {PROTOCOL} is spoken here")
            return
        await socket.accept(subprotocol=PROTOCOL)
        watching: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._welcome()
            watching = asyncio.create_task(self._recheck())
            while True:
                await self._answer(await self._next())
        except TimeoutError:
            await self._close(4408, "connection initialisation timeout")
        except _Hangup as end:
            await self._close(end.code, end.reason)
        except WebSocketDisconnect:
            pass
        finally:
            tasks = [*self._running.values(), *([watching] if watching else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _welcome(self) -> None:
        while True:
            message = await self._next()
            match message["type"]:
                case "connection_init":
                    break
                case "ping" | "pong":
                    await self._answer(message)
                case _:
                    raise _Hangup(4401, "say connection_init first")
        payload = message.get("payload")
        self._key, self._workspace = _text(payload, "apiKey"), _text(payload, "workspace")
        await self._actor(4403)
        await self._send({"type": "connection_ack"})

    async def _actor(self, code: int) -> Actor:
        scope = dict(self._socket.scope)
        scope["method"] = "GET"  # the origin was looked at when the connection was made
        if self._workspace is not None:  # a browser cannot send headers of its own with a websocket
            scope["headers"] = [*scope["headers"], (WORKSPACE.encode(), self._workspace.encode("latin-1", "replace"))]
        try:
            return await self._gate.actor(scope, self._key)
        except ForgeError as error:
            raise _Hangup(code, str(error)[:120]) from None

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await self._actor(4401)
            except _Hangup as end:
                await self._close(end.code, end.reason)
                return

    async def _answer(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                task = self._running.pop(_id(message), None)
                if task is not None:
                    task.cancel()
            case "connection_init":
                raise _Hangup(4429, "connection_init came twice")
            case other:
                raise _Hangup(4400, f"there is no message of type {str(other)[:40]!r}")

    async def _subscribe(self, message: dict[str, Any]) -> None:
        name = _id(message)
        if name in self._running:
            raise _Hangup(4409, f"Subscriber for {name[:60]} already exists")
        actor = await self._actor(4401)
        try:
            if len(self._running) >= MAX_OPERATIONS:
                raise BadRequest(f"{MAX_OPERATIONS} operations run on this connection already, which is the limit")
            asked = read(message.get("payload"))
        except ForgeError as error:
            await self._fail(name, [{"message": str(error), "extensions": {"code": error.code}}])
            return
        self._running[name] = asyncio.create_task(self._run(name, actor, asked))

    async def _run(self, name: str, actor: Actor, asked: Operation) -> None:
        stream = self._api.stream(actor, asked)
        try:
            async for response in stream:
                await self._send({"id": name, "type": "next", "payload": response})
            await self._send({"id": name, "type": "complete"})
        except Refused as refusal:
            await self._fail(name, errors.shown(refusal.errors, refusal.code))
        except WebSocketDisconnect:
            pass
        finally:
            await stream.aclose()
            if self._running.get(name) is asyncio.current_task():
                del self._running[name]

    async def _fail(self, name: str, found: list[dict[str, Any]]) -> None:
        await self._send({"id": name, "type": "error", "payload": found})

    async def _next(self) -> dict[str, Any]:
        text = await self._socket.receive_text()
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise _Hangup(4400, "a message must be JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):  # pyright: ignore[reportUnknownMemberType]
            raise _Hangup(4400, "a message must be an object with a type")
        return message  # pyright: ignore[reportUnknownVariableType]

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(msgspec.json.encode(message).decode())

    async def _close(self, code: int, reason: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(code, reason)


def _text(payload: object, name: str) -> str | None:
    given = payload.get(name) if is_object(payload) else None
    return given if isinstance(given, str) and given else None


def _id(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not name:
        raise _Hangup(4400, "the message needs an id")
    return name
