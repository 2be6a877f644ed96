"""Files in and out: rows a second through the import door, and of an export in each format.

A real server process and a file of executions with content (``--file`` takes one of your own, such as the Azure traces
with ``--preset azure-llm``). The baseline of the same run is what Python needs to parse the file and write each line as
JSON, without anything of ours. Beside the rows a second stands the server's processor time for a row, which other work
on the machine changes less; it holds what was shipped to the history meanwhile.
"""

import argparse
import csv
import json
import os
import random
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.execute import start

START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ("order", "refund", "card", "late", "parcel", "invoice", "address", "please", "thanks", "password")


def written(path: Path, rows: int) -> None:
    """A CSV of that many calls with input and output."""
    chance = random.Random(7)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["createdAt", "model", "tokenIn", "tokenOut", "latencyMs", "endUser", "input", "output"])
        for n in range(rows):
            texts = (" ".join(chance.choices(WORDS, k=chance.randint(5, 60))) for _ in range(2))
            at = START + timedelta(seconds=n)
            counts = chance.randint(20, 3000), chance.randint(5, 800), chance.randint(200, 9000)
            out.writerow([at.isoformat(), "gpt-4o", *counts, f"user-{n % 5000}", *texts])


def baseline(path: Path) -> float:
    """Rows a second of reading the CSV and writing JSON lines, in this process."""
    began, rows = time.perf_counter(), 0
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            json.dumps(row)
            rows += 1
    return rows / (time.perf_counter() - began)


def worked(pid: int) -> float:
    """The processor time of a process so far, in microseconds (Linux only)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def ask(url: str, key: str, path: str, data: object = None) -> urllib.request.addinfourl:
    """One request."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/octet-stream"}
    return urllib.request.urlopen(urllib.request.Request(url + path, data=data, headers=headers))


def taken_in(url: str, key: str, path: Path, query: str) -> tuple[dict, float]:
    """The counts of an import, and its seconds."""
    began = time.perf_counter()
    with ask(url, key, f"/import?format=csv&{query}", path.read_bytes()) as answer:
        last = json.loads(answer.read().splitlines()[-1])
    return last, time.perf_counter() - began


def taken_out(url: str, key: str, query: str) -> tuple[int, int, float]:
    """The rows and bytes of an export, and its seconds."""
    began, size = time.perf_counter(), 0
    with ask(url, key, f"/export?{query}") as answer:
        rows = int(answer.headers["x-promptforge-rows"])
        while piece := answer.read(1 << 18):
            size += len(piece)
    return rows, size, time.perf_counter() - began


def measure(url: str, key: str, pid: int, options: argparse.Namespace, path: Path) -> None:
    """Each file once in, once again, and out in each format."""
    for run in range(options.runs):
        print(f"run {run + 1}: parsing csv and writing json alone {baseline(path):10,.0f} rows/s")
        query = "preset=azure-llm&" if options.preset else ""
        query += f"map=externalSource:=run-{run}&map=provider:=openai&map=model:=gpt-4o-{run}"
        if not options.preset:
            names = ["createdAt", "tokenIn", "tokenOut", "latencyMs", "endUser", "input", "output"]
            query += "".join(f"&map={name}={name}" for name in names)
        for name in ("first", "again"):
            before = worked(pid)
            said, seconds = taken_in(url, key, path, query)
            spent = (worked(pid) - before) / said["lines"]
            print(f"import, {name:20} {said['lines'] / seconds:10,.0f} rows/s  {spent:4.0f} us/row  {said}")
    for name in ("jsonl", "csv", "parquet"):
        for content in ("true", "false"):
            rows, size, seconds = taken_out(url, key, f"format={name}&content={content}")
            print(
                f"export, {name:8} content {content:5} {rows / seconds:10,.0f} rows/s  "
                f"{rows:,} rows  {size / 2**20:.1f} MB"
            )


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench files [--rows 100000] [--runs 3] [--file FILE --preset azure-llm]``."""
    parser = argparse.ArgumentParser(prog="bench files", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--preset", action="store_true", help="The file is one of the Azure traces.")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "calls.csv"
        if options.file is None:
            written(path, options.rows)
        process, url, key = start(Path(folder) / "home")
        try:
            measure(url, key, process.pid, options, path)
        finally:
            process.terminate()
            process.wait(30)
