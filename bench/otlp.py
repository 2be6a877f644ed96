"""Spans through the OpenTelemetry door: accepted, refused, and a second until the record answers them.

The load is ``../shared/tools/otlp_load.py``: made before it is sent, four senders of a hundred spans each, in a process
of its own. A span counts as stored when a query finds it. What is refused is not sent again.
"""

import argparse
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench._installed import installed
from bench._served import SHARED, PromptForge, Served, scratch, until
from bench.record import calibration

TOOL = SHARED / "tools" / "otlp_load.py"


@dataclass(frozen=True)
class Taken:
    """What became of one load."""

    accepted: int
    refused: int
    seconds: float
    p50: float
    p95: float
    stored: int
    #: From the first span sent to the last one stored, or to the end of patience.
    until_stored: float
    #: Megabytes, the highest seen.
    memory: float
    worked: float

    def __str__(self) -> str:
        text = (
            f"accepted {self.accepted:9,} at {self.accepted / self.seconds:7,.0f}/s  refused {self.refused:7,}   "
            f"acknowledged p50 {self.p50:8.1f}  p95 {self.p95:8.1f} ms   "
            f"stored {self.stored:9,} at {self.stored / self.until_stored:7,.0f}/s"
        )
        if self.stored < self.accepted:
            text += f" ({self.accepted - self.stored:,} NOT after {self.until_stored:.0f} s)"
        worked = self.worked * 1e6 / max(1, self.stored)
        return f"{text}   {worked:6.0f} us of processor a span   memory {self.memory:4.0f} MB"


def load(
    served: Served, url: str, headers: dict[str, str], spans: int, stored: Callable[[], int], patience: float
) -> Taken:
    """Send so many spans, then wait until all that were accepted are stored, or *patience* is over."""
    python = installed("load", "httpx", "opentelemetry-proto") / "python"
    command = [python, str(TOOL), url, "--spans", str(spans), "--json"]
    for name, value in headers.items():
        command += ["--header", f"{name}={value}"]
    before, worked, peak, sending = stored(), served.worked(), [served.memory()], threading.Event()

    def watch() -> None:
        while not sending.wait(0.5):
            peak.append(served.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as tool:
            said = json.loads(tool.stdout.readline())
            ended = time.perf_counter()
            done = 0

            def all_stored() -> bool:
                nonlocal done
                done = stored() - before
                return done >= said["accepted"]

            until(all_stored, patience, 0.2)
            last = time.perf_counter()
            tool.terminate()
    finally:
        sending.set()
        watcher.join()
    return Taken(
        said["accepted"], said["refused"], said["seconds"], said["p50_ms"], said["p95_ms"],
        done, last - ended + said["seconds"], max(peak), served.worked() - worked,
    )  # fmt: skip


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench otlp [--spans 200000] [--runs 3]``."""
    parser = argparse.ArgumentParser(prog="bench otlp", description=__doc__)
    parser.add_argument("--spans", type=int, default=200_000, help="a million take 1.4 GB in the load generator")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with scratch() as folder:
        forge = PromptForge(folder / "promptforge")
        try:
            forge.served.settle()
            for number in range(options.runs):
                taken = load(
                    forge.served, f"{forge.url}/v1/traces", {"x-api-key": forge.key},
                    options.spans, forge.recorded, 120,
                )  # fmt: skip
                print(f"run {number + 1}  {taken}   (calibration {calibration():.1f} ms)", flush=True)
            print(f"disk {forge.served.disk():.0f} MB")
        finally:
            forge.served.stop()
