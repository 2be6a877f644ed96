"""The forge in this process, behind the same API: for commands while no server runs.

Requests go through httpx and websockets through ASGI into the very application that the server serves, so a
command cannot tell the difference, and cannot behave differently.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from promptforge.core.errors import SettingsError
from promptforge.sdk.errors import NetworkError, closed_error
from promptforge.sdk.protocol import Download, Reply, refused
from promptforge.sdk.transports import SUBPROTOCOL, Address, AsyncHttpTransport

Event = MutableMapping[str, Any]
Application = Callable[[Any, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]]
#: What the application takes for its own address.
URL = "http://127.0.0.1"
WAITING = 4
"""Pieces of a file that may wait to be read."""
MISSING = (
    "no Prompt Forge server is running here, and this installation is the client alone: install prompt-forge[server] "
    "and run `promptforge serve`, or point PROMPTFORGE_URL at a server"
)


@asynccontextmanager
async def opened(home: Path) -> AsyncGenerator[Application, None]:
    """Open the home and make the application."""
    try:
        from promptforge.forge import open_forge
        from promptforge.server.app import create_app
        from promptforge.settings import load
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("promptforge."):
            raise
        raise NetworkError(MISSING, sent=False) from error
    try:
        opening = open_forge(load(home=home, demo=False))
        forge = await opening.__aenter__()
    except SettingsError as error:
        raise NetworkError(str(error), sent=False) from error
    try:
        yield create_app(forge)
    finally:
        await opening.__aexit__(None, None, None)


class LocalTransport(AsyncHttpTransport):
    """Carries requests into an application of this process."""

    def __init__(self, address: Address, application: Application) -> None:
        import httpx

        super().__init__(address, through=httpx.ASGITransport(application, raise_app_exceptions=False))
        self._application = application

    async def download(self, request: Download) -> "LocalFile":
        """GET it; the answer comes piece by piece."""
        file = LocalFile(self._address, request, self._application)
        try:
            await file.start()
        except BaseException:
            await file.close()
            raise
        return file

    async def open(self) -> "LocalSocket":
        """Open a websocket."""
        socket = LocalSocket(self._address, self._application)
        await socket.start()
        return socket


class LocalFile:
    """The answer to a download, of which only a few pieces wait at a time."""

    def __init__(self, address: Address, request: Download, application: Application) -> None:
        self._out: asyncio.Queue[Event] = asyncio.Queue(WAITING)
        self._status = 0
        self.headers: Mapping[str, str] = {}
        self._task = asyncio.ensure_future(self._run(_scope_of(address, request), application))
        self._over = False

    async def _run(self, scope: dict[str, Any], application: Application) -> None:
        try:
            await application(scope, _silence, self._out.put)
        except Exception as error:
            await self._out.put({"type": "broken", "error": error})

    async def start(self) -> None:
        """Wait for the headers; raise what a refusal means."""
        event = await self._next()
        self.headers = {name.decode().lower(): value.decode() for name, value in event["headers"]}
        if event["status"] >= 400:
            parts: list[bytes] = []
            while (piece := await self.piece()) is not None:
                parts.append(piece)
            raise refused(Reply(event["status"], self.headers, b"".join(parts)))

    async def piece(self) -> bytes | None:
        """Wait for the next bytes."""
        while not self._over:
            event = await self._next()
            self._over = not event.get("more_body")
            if event.get("body"):
                return event["body"]
        return None

    async def _next(self) -> Event:
        event = await self._out.get()
        if event["type"] == "broken":
            raise NetworkError(f"the file broke off: {event['error']}")
        return event

    async def close(self) -> None:
        """Leave off."""
        self._task.cancel()
        await asyncio.wait([self._task])


class LocalSocket:
    """A websocket without a network: two queues and the application between them."""

    def __init__(self, address: Address, application: Application) -> None:
        self._in: asyncio.Queue[Event] = asyncio.Queue()
        self._out: asyncio.Queue[Event] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        scope = _scope(address)
        self._task = asyncio.ensure_future(application(scope, self._in.get, self._out.put))
        # An application that falls over says nothing more: without this the other end would wait for ever.
        self._task.add_done_callback(lambda _: self._out.put_nowait({"type": "websocket.close", "code": 1006}))

    async def start(self) -> None:
        """Wait for the application to accept."""
        event = await self._out.get()
        if event["type"] != "websocket.accept":
            await self.close()
            raise closed_error(int(event.get("code", 1006)), event.get("reason") or "", "this process")

    async def say(self, text: str) -> None:
        """Send a message."""
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def hear(self, patience: float | None) -> str | None:
        """Wait for a message."""
        try:
            async with asyncio.timeout(patience):
                event = await self._out.get()
        except TimeoutError as error:
            raise NetworkError("no answer in time") from error
        if event["type"] == "websocket.send":
            return event.get("text") or event["bytes"].decode()
        code = int(event.get("code", 1000))
        if code == 1000:
            return None
        raise closed_error(code, event.get("reason") or "", "this process")

    async def close(self) -> None:
        """Say goodbye and let the application finish."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        with contextlib.suppress(Exception, TimeoutError):
            async with asyncio.timeout(2):
                await self._task


async def _silence() -> Event:
    """Nothing more is said; never returns."""
    return await asyncio.get_running_loop().create_future()


def _scope(address: Address) -> dict[str, Any]:
    return _asked(address, "websocket", "/graphql") | {"scheme": "ws", "subprotocols": [SUBPROTOCOL]}


def _scope_of(address: Address, request: Download) -> dict[str, Any]:
    return _asked(address, "http", request.path) | {
        "scheme": "http",
        "method": "GET",
        "query_string": urlencode(request.query).encode(),
    }


def _asked(address: Address, kind: str, path: str) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in address.headers.items()]
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
