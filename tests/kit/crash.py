"""What a crash test needs: a provider that counts, a server that is killed, clients that keep what they were told.

Everything is looked at from outside: the clients speak HTTP, the counting happens in the test's process, and what is
expected is computed here.
"""

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from kit.served import surroundings

MODEL = "claude-3-5-sonnet-20241022"
#: Dollars a million tokens of that model.
INPUT_RATE, OUTPUT_RATE = Decimal(3), Decimal(15)
MAX_ATTEMPTS = 3
STREAM_PAUSE = 0.005
START_SECONDS = 60
CLI = ("-m", "promptforge.cli")

FOUND = """query($after: String) { executions(limit: 500, after: $after) {
    id status errorType input output model tokenIn tokenOut costUsd cost { usd state } attempts { number } cursor } }"""
TOTALS = """{ overview(window: ALL_TIME) { totals {
    calls success error pending tokenIn tokenOut cost { usd priced unpriced unknown } } } }"""


def tokens(text: str) -> tuple[int, int]:
    """What the provider says that a text used."""
    return 100 + sum(text.encode()) % 900, 1 + sum(text.encode()) * 7 % 500


def price(token_in: int, token_out: int) -> Decimal:
    """What that costs."""
    return (token_in * INPUT_RATE + token_out * OUTPUT_RATE) / 1_000_000


def events(body: dict) -> list[bytes]:
    """A message as the provider streams it: its text in two pieces, its usage first and last."""
    text, used = body["content"][0]["text"], body["usage"]
    begun = body | {"content": [], "stop_reason": None, "usage": used | {"output_tokens": 1}}
    half = len(text) // 2
    told = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in (text[:half], text[half:])
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": body["stop_reason"]},
            "usage": {"output_tokens": used["output_tokens"]},
        },
        {"type": "message_stop"},
    ]
    return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in told]


class Provider:
    """Speaks Anthropic's messages on a free port, as a stream too; ``calls`` counts how often each text was asked for.

    One text in twelve is refused with a 503 the first time, so that some executions take two attempts.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda text: None
        """Told of each text that is asked for, before it is answered."""
        self._lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                text = asked["messages"][-1]["content"]
                provider.before(text)
                status, body = provider.answer(text)
                streamed = status == 200 and asked.get("stream")
                pieces = events(body) if streamed else [json.dumps(body).encode()]
                self.send_response(status)
                self.send_header("content-type", "text/event-stream" if streamed else "application/json")
                if not streamed:
                    self.send_header("content-length", str(len(pieces[0])))
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece)
                    time.sleep(STREAM_PAUSE if streamed else 0)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass  # the other side was killed: that is what the test is about

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def answer(self, text: str) -> tuple[int, dict]:
        """Count the call and answer it."""
        with self._lock:
            self.calls[text] += 1
            first = self.calls[text] == 1
        if first and sum(text.encode()) % 12 == 0:
            return 503, {"type": "error", "error": {"type": "api_error", "message": "busy"}}
        token_in, token_out = tokens(text)
        return 200, {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [{"type": "text", "text": f"answer to {text}"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": token_in, "output_tokens": token_out},
        }

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def counting():
    """A provider that counts."""
    provider = Provider()
    try:
        yield provider
    finally:
        provider.stop()


@dataclass
class Server:
    """``promptforge serve`` on a home, started as often as needed."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = CLI
    process: subprocess.Popen | None = None
    url: str = ""
    said: str = ""

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        self.process = subprocess.Popen(
            [sys.executable, *self.command, "serve", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**surroundings(self.home), **self.environment},
        )

    def start(self) -> "Server":
        """Start it and wait until it says where it is; a warning may come before."""
        self.spawn()
        self.said = ""
        while "running at http" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        self.url = self.said.split()[-1]
        return self

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def died(self) -> None:
        """Wait until it has killed itself."""
        said, _ = self.process.communicate(timeout=START_SECONDS)
        assert self.process.returncode == -signal.SIGKILL, said

    def stop(self) -> None:
        """End it as people do; it must end well."""
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=30)
        self.said += rest
        assert self.process.returncode == 0, rest

    def refused(self) -> str:
        """Start it where it cannot start: what it said before it ended with the status of a bad setting."""
        self.spawn()
        said, _ = self.process.communicate(timeout=START_SECONDS)
        assert self.process.returncode == 2, said
        assert "Traceback" not in said, said
        return said

    @property
    def key(self) -> str:
        """The administrator's key."""
        return (self.home / "local.key").read_text().strip()

    def client(self) -> httpx.AsyncClient:
        """Somebody who speaks to it."""
        return httpx.AsyncClient(base_url=self.url, headers={"X-API-Key": self.key}, timeout=30)

    def answer(self, query: str, **variables: object) -> dict:
        """One answer, as fresh as what was acknowledged before."""
        with httpx.Client(base_url=self.url, headers={"X-API-Key": self.key}, timeout=30) as client:
            while True:
                answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
                if not answer.get("extensions", {}).get("freshness", {}).get("behind"):
                    return answer

    def ask(self, query: str, **variables: object) -> dict:
        """The data of an answer; errors fail the test."""
        answer = self.answer(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def settled(self) -> list[dict]:
        """Everything, once nothing runs: what was started last gets its time, and what is stuck fails the test."""
        end = time.monotonic() + START_SECONDS
        while self.ask("{ executions(status: pending, limit: 1) { id } }")["executions"] and time.monotonic() < end:
            time.sleep(0.2)
        return self.everything()

    def everything(self, query: str = FOUND, **variables: object) -> list[dict]:
        """Every execution that it shows, page by page."""
        found, after = [], None
        while page := self.ask(query, after=after, **variables)["executions"]:
            found += page
            after = page[-1]["cursor"]
        return found


@contextmanager
def killed_after(server: Server):
    """Whatever the test does, the process does not outlive it."""
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


async def under_fire(server: Server, door, *, kills: int, chance: random.Random, clients: int = 6) -> None:
    """Let clients use *door*, kill the server *kills* times at random moments, and start it again each time.

    One kill in six comes while the server starts. What was on its way is repeated through the door afterwards.
    """
    for _ in range(kills):
        if chance.random() < 1 / 6:
            server.spawn()
            await asyncio.sleep(chance.uniform(0.2, 2.5))
            await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        async with server.client() as client:
            tasks = [asyncio.create_task(_use(door, client, random.Random(chance.random()))) for _ in range(clients)]
            await door.busy()
            await asyncio.sleep(chance.uniform(0.0, 1.2))
            await asyncio.to_thread(server.kill)
            await asyncio.gather(*tasks)
    await asyncio.to_thread(server.start)
    async with server.client() as client:
        await door.again(client)


async def under_load(server: Server, door, chance: random.Random, clients: int) -> None:
    """Let clients use *door* until the server is gone by itself."""
    async with server.client() as client:
        await asyncio.gather(*[_use(door, client, random.Random(chance.random())) for _ in range(clients)])


async def _use(door, client: httpx.AsyncClient, chance: random.Random) -> None:
    try:
        while True:
            await door.once(client, chance)
    except httpx.TransportError:
        return  # the server is gone, and so is the answer
