"""Somebody with a key before a running server: GraphQL over HTTP, and graphql-transport-ws."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import msgspec
from websockets.asyncio.client import connect

TIMEOUT = 30


@dataclass
class Caller:
    """Somebody with a key: GraphQL over HTTP and over websockets."""

    http: httpx.AsyncClient
    url: str
    key: str

    async def post(self, query, path="/graphql", headers=None, **variables):
        """The whole response, asked for again until it is as fresh as what was acknowledged before."""
        body = {"query": query, "variables": variables}
        while True:
            answer = await self.http.post(path, json=body, headers={"X-API-Key": self.key, **(headers or {})})
            if answer.status_code != 200 or not answer.json().get("extensions", {}).get("freshness", {}).get("behind"):
                return answer

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
