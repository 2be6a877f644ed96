"""The doctor: each way in which a home can be broken is named, and a home that is well has none."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kit.clock import FixedClock
from kit.crash import Server, killed_after
from kit.executions import NOON, pending, some
from kit.record import history, store, workspace
from kit.served import promptforge, surroundings
from promptforge.core.access import system
from promptforge.record import open_record
from promptforge.services.doctor import Doctor

__all__ = ["history", "store", "workspace"]

BREAKING = Path(__file__).with_name("breaking.py")
VERSION = """mutation($id: ID!) { createPromptVersion(input: {promptId: $id, content: "Hello {{name}}",
    params: {model: "demo-small", demo: {latency_ms: 0}}}) { id } }"""
EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"
RECORD = "mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored problems { message } } }"


def seen(home, code: int, *words: str, **environment: str) -> dict[str, dict]:
    """The findings by name; the command must end with that code."""
    done = promptforge(home, "doctor", "--json", *words, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


@pytest.fixture(scope="module")
def well(tmp_path_factory):
    """A home with a prompt, runs of it and arrivals, which the doctor finds well while its server runs."""
    with killed_after(Server(tmp_path_factory.mktemp("well") / "home")) as server:
        server.start()
        prompt = server.ask('mutation { createPrompt(input: {name: "greeter"}) { id } }')["createPrompt"]["id"]
        server.ask(VERSION, id=prompt)
        for number in range(5):
            server.ask(EXECUTE, input={"promptId": prompt, "variables": {"name": f"Ada {number}"}})
        when = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        item = {
            "createdAt": when,
            "model": "own-model",
            "provider": "own",
            "status": "success",
            "tokenIn": 1,
            "tokenOut": 1,
            "input": "x",
        }
        assert server.ask(RECORD, items=[item])["recordExecutions"] == {"stored": 1, "problems": []}
        assert len(server.everything()) == 6
        assert {name: found["wrong"] for name, found in seen(server.home, 0).items()} == {"prices": False}
        server.stop()
    return server.home


@pytest.fixture
def broken(well, tmp_path):
    """A copy of it, to be broken."""
    return Path(shutil.copytree(well, tmp_path / "home", symlinks=True))


def break_history(home, statement: str) -> None:
    """Change its history behind its back."""
    subprocess.run([sys.executable, str(BREAKING), str(home), statement], check=True, env=surroundings(home))


def break_sqlite(path, statement: str) -> None:
    """Change a file behind its back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_home_that_is_well_has_no_findings(broken):
    """In this process too: one note, nothing wrong, status 0; for people it is a sentence."""
    found = seen(broken, 0)
    assert [(name, one["wrong"], one["count"]) for name, one in found.items()] == [("prices", False, 1)]
    assert "own-model" in found["prices"]["what"]
    done = promptforge(broken, "doctor")
    assert done.returncode == 0
    assert done.stdout.startswith("note: prices: 1 executions of the last 30 days")


@pytest.mark.parametrize(
    ("check", "count", "statement"),
    [
        ("missing", 6, "ALTER TABLE facts DELETE WHERE 1"),
        ("content-alone", 6, "ALTER TABLE facts DELETE WHERE 1"),
        ("twice", 6, "INSERT INTO facts SELECT * FROM facts"),
    ],
)
def test_a_broken_history_is_named(broken, check, count, statement):
    """Rows that were lost, doubled, or have no figures any more, each with how many they are."""
    break_history(broken, statement)
    found = seen(broken, 1)[check]
    assert (found["count"], found["wrong"]) == (count, True)
    assert found["do"]


def test_versions_that_are_gone_are_named(broken):
    """A catalog that is older than the history lacks what executions name."""
    break_sqlite(broken / "catalog.db", "DELETE FROM versions")
    assert seen(broken, 1)["versions"]["count"] == 1


def test_what_was_set_aside_is_named(broken):
    """Rows that the history refused stand in the journal, and the doctor says why."""
    row = "INSERT INTO poison (seq, workspace, id, at, body, problem) VALUES (1, 'default', 'x', 0, x'', 'too wide')"
    break_sqlite(broken / "journal" / "journal.db", row)
    found = seen(broken, 1)["set-aside"]
    assert found["count"] == 1
    assert "too wide" in found["what"]


def test_files_that_others_may_read_are_named(broken):
    """A key that others may read is said with the command that closes it."""
    (broken / "local.key").chmod(0o644)
    found = seen(broken, 1)["permissions"]
    assert found["count"] == 1
    assert f"chmod go= {broken}/local.key" in found["do"]


def test_a_disk_without_room_is_named(broken):
    """Below the floor the doctor says how much is free."""
    assert seen(broken, 1, PROMPTFORGE_MIN_FREE_MB="999999999")["disk"]["wrong"] is True


@pytest.mark.parametrize(
    ("name", "path", "table"), [("catalog", "catalog.db", "login_tokens"), ("journal", "journal/journal.db", "claims")]
)
def test_a_damaged_file_is_named(broken, name, path, table):
    """A page of catalog or journal that is no page any more is found, though the home still opens."""
    path = broken / path
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root, size = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    found = seen(broken, 1)[f"{name}-file"]
    assert str(path) in found["what"]
    assert "promptforge restore" in found["do"]


@pytest.mark.parametrize("change", ["UPDATE about SET value = 'another' WHERE name = 'home'", "DELETE FROM about"])
def test_a_journal_of_another_home_is_named(broken, change):
    """Changed behind the back of a server that runs, it is found; the next start would refuse it."""
    with killed_after(Server(broken)) as server:
        server.start()
        assert "home" not in seen(broken, 0)
        break_sqlite(broken / "journal" / "journal.db", change)
        found = seen(broken, 1)["home"]
        server.stop()
    assert (found["count"], found["wrong"]) == (1, True)
    assert "put back the two folders that belong together" in found["do"]


async def test_a_history_that_does_not_keep_up_is_named(forge, history, workspace, tmp_path):
    """After a minute of waiting without a problem it is told how many wait, and for how long."""
    clock = FixedClock(NOON)
    store = await open_record(tmp_path / "own", clock, history=history, min_free_mb=0)
    doctor = Doctor(store, forge.catalog.prompts, clock, min_free_mb=0)

    async def waiting() -> list[tuple[int, str]]:
        found = await doctor.look(system("default"))
        return [(one.count, one.what) for one in found if one.check == "waiting"]

    with store._shipper.lock:  # nothing leaves
        await store.record(some(workspace, 3))
        clock.advance(60)
        assert await waiting() == []
        clock.advance(1)
        assert await waiting() == [(3, "executions wait for the history, the first for 61 s")]
    await store.shutdown()


@pytest.mark.parametrize("damage", ["torn journal", "no history", "newer"])
def test_a_home_that_does_not_open_is_named(broken, damage):
    """What stops a start is a finding with the sentence that the start says."""
    journal = broken / "journal" / "journal.db"
    if damage == "torn journal":
        with journal.open("r+b") as file:
            file.write(b"\xff" * 100)
    elif damage == "no history":
        shutil.rmtree(broken / "history")
    else:
        break_sqlite(journal, "INSERT INTO applied (number) VALUES (999)")
    words = {"torn journal": "cannot be used", "no history": "is missing", "newer": "newer Prompt Forge"}[damage]
    assert words in seen(broken, 1)["open"]["what"]


def test_only_the_machine_may_ask(broken):
    """It tells of all workspaces, so a key of another one is refused."""
    with killed_after(Server(broken, {"PROMPTFORGE_DEMO": "true", "PROMPTFORGE_DEMO_EXECUTIONS": "0"})) as server:
        server.start()
        demo = (broken / "demo.key").read_text().strip()
        answer = httpx.post(f"{server.url}/doctor", headers={"X-API-Key": demo})
        assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert httpx.post(f"{server.url}/doctor").status_code == 401
        server.stop()


async def test_what_hangs_is_named(store, workspace):
    """An execution that is open for longer than any may run counts as stuck, a fresh one does not."""
    await store.open(pending(workspace, NOON - timedelta(hours=1)))
    await store.open(pending(workspace, NOON))
    now = FixedClock(NOON).now()
    checkup = await store.checkup(late=now - timedelta(minutes=16), since=now)
    assert [finding.count for finding in checkup.findings if finding.check == "stuck"] == [1]
