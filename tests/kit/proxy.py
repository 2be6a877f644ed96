"""An HTTP proxy on loopback that lets connections through (CONNECT), or passes a plain request on, and notes where."""

import asyncio
import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """``asked`` are the targets; with ``login`` it wants that user and password."""

    login: str | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, place, _ = head.split(" ", 2)
            if self.login and f"Basic {base64.b64encode(self.login.encode()).decode()}" not in head:
                writer.write(b"HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                return
            self.asked.append(place)
            plain = method != "CONNECT"
            host, _, port = (urlsplit(place).netloc if plain else place).rpartition(":")
            there, back = await asyncio.open_connection(host, int(port))
            if plain:
                own, _, rest = head.partition("\r\n")
                kept = [line for line in rest.split("\r\n") if not line.lower().startswith("proxy-")]
                path = urlsplit(place).path
                back.write("\r\n".join([own.replace(place, path), *kept]).encode("latin-1"))
            else:
                writer.write(b"HTTP/1.1 200 Established\r\n\r\n")
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


@asynccontextmanager
async def proxy(login: str | None = None):
    """A running Proxy."""
    made = Proxy(login)
    async with await asyncio.start_server(made.client, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
