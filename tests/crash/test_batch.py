"""Batches under fire: the command is killed or interrupted at random moments, now and then its server too."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from kit.crash import CLI, MAX_ATTEMPTS, MODEL, TOTALS, Server, counting, killed_after, price, tokens
from kit.served import surroundings

ROWS = 100
MOST = 12
"""So many results at most come before the next signal."""
MOST_SECONDS = 60


class Batch:
    """The command on one file."""

    def __init__(self, server: Server, folder: Path, number: int) -> None:
        self.texts = [f"row {number * ROWS + row}" for row in range(ROWS)]
        self.file, self.output = folder / f"rows-{number}.jsonl", folder / f"results-{number}.jsonl"
        self.file.write_text("".join(json.dumps({"text": text}) + "\n" for text in self.texts))
        self._server = server

    @property
    def results(self) -> list[dict]:
        """The lines of its output, which are whole once it has come to its end."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def lines(self) -> int:
        """How many results there are by now."""
        return self.output.read_bytes().count(b"\n") if self.output.exists() else 0

    def start(self, *more: str) -> subprocess.Popen:
        """Start it in the background."""
        how = ["--model", MODEL, "--param", "max_tokens=9", "--concurrency", "6", "--name", self.file.stem]
        return subprocess.Popen(
            [sys.executable, *CLI, "batch", str(self.file), "--output", str(self.output), "--json", *how, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=surroundings(self._server.home),
        )

    def end(self, *more: str) -> tuple[int, dict]:
        """Let it come to its end: the exit code and the summary."""
        process = self.start(*more)
        said, problem = process.communicate(timeout=600)
        assert process.returncode in {0, 1}, problem
        return process.returncode, json.loads(said)

    def killed(self, chance: random.Random, *, server_too: bool) -> bool:
        """Start it and end it by a signal, as it starts or after some more results; False when it ended by itself."""
        process, wanted = self.start(), self.lines() + chance.randint(1, MOST)
        until = time.monotonic() + (chance.uniform(0.1, 1.5) if chance.random() < 1 / 6 else MOST_SECONDS)
        while process.poll() is None and time.monotonic() < until and self.lines() < wanted:
            time.sleep(0.002)
        alive = process.poll() is None
        if alive and server_too:
            self._server.kill()
            process.kill()
            self._server.start()
        elif alive:
            process.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
        process.communicate(timeout=MOST_SECONDS)
        return alive


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(5, marks=pytest.mark.timeout(600)),
        pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)]),
    ],
)
def test_batches_under_fire(tmp_path, kills):
    """Each row ran to its end once and is paid for once; what a crash of the server interrupted is told as such, and
    runs again when that is asked for; the results are the executions, and the sums are exact."""
    chance = random.Random(kills)
    with counting() as provider:
        environment = {"ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": provider.url}
        with killed_after(Server(tmp_path / "home", environment)) as server:
            server.start()
            batches, done = [Batch(server, tmp_path, 0)], 0
            while done < kills:
                if batches[-1].killed(chance, server_too=done % 5 == 2):
                    done += 1
                else:
                    batches.append(Batch(server, tmp_path, len(batches)))
            first = [batch.end()[1] for batch in batches]
            summaries = [batch.end("--retry-failed") for batch in batches]
            found = server.settled()
            totals = server.ask(TOTALS)["overview"]["totals"]
            server.stop()
        calls = Counter(provider.calls)
    interrupted = [run for run in found if run["errorType"] == "interrupted"]
    texts = [text for batch in batches for text in batch.texts]
    print(f"{kills} kills: {len(texts)} rows in {len(batches)} files, {len(found)} executions, {calls.total()} calls")
    print(f"{len(interrupted)} interrupted")

    assert sum(said["failed"] for said in first) == len(interrupted)
    assert [(code, said["ok"], said["failed"]) for code, said in summaries] == [(0, ROWS, 0)] * len(batches)
    each_row_has_run_once(texts, found, calls)
    lines = [line for batch in batches for line in batch.results]
    results = {line["executionId"]: line["status"] for line in lines}
    assert len(results) == len(lines)
    assert {run["id"]: run["status"] for run in found} == results
    paid = sum(Decimal(run["cost"]["usd"]) for run in found if run["cost"]["usd"])
    assert sum(Decimal(said["costUsd"]) for _, said in summaries) == Decimal(totals["cost"]["usd"]) == paid
    assert paid == sum(price(*tokens(text)) for text in texts)


def each_row_has_run_once(texts: list[str], found: list[dict], calls: Counter) -> None:
    """One success a row, whose attempts are the calls; beside it only what was interrupted, and each of that once."""
    done = [run for run in found if run["status"] == "success"]
    cut = Counter(run["input"]["content"] for run in found if run["status"] != "success")
    assert sorted(run["input"]["content"] for run in done) == sorted(texts)
    assert max(cut.values(), default=1) == 1
    assert {run["errorType"] for run in found if run["status"] != "success"} <= {"interrupted"}
    for run in done:
        text = run["input"]["content"]
        attempts = len(run["attempts"])
        assert attempts <= calls[text] <= attempts + (MAX_ATTEMPTS if cut[text] else 0), text
        assert (run["tokenIn"], run["tokenOut"]) == tokens(text)
