"""What a call through the gateway costs, and how many a second it records: beside the same calls made directly.

Four processes: the load generator, the server, a provider on loopback that answers at once, and this one, which only
waits. Each run has calls as fast as 32 connections and one can make them, calls at 200 a second whatever the answers
do, and streams; then every call that was answered must be in the record.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field

from bench._served import ROOT, PromptForge, Served, scratch, until, upstream
from bench.record import calibration

QUESTION = (
    "Classify the sentiment of this review as positive, negative or neutral and give your confidence. Review NUMBER: "
    "The parcel came two days early, the colour is what the picture promised, and the second one was free."
)
OPENAI = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "system", "content": "You judge reviews."}, {"role": "user", "content": QUESTION}],
}
ANTHROPIC = {
    "model": "claude-3-5-sonnet-20241022",
    "max_tokens": 200,
    "system": "You judge reviews.",
    "messages": [{"role": "user", "content": QUESTION}],
}


@dataclass(frozen=True)
class Door:
    """Where calls go, and how they look there."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict = field(default_factory=lambda: OPENAI)
    server: Served | None = None

    def load(self, seconds: float, connections: int, rate: int = 0, stream: bool = False, warm: float = 0.5) -> dict:
        """One phase of calls: as fast as the connections can, or *rate* a second."""
        given = {
            "url": self.url, "headers": self.headers, "body": {**self.body, **({"stream": True} if stream else {})},
            "seconds": seconds, "connections": connections, "rate": rate, "warm": warm,
        }  # fmt: skip
        before = self.server.worked() if self.server else 0.0
        ended = subprocess.run(
            [sys.executable, "-m", "bench._caller"],
            cwd=ROOT, input=json.dumps(given), capture_output=True, text=True, check=False, timeout=seconds + 120,
        )  # fmt: skip
        if ended.returncode:
            raise RuntimeError(f"the load generator failed: {ended.stderr[-2000:]}")
        said = json.loads(ended.stdout)
        if self.server and said["calls"]:
            said["worked"] = (self.server.worked() - before) * 1e6 / (said["calls"] + said["warm"])
        return said


def line(what: str, said: dict, baseline: dict | None = None, *, first: bool = False) -> None:
    """Print a phase, beside the same one without the server."""
    shown = said["first"] if first else said
    text = f"  {what:44} {said['rate']:7,.0f}/s   p50 {shown['p50']:7.2f}  p95 {shown['p95']:7.2f}"
    text += f"  p99 {shown['p99']:7.2f} ms"
    if baseline:
        direct = baseline["first"] if first else baseline
        text += f"   added p50 {shown['p50'] - direct['p50']:+6.2f}  p99 {shown['p99'] - direct['p99']:+6.2f}"
    if "worked" in said:
        text += f"   {said['worked']:5.0f} us of processor a call"
    if said["busy"] > 0.9:
        text += f"   (generator {said['busy']:.0%} busy: at least)"
    if said["late"] > 2:
        text += f"   (sent {said['late']:.1f} ms late, p99)"
    if said["refused"] or said["unanswered"]:
        text += f"   REFUSED {said['refused']} {said['statuses']}, UNANSWERED {said['unanswered']}"
    print(text, flush=True)


def made(*phases: dict) -> int:
    """The calls that were answered."""
    return sum(phase["calls"] + phase["warm"] for phase in phases)


def compare(direct: Door, door: Door, seconds: float) -> int:
    """All phases, directly and through the door; how many calls the door answered."""
    done = []
    for connections in (32, 1):
        base = direct.load(seconds / 4, connections)
        through = door.load(seconds if connections > 1 else seconds / 2, connections)
        what = f"connections: {connections}"
        line(f"{direct.name}, {what}", base)
        line(f"{door.name}, {what}", through, base)
        done.append(through)
    base, through = direct.load(seconds, 16, rate=200), door.load(seconds, 16, rate=200)
    line(f"{direct.name}, 200 calls a second", base)
    line(f"{door.name}, 200 calls a second", through, base)
    done.append(through)
    base, through = direct.load(seconds / 2, 1, stream=True), door.load(seconds / 2, 1, stream=True)
    line(f"{direct.name}, streams: first byte", base, first=True)
    line(f"{door.name}, streams: first byte", through, base, first=True)
    return made(*done, through)


def doors(forge: PromptForge, provider: str) -> tuple[Door, Door, Door]:
    """Directly, and both formats through our gateway."""
    bearer = {"Authorization": f"Bearer {forge.key}"}
    return (
        Door("direct", f"{provider}/load/openai/v1/chat/completions"),
        Door("gateway", f"{forge.url}/openai/v1/chat/completions", bearer, OPENAI, forge.served),
        Door(
            "gateway, Anthropic",
            f"{forge.url}/anthropic/v1/messages",
            {"x-api-key": forge.key, "anthropic-version": "2023-06-01"},
            ANTHROPIC,
            forge.served,
        ),
    )


def started(folder, provider: str) -> PromptForge:
    """Our server, with the provider on loopback as OpenAI and Anthropic."""
    return PromptForge(
        folder / "promptforge",
        {
            "OPENAI_BASE_URL": f"{provider}/load/openai/v1",
            "OPENAI_API_KEY": "x",
            "ANTHROPIC_BASE_URL": f"{provider}/load/anthropic",
            "ANTHROPIC_API_KEY": "x",
        },
    )


def run(forge: PromptForge, provider: str, seconds: float) -> None:
    """One run, and whether all of its calls are in the record."""
    direct, gateway, anthropic = doors(forge, provider)
    before = forge.recorded()
    answered = compare(direct, gateway, seconds)
    messages = anthropic.load(seconds / 2, 32)
    line(f"{anthropic.name}, connections: 32", messages)
    answered += made(messages)
    began = time.perf_counter()
    until(lambda: forge.recorded() - before >= answered, 30)
    took, recorded = time.perf_counter() - began, forge.recorded() - before
    print(
        f"  answered {answered:,}, recorded {recorded:,}: {'all' if recorded == answered else 'WRONG'}, the last after "
        f"{took:.1f} s;  memory {forge.served.memory():.0f} MB, disk {forge.served.disk():.0f} MB"
    )


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench gateway [--seconds 10] [--runs 3]``."""
    parser = argparse.ArgumentParser(prog="bench gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    with scratch() as folder, upstream() as provider:
        forge = started(folder, provider)
        try:
            forge.served.settle()
            for number in range(options.runs):
                print(f"run {number + 1}   (calibration {calibration():.1f} ms)")
                run(forge, provider, options.seconds)
        finally:
            forge.served.stop()
