"""A real server: the command as people start it, on a free port, with a home of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptforge.cli.commands import root

CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith(("PROMPTFORGE_", "OPENAI_", "ANTHROPIC_"))
}


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Served:
    """Where it is and what opens it."""

    url: str
    key: str
    home: Path

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> Done:
        """Run a command that finds this server by its home, in this process, which saves a second each."""
        clean: dict[str, str | None] = {"PROMPTFORGE_URL": None, "PROMPTFORGE_API_KEY": None}
        env = clean | {"PROMPTFORGE_HOME": str(self.home)} | environment
        result = CliRunner().invoke(root, arguments, input=stdin, env=env)
        return Done(result.exit_code, result.stdout, result.stderr)


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


@contextmanager
def serving(home: Path, *arguments: str, **environment: str) -> Iterator[Served]:
    """A server, which must end well when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=surroundings(home) | environment,
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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for the tests of one file."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running
