"""A server under measurement: started, waited for, watched (processes, memory, processor time, disk), stopped."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(url: str, body: object = None, headers: Mapping[str, str] | None = None, timeout: float = 60) -> bytes:
    """What the server answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.read()


def until(true: Callable[[], bool], seconds: float, step: float = 0.1) -> bool:
    """Ask again and again; whether it came true in time."""
    end = time.perf_counter() + seconds
    while not true():
        if time.perf_counter() > end:
            return False
        time.sleep(step)
    return True


class Served:
    """A running server, in a session of its own so that all its processes are known and end with it."""

    def __init__(self, command: Sequence[str], home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.log = home.parent / f"{home.name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=home, env={**os.environ, **(env or {})}, stdout=log, stderr=log, start_new_session=True
            )

    def ready(self, url: str, seconds: float = 120) -> float:
        """The seconds until it answered; RuntimeError with the end of its log if it never did."""
        began = time.perf_counter()

        def answers() -> bool:
            if self.process.poll() is not None:
                return True
            try:
                asked(url, timeout=5)
            except (urllib.error.URLError, OSError):
                return False
            return True

        if not until(answers, seconds) or self.process.poll() is not None:
            raise RuntimeError(f"it did not start: {self.log.read_text(errors='replace')[-2000:]}")
        return time.perf_counter() - began

    def pids(self) -> list[int]:
        """Its processes: the whole session."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.process.pid:
                found.append(int(stat.parent.name))
        return found

    def worked(self) -> float:
        """Its processor time so far, in seconds."""
        ticks = 0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Its resident memory in MB; what its processes share counts once."""
        total = 0
        for pid in self.pids():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def disk(self) -> float:
        """What its home holds, in MB."""
        return sum(f.stat().st_blocks * 512 for f in self.home.rglob("*") if f.is_file()) / 2**20

    def settle(self, seconds: float = 60) -> None:
        """Wait until it uses less than a tenth of a processor: what it does after its start is not measured."""
        last = self.worked()

        def calm() -> bool:
            nonlocal last
            time.sleep(1)
            before, last = last, self.worked()
            return last - before < 0.1

        until(calm, seconds, 0)

    def stop(self) -> float:
        """The seconds that it took to stop; what does not within a minute is killed."""
        began = time.perf_counter()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        took = time.perf_counter() - began
        if not until(lambda: not self.pids(), 5):
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
        return took


class PromptForge:
    """Our own server, with what the measurements ask it."""

    name = "Prompt Forge"

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.served = Served(
            [sys.executable, "-m", "promptforge.cli", "serve", "--port", "0"],
            home,
            {"PROMPTFORGE_HOME": str(home), **(env or {})},
        )
        state = home / "server.json"
        if not until(lambda: state.exists() or self.served.process.poll() is not None, 60) or not state.exists():
            raise RuntimeError(f"it did not start: {self.served.log.read_text()[-2000:]}")
        self.url: str = json.loads(state.read_text())["url"]
        self.key = (home / "local.key").read_text().strip()

    def query(self, text: str) -> dict:
        """The data of a GraphQL query."""
        body = asked(f"{self.url}/graphql", {"query": text}, {"Authorization": f"Bearer {self.key}"})
        answer = json.loads(body)
        if answer.get("errors"):
            raise RuntimeError(answer["errors"])
        return answer["data"]

    def recorded(self) -> int:
        """How many executions the history answers."""
        return self.query("{ overview(window: ALL_TIME) { totals { runs } } }")["overview"]["totals"]["runs"]

    def waiting(self) -> int:
        """How many finished executions wait for the history."""
        return self.query("{ health { journaled } }")["health"]["journaled"]


@contextmanager
def upstream() -> Iterator[str]:
    """The URL of a provider on loopback."""
    recording = SHARED / "data" / "recorded" / "openai" / "chat_stream.yaml"
    command = [sys.executable, "-m", "bench._upstream", *([str(recording)] if recording.exists() else [])]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for homes, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
