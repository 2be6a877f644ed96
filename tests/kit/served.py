"""A real server: the command as people start it, on a free port, with a home of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith(("PROMPTFORGE_", "OPENAI_", "ANTHROPIC_"))
}


@dataclass(frozen=True)
class Served:
    """Where it is and what opens it."""

    url: str
    key: str
    home: Path

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command that finds this server by its home."""
        return promptforge(self.home, *arguments, stdin=stdin, **environment)


def promptforge(
    home: Path, *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "promptforge.cli", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
        timeout=60,
        env=surroundings(home) | environment,
    )


def surroundings(home: Path) -> Mapping[str, str]:
    """An environment without anybody's keys."""
    return CLEAN | {"PROMPTFORGE_HOME": str(home), "PROMPTFORGE_MIN_FREE_MB": "0"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for the tests of one file; it must end well when it is told to."""
    home = tmp_path_factory.mktemp("served")
    process = subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=surroundings(home),
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert "running at http" in said, said + process.stdout.read()
        yield Served(said.split()[-1], (home / "local.key").read_text().strip(), home)
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0, rest
