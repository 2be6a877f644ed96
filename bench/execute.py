"""What executePrompt costs beside the provider: HTTP, GraphQL, two durable journal writes, the answer.

A real server process with the simulated model at zero latency. The baseline of the same run is GET /healthz of the
same server: what one HTTP exchange costs on this machine at this moment.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

QUERY = "mutation($i: ExecutePromptInput!) { executePrompt(input: $i) { id status output tokenIn tokenOut costUsd } }"
CALL = {
    "content": "How do I locate my card?",
    "params": {"model": "demo-small", "demo": {"latency_ms": 0, "token_in": 45, "token_out": 28}},
}


def start(home: Path) -> tuple[subprocess.Popen[bytes], str, str]:
    """Serve *home* on a free port; the process, its URL and its key."""
    env = {**os.environ, "PROMPTFORGE_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", "serve", "--port", "0"], env=env, stdout=subprocess.DEVNULL
    )
    state = home / "server.json"
    while not state.exists():
        if process.poll() is not None:
            raise SystemExit("the server did not start")
        time.sleep(0.05)
    return process, json.loads(state.read_text())["url"], (home / "local.key").read_text().strip()


async def drive(call, connections: int, seconds: float) -> list[float]:
    """Latencies in milliseconds of *call* in a closed loop on *connections*."""
    taken: list[float] = []
    until = time.perf_counter() + seconds

    async def loop() -> None:
        while (began := time.perf_counter()) < until:
            await call()
            taken.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(loop() for _ in range(connections)))
    return taken


def report(name: str, taken: list[float], seconds: float) -> float:
    """Print one line; return the median."""
    taken.sort()
    p50, p95, p99 = (taken[min(len(taken) - 1, int(len(taken) * q))] for q in (0.5, 0.95, 0.99))
    print(f"{name:34} {len(taken) / seconds:8.0f}/s   p50 {p50:6.2f}   p95 {p95:6.2f}   p99 {p99:6.2f} ms")
    return statistics.median(taken)


async def measure(url: str, key: str, seconds: float) -> None:
    """Both figures at one connection and at sixteen."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"query": QUERY, "variables": {"i": CALL}}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def execute() -> None:
            async with session.post(f"{url}/graphql", json=body) as response:
                answer = await response.json()
            if answer.get("errors") or answer["data"]["executePrompt"]["status"] != "success":
                raise SystemExit(answer)

        async def health() -> None:
            async with session.get(f"{url}/healthz") as response:
                await response.read()

        await drive(execute, 4, 1.0)
        for connections in (1, 16):
            floor = report(
                f"healthz, {connections} connections", await drive(health, connections, seconds / 2), seconds / 2
            )
            median = report(
                f"executePrompt, {connections} connections", await drive(execute, connections, seconds), seconds
            )
            print(f"{'':34} ratio {median / floor:.1f}")


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench execute [--seconds 10] [--runs 3]``."""
    parser = argparse.ArgumentParser(prog="bench execute", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        process, url, key = start(Path(folder))
        try:
            for run in range(options.runs):
                print(f"run {run + 1}")
                asyncio.run(measure(url, key, options.seconds))
        finally:
            process.terminate()
            process.wait(15)
