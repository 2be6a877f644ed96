"""Executions as rows of the history: into blocks, and back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from json import loads
from typing import Any

from promptforge.core.execution import Content, Execution
from promptforge.record.body import shown_of
from promptforge.record.native import Flat, block, ends
from promptforge.record.schema import FACTS, PAYLOADS, Column

Row = Mapping[str, Any]

FACT_NAMES: tuple[str, ...] = ("id", "workspace", "created_at", "expires_on", "end_user", "session_id", "tags", "shown")
"""What is read of a fact: enough to show it. The other columns are there to be asked for and summed."""

PAYLOAD_NAMES = tuple(
    column.name for column in PAYLOADS if column.read and column.name not in {"workspace", "expires_on"}
)


def facts_block(batch: int, rows: Sequence[tuple[int, Execution]]) -> bytes:
    """The figures of executions, each with its journal number, as one Native block."""
    executions = [execution for _, execution in rows]
    return block(
        [
            *_filled(FACTS, executions),
            ("seq", "UInt64", [seq for seq, _ in rows]),
            ("batch", "UInt64", [batch] * len(rows)),
        ],
        len(rows),
    )


def payloads_block(batch: int, executions: Sequence[Execution]) -> bytes:
    """Their content as one Native block."""
    return block([*_filled(PAYLOADS, executions), ("batch", "UInt64", [batch] * len(executions))], len(executions))


def _filled(columns: Iterable[Column], executions: Sequence[Execution]) -> list[tuple[str, str, Sequence[Any] | Flat]]:
    nested: dict[str, tuple[bytes, list[Any]]] = {}
    for name in ("lines", "attempts"):
        rows = [getattr(execution, name) for execution in executions]
        nested[name] = (ends(rows), list(chain.from_iterable(rows)))
    filled: list[tuple[str, str, Sequence[Any] | Flat]] = []
    for column in columns:
        if column.read is None:
            continue
        if column.nested:
            bounds, rows = nested[column.nested]
            filled.append((column.name, column.sent, Flat(bounds, [column.read(row) for row in rows])))
        else:
            filled.append((column.name, column.sent, [column.read(execution) for execution in executions]))
    return filled


def execution_of(row: Row, content: Content | None = None) -> Execution:
    """The execution that a row of facts was made from."""
    return replace(
        shown_of(row["shown"]),
        end_user=row["end_user"] or None,
        session_id=row["session_id"] or None,
        tags=row["tags"],
        content=content,
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
