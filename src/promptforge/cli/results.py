"""The file of a batch's results: one JSON line a row, appended as they come.

The decision to know: a line is there whole or not at all. What a crash has torn is cut off at the next start, and the
idempotency key brings that row's result back without paying for it again. Of a row that was tried again the last line
counts; the money of all of them does.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import click


class Results:
    """What is known of a run's rows; use it in a ``with`` block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statuses: dict[str, str] = {}
        self._executions: dict[str, str | None] = {}
        #: How many results each row has.
        self._tries: Counter[str] = Counter()
        #: How many costs are in each state.
        self.costs: Counter[str] = Counter()
        self.usd = Decimal(0)
        #: The version that the first line was made with.
        self.version: int | None = None
        try:
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise click.UsageError(f"--output {path}: {error.strerror}") from None
        for line in self._whole():
            self._count(line)

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, line: Mapping[str, Any]) -> None:
        """Append the result of one row, in one write."""
        data = json.dumps(line, ensure_ascii=True).encode() + b"\n"
        while data:
            data = data[self._file.write(data) :]
        self._count(line)

    def next_try(self, key: str, *, retry: bool) -> int | None:
        """Which try of a row is to be made; None when there is nothing to do. *retry*: a failure is tried again."""
        status = self.statuses.get(key)
        return self._tries[key] + 1 if status is None or (retry and status != "success") else None

    def _count(self, line: Mapping[str, Any]) -> None:
        key, execution_id = line["key"], line["executionId"]
        if execution_id is not None and self._executions.get(key) == execution_id:
            return
        self.statuses[key], self._executions[key] = line["status"], execution_id
        self._tries[key] += 1
        nothing = {"state": "unknown" if line["executionId"] else "priced", "usd": None}
        cost: Mapping[str, Any] = line.get("cost") or nothing
        self.costs[str(cost["state"])] += 1
        self.usd += Decimal(cost["usd"] or 0)
        if self.version is None:
            self.version = line.get("version")

    def _whole(self) -> Iterator[Mapping[str, Any]]:
        self._file.seek(0)
        end = 0
        with self.path.open("rb") as reading:
            for number, line in enumerate(reading, 1):
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                try:
                    found: Any = json.loads(line)
                    known = {"key", "status", "executionId"} <= set(found)
                except (ValueError, TypeError):
                    known, found = False, None
                if not known:
                    raise click.UsageError(
                        f"--output {self.path}, line {number} is not a result of a batch; give another file"
                    )
                yield found
        if end < os.fstat(self._file.fileno()).st_size:
            self._file.truncate(end)
