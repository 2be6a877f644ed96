"""Lists and overviews through GraphQL over HTTP, on a home that ``bench record --home`` has filled.

Each question is asked 50 times with other values each time and the engine's condition cache off; the server runs in
this process, the client in another, as a browser would.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.record import MODELS, Made, calibration

from promptforge.forge import SystemClock, kept_secret, open_forge
from promptforge.server.serve import bound, run
from promptforge.settings import load

LIST = """query($f: ExecutionFilter, $offset: Int) { executions(filter: $f, offset: $offset) {
  id status output error latencyMs tokenIn tokenOut costUsd createdAt model provider endUser service
  promptName promptVersion { version } } }"""
OVERVIEW = """query($w: TimeWindow!) { overview(window: $w, timezone: "Europe/Zurich") {
  totals { runs calls success error pending successRate averageLatencyMs tokenIn tokenOut costUsd cost { unpriced } }
  previous { runs successRate costUsd } daily { date figures { success error costUsd } }
  topPrompts { promptName figures { calls costUsd } } topModels { model figures { calls costUsd } }
  errorTypes { errorType count } } }"""


def questions(made: Made) -> dict[str, Callable[[], tuple[str, dict[str, Any]]]]:
    """What is asked: a document, and variables that differ every time."""
    pick = random.Random(11)

    def list_of(make: Callable[[], dict[str, Any]]) -> Callable[[], tuple[str, dict[str, Any]]]:
        return lambda: (LIST, {"f": make()})

    def window(name: str) -> Callable[[], tuple[str, dict[str, Any]]]:
        return lambda: (OVERVIEW, {"w": name})

    def prompt() -> list[str]:
        return [f"prompt_{pick.randrange(24):026}"]

    return {
        "page": lambda: (LIST, {"offset": pick.randrange(50)}),
        "page, offset 10,000": lambda: (LIST, {"offset": 10_000 + pick.randrange(1000)}),
        "status": list_of(lambda: {"status": ["error"], "minLatencyMs": pick.randrange(50)}),
        "prompt + status": list_of(lambda: {"promptId": prompt(), "status": ["error"]}),
        "prompt + version + model": list_of(
            lambda: {"promptId": prompt(), "version": [pick.randrange(1, 4)], "model": [pick.choice(MODELS)[1]]}
        ),
        "model + user": list_of(lambda: {"model": [pick.choice(MODELS)[1]], "user": [f"user_{pick.randrange(40)}"]}),
        "service": list_of(lambda: {"service": [f"service-{pick.randrange(6)}"], "source": ["sdk"]}),
        "end user": list_of(lambda: {"endUser": [f"customer-{pick.randrange(50_000)}"]}),
        "session": list_of(lambda: {"sessionId": [f"session-{pick.randrange(made.rows // 5)}"]}),
        "tag": list_of(lambda: {"tags": [{"key": "tenant", "values": [f"t{pick.randrange(2000)}"]}]}),
        "cost bound": list_of(lambda: {"minCostUsd": f"0.014{pick.randrange(1000):03}"}),
        "latency bounds": list_of(lambda: {"minLatencyMs": 4190 + pick.randrange(5), "maxLatencyMs": 4199}),
        "text, common word": list_of(lambda: {"text": pick.choice(made.text)}),
        "text, rare word": list_of(lambda: {"text": made.words[pick.randrange(15_000, 30_000)]}),
        "text + model + error": list_of(
            lambda: {
                "text": made.words[pick.randrange(15_000, 30_000)],
                "model": [pick.choice(MODELS)[1]],
                "status": ["error"],
            }
        ),
        "overview, 7 days": window("LAST_7_DAYS"),
        "overview, 30 days": window("LAST_30_DAYS"),
        "overview, all time": window("ALL_TIME"),
    }


def ask(url: str, key: str, rows: int, times: int, only: str) -> None:
    """The client: print median, 95th percentile and worst of each question."""
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    print(f"{'question':28} {'p50':>8} {'p95':>8} {'max':>8} ms   (calibration {calibration():.1f} ms)")
    for name, question in questions(Made(rows)).items():
        if only not in name:
            continue
        taken: list[float] = []
        for n in range(times + 1):
            document, variables = question()
            body = json.dumps({"query": document, "variables": variables}).encode()
            began = time.perf_counter()
            with urllib.request.urlopen(urllib.request.Request(f"{url}/graphql", body, headers)) as answer:
                got = json.load(answer)
            if n:
                taken.append((time.perf_counter() - began) * 1000)
            if got.get("errors"):
                raise SystemExit(got["errors"])
        taken.sort()
        p95 = taken[min(len(taken) - 1, int(len(taken) * 0.95))]
        print(f"{name:28} {statistics.median(taken):8.1f} {p95:8.1f} {taken[-1]:8.1f}", flush=True)
    print(f"calibration {calibration():.1f} ms")


class _At(SystemClock):
    """Time stands where the made-up data end."""

    def now(self) -> Any:
        from bench.record import END

        return END


async def serve(home: Path, client: list[str]) -> None:
    """Serve the home until the client has asked everything."""
    settings = load({}, home=home, port=0)
    async with open_forge(settings, clock=_At(), engine_settings={"use_query_condition_cache": 0}) as forge:
        await forge.access.ensure_workspace("bench")
        key = kept_secret(home / "bench.key", forge.access.new_secret)
        await forge.access.ensure_key("bench", key)
        stop = asyncio.Event()
        with bound("127.0.0.1", 0) as listener:
            serving = asyncio.create_task(run(forge, listener, stop))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench", "reading", "--url", url, "--key", key, *client
            )
            await process.wait()
            stop.set()
            await serving


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench reading --home DIR --rows N [--times 50] [--only NAME]``."""
    parser = argparse.ArgumentParser(prog="bench reading", description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--only", default="")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--key", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.url:
        ask(options.url, options.key, options.rows, options.times, options.only)
        return
    client = ["--rows", str(options.rows), "--times", str(options.times), "--only", options.only]
    asyncio.run(serve(options.home, client))
