"""The load generator: the calls of one phase, from a process of its own, its answer one line of JSON.

It writes and reads HTTP/1.1 by hand, because a client library takes longer for a call than the gateway that is
measured. A call is over with the last byte of its answer. It says how busy it was itself: near 1.0 its own processor
was the limit, and the figure is a lower bound.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import uvloop

#: A call without an answer for so long is lost.
PATIENCE = 30.0


class Connection(asyncio.Protocol):
    """One connection, one call at a time."""

    def __init__(self, done: Callable[["Connection", int, float, float], None]) -> None:
        self.done = done
        self.transport: asyncio.Transport | None = None
        self.asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.asking:
            self.asking = False
            self.done(self, 0, time.perf_counter() - self.began, 0.0)

    def ask(self, request: bytes) -> None:
        self.asking, self.head, self.tail, self.first, self.left = True, b"", b"", 0.0, None
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.left is None:
            self.head += data
            head, found, data = self.head.partition(b"\r\n\r\n")
            if not found:
                return
            self.status = int(head[9:12])
            lower = head.lower()
            at = lower.find(b"content-length:")
            # of a chunked answer the last bytes are known, so that its chunks need not be taken apart
            self.left = -1 if at < 0 else int(lower[at + 15 :].split(b"\r\n", 1)[0])
        if data and not self.first:
            self.first = time.perf_counter() - self.began
        if self.left < 0:
            self.tail = (self.tail + data)[-5:]
            over = self.tail == b"0\r\n\r\n"
        else:
            self.left -= len(data)
            over = self.left <= 0
        if over:
            self.asking = False
            self.done(self, self.status, time.perf_counter() - self.began, self.first)


class Phase:
    """What one phase asks, and what came back."""

    def __init__(self, given: dict) -> None:
        url = urlsplit(given["url"])
        self.host, self.port = url.hostname, url.port
        body = json.dumps(given["body"]).encode()
        # every call has words of its own, so that no cache answers and each can be told from the others
        self.before, _, self.after = body.partition(b"NUMBER")
        lines = [f"POST {url.path} HTTP/1.1", f"Host: {url.netloc}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in given["headers"].items()]
        lines.append(f"Content-Length: {len(self.before) + 10 + len(self.after)}")
        self.before = ("\r\n".join(lines) + "\r\n\r\n").encode() + self.before
        self.seconds, self.connections, self.rate = given["seconds"], given["connections"], given["rate"]
        self.statuses: Counter[int] = Counter()
        self.taken: list[float] = []
        self.first: list[float] = []
        self.late: list[float] = []
        self.sent = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def request(self) -> bytes:
        self.sent += 1
        return b"%s%010d%s" % (self.before, self.sent, self.after)

    async def connect(self, done) -> Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(lambda: Connection(done), self.host, self.port))[1]

    def note(self, status: int, taken: float, first: float) -> None:
        self.statuses[status] += 1
        if status == 200:
            self.taken.append(taken)
            self.first.append(first)

    async def closed(self) -> None:
        """Each connection asks anew as soon as it was answered."""
        until = time.perf_counter() + self.seconds
        open_ = self.connections

        def done(connection: Connection, status: int, taken: float, first: float) -> None:
            nonlocal open_
            self.note(status, taken, first)
            if time.perf_counter() < until and connection.transport:
                connection.ask(self.request())
                return
            open_ -= 1
            if not open_:
                self.over.set_result(None)

        for connection in [await self.connect(done) for _ in range(self.connections)]:
            connection.ask(self.request())
        await asyncio.wait([self.over], timeout=self.seconds + PATIENCE)

    async def open(self) -> None:
        """So many calls a second whatever the answers do: a slow one delays no other."""
        free: list[Connection] = []
        count = int(self.seconds * self.rate)

        def done(connection: Connection, status: int, taken: float, first: float) -> None:
            self.note(status, taken, first)
            if self.statuses.total() == count:
                self.over.set_result(None)
            if connection.transport:
                free.append(connection)

        free += [await self.connect(done) for _ in range(self.connections)]
        began = time.perf_counter()
        for number in range(count):
            due = began + number / self.rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            while free and not free[-1].transport:  # a server closes what nobody used for a while
                free.pop()
            connection = free.pop() if free else await self.connect(done)
            self.late.append(time.perf_counter() - due)
            connection.ask(self.request())
        await asyncio.wait([self.over], timeout=PATIENCE)


def quantiles(values: list[float]) -> dict[str, float]:
    """Milliseconds."""
    values = sorted(values) or [0.0]
    return {f"p{q}": values[min(len(values) - 1, len(values) * q // 100)] * 1000 for q in (50, 95, 99)}


async def run(given: dict) -> dict:
    """One phase, after some calls of the same kind that are not counted in the figures but said."""
    warm = Phase({**given, "seconds": given["warm"], "rate": 0})
    if given["warm"]:
        await warm.closed()
    phase = Phase(given)
    began, used = time.perf_counter(), time.process_time()
    await (phase.open() if phase.rate else phase.closed())
    seconds = time.perf_counter() - began
    return {
        "calls": phase.statuses[200],
        "refused": phase.statuses.total() - phase.statuses[200],
        "unanswered": phase.sent - phase.statuses.total(),
        "statuses": dict(phase.statuses),
        "warm": warm.statuses[200],
        "rate": phase.statuses[200] / seconds,
        "busy": (time.process_time() - used) / seconds,
        "late": quantiles(phase.late)["p99"],
        **quantiles(phase.taken),
        "first": quantiles(phase.first),
    }


if __name__ == "__main__":
    # the phase comes on the standard input: an argument would show a key in the list of processes
    sys.stdout.write(json.dumps(uvloop.run(run(json.load(sys.stdin)))) + os.linesep)
