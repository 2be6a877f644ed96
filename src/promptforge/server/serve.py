"""Serving: one process, one home, from the first line printed to the last execution closed.

The socket is bound before anything is opened, so that a port in use is said at once; signals stop the server, never
the process, so that whatever was accepted is closed in the record before the end.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from promptforge.core.errors import ForgeError, SettingsError
from promptforge.server.app import create_app
from promptforge.server.graphql import errors
from promptforge.server.graphql.limits import MAX_BODY

if TYPE_CHECKING:
    from promptforge.forge import Forge
    from promptforge.settings import Settings

#: The parts of the ten seconds that a stop may take; the rest is for the record.
DRAIN_SECONDS = 3.0
CONNECTION_SECONDS = 5
#: Decoding and shipping threads let the loop in more often than every 5 ms.
SWITCH_SECONDS = 0.0005
#: Executions are many small objects without cycles: looking for cycles every 700 of them took most of decoding.
GARBAGE = (50_000, 20, 100)
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104  shown, never bound


def serve(settings: "Settings", say: Callable[[str], None] = print) -> int:
    """Serve until a signal comes; return the exit code. *say* gets each line for people."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GARBAGE)
    try:
        listener = bound(settings.host, settings.port)
        with listener:
            uvloop.run(_serve(settings, listener, say))
    except SettingsError as error:
        say(f"promptforge: {error}")
        return 2
    except ForgeError as error:
        say(f"promptforge: {error}")
        return 1
    return 0


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; SettingsError says why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for sockets that say they are TCP; without that a reply takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): "
            "stop what listens there, or choose another port with --port"
        ) from None
    listener.setblocking(False)
    return listener


def address(host: str, listener: socket.socket) -> str:
    """The URL by which this machine reaches the listener."""
    name = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{listener.getsockname()[1]}"


async def _serve(settings: "Settings", listener: socket.socket, say: Callable[[str], None]) -> None:
    from promptforge.forge import open_forge

    async with open_forge(settings) as forge:
        url = address(settings.host, listener)
        stop = asyncio.Event()
        with _signals(stop), announced(settings.home, url):
            gc.freeze()  # what is loaded by now stays
            await _greet(forge, url, say)
            beside = [
                asyncio.create_task(_told(forge.resume(), say, "what was left open cannot go on")),
                asyncio.create_task(_told(forge.load_demo(), say, "the demo could not be loaded")),
            ]
            try:
                await run(forge, listener, stop)
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.wait(beside)
        say("stopped: everything is recorded")


async def _greet(forge: "Forge", url: str, say: Callable[[str], None]) -> None:
    token = await forge.access.create_login_token(await forge.access.authenticate(forge.demo_key or forge.local_key))
    say(f"Prompt Forge is running at {url}")
    say(f"  log in     {url}/login?token={token}  (works once)")
    if forge.demo_key is not None:
        say(f"  demo key   {forge.demo_key}")
        say(f"             {forge.settings.demo_executions:,} made-up executions of the last 90 days load behind it")
    say(f"  your key   {forge.settings.home / 'local.key'}  (the CLI on this machine finds it by itself)")


async def _told(work: Awaitable[None], say: Callable[[str], None], failed: str) -> None:
    """Do what the server can do without, and say when it fails."""
    try:
        await work
    except ForgeError as error:
        say(f"promptforge: {failed}: {error}")
    except Exception as error:
        say(f"promptforge: {failed}: {errors.masked(error)}")


async def run(forge: "Forge", listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve *forge* on *listener* until *stop* is set, then let what runs finish, or close it as interrupted."""
    config = uvicorn.Config(
        create_app(forge),
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=MAX_BODY,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CONNECTION_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    server.should_exit = True
    await asyncio.gather(serving, forge.drain(DRAIN_SECONDS))


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn would raise them again when it ends, before the record is closed."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


@contextmanager
def _signals(stop: asyncio.Event) -> Generator[None]:
    """Turn SIGTERM and SIGINT into *stop*."""
    loop = asyncio.get_running_loop()
    taken: list[signal.Signals] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
        taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


@contextmanager
def announced(home: Path, url: str) -> Generator[None]:
    """Keep ``server.json`` in the home while we serve: how the CLI on this machine finds us."""
    path, fresh = home / "server.json", home / f".server.json.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "pid": os.getpid()}, file)
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
