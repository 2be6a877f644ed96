"""The two drivers of a plan, and what they need of a transport. No decision is taken here.

A plan that a caller leaves early (a ``break`` in a stream) is closed, and its websocket with it.
"""

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Protocol, TypeVar

from promptforge.sdk.errors import PromptForgeError
from promptforge.sdk.protocol import (
    Download,
    Effect,
    Found,
    Hear,
    Open,
    Pause,
    Piece,
    Plan,
    Reply,
    Request,
    Say,
    StreamPlan,
)

Result = TypeVar("Result")


class Socket(Protocol):
    """An open websocket; ``hear`` returns None once the other side closed."""

    def say(self, text: str) -> None: ...
    def hear(self, patience: float | None) -> str | None: ...
    def close(self) -> None: ...


class File(Protocol):
    """A file on its way here; ``piece`` returns None at its end and raises NetworkError when it breaks off."""

    headers: Mapping[str, str]

    def piece(self) -> bytes | None: ...
    def close(self) -> None: ...


class Transport(Protocol):
    """Carries requests; raises NetworkError for what got no answer."""

    def send(self, request: Request) -> Reply: ...
    def download(self, request: Download) -> File: ...
    def open(self) -> Socket: ...
    def pause(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class AsyncSocket(Protocol):
    """An open websocket; ``hear`` returns None once the other side closed."""

    async def say(self, text: str) -> None: ...
    async def hear(self, patience: float | None) -> str | None: ...
    async def close(self) -> None: ...


class AsyncFile(Protocol):
    """A file on its way here; ``piece`` returns None at its end and raises NetworkError when it breaks off."""

    headers: Mapping[str, str]

    async def piece(self) -> bytes | None: ...
    async def close(self) -> None: ...


class AsyncTransport(Protocol):
    """Carries requests; raises NetworkError for what got no answer."""

    async def send(self, request: Request) -> Reply: ...
    async def download(self, request: Download) -> AsyncFile: ...
    async def open(self) -> AsyncSocket: ...
    async def pause(self, seconds: float) -> None: ...
    async def close(self) -> None: ...


def drive(plan: Plan[Result], transport: Transport) -> Result:
    """Run a plan to its result."""
    connection = _Connection(transport)
    try:
        effect = next(plan)
        while True:
            try:
                outcome = connection.perform(effect)
            except PromptForgeError as error:
                effect = plan.throw(error)
            else:
                effect = plan.send(outcome)
    except StopIteration as stop:
        return stop.value
    finally:
        plan.close()
        connection.close()


async def drive_async(plan: Plan[Result], transport: AsyncTransport) -> Result:
    """Run a plan to its result."""
    connection = _AsyncConnection(transport)
    try:
        effect = next(plan)
        while True:
            try:
                outcome = await connection.perform(effect)
            except PromptForgeError as error:
                effect = plan.throw(error)
            else:
                effect = plan.send(outcome)
    except StopIteration as stop:
        return stop.value
    finally:
        plan.close()
        await connection.close()


def converse(plan: StreamPlan[Result], transport: Transport) -> Generator[Result, None, None]:
    """Yield what a plan finds."""
    connection = _Connection(transport)
    try:
        effect = next(plan)
        while True:
            if isinstance(effect, Found):
                yield effect.value
                effect = next(plan)
                continue
            try:
                outcome = connection.perform(effect)
            except PromptForgeError as error:
                effect = plan.throw(error)
            else:
                effect = plan.send(outcome)
    except StopIteration:
        return
    finally:
        plan.close()
        connection.close()


async def converse_async(plan: StreamPlan[Result], transport: AsyncTransport) -> AsyncGenerator[Result, None]:
    """Yield what a plan finds."""
    connection = _AsyncConnection(transport)
    try:
        effect = next(plan)
        while True:
            if isinstance(effect, Found):
                yield effect.value
                effect = next(plan)
                continue
            try:
                outcome = await connection.perform(effect)
            except PromptForgeError as error:
                effect = plan.throw(error)
            else:
                effect = plan.send(outcome)
    except StopIteration:
        return
    finally:
        plan.close()
        await connection.close()


class _Connection:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._socket: Socket | None = None
        self._file: File | None = None

    def perform(self, effect: Effect) -> Reply | Mapping[str, str] | str | bytes | None:
        match effect:
            case Request():
                return self._transport.send(effect)
            case Pause(seconds):
                self._transport.pause(seconds)
            case Open():
                self._socket = self._transport.open()
            case Say(text):
                self.socket.say(text)
            case Hear(patience):
                return self.socket.hear(patience)
            case Download():
                self._file = self._transport.download(effect)
                return self._file.headers
            case Piece():
                return None if self._file is None else self._file.piece()
        return None

    @property
    def socket(self) -> Socket:
        if self._socket is None:
            raise RuntimeError("a plan opens its websocket before it speaks")
        return self._socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._file is not None:
            self._file.close()


class _AsyncConnection:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._socket: AsyncSocket | None = None
        self._file: AsyncFile | None = None

    async def perform(self, effect: Effect) -> Reply | Mapping[str, str] | str | bytes | None:
        match effect:
            case Request():
                return await self._transport.send(effect)
            case Pause(seconds):
                await self._transport.pause(seconds)
            case Open():
                self._socket = await self._transport.open()
            case Say(text):
                await self.socket.say(text)
            case Hear(patience):
                return await self.socket.hear(patience)
            case Download():
                self._file = await self._transport.download(effect)
                return self._file.headers
            case Piece():
                return None if self._file is None else await self._file.piece()
        return None

    @property
    def socket(self) -> AsyncSocket:
        if self._socket is None:
            raise RuntimeError("a plan opens its websocket before it speaks")
        return self._socket

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._file is not None:
            await self._file.close()
