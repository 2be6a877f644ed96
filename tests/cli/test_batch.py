"""Batches against a real server with the simulated provider: once a row, whatever happens in between."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from kit.served import Served, surroundings
from promptforge.cli.exits import Exit

TICKETS = [f"Parcel {n} is late" for n in range(40)]


@pytest.fixture(scope="module")
def prompt(served: Served) -> str:
    """A prompt with one variable of a row and one of the batch."""
    template = "Answer {{ticket}} in {{language}}"
    done = served.run("prompt", "create", "reply", "--template", template, "--model", "demo-small", "--label", "live")
    assert done.returncode == 0, done.stderr
    return "reply"


def rows(path: Path) -> list[dict]:
    """The lines of a file of results."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def executed(served: Served, name: str) -> list[dict]:
    """The executions of a run, asked for until the answer is as fresh as what was acknowledged."""
    query = "query($tags: [TagFilter!]) { executions(limit: 500, filter: {tags: $tags}) { id input } }"
    body = {"query": query, "variables": {"tags": [{"key": "batch", "values": [name]}]}}
    while True:
        answer = httpx.post(f"{served.url}/graphql", json=body, headers={"X-API-Key": served.key}, timeout=30).json()
        assert "errors" not in answer, answer
        if not answer["extensions"]["freshness"]["behind"]:
            return answer["data"]["executions"]


def jsonl(path: Path, values: list[dict]) -> Path:
    """Write a file of rows."""
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_each_row_runs_once_however_often_it_is_started(served: Served, prompt: str, tmp_path: Path) -> None:
    """A second start runs nothing; equal rows are rows of their own; the cost is the exact sum of the executions'."""
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": t} for t in [*TICKETS[:5], TICKETS[0]]])
    how = ["batch", prompt, str(file), "--var", "language=French", "--name", "once", "--json"]
    first = served.run(*how)
    assert first.returncode == 0, first.stderr
    out = tmp_path / "rows.jsonl.out.jsonl"
    assert sorted(row["row"] for row in rows(out)) == [1, 2, 3, 4, 5, 6]
    second = served.run(*how)
    assert json.loads(second.stdout) == json.loads(first.stdout)
    found = executed(served, "once")
    assert {row["executionId"] for row in rows(out)} == {one["id"] for one in found}
    assert len(found) == len(rows(out)) == 6
    assert Decimal(json.loads(first.stdout)["costUsd"]) == sum(Decimal(row["cost"]["usd"]) for row in rows(out))
    assert Counter(row["status"] for row in rows(out)) == {"success": 6}


def test_without_the_results_the_server_remembers(served: Served, prompt: str, tmp_path: Path) -> None:
    """When the results are lost the same run finds the same executions, and nothing is paid again."""
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": t, "language": "Latin"} for t in TICKETS[:4]])
    ids = set()
    for name in ("one", "two"):
        out = tmp_path / name
        done = served.run("batch", prompt, str(file), "--output", str(out), "--name", "lost")
        assert done.returncode == 0, done.stderr
        ids |= {row["executionId"] for row in rows(out)}
    assert len(ids) == len(executed(served, "lost")) == 4


def test_a_torn_last_line_is_repaired(served: Served, prompt: str, tmp_path: Path) -> None:
    """A result that was written by half is taken back from the server, once."""
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": t, "language": "Greek"} for t in TICKETS[:3]])
    out = tmp_path / "out"
    how = ["batch", prompt, str(file), "--output", str(out), "--concurrency", "1", "--name", "torn"]
    assert served.run(*how).returncode == 0
    whole = out.read_bytes()
    out.write_bytes(whole[:-20])
    assert served.run(*how).returncode == 0
    assert rows(out) == [json.loads(line) for line in whole.splitlines()]
    assert len(executed(served, "torn")) == 3


def killed(served: Served, how: list[str], out: Path, lines: int) -> None:
    """Start a command and kill it when its results have so many lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", *how],
        env=surroundings(served.home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and (not out.exists() or out.read_bytes().count(b"\n") < lines):
        os.sched_yield()
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_killed_in_the_middle_and_started_again(served: Served, tmp_path: Path) -> None:
    """SIGKILL at any row: after the next start each row has exactly one execution and one result."""
    file = jsonl(tmp_path / "rows.jsonl", [{"text": t} for t in TICKETS])
    out = tmp_path / "out"
    slow = ["--param", 'demo={"latency_ms": 40}', "--concurrency", "4", "--name", "killed"]
    how = ["batch", str(file), "--model", "demo-small", "--output", str(out), *slow]
    for lines in (3, 15):
        killed(served, how, out, lines)
    done = served.run(*how)
    assert done.returncode == 0, done.stderr
    found = executed(served, "killed")
    assert len(found) == len(rows(out)) == len(TICKETS)
    assert {one["id"] for one in found} == {row["executionId"] for row in rows(out)}
    assert sorted(row["row"] for row in rows(out)) == list(range(1, len(TICKETS) + 1))


def test_only_what_failed_runs_again(served: Served, tmp_path: Path) -> None:
    """When it is asked for: each failed row once more, nothing else, and the money of all tries is in the sum."""
    file = jsonl(tmp_path / "rows.jsonl", [{"text": t} for t in ("same", "same", "other")])
    out = tmp_path / "out"
    once = ["--param", 'demo={"fail": "authentication", "fail_times": 1}', "--concurrency", "1", "--name", "again"]
    how = ["batch", str(file), "--model", "demo-small", "--output", str(out), "--json", *once]
    assert served.run(*how).returncode == Exit.EXECUTION
    assert [row["status"] for row in rows(out)] == ["error", "success", "error"]
    assert served.run(*how).returncode == Exit.EXECUTION
    assert len(executed(served, "again")) == 3

    # of equal requests every second one fails
    for tries in ([(1, 2, "error"), (3, 2, "success")], [(1, 3, "success")], []):
        before = len(rows(out))
        done = served.run(*how, "--retry-failed")
        assert [(row["row"], row["try"], row["status"]) for row in rows(out)[before:]] == tries
        assert {row["executionId"] for row in rows(out)} == {one["id"] for one in executed(served, "again")}
        said, failed = json.loads(done.stdout), tries[:1] == [(1, 2, "error")]
        assert (done.returncode, said["rows"], said["ok"], said["failed"]) == (failed, 3, 3 - failed, failed)
        assert Decimal(said["costUsd"]) == sum(Decimal(row["cost"]["usd"]) for row in rows(out))


def test_a_row_that_is_refused_again_is_tried_once_a_start(served: Served, prompt: str, tmp_path: Path) -> None:
    """What cannot work is not tried for ever: each start with the option gives it one more result."""
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": "a", "language": "x"}, {"ticket": "no language"}])
    out = tmp_path / "out"
    how = ["batch", prompt, str(file), "--output", str(out), "--name", "hopeless", "--concurrency", "1"]
    for start in (1, 2, 3):
        done = served.run(*how, *([] if start == 1 else ["--retry-failed"]))
        assert done.returncode == Exit.EXECUTION
        assert [(row["row"], row["try"]) for row in rows(out)] == [(1, 1), *((2, n + 1) for n in range(start))]


def test_killed_while_failed_rows_run_again(served: Served, tmp_path: Path) -> None:
    """SIGKILL among the second tries: after the next start each row has exactly two executions and two results."""
    file = jsonl(tmp_path / "rows.jsonl", [{"text": f"again {t}"} for t in TICKETS])
    out = tmp_path / "out"
    slow = ["--param", 'demo={"latency_ms": 40, "fail": "authentication", "fail_times": 1}', "--concurrency", "4"]
    how = ["batch", str(file), "--model", "demo-small", "--output", str(out), "--name", "killed-again", *slow]
    assert served.run(*how).returncode == Exit.EXECUTION
    for lines in (43, 55):
        killed(served, [*how, "--retry-failed"], out, lines)
    done = served.run(*how, "--retry-failed")
    assert done.returncode == 0, done.stderr
    found = executed(served, "killed-again")
    assert len(found) == len(rows(out)) == 2 * len(TICKETS)
    assert {one["id"] for one in found} == {row["executionId"] for row in rows(out)}
    assert Counter(row["row"] for row in rows(out)) == dict.fromkeys(range(1, len(TICKETS) + 1), 2)


def test_failed_and_refused_rows_are_results(served: Served, prompt: str, tmp_path: Path) -> None:
    """Rows that fail say so in the results, the others go on, and the exit code is 1."""
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": "a", "language": "x"}, {"ticket": "no language"}])
    done = served.run("batch", prompt, str(file), "--json", "--name", "refused")
    assert done.returncode == Exit.EXECUTION
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["ok"], summary["failed"]) == (2, 1, 1)
    bad = next(row for row in rows(tmp_path / "rows.jsonl.out.jsonl") if row["row"] == 2)
    assert "language" in bad["error"]
    how = ["--param", 'demo={"fail": "authentication"}', "--output", str(tmp_path / "failed")]
    done = served.run("batch", prompt, str(file), "--var", "language=y", *how)
    assert done.returncode == Exit.EXECUTION
    assert {row["errorType"] for row in rows(tmp_path / "failed")} == {"authentication"}


def test_the_version_is_fixed_at_the_start(served: Served, tmp_path: Path) -> None:
    """A version made while a run is away does not change what the rest of it runs with."""
    served.run("prompt", "create", "moving", "--template", "One {{ticket}}", "--model", "demo-small")
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": t} for t in TICKETS[:4]])
    assert served.run("batch", "moving", str(file), "--limit", "2").returncode == 0
    served.run("prompt", "version", "moving", "--template", "Two {{ticket}}", "--model", "demo-small")
    assert served.run("batch", "moving", str(file)).returncode == 0
    assert [row["version"] for row in rows(tmp_path / "rows.jsonl.out.jsonl")] == [1, 1, 1, 1]


def test_csv_rows(served: Served, prompt: str, tmp_path: Path) -> None:
    """Cells may hold commas, quotes and line breaks; columns are the variables."""
    file = tmp_path / "rows.csv"
    file.write_text('ticket,language\n"late, ""very""\nlate",Czech\nplain,Polish\n')
    assert served.run("batch", prompt, str(file), "--name", "cells", "--rate", "100/s").returncode == 0
    given = sorted(one["input"]["ticket"] for one in executed(served, "cells"))
    assert given == ['late, "very"\nlate', "plain"]


def test_results_of_another_run_are_refused(served: Served, prompt: str, tmp_path: Path) -> None:
    """What is no longer the same run says so before anything is paid again."""
    file = jsonl(tmp_path / "rows.jsonl", [{"ticket": "a", "language": "x"}])
    assert served.run("batch", prompt, str(file), "--name", "before").returncode == 0
    jsonl(file, [{"ticket": "changed", "language": "x"}])
    done = served.run("batch", prompt, str(file), "--name", "before")
    assert (done.returncode, "another run" in done.stderr) == (Exit.USAGE, True)
    assert len(executed(served, "before")) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.jsonl", '{"a": 1}\nnot json\n', "line 2 is not JSON"),
        ("rows.jsonl", "[1]\n", "line 1 must be a JSON object"),
        ("rows.csv", "a,b\n1\n", "1 cells where the first line has 2"),
        ("rows.csv", "a,a\n1,2\n", "a name of its own"),
        ("rows.txt", "a", "--format"),
    ],
)
def test_a_bad_file_is_refused_before_anything_runs(
    served: Served, prompt: str, tmp_path: Path, name: str, content: str, said: str
) -> None:
    """The line that cannot be read is named, and no row has run."""
    (tmp_path / name).write_text(content)
    done = served.run("batch", prompt, str(tmp_path / name))
    assert (done.returncode, said in done.stderr) == (Exit.USAGE, True), done.stderr
