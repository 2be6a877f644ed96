"""Other systems that record model calls, and Prompt Forge, under the same load on the same machine.

Arize Phoenix, MLflow and LiteLLM's proxy come from the package index, each in an environment of its own under
``.bench``, and run as their documentation starts them on a single machine, telemetry off. Each run begins with an
empty home. Of a peer that cannot be installed or does not start, the reason is printed.
"""

import argparse
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from bench import gateway, otlp
from bench._installed import installed, version
from bench._served import PromptForge, Served, free_port, scratch, until, upstream
from bench.record import calibration

QUIET = {"DO_NOT_TRACK": "1", "DO_NOT_TRACK_ANALYTICS": "1"}


@dataclass(frozen=True)
class Collector:
    """A peer that takes spans."""

    name: str
    package: str
    program: str
    arguments: Callable[[int], list[str]]
    env: Callable[[Path, int], dict[str, str]]
    ready: str
    database: str
    #: How many spans a run sends: more than it refuses at its worst, no more than it stores in a minute.
    spans: int
    headers: dict[str, str] = field(default_factory=dict)

    def start(self, home: Path) -> tuple[Served, str]:
        """It, ready and calm, and its URL."""
        program = installed(self.package, self.package) / self.program
        home.mkdir()
        port = free_port()
        served = Served([str(program), *self.arguments(port)], home, {**QUIET, **self.env(home, port)})
        try:
            url = f"http://127.0.0.1:{port}"
            served.ready(url + self.ready)
            served.settle()
        except BaseException:
            served.stop()
            raise
        return served, url

    def stored(self, home: Path, count: str = "SELECT count(*) FROM spans") -> int:
        """How many spans are in its database, which it may be writing to."""
        with closing(sqlite3.connect(f"file:{home / self.database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(count).fetchone()[0]


PHOENIX = Collector(
    name="Phoenix",
    package="arize-phoenix",
    program="phoenix",
    arguments=lambda _: ["serve"],
    env=lambda home, port: {
        "PHOENIX_WORKING_DIR": str(home), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false", "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    },
    ready="/healthz",
    database="phoenix.db",
    spans=40_000,
)  # fmt: skip
MLFLOW = Collector(
    name="MLflow",
    package="mlflow",
    program="mlflow",
    arguments=lambda port: ["server", "--host", "127.0.0.1", "--port", str(port)],
    env=lambda *_: {"MLFLOW_DISABLE_TELEMETRY": "true"},
    ready="/health",
    database="mlflow.db",
    spans=2_000,
    headers={"x-mlflow-experiment-id": "0"},
)


def spans(peer: Collector, folder: Path, number: int, patience: float) -> None:
    """One run of a peer: a load, and what an orderly stop leaves of it."""
    home = folder / f"{peer.package}-{number}"
    served, url = peer.start(home)
    try:
        taken = otlp.load(
            served, f"{url}/v1/traces", peer.headers, peer.spans, lambda: peer.stored(home), patience
        )  # fmt: skip
        disk = served.disk()
    finally:
        seconds = served.stop()
    lost = taken.accepted - peer.stored(home)
    print(
        f"{peer.name:13} {taken}   disk {disk:.0f} MB\n"
        f"{'':13} stopped in {seconds:.1f} s; of the acknowledged spans {lost:,} are not in its database",
        flush=True,
    )


def our_spans(folder: Path, number: int, count: int) -> None:
    """One run of ours, in the same way."""
    home = folder / f"promptforge-{number}"
    forge = PromptForge(home)
    try:
        forge.served.settle()
        headers = {"x-api-key": forge.key}
        taken = otlp.load(forge.served, f"{forge.url}/v1/traces", headers, count, forge.recorded, 60)
        disk = forge.served.disk()
    finally:
        seconds = forge.served.stop()
    forge = PromptForge(home)
    try:
        until(lambda: not forge.waiting(), 60)
        lost = taken.accepted - forge.recorded()
    finally:
        forge.served.stop()
    print(
        f"{'Prompt Forge':13} {taken}   disk {disk:.0f} MB\n"
        f"{'':13} stopped in {seconds:.1f} s; of the acknowledged spans {lost:,} are not in its record",
        flush=True,
    )


def proxy(home: Path, provider: str, record_at: str | None) -> tuple[Served, gateway.Door]:
    """LiteLLM's proxy with one model and a master key; with *record_at* it tells Phoenix of each call."""
    extras = ["opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp"]
    program = installed("litellm", "litellm[proxy]", *extras) / "litellm"
    home.mkdir()
    model = {"model": "openai/gpt-4o-mini", "api_base": f"{provider}/load/openai/v1", "api_key": "x"}
    config = {
        "model_list": [{"model_name": "gpt-4o-mini", "litellm_params": model}],
        "general_settings": {"master_key": "sk-bench"},
    }
    env = {**QUIET, "LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    if record_at:
        config["litellm_settings"] = {"callbacks": ["arize_phoenix"]}
        env["PHOENIX_COLLECTOR_HTTP_ENDPOINT"] = f"{record_at}/v1/traces"
    (home / "config.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    served = Served(
        [str(program), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)], home, env
    )  # fmt: skip
    try:
        served.ready(f"http://127.0.0.1:{port}/health/liveliness")
        served.settle()
    except BaseException:
        served.stop()
        raise
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    return served, gateway.Door("LiteLLM", url, {"Authorization": "Bearer sk-bench"}, gateway.OPENAI, served)


def calls(folder: Path, provider: str, runs: int, seconds: float) -> None:
    """LiteLLM's proxy without a record, then telling Phoenix."""
    direct = gateway.Door("direct", f"{provider}/load/openai/v1/chat/completions")
    served, door = proxy(folder / "litellm", provider, None)
    try:
        for number in range(runs):
            print(f"run {number + 1}, without any record   (calibration {calibration():.1f} ms)")
            gateway.compare(direct, door, seconds)
        print(f"  memory {served.memory():.0f} MB")
    finally:
        served.stop()
    home = folder / "phoenix-of-litellm"
    phoenix, url = PHOENIX.start(home)
    try:
        served, door = proxy(folder / "litellm-recording", provider, url)
        try:
            print(f"telling Phoenix of each call   (calibration {calibration():.1f} ms)")
            answered = 0
            for connections in (32, 1):
                said = door.load(seconds, connections)
                gateway.line(f"{door.name}, connections: {connections}", said)
                answered += gateway.made(said)
            traces = "SELECT count(*) FROM traces"
            until(lambda: PHOENIX.stored(home, traces) >= answered, 20)
            print(
                f"  answered {answered:,}; traces in Phoenix, waited for up to 20 s: {PHOENIX.stored(home, traces):,}"
            )
        finally:
            served.stop()
    finally:
        phoenix.stop()


def ours(folder: Path, provider: str, runs: int, seconds: float) -> None:
    """Our gateway, everything recorded."""
    forge = gateway.started(folder, provider)
    try:
        forge.served.settle()
        for number in range(runs):
            print(f"run {number + 1}, all recorded   (calibration {calibration():.1f} ms)")
            gateway.run(forge, provider, seconds)
    finally:
        forge.served.stop()


def tried(what: str, work: Callable[[], None]) -> None:
    """Do it, or say why it cannot be done."""
    try:
        work()
    except (RuntimeError, OSError, sqlite3.Error, json.JSONDecodeError) as error:
        print(f"{what}: NOT MEASURED: {error}", flush=True)


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench peers [--runs 2] [--seconds 5] [--only NAME ...]``."""
    parser = argparse.ArgumentParser(prog="bench peers", description=__doc__)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5, help="the longest of the phases of calls")
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for spans to be stored")
    parser.add_argument("--spans", type=int, default=200_000, help="to Prompt Forge in each run")
    parser.add_argument("--only", nargs="*", choices=["phoenix", "mlflow", "litellm", "ours"])
    options = parser.parse_args(arguments)
    only = options.only or ["phoenix", "mlflow", "litellm", "ours"]
    with scratch() as folder, upstream() as provider:
        print("Spans, each run from an empty home")
        for peer in (PHOENIX, MLFLOW):
            if peer.name.lower() in only:
                tried(peer.name, lambda p=peer: installed(p.package, p.package) and None)
                tried(peer.name, lambda p=peer: print(f"{p.package} {version(p.package, p.package)}"))
        for number in range(options.runs):
            print(f"run {number + 1}   (calibration {calibration():.1f} ms)")
            for peer in (PHOENIX, MLFLOW):
                if peer.name.lower() in only:
                    tried(peer.name, lambda p=peer, n=number: spans(p, folder, n, options.patience))
            if "ours" in only:
                tried("Prompt Forge", lambda n=number: our_spans(folder, n, options.spans))
        print("Calls")
        if "litellm" in only:
            tried("LiteLLM", lambda: calls(folder, provider, options.runs, options.seconds))
        if "ours" in only:
            tried("Prompt Forge", lambda: ours(folder, provider, options.runs, options.seconds))
