"""The record across the ends of processes: crashes on the way to history, restarts, two processes on one home."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIFE = Path(__file__).with_name("life.py")


def run(home, *arguments):
    """Let a process of its own work on the home; its exit code and its lines."""
    done = subprocess.run(
        [sys.executable, str(LIFE), str(home), *arguments], capture_output=True, text=True, timeout=100, check=False
    )
    return done.returncode, done.stdout.split("\n") if "\n" in done.stdout else [done.stdout], done.stderr


@pytest.mark.parametrize("point", ["bounds stored", "content inserted", "figures inserted", "half removed", "removed"])
def test_nothing_acknowledged_is_lost_or_doubled_by_a_kill(tmp_path, point):
    """Killed anywhere between journal and history, each acknowledged execution is there once, with its content;
    what was open is closed as interrupted."""
    code, lines, errors = run(tmp_path, "crash", point)
    assert code == -9, errors
    acknowledged = {line for line in lines if line.startswith("exec_")}
    code, lines, errors = run(tmp_path, "look")
    assert code == 0, errors
    found = json.loads(lines[0])
    assert len(found["ids"]) == len(set(found["ids"]))
    assert set(found["ids"]) == acknowledged
    assert found["calls"] == found["payloads"] == len(acknowledged)
    assert (found["without_content"], found["interrupted"], found["pending"]) == (0, 3, 0)
    assert found["journaled"] is False


def test_a_second_process_is_told_who_has_the_home(tmp_path):
    """It ends at once with a sentence that names the holder; afterwards the home is free."""
    with subprocess.Popen(
        [sys.executable, str(LIFE), str(tmp_path), "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        code, lines, _ = run(tmp_path, "look")
        assert code == 3
        assert f"Another Prompt Forge (pid {holder.pid}) is using {tmp_path}" in lines[0]
        assert "--home" in lines[0]
        holder.stdin.close()
        assert holder.wait(30) == 0
    code, _, errors = run(tmp_path, "look")
    assert code == 0, errors
