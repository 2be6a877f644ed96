"""Executions as rows of the history: into blocks, and back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from json import loads
from typing import Any, TypeVar

from promptforge.core.altered import altered
from promptforge.core.chain_execution import AnyExecution, ChainExecution
from promptforge.core.execution import Content, Execution
from promptforge.record import chain_rows
from promptforge.record.body import shown_of
from promptforge.record.native import Flat, block, ends
from promptforge.record.schema import FACTS, PAYLOADS, Column

Row = Mapping[str, Any]
T = TypeVar("T")

FACT_NAMES: tuple[str, ...] = ("id", "workspace", "created_at", "expires_on", "end_user", "session_id", "tags", "shown")
"""What is read of a fact: enough to show it. The other columns are there to be asked for and summed."""

PAYLOAD_NAMES = tuple(
    column.name for column in PAYLOADS if column.read and column.name not in {"workspace", "expires_on"}
)


def facts_block(batch: int, rows: Sequence[tuple[int, AnyExecution]]) -> bytes:
    """The figures of executions and chain executions, each with its journal number, as one Native block."""
    calls, chains = _parted(rows, key=lambda row: row[1])
    return block(
        [
            *_filled(FACTS, [run for _, run in calls], [run for _, run in chains]),
            ("seq", "UInt64", [seq for seq, _ in (*calls, *chains)]),
            ("batch", "UInt64", [batch] * len(rows)),
        ],
        len(rows),
    )


def payloads_block(batch: int, executions: Sequence[AnyExecution]) -> bytes:
    """Their content as one Native block."""
    calls, chains = _parted(executions, key=lambda run: run)
    filled = _filled(PAYLOADS, calls, chains)
    return block([*filled, ("batch", "UInt64", [batch] * len(executions))], len(executions))


def has_content(execution: AnyExecution) -> bool:
    """Whether it has a row of payloads."""
    if isinstance(execution, ChainExecution):
        return chain_rows.has_content(execution)
    return execution.content is not None


def _parted(rows: Sequence[T], key: Callable[[T], AnyExecution]) -> tuple[list[T], list[T]]:
    """Executions, and chain executions: within a block the order of rows is free."""
    calls = [row for row in rows if not isinstance(key(row), ChainExecution)]
    return calls, [row for row in rows if isinstance(key(row), ChainExecution)] if len(calls) < len(rows) else []


def _filled(
    columns: Iterable[Column], calls: Sequence[Any], chains: Sequence[Any]
) -> list[tuple[str, str, Sequence[Any] | Flat]]:
    nested: dict[str, tuple[bytes, list[Any]]] = {}
    for name in ("lines", "attempts", "steps"):
        rows = [getattr(execution, name, ()) for execution in (*calls, *chains)]
        nested[name] = (ends(rows), list(chain.from_iterable(rows)))
    filled: list[tuple[str, str, Sequence[Any] | Flat]] = []
    for column in columns:
        if column.read is None:
            continue
        if column.nested:
            bounds, rows = nested[column.nested]
            filled.append((column.name, column.sent, Flat(bounds, [column.read(row) for row in rows])))
            continue
        values = [column.read(execution) for execution in calls]
        if chains:
            read = chain_rows.reading(column)
            values += [read(execution) for execution in chains]
        filled.append((column.name, column.sent, values))
    return filled


def execution_of(row: Row, payload: Row | None = None) -> Execution:
    """The execution that a row of facts, and one of payloads, was made from."""
    return altered(
        shown_of(row["shown"]),
        end_user=row["end_user"] or None,
        session_id=row["session_id"] or None,
        tags=row["tags"],
        content=content_of(payload) if payload else None,
    )


def _json(text: str) -> Any:
    return loads(text) if text else None


def content_of(row: Row) -> Content:
    """The content that a row of payloads was made from."""
    return Content(
        input=_json(row["input"]),
        request=_json(row["request"]),
        output=row["output"],
        error=row["error"],
        stack_trace=row["stack_trace"],
        usage_raw=_json(row["usage_raw"]),
        metadata=_json(row["metadata"]),
        attempt_errors=tuple(row["attempt_errors"]),
    )
