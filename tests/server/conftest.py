"""A real server on a free port of the loopback, over the one forge; callers with keys of their own workspaces."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect

from kit.forge import actor, forge, other_actor
from promptforge.server.serve import address, bound, run

__all__ = ["actor", "forge", "other_actor"]

TIMEOUT = 30


@pytest.fixture(scope="session")
async def url(forge):
    """The address of a server that runs until the tests end."""
    listener, stop = bound("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(run(forge, listener, stop))
    yield address("127.0.0.1", listener)
    stop.set()
    await serving


@pytest.fixture(scope="session")
async def http(url):
    """A connection without credentials."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT) as client:
        yield client


@dataclass
class Caller:
    """Somebody with a key: GraphQL over HTTP and over websockets."""

    http: httpx.AsyncClient
    url: str
    key: str

    async def post(self, query, path="/graphql", headers=None, **variables):
        """The whole response."""
        body = {"query": query, "variables": variables}
        return await self.http.post(path, json=body, headers={"X-API-Key": self.key, **(headers or {})})

    async def ask(self, query, **variables):
        """The data; errors fail the test."""
        answer = (await self.post(query, **variables)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def refused(self, query, **variables):
        """The first error."""
        return (await self.post(query, **variables)).json()["errors"][0]

    @asynccontextmanager
    async def socket(self, payload=None, **options):
        """A websocket that has been welcomed."""
        async with open_socket(self.url, **options) as socket:
            await socket.say("connection_init", payload=payload or {"apiKey": self.key})
            assert (await socket.hear())["type"] == "connection_ack"
            yield socket


class Talk:
    """Messages of graphql-transport-ws."""

    def __init__(self, connection):
        self.connection = connection

    async def say(self, kind, **rest):
        await self.connection.send(msgspec.json.encode({"type": kind, **rest}).decode())

    async def hear(self):
        async with asyncio.timeout(TIMEOUT):
            return msgspec.json.decode(await self.connection.recv())

    async def subscribe(self, name, query, **variables):
        await self.say("subscribe", id=name, payload={"query": query, "variables": variables})

    async def closed(self):
        """Wait for the other side's end; the code it gave."""
        async with asyncio.timeout(TIMEOUT):
            await self.connection.wait_closed()
        return self.connection.close_code


@asynccontextmanager
async def open_socket(url, path="/graphql", subprotocol="graphql-transport-ws", **options):
    """A websocket, not yet welcomed."""
    address = url.replace("http", "ws", 1) + path
    subprotocols = [subprotocol] if subprotocol else None
    async with connect(address, subprotocols=subprotocols, proxy=None, **options) as connection:
        yield Talk(connection)


@pytest.fixture
def caller_of(forge, http, url):
    """Make a caller for an actor, with a key of the scopes given."""

    async def make(actor, scopes=None):
        _, secret = await forge.access.create_key(actor, name="test", scopes=scopes)
        return Caller(http, url, secret)

    return make


@pytest.fixture
async def caller(caller_of, actor):
    """An administrator of an empty workspace."""
    return await caller_of(actor)
