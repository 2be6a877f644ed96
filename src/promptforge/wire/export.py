"""Executions as rows of a file: the columns of an export, and those of its formats that are text.

The names are those of an arrival, so that an export can be imported again; what an arrival has no field for
(``costState``, ``source``, …) is there to be read and is left out on the way in.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import StringIO
from typing import Any, Protocol

import msgspec

from promptforge.core import money
from promptforge.core.execution import Content, Execution, PromptRef
from promptforge.wire.cells import guarded, json_cell

_encode = msgspec.json.Encoder().encode
_NOTHING = Content()


class Kind(StrEnum):
    """What a column holds. ``money`` is in 10^-12 dollars; ``json`` is any JSON value."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    MONEY = "money"
    TEXTS = "texts by name"
    COUNTS = "counts by name"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column and where its values come from; *content* may be left out."""

    name: str
    kind: Kind
    read: Callable[[Execution], Any]
    content: bool = False


class Writer(Protocol):
    """Writes one file, piece by piece."""

    def begin(self) -> bytes: ...
    def rows(self, executions: Sequence[Execution]) -> bytes: ...
    def end(self) -> bytes: ...


def _prompt(name: str, kind: Kind, read: Callable[[PromptRef], Any]) -> Column:
    return Column(name, kind, lambda e: None if e.prompt is None else read(e.prompt))


def _content(name: str, kind: Kind, read: Callable[[Content], Any]) -> Column:
    return Column(name, kind, lambda e: read(e.content or _NOTHING), content=True)


COLUMNS: tuple[Column, ...] = (
    Column("id", Kind.TEXT, lambda e: e.id),
    Column("createdAt", Kind.TIME, lambda e: e.created_at),
    Column("status", Kind.TEXT, lambda e: e.status.value),
    Column("errorType", Kind.TEXT, lambda e: e.error_type and e.error_type.value),
    Column("source", Kind.TEXT, lambda e: e.source.value),
    Column("provider", Kind.TEXT, lambda e: e.provider),
    Column("model", Kind.TEXT, lambda e: e.model),
    Column("responseModel", Kind.TEXT, lambda e: e.response_model),
    _prompt("promptName", Kind.TEXT, lambda ref: ref.prompt_name),
    _prompt("promptId", Kind.TEXT, lambda ref: ref.prompt_id),
    _prompt("version", Kind.NUMBER, lambda ref: ref.version),
    _prompt("label", Kind.TEXT, lambda ref: ref.label),
    Column("service", Kind.TEXT, lambda e: e.service),
    Column("endUser", Kind.TEXT, lambda e: e.end_user),
    Column("sessionId", Kind.TEXT, lambda e: e.session_id),
    Column("latencyMs", Kind.NUMBER, lambda e: e.latency_ms),
    Column("firstTokenMs", Kind.NUMBER, lambda e: e.first_token_ms),
    Column("tokenIn", Kind.NUMBER, lambda e: e.token_in),
    Column("tokenOut", Kind.NUMBER, lambda e: e.token_out),
    Column("usage", Kind.COUNTS, lambda e: e.usage and e.usage.leaves),
    Column("usageSource", Kind.TEXT, lambda e: e.usage_source.value),
    Column("costUsd", Kind.MONEY, lambda e: e.cost),
    Column("costState", Kind.TEXT, lambda e: e.cost_state.value),
    Column("claimedUsd", Kind.MONEY, lambda e: e.claimed),
    Column("finishReason", Kind.TEXT, lambda e: e.finish_reason),
    Column("tags", Kind.TEXTS, lambda e: e.tags or None),
    Column("attempts", Kind.NUMBER, lambda e: len(e.attempts) or None),
    Column("chainExecutionId", Kind.TEXT, lambda e: e.step and e.step.chain_execution_id),
    _content("input", Kind.JSON, lambda content: content.input),
    _content("request", Kind.JSON, lambda content: content.request),
    _content("output", Kind.TEXT, lambda content: content.output),
    _content("error", Kind.TEXT, lambda content: content.error),
    _content("stackTrace", Kind.TEXT, lambda content: content.stack_trace),
    _content("metadata", Kind.JSON, lambda content: content.metadata),
)


def columns(*, content: bool) -> tuple[Column, ...]:
    """The columns of an export with or without content."""
    return tuple(column for column in COLUMNS if content or not column.content)


def utc(moment: datetime) -> str:
    """A time in UTC as the API writes it."""
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def _same(value: Any) -> Any:
    return value


_IN_JSON: dict[Kind, Callable[[Any], Any]] = {Kind.TIME: utc, Kind.MONEY: money.exact}
_IN_CELL: dict[Kind, Callable[[Any], str | int]] = {
    Kind.TEXT: guarded,
    Kind.NUMBER: _same,
    Kind.TIME: utc,
    Kind.MONEY: money.exact,
    Kind.TEXTS: json_cell,
    Kind.COUNTS: json_cell,
    Kind.JSON: json_cell,
}


class Jsonl:
    """A JSON object a line; what is not known is left out."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = [(c.name, c.read, _IN_JSON.get(c.kind, _same)) for c in columns]

    def begin(self) -> bytes:
        return b""

    def rows(self, executions: Sequence[Execution]) -> bytes:
        """A line for each."""
        return b"".join([_encode(self._object(execution)) + b"\n" for execution in executions])

    def _object(self, execution: Execution) -> dict[str, Any]:
        return {name: shown(value) for name, read, shown in self._columns if (value := read(execution)) is not None}

    def end(self) -> bytes:
        return b""


class Csv:
    """Comma-separated with a header, for spreadsheets too: no cell begins as a formula does."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        self._columns = [(column.read, _IN_CELL[column.kind]) for column in columns]

    def begin(self) -> bytes:
        """The names of the columns."""
        return f"{','.join(self._names)}\r\n".encode()

    def rows(self, executions: Sequence[Execution]) -> bytes:
        """A record for each; a cell that is not known is empty."""
        text = StringIO()
        write = csv.writer(text, lineterminator="\r\n").writerow  # with these ends a lone CR is quoted as well
        for execution in executions:
            write(["" if (value := read(execution)) is None else shown(value) for read, shown in self._columns])
        return text.getvalue().encode()

    def end(self) -> bytes:
        return b""
