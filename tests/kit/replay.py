"""Providers that answer with recorded bytes: the replaying server as a real process, and a reader of the recordings."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import msgspec
import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
TOOL = SHARED / "tools" / "replay_provider.py"
RECORDED = SHARED / "data" / "recorded"


@dataclass(frozen=True)
class Replay:
    """The server's address; ``process`` belongs to the fixture."""

    url: str

    def base(self, provider: str, name: str, prefix: str = "rec") -> str:
        """The base URL that replays one file, or one of the server's faults on it: ``cut/100``, ``slow/5``."""
        return f"{self.url}/{prefix}/{provider}/{name}"

    def fault(self, what: str) -> str:
        """The base URL of a fault that needs no recording: ``status/429``, ``hang``."""
        return f"{self.url}/{what}"

    def last_request(self) -> dict:
        """What the server was sent last: method, path, headers, body (text)."""
        with urlopen(f"{self.url}/stats") as answer:
            return msgspec.json.decode(answer.read())["last_request"]


@pytest.fixture(scope="session")
def replay_provider():
    """A provider on loopback that replays recordings and faults; skips where the recordings are not."""
    if not TOOL.exists():
        pytest.skip("needs ../shared")
    process = subprocess.Popen([sys.executable, str(TOOL), "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        yield Replay(line.split()[-1])
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange."""

    provider: str
    name: str
    number: int
    request: dict
    status: int
    content_type: str
    body: bytes

    @property
    def streamed(self) -> bool:
        return "event-stream" in self.content_type

    def __str__(self) -> str:
        return f"{self.provider}-{self.name}-{self.number}"


def recordings(provider: str, *names: str) -> list[Recorded]:
    """The recorded exchanges of the named files, or none where the recordings are not."""
    if not TOOL.exists():
        return []
    sys.path.insert(0, str(TOOL.parent))
    try:
        import replay_provider as tool
        import yaml
    finally:
        sys.path.remove(str(TOOL.parent))
    found = []
    for name in names:
        with (RECORDED / provider / f"{name}.yaml").open("rb") as file:
            exchanges = yaml.safe_load(file)["interactions"]
        for number, exchange in enumerate(exchanges):
            status, headers, body = tool.Recordings._reply(exchange["response"])
            request = msgspec.json.decode(exchange["request"]["body"])
            found.append(Recorded(provider, name, number, request, status, dict(headers)["content-type"], body))
    return found
