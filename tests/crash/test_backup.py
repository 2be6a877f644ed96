"""Backup and restore: a home that goes on working is copied, and the copy holds what was acknowledged, to the digit."""

import json
import signal
import stat
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from kit import dying
from kit.crash import MODEL, TOTALS, Server, counting, killed_after
from kit.served import promptforge, surroundings

CHAINING = Path(__file__).with_name("chaining.py")

EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status } }"
RECORD = "mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored } }"


@pytest.fixture(scope="module")
def provider():
    """Answers every call."""
    with counting() as made:
        yield made


@pytest.fixture
def server(provider, tmp_path):
    """A server on a home of its own, started."""
    environment = {"ANTHROPIC_API_KEY": "sk-ant-not-a-real-key-000", "ANTHROPIC_BASE_URL": provider.url}
    with killed_after(Server(tmp_path / "home", environment)) as made:
        yield made.start()


class Load:
    """Clients that run prompts until they are stopped; what they were told is kept."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: list[str] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(4)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            call = {"content": f"load {number} {count}", "params": {"model": MODEL, "maxTokens": 100}}
            self.acknowledged.append(self._server.ask(EXECUTE, input=call)["executePrompt"]["id"])


def items(count: int) -> list[dict]:
    """Executions that ran elsewhere."""
    return [
        {"externalId": str(n), "externalSource": "shop", "createdAt": "2026-10-01T12:00:00Z", "model": "gpt-4o",
         "status": "success", "tokenIn": n, "tokenOut": 1, "input": f"question {n}", "output": "x" * 2_000}
        for n in range(count)
    ]  # fmt: skip


def done(home, *arguments: str, code: int = 0):
    """What a command said, as JSON where it worked."""
    ended = promptforge(home, *arguments, "--json")
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    return json.loads(ended.stdout) if code == 0 else ended.stderr


def test_a_backup_under_load_holds_all_that_was_acknowledged(server, tmp_path):
    """Written while executions run, and restored: each one acknowledged before is there once and as it was, none is
    there that the home has not, and the sums are those of the executions."""
    for start in range(0, 4_000, 1_000):
        server.ask(RECORD, items=items(4_000)[start : start + 1_000])
    with Load(server) as load:
        while len(load.acknowledged) < 40:
            pass
        before = list(load.acknowledged)
        said = done(server.home, "backup", str(tmp_path / "copy"))
        while len(load.acknowledged) < len(before) + 40:
            pass
    at_home = {run["id"]: run for run in server.settled()}
    server.stop()
    assert said["executions"] >= 4_000
    restored = done(tmp_path / "new", "restore", str(tmp_path / "copy"))
    assert (restored["executions"], restored["costUsd"]) == (said["executions"], said["costUsd"])
    with killed_after(Server(tmp_path / "new", server.environment)) as new:
        new.start()
        found = new.settled()
        totals = new.ask(TOTALS)["overview"]["totals"]
        again = new.ask(RECORD, items=items(5))["recordExecutions"]["stored"]
        new.stop()
    ids = [run["id"] for run in found]
    assert len(ids) == len(set(ids))
    assert {*before} <= {*ids} <= {*at_home}
    for run in found:
        if run["errorType"] != "interrupted":
            assert {**run, "cursor": ""} == {**at_home[run["id"]], "cursor": ""}
    priced = [run for run in found if run["cost"]["usd"] is not None]
    assert Decimal(totals["cost"]["usd"]) == sum(Decimal(run["cost"]["usd"]) for run in priced)
    assert (totals["calls"], totals["cost"]["priced"], again) == (len(found), len(priced), 0)


def test_a_backup_is_private_and_goes_where_it_was_told(server, tmp_path):
    """Its files are for the owner only; it needs an empty folder outside of the home; without a server it is written
    all the same."""
    server.ask(RECORD, items=items(3))
    done(server.home, "backup", str(tmp_path / "copy"))
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert "is not empty" in done(server.home, "backup", str(tmp_path / "copy"), code=5)
    assert "is inside the home" in done(server.home, "backup", str(server.home / "copy"), code=5)
    assert not list(server.home.glob("backup-*"))
    server.stop()
    assert done(server.home, "backup", str(tmp_path / "second"))["executions"] == 3
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == [
        "catalog.db", "history", "journal.db", "local.key", "manifest.json", "secret.key",
    ]  # fmt: skip


def test_the_network_names_no_folder(server):
    """Whoever has not written a request into the home gets no backup, whatever is sent; nor does another workspace."""
    for request in ("0123456789abcdef", "../../../elsewhere", "/elsewhere", ""):
        answer = httpx.post(f"{server.url}/backup", params={"request": request}, headers={"X-API-Key": server.key})
        assert answer.json()["errors"][0]["extensions"]["code"] in {"NOT_FOUND", "BAD_USER_INPUT"}
    assert httpx.post(f"{server.url}/backup", params={"request": "0123456789abcdef"}).status_code == 401
    server.stop()


@pytest.mark.parametrize("damage", ["flip", "missing", "no manifest", "more"])
def test_a_damaged_backup_is_refused_and_leaves_nothing(server, tmp_path, damage):
    """A file that is not as it was written, or missing, ends the restore with its name; the home stays empty."""
    server.ask(RECORD, items=items(3))
    assert len(server.everything()) == 3  # asked for, so they are in the history
    copy = tmp_path / "copy"
    done(server.home, "backup", str(copy))
    server.stop()
    file = next((copy / "history").glob("payloads-*"))
    if damage == "flip":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "missing":
        file.unlink()
    elif damage == "no manifest":
        (copy / "manifest.json").unlink()
    else:
        manifest = json.loads((copy / "manifest.json").read_text())
        manifest["tables"]["facts"]["sum"] = "1"
        (copy / "manifest.json").write_text(json.dumps(manifest))
    said = done(tmp_path / "new", "restore", str(copy), code=2)
    assert {"flip": file.name, "missing": file.name, "no manifest": "no complete backup", "more": "not what was saved"}[
        damage
    ] in said
    new = tmp_path / "new"
    assert not new.exists() or [path.name for path in new.iterdir()] == ["lock"]


def test_a_home_in_use_is_not_overwritten(server, tmp_path):
    """A restore goes into an empty home only; one that was cut short is no home until it is done again."""
    server.ask(RECORD, items=items(3))
    assert len(server.everything()) == 3  # asked for, so they are in the history
    copy = tmp_path / "copy"
    done(server.home, "backup", str(copy))
    server.stop()
    assert "is not empty" in done(server.home, "restore", str(copy), code=2)
    new = Server(tmp_path / "new")
    done(new.home, "restore", str(copy))
    (new.home / "restoring").touch()
    assert "run `promptforge restore` again" in new.refused()
    done(new.home, "restore", str(copy))
    with killed_after(new):
        new.start()
        assert len(new.everything()) == 3
        new.stop()


@pytest.mark.parametrize(
    ("stage", "number"),
    [("file written", 1), ("file written", 3), ("part taken in", 1), ("part taken in", 2), ("all taken in", 1)],
)
def test_a_restore_that_is_killed_is_begun_again(server, tmp_path, stage, number):
    """Wherever SIGKILL comes no server takes what is there for a home; the next restore starts over and is whole."""
    server.ask(RECORD, items=items(30))
    copy, new = tmp_path / "copy", Server(tmp_path / "new")
    kept = {run["id"]: {**run, "cursor": ""} for run in server.everything()}  # asked for, so they are in the history
    said = done(server.home, "backup", str(copy))
    server.stop()
    for _ in range(2):
        command = [sys.executable, dying.__file__, stage, str(number), "restore", str(copy)]
        killed = subprocess.run(command, env=surroundings(new.home), capture_output=True, check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (new.home / "restoring").exists()
        assert "run `promptforge restore` again" in new.refused()
    restored = done(new.home, "restore", str(copy))
    assert (restored["executions"], restored["costUsd"]) == (said["executions"], said["costUsd"])
    assert not (new.home / "restoring").exists()
    with killed_after(new):
        new.start()
        assert {run["id"]: {**run, "cursor": ""} for run in new.everything()} == kept
        assert new.ask(RECORD, items=items(30))["recordExecutions"]["stored"] == 0
        new.stop()


CHAINS = """{ chainExecutions { id status input output chainName version latencyMs cost { usd } tokenIn tokenOut
    steps { name order type status input output latencyMs cost executionId } skippedSteps { name } } }"""


def test_a_backup_holds_chain_executions(tmp_path):
    """Those that have ended are restored with their steps and their content; one that is open is still known."""
    home, copy, new = tmp_path / "home", tmp_path / "copy", Server(tmp_path / "new")
    made = subprocess.run([sys.executable, str(CHAINING), str(home)], capture_output=True, check=True, text=True)
    *ended, going = made.stdout.split()
    said = done(home, "backup", str(copy))
    restored = done(new.home, "restore", str(copy))
    assert (restored["executions"], restored["costUsd"]) == (said["executions"], said["costUsd"])
    found = []
    for server in (Server(home), new):
        with killed_after(server.start()):
            found.append({chain["id"]: chain for chain in server.ask(CHAINS)["chainExecutions"]})
            server.stop()
    assert {*found[0]} == {*found[1]} == {*ended, going}
    for chain in ended:
        assert found[1][chain] == found[0][chain]
        assert [step["name"] for step in found[1][chain]["steps"]] == ["classify", "branch", "reply", "log"]
        assert all(step["output"] for step in found[1][chain]["steps"])
    assert [step["name"] for step in found[1][going]["steps"]] == ["a"]
