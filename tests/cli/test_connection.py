"""Whom a command talks to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from promptforge.cli.connection import Target, connected, running
from promptforge.sdk.errors import AuthenticationError

URL = "http://127.0.0.1:54321"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROMPTFORGE_URL", "PROMPTFORGE_API_KEY", "PROMPTFORGE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose server runs (as this process) and has two keys."""
    (tmp_path / "server.json").write_text(json.dumps({"url": URL, "pid": os.getpid()}))
    (tmp_path / "local.key").write_text("pf_local\n")
    (tmp_path / "demo.key").write_text("pf_demo\n")
    return tmp_path


async def address(target: Target) -> tuple[str, str]:
    async with connected(target) as client:
        found = client._transport._address  # type: ignore[attr-defined]
        assert found.source == "cli"
        return found.url, found.api_key


async def test_the_local_server_is_found_with_its_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running server of the home is used with the key that lies there, for the workspace that was asked for."""
    assert await address(Target(home=home)) == (URL, "pf_local")
    assert await address(Target(home=home, workspace="demo")) == (URL, "pf_demo")
    monkeypatch.setenv("PROMPTFORGE_HOME", str(home))
    assert await address(Target(url=URL + "/")) == (URL, "pf_local")


async def test_what_is_said_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line wins over the environment, the environment over the home; another server never gets our key."""
    monkeypatch.setenv("PROMPTFORGE_API_KEY", "pf_env")
    assert await address(Target(home=home)) == (URL, "pf_env")
    assert await address(Target(home=home, api_key="pf_said")) == (URL, "pf_said")
    assert await address(Target(home=home, workspace="demo")) == (URL, "pf_demo")
    monkeypatch.setenv("PROMPTFORGE_URL", "http://elsewhere.example")
    assert await address(Target(home=home)) == ("http://elsewhere.example", "pf_env")
    monkeypatch.delenv("PROMPTFORGE_API_KEY")
    with pytest.raises(AuthenticationError, match="PROMPTFORGE_API_KEY"):
        await address(Target(home=home))


@pytest.mark.parametrize("workspace", ["nothere", "../local", "a/b", ""])
async def test_a_workspace_without_a_key(home: Path, workspace: str) -> None:
    """A workspace whose key is not in the home is an error that names it, and never a path out of the home."""
    with pytest.raises(AuthenticationError):
        await address(Target(home=home, workspace=workspace or "none"))


def test_a_dead_server_is_not_running(tmp_path: Path) -> None:
    """What a killed server, or anybody, left in server.json is not taken for a running one."""
    assert running(tmp_path) is None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for text in (json.dumps({"url": URL, "pid": ended.pid}), "{}", "[]", "nonsense", '{"url": 3, "pid": "x"}'):
        (tmp_path / "server.json").write_text(text)
        assert running(tmp_path) is None
