"""How requests really travel: httpx for requests, websockets for streams, both imported at the first use.

``url`` is where the server lives (``http://127.0.0.1:8000``); the documented addresses that end in ``/graphql`` or
``/v1`` are understood too.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promptforge.sdk.drivers import AsyncFile, AsyncSocket, File, Socket
from promptforge.sdk.errors import NetworkError, PromptForgeError, closed_error, status_error
from promptforge.sdk.protocol import Download, Reply, Request, refused

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection as AsyncClientConnection
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import ClientConnection

SUBPROTOCOL = "graphql-transport-ws"
CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the server is, who calls (``source`` is how executions are marked), and how long to wait for a reply."""

    url: str
    api_key: str
    source: str = "sdk"
    timeout: float = 30.0

    @property
    def endpoint(self) -> str:
        """The GraphQL endpoint."""
        url = self.url.rstrip("/")
        return url if url.endswith(("/graphql", "/v1")) else f"{url}/graphql"

    def at(self, path: str) -> str:
        """Another path of the server."""
        return self.endpoint.removesuffix("/graphql").removesuffix("/v1") + path

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {
            "authorization": f"Bearer {self.api_key}",
            "content-type": "application/json",
            "accept": "application/json",
            "x-promptforge-source": self.source,
        }

    def unreachable(self, error: Exception) -> NetworkError:
        """The NetworkError for what httpx or websockets raised."""
        names = {kind.__name__ for kind in type(error).__mro__}
        if "TimeoutException" in names or "TimeoutError" in names:
            sent = "ConnectTimeout" not in names and "PoolTimeout" not in names
            return NetworkError(f"no answer in time from Prompt Forge at {self.url}", sent=sent)
        sent = not names & {"ConnectError", "ConnectionRefusedError", "gaierror", "UnsupportedProtocol"}
        detail = " ".join(str(error).split()) or type(error).__name__
        return NetworkError(f"Prompt Forge cannot be reached at {self.url}: {detail}", sent=sent)


class HttpTransport:
    """Blocking."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: httpx.Client | None = None

    def send(self, request: Request) -> Reply:
        """POST it."""
        import httpx

        timeout = httpx.Timeout(request.timeout or self._address.timeout, connect=CONNECT_TIMEOUT)
        try:
            response = self._opened().post(self._address.endpoint, content=request.body, timeout=timeout)
        except httpx.HTTPError as error:
            raise self._address.unreachable(error) from error
        return Reply(response.status_code, response.headers, response.content)

    def _opened(self) -> "httpx.Client":
        import httpx

        if self._client is None:
            self._client = httpx.Client(headers=self._address.headers)
        return self._client

    def download(self, request: Download) -> File:
        """GET it; the answer comes piece by piece."""
        import httpx

        client, address = self._opened(), self._address
        asked = client.build_request("GET", address.at(request.path), params=list(request.query), timeout=_patient())
        try:
            response = client.send(asked, stream=True)
            if response.status_code >= 400:
                raise refused(Reply(response.status_code, response.headers, response.read()))
        except httpx.HTTPError as error:
            raise address.unreachable(error) from error
        return HttpFile(address, response)

    def open(self) -> Socket:
        """Open a websocket on the same endpoint."""
        from websockets.exceptions import InvalidHandshake
        from websockets.sync.client import connect

        enter: Any = connect  # its overloads tell a legacy form apart that is not used here
        url, headers = _websocket_url(self._address), _headers(self._address)
        try:
            socket: ClientConnection = enter(url, additional_headers=headers, **_options()).__enter__()
        except (OSError, InvalidHandshake) as error:
            raise _refused(self._address, error) from error
        return HttpSocket(self._address, socket)

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            self._client.close()


class AsyncHttpTransport:
    """Asynchronous; *through* takes the place of the network for requests."""

    def __init__(self, address: Address, through: "httpx.AsyncBaseTransport | None" = None) -> None:
        self._address = address
        self._through = through
        self._client: httpx.AsyncClient | None = None

    async def send(self, request: Request) -> Reply:
        """POST it."""
        import httpx

        timeout = httpx.Timeout(request.timeout or self._address.timeout, connect=CONNECT_TIMEOUT)
        try:
            response = await self._opened().post(self._address.endpoint, content=request.body, timeout=timeout)
        except httpx.HTTPError as error:
            raise self._address.unreachable(error) from error
        return Reply(response.status_code, response.headers, response.content)

    def _opened(self) -> "httpx.AsyncClient":
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(headers=self._address.headers, transport=self._through)
        return self._client

    async def upload(
        self, path: str, query: Sequence[tuple[str, str]], body: AsyncIterable[bytes]
    ) -> AsyncGenerator[str, None]:
        """POST a stream of bytes to a path of the server; the answer comes line by line."""
        import httpx

        headers = {"content-type": "application/octet-stream"}
        sending = self._opened().stream(
            "POST",
            self._address.at(path),
            params=httpx.QueryParams(list(query)),
            content=body,
            headers=headers,
            timeout=_patient(),
        )
        try:
            async with sending as response:
                if response.status_code >= 400:
                    raise refused(Reply(response.status_code, response.headers, await response.aread()))
                async for line in response.aiter_lines():
                    yield line
        except httpx.HTTPError as error:
            raise self._address.unreachable(error) from error

    async def download(self, request: Download) -> AsyncFile:
        """GET it; the answer comes piece by piece."""
        import httpx

        client, address = self._opened(), self._address
        asked = client.build_request("GET", address.at(request.path), params=list(request.query), timeout=_patient())
        try:
            response = await client.send(asked, stream=True)
            if response.status_code >= 400:
                raise refused(Reply(response.status_code, response.headers, await response.aread()))
        except httpx.HTTPError as error:
            raise address.unreachable(error) from error
        return AsyncHttpFile(address, response)

    async def open(self) -> AsyncSocket:
        """Open a websocket on the same endpoint."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake

        opening = connect(_websocket_url(self._address), additional_headers=_headers(self._address), **_options())
        try:
            socket = await opening.__aenter__()
        except (OSError, InvalidHandshake) as error:
            raise _refused(self._address, error) from error
        return AsyncHttpSocket(self._address, socket)

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.aclose()


class HttpFile:
    """The answer to a download."""

    def __init__(self, address: Address, response: "httpx.Response") -> None:
        self._address = address
        self._response = response
        self._pieces = response.iter_bytes()
        self.headers: Mapping[str, str] = response.headers

    def piece(self) -> bytes | None:
        """Wait for the next bytes."""
        import httpx

        try:
            return next(self._pieces, None)
        except httpx.HTTPError as error:
            raise self._address.unreachable(error) from error

    def close(self) -> None:
        """Leave off."""
        self._response.close()


class AsyncHttpFile:
    """The answer to a download."""

    def __init__(self, address: Address, response: "httpx.Response") -> None:
        self._address = address
        self._response = response
        self._pieces = response.aiter_bytes()
        self.headers: Mapping[str, str] = response.headers

    async def piece(self) -> bytes | None:
        """Wait for the next bytes."""
        import httpx

        try:
            return await anext(self._pieces, None)
        except httpx.HTTPError as error:
            raise self._address.unreachable(error) from error

    async def close(self) -> None:
        """Leave off."""
        await self._response.aclose()


class HttpSocket:
    """A websocket."""

    def __init__(self, address: Address, socket: "ClientConnection") -> None:
        self._address = address
        self._socket = socket

    def say(self, text: str) -> None:
        """Send a message."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._socket.send(text)
        except ConnectionClosed as error:
            raise _closed(self._address, error) from error

    def hear(self, patience: float | None) -> str | None:
        """Wait for a message."""
        from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

        try:
            return str(self._socket.recv(patience, decode=True))
        except ConnectionClosedOK:
            return None
        except TimeoutError as error:
            raise self._address.unreachable(error) from error
        except ConnectionClosed as error:
            raise _closed(self._address, error) from error

    def close(self) -> None:
        """Say goodbye."""
        self._socket.close()


class AsyncHttpSocket:
    """A websocket."""

    def __init__(self, address: Address, socket: "AsyncClientConnection") -> None:
        self._address = address
        self._socket = socket

    async def say(self, text: str) -> None:
        """Send a message."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise _closed(self._address, error) from error

    async def hear(self, patience: float | None) -> str | None:
        """Wait for a message."""
        from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

        try:
            async with asyncio.timeout(patience):
                return str(await self._socket.recv(decode=True))
        except ConnectionClosedOK:
            return None
        except TimeoutError as error:
            raise self._address.unreachable(error) from error
        except ConnectionClosed as error:
            raise _closed(self._address, error) from error

    async def close(self) -> None:
        """Say goodbye."""
        await self._socket.close()


def _patient() -> "httpx.Timeout":
    """For files, which take as long as they take."""
    import httpx

    return httpx.Timeout(None, connect=CONNECT_TIMEOUT)


def _websocket_url(address: Address) -> str:
    return "ws" + address.endpoint.removeprefix("http")


def _headers(address: Address) -> dict[str, str]:
    return {name: value for name, value in address.headers.items() if name not in ("content-type", "accept")}


def _options() -> dict[str, Any]:
    # Outputs have no bound of ours, and the library's own limit is 1 MB.
    return {"subprotocols": [SUBPROTOCOL], "max_size": None, "open_timeout": CONNECT_TIMEOUT, "close_timeout": 2}


def _refused(address: Address, error: Exception) -> PromptForgeError:
    response: Any = getattr(error, "response", None)
    if response is None:
        return address.unreachable(error)
    text = " ".join(bytes(response.body or b"")[:300].decode("utf-8", "replace").split())
    return status_error(int(response.status_code), text or "it did not open a websocket")


def _closed(address: Address, error: "ConnectionClosed") -> PromptForgeError:
    frame = error.rcvd
    return closed_error(frame.code if frame else 1006, frame.reason if frame else "", address.url)
