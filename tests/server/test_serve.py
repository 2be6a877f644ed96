"""Serving as people do it: the command as a process, its home, its signals, and what it says when it cannot start."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kit.served import surroundings

EXECUTE = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) {
    id status output error latencyMs tokenIn tokenOut costUsd createdAt } }"""
STOP_SECONDS = 10


@dataclass
class Running:
    """A server process; ``said`` is what it printed until it was ready."""

    process: subprocess.Popen
    url: str
    home: Path
    said: list[str]

    @property
    def key(self):
        return (self.home / "local.key").read_text().strip()

    def ask(self, query, **variables):
        body = {"query": query, "variables": variables}
        while True:
            answer = httpx.post(f"{self.url}/graphql", json=body, headers={"X-API-Key": self.key}, timeout=30).json()
            if not answer.get("extensions", {}).get("freshness", {}).get("behind"):
                return answer

    def stop(self, number=signal.SIGTERM):
        """Send the signal; the exit code and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.communicate(timeout=2 * STOP_SECONDS)
        return self.process.returncode, time.monotonic() - began


def command(home, *arguments, **environment):
    """The server as a process, not waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**surroundings(home), **environment},
    )


@contextmanager
def serving(home, *arguments, **environment):
    """A server that says it is running; ended when the test is done with it."""
    process = command(home, "--port", "0", *arguments, **environment)
    try:
        said = [process.stdout.readline()]
        assert "running at http" in said[0], said[0] + process.stdout.read()
        yield Running(process, said[0].split()[-1], home, said)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.shared
def test_the_documented_error_comes_out_of_a_real_401(tmp_path, replay_provider):
    """A provider that answers 401 makes the page's example, field for field, but for id, time and latency."""
    environment = {"ANTHROPIC_API_KEY": "sk-wrong", "ANTHROPIC_BASE_URL": replay_provider.fault("status/401")}
    with serving(tmp_path, **environment) as server:
        given = {"content": "hello", "params": {"model": "claude-3-5-sonnet-20241022", "max_tokens": 100}}
        done = server.ask(EXECUTE, input=given)["data"]["executePrompt"]
        read = server.ask(
            "{ executions { id status output error latencyMs tokenIn tokenOut costUsd createdAt } }"
        )["data"]["executions"]  # fmt: skip

    assert read == [done]
    latency, at = done.pop("latencyMs"), done.pop("createdAt")
    assert done.pop("id").startswith("exec_")
    assert isinstance(latency, int)
    assert at.endswith("Z")
    assert done == {
        "status": "error",
        "output": None,
        "error": "Invalid API key for provider 'anthropic'",
        "tokenIn": 0,
        "tokenOut": 0,
        "costUsd": "0.0000",
    }


def test_the_home_says_where_the_server_is(tmp_path):
    """server.json holds url and pid, for the owner only, while the server runs; the signal ends it with 0."""
    with serving(tmp_path) as server:
        path = tmp_path / "server.json"
        told = json.loads(path.read_text())
        mode = stat.S_IMODE(path.stat().st_mode)
        alive, ready = httpx.get(f"{server.url}/healthz"), httpx.get(f"{server.url}/readyz")
        code, _ = server.stop()

    assert told == {"url": server.url, "pid": server.process.pid}
    assert mode == 0o600
    assert not path.exists()
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_closes_what_runs(tmp_path, number):
    """A signal while an execution runs ends with 0 in time, and the next start finds the execution interrupted."""
    slow = {"content": "x", "wait": False, "params": {"model": "demo-small", "demo": {"latency_ms": 60_000}}}
    with serving(tmp_path) as server:
        pending = server.ask(EXECUTE, input=slow)["data"]["executePrompt"]
        code, seconds = server.stop(number)
    with serving(tmp_path) as server:
        query = "query($id: ID!) { execution(id: $id) { status errorType } }"
        found = server.ask(query, id=pending["id"])["data"]["execution"]

    assert pending["status"] == "pending"
    assert code == 0
    assert seconds < STOP_SECONDS  # the promise to whoever stops it
    assert found == {"status": "error", "errorType": "interrupted"}


def test_a_stop_with_open_sockets_and_requests(tmp_path):
    """An open websocket and an idle connection do not hold the end up."""
    from websockets.sync.client import connect

    with serving(tmp_path) as server:
        address = server.url.replace("http", "ws", 1) + "/graphql"
        with (
            httpx.Client(base_url=server.url) as kept,
            connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as listener,
        ):
            kept.get("/healthz")
            listener.send(json.dumps({"type": "connection_init", "payload": {"apiKey": server.key}}))
            assert json.loads(listener.recv())["type"] == "connection_ack"
            payload = {"query": "subscription { activity { at } }"}
            listener.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            code, seconds = server.stop()

    assert code == 0
    assert seconds < STOP_SECONDS


def test_a_port_in_use_is_said(tmp_path):
    """Another listener on the port: a sentence with address and remedy, exit code 2, and an untouched home."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = command(tmp_path / "home", "--port", str(port))
        said, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_a_home_in_use_is_said(tmp_path):
    """A second server on one home: our own sentence, exit code 2, and the first goes on."""
    with serving(tmp_path) as server:
        second = command(tmp_path, "--port", "0")
        said, _ = second.communicate(timeout=30)
        still = server.ask("{ me { id } }")
        told = json.loads((tmp_path / "server.json").read_text())

    assert second.returncode == 2
    assert str(os.fspath(tmp_path)) in said
    assert str(server.process.pid) in said
    assert "Traceback" not in said
    assert still["data"]["me"]
    assert told["pid"] == server.process.pid


def test_our_own_address_as_a_provider_is_said(tmp_path):
    """A provider's base URL that is the server itself is refused at the start."""
    process = command(tmp_path, "--port", "8123", ANTHROPIC_BASE_URL="http://localhost:8123")
    said, _ = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "ANTHROPIC_BASE_URL points at this server itself" in said


def test_the_printed_link_logs_in(tmp_path):
    """The login link printed at the start opens the dashboard once."""
    with serving(tmp_path) as server:
        line = next(line for line in iter(server.process.stdout.readline, "") if "/login?token=" in line)
        link = next(word for word in line.split() if "/login?token=" in word)
        with httpx.Client() as browser:
            first = browser.get(link)
            me = browser.post(
                f"{server.url}/graphql", json={"query": "{ me { role } }"}, headers={"Origin": server.url}
            )
            again = httpx.get(link)

    assert first.status_code == 303
    assert me.json() == {"data": {"me": {"role": "ADMINISTRATOR"}}}
    assert again.status_code == 401
