"""Exports as Parquet: money as Decimal(38, 12), times in UTC, JSON values as JSON text."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from io import RawIOBase
from typing import Any

from promptforge.core import money
from promptforge.core.execution import Execution
from promptforge.core.filter import as_json
from promptforge.wire.export import Column, Kind

GROUP_ROWS = 20_000
GROUP_BYTES = 32 << 20


class Parquet:
    """Writes one file. A group of rows is written when it is large enough, so memory does not grow with the file."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._arrow: Any = import_module("pyarrow")  # slow to import, so not before it is used
        kinds = _kinds(self._arrow)
        self._schema = self._arrow.schema([(column.name, kinds[column.kind]) for column in columns])
        self._out = _Outbox()
        self._file: Any = import_module("pyarrow.parquet").ParquetWriter(self._out, self._schema, compression="zstd")
        self._waiting: list[Any] = []

    def begin(self) -> bytes:
        return b""

    def rows(self, executions: Sequence[Execution]) -> bytes:
        """What is ready to be sent after these."""
        arrays = [
            self._arrow.array([_shown(column, column.read(one)) for one in executions], field.type)
            for column, field in zip(self._columns, self._schema, strict=True)
        ]
        self._waiting.append(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        if (
            sum(batch.num_rows for batch in self._waiting) >= GROUP_ROWS
            or sum(batch.nbytes for batch in self._waiting) >= GROUP_BYTES
        ):
            self._write()
        return self._out.taken()

    def end(self) -> bytes:
        """The rest, and the footer."""
        self._write()
        self._file.close()
        return self._out.taken()

    def _write(self) -> None:
        if self._waiting:
            self._file.write_table(self._arrow.Table.from_batches(self._waiting))
            self._waiting = []


class _Outbox(RawIOBase):
    """A file that is sent on instead of being kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _kinds(arrow: Any) -> Mapping[Kind, Any]:
    text = arrow.string()
    return {
        Kind.TEXT: text,
        Kind.NUMBER: arrow.int64(),
        Kind.TIME: arrow.timestamp("ms", tz="UTC"),
        Kind.MONEY: arrow.decimal128(38, money.PLACES),
        Kind.TEXTS: arrow.map_(text, text),
        Kind.COUNTS: arrow.map_(text, arrow.int64()),
        Kind.JSON: text,
    }


def _shown(column: Column, value: Any) -> Any:
    if value is None:
        return None
    match column.kind:
        case Kind.MONEY:
            return money.decimal(value)
        case Kind.TEXTS | Kind.COUNTS:
            return list(value.items())
        case Kind.JSON:
            return as_json(value)
        case _:
            return value
