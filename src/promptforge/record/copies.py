"""The history's rows in bulk: out of one history and into another, with sums that tell whether all came over.

Rows never change but for erasure, so they are copied by spans of batches while the record goes on.
"""

from collections.abc import Iterator, Mapping, Sequence

from promptforge.core.backup import Portion
from promptforge.record.engine import Engine
from promptforge.record.migration import APPLIED, applied

PIECE = 32 << 20
"""Bytes, as they are in memory, after which a span ends; a batch that is larger is copied in several pieces."""


class EngineCopies:
    """The Copies port on the engine, and the way back in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def changes(self) -> int:
        """Which of the changes that made the tables have been done."""
        return applied(self._engine)

    def columns(self, table: str) -> Sequence[str]:
        """The columns that are stored as they come, in their order."""
        rows = self._engine.ask(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
            "AND default_kind = '' ORDER BY position",
            {"table": table},
        )
        return [row[0] for row in rows]

    def spans(self, table: str, columns: Sequence[str], upto: int) -> Sequence[Portion]:
        """The batches up to *upto*, cut into spans."""
        values = ", ".join(f"`{name}`" for name in columns)
        sql = (
            "SELECT min(batch), max(batch), sum(count), sum(sum), sum(size) FROM ("
            f"SELECT batch, count() AS count, sum(cityHash64(tuple({values}))) AS sum, "
            f"sum(byteSize({values})) AS size, intDiv(sum(size) OVER (ORDER BY batch), {PIECE}) AS span "
            f"FROM {table} PREWHERE batch <= {{upto:UInt64}} GROUP BY batch) GROUP BY span ORDER BY span"
        )
        return [Portion(*row) for row in self._engine.ask(sql, {"upto": upto}, heavy=True)]

    def pieces(self, table: str, columns: Sequence[str], span: Portion) -> Iterator[bytes]:
        """The rows of a span, in blocks that fit into memory."""
        names = ", ".join(f"`{name}`" for name in columns)
        parts = span.bytes // (2 * PIECE) + 1
        for part in range(parts):
            yield self._engine.block(
                f"SELECT {names} FROM {table} PREWHERE batch BETWEEN {{first:UInt64}} AND {{last:UInt64}} "
                "WHERE id % {parts:UInt64} = {part:UInt64}",
                {"first": span.first, "last": span.last, "parts": parts, "part": part},
            )

    def totals(self, upto: int) -> Mapping[str, str]:
        """What people know the rows by: executions, tokens, and the exact cost as text."""
        ((count, token_in, token_out, cost),) = self._engine.ask(
            "SELECT countIf(kind = 'execution'), sum(ifNull(token_in, 0)), sum(ifNull(token_out, 0)), "
            "sum(ifNull(cost, 0)) FROM facts PREWHERE batch <= {upto:UInt64}",
            {"upto": upto},
        )
        cost = f"{cost.normalize():f}" if cost else "0"
        return {"executions": str(count), "tokenIn": str(token_in), "tokenOut": str(token_out), "costUsd": cost}

    def take_in(self, table: str, block: bytes) -> None:
        """Store the rows of a piece."""
        self._engine.insert(table, block)

    def taken_from(self, changes: int) -> None:
        """Say that the rows came from tables of an earlier release: later changes are done at the next start."""
        self._engine.command("TRUNCATE TABLE applied")
        for number in range(1, changes + 1):
            self._engine.command(APPLIED, {"number": number})
