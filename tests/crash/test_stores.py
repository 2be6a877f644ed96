"""Damaged, full, missing and mixed up stores: a start has a clear outcome, and what is intact is kept."""

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager

import pytest

from kit.crash import Server, killed_after

EXECUTE = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status } }"""
PARAMS = {"model": "demo-small", "demo": {"latency_ms": 0}}


def run(server: Server, count: int, content: str = "hello") -> list[str]:
    """Run the simulated model; the ids that were acknowledged."""
    call = {"content": content, "params": PARAMS}
    return [server.ask(EXECUTE, input=call)["executePrompt"]["id"] for _ in range(count)]


def ids(server: Server) -> list[str]:
    """What it shows, each as often as it shows it."""
    return [found["id"] for found in server.everything()]


@pytest.fixture
def server(tmp_path):
    """A server on a home of its own, not started yet."""
    with killed_after(Server(tmp_path / "home")) as made:
        yield made


def _failed(command):
    return subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def small_disk(path, megabytes):
    """A file system of that size at *path*."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(path)]
    if os.getuid() or shutil.which("mount") is None or _failed(command):
        pytest.skip("needs the right to mount a file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def cut(log, share):
    """Lose the end of it."""
    os.truncate(log, int(log.stat().st_size * share))


def flip(file, share):
    """Change 64 bytes in the middle of it."""
    with file.open("r+b") as opened:
        opened.seek(int(file.stat().st_size * share))
        there = opened.read(64)
        opened.seek(-len(there), os.SEEK_CUR)
        opened.write(bytes(byte ^ 0xFF for byte in there))


@pytest.mark.parametrize(("damage", "share"), [(cut, 0.0), (cut, 0.35), (cut, 0.98), (flip, 0.5)])
def test_a_damaged_tail_costs_what_stood_in_it_and_nothing_else(server, damage, share):
    """All that had reached history and all that can still be read in the journal is there once, however far back the
    journal falls; what is run afterwards is there too."""
    server.start()
    shipped = run(server, 30)
    assert sorted(ids(server)) == sorted(shipped)
    last = run(server, 30)
    server.kill()
    journal = server.home / "journal"
    damage(journal / "journal.db-wal", share)
    copy = server.home.parent / "copy"
    shutil.copytree(journal, copy)
    with closing(sqlite3.connect(copy / "journal.db")) as readable:
        intact = {row[0] for row in readable.execute("SELECT id FROM events")}
    server.start()
    found = ids(server)
    assert len(found) == len(set(found))
    assert {*shipped, *intact} <= set(found) <= {*shipped, *last}
    more = run(server, 5)
    assert sorted(ids(server)) == sorted([*found, *more])
    server.stop()


def test_a_damaged_journal_is_said(server):
    """A file that is no database any more stops the start, with its name and what can be done."""
    server.start()
    kept = run(server, 3)
    assert sorted(ids(server)) == sorted(kept)
    server.stop()
    flip(server.home / "journal" / "journal.db", 0.0)
    said = server.refused()
    assert f"the journal {server.home}/journal/journal.db cannot be used" in said
    assert "move the folder" in said
    (server.home / "journal").rename(server.home.parent / "aside")
    server.start()
    more = run(server, 3)
    assert sorted(ids(server)) == sorted([*kept, *more])
    server.stop()


def test_a_missing_history_is_said(server):
    """A home whose history was taken away does not start as if it were empty; with it, it goes on."""
    server.start()
    kept = run(server, 3)
    assert sorted(ids(server)) == sorted(kept)
    server.stop()
    (server.home / "history").rename(server.home.parent / "history")
    said = server.refused()
    assert f"the history in {server.home}/history is missing" in said
    assert "put the folder back" in said
    shutil.rmtree(server.home / "history")
    (server.home.parent / "history").rename(server.home / "history")
    server.start()
    assert sorted(ids(server)) == sorted(kept)
    server.stop()


def test_a_history_of_another_home_is_said(server, tmp_path):
    """Two homes whose folders were mixed up do not start, and neither store is changed."""
    with killed_after(Server(tmp_path / "other")) as other:
        other.start()
        run(other, 2)
        other.stop()
    server.start()
    kept = run(server, 3)
    server.stop()
    (server.home / "history").rename(tmp_path / "own")
    (other.home / "history").rename(server.home / "history")
    said = server.refused()
    assert f"the history in {server.home}/history belongs to another home" in said
    shutil.rmtree(server.home / "history")
    (tmp_path / "own").rename(server.home / "history")
    server.start()
    assert sorted(ids(server)) == sorted(kept)
    server.stop()


def test_a_full_disk_refuses_and_loses_nothing(tmp_path):
    """Work is refused with a sentence, what was acknowledged stays, and with room again all goes on."""
    with small_disk(tmp_path / "disk", 96) as disk, killed_after(Server(disk / "home")) as server:
        server.start()
        kept = run(server, 3)
        assert sorted(ids(server)) == sorted(kept)
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            space = os.statvfs(disk)
            file.write(bytes(space.f_bavail * space.f_frsize - (256 << 10)))
        answer = {}
        while "errors" not in answer:
            answer = server.answer(EXECUTE, input={"content": "x" * 20_000, "params": PARAMS})
            if "errors" not in answer:
                kept.append(answer["data"]["executePrompt"]["id"])
        assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        ballast.unlink()
        kept += run(server, 3)
        while server.ask("{ executions(status: pending) { id } }")["executions"]:
            time.sleep(0.2)  # how the refused one ended is written down alone, now that there is room
        server.kill()
        server.start()
        found = server.everything()
        server.stop()
    assert "interrupted" not in {run["errorType"] for run in found}
    assert len({run["id"] for run in found}) == len(found)
    assert {run["id"] for run in found if run["status"] == "success"} >= set(kept)


def test_a_read_only_home_is_said(tmp_path):
    """On a file system that cannot be written the server does not start, and says which folder it is."""
    with small_disk(tmp_path / "disk", 96) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with killed_after(Server(disk / "home")) as server:
            said = server.refused()
    assert f"the home {disk}/home cannot be used (Read-only file system)" in said
