"""What a backup is asked for with, what it asks of the history, and what is said of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from promptforge.core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How far a backup is. What it adds up to is known at its end, when ``done``."""

    files: int
    bytes: int
    executions: int = 0
    cost_usd: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Portion:
    """Batches, both ends included: how many rows they have, a sum over every value in them, and their bytes."""

    first: int
    last: int
    rows: int
    sum: int
    bytes: int


class Copies(Protocol):
    """The history's rows in bulk, for backups."""

    def changes(self) -> int:
        """Which of the changes that made the tables have been done."""
        ...

    def columns(self, table: str) -> Sequence[str]:
        """The columns that are stored as they come, in their order."""
        ...

    def spans(self, table: str, columns: Sequence[str], upto: int) -> Sequence[Portion]:
        """The batches up to *upto*, cut into spans."""
        ...

    def pieces(self, table: str, columns: Sequence[str], span: Portion) -> Iterator[bytes]:
        """The rows of a span, in blocks that fit into memory."""
        ...

    def totals(self, upto: int) -> Mapping[str, str]:
        """What people know the rows by: executions, tokens, and the exact cost."""
        ...


def request_file(home: Path, request: str) -> Path:
    """Where a home holds the folder that a backup is to be written into, until it is read."""
    if not re.fullmatch("[0-9a-f]{16}", request):
        raise InvalidInput("a request for a backup is 16 hexadecimal digits, as `promptforge backup` makes them")
    return home / f"backup-{request}.request"
