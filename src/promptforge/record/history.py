"""The history: closed executions for ever, in ClickHouse's SQL on an engine inside this process.

A handle of the engine does one thing at a time, so there is one for writing and a few for reading. Every read is
bound to a workspace, limited in memory and threads, and at most two heavy ones run at once: the engine has no limits
of its own here.
"""

import contextlib
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from queue import LifoQueue
from typing import Any

from promptforge.core import ids
from promptforge.core.errors import Unavailable
from promptforge.core.execution import Content, Execution
from promptforge.core.query import Breakdown, Group, Page
from promptforge.record import figures_sql
from promptforge.record.filter_sql import Condition
from promptforge.record.rows import FACT_NAMES, PAYLOAD_NAMES, content_of, execution_of, facts_block, payloads_block
from promptforge.record.schema import CHANGES

Client = Any
"""A handle of the engine; its library types it only in part."""

READERS = 6
HEAVY = 2
REST_SECONDS = 1.0
_LIMITS: Mapping[str, Any] = {
    "max_memory_usage": 400_000_000,
    "max_bytes_before_external_group_by": 150_000_000,
    "max_bytes_before_external_sort": 150_000_000,
    "max_threads": 2,
    # the engine would move its own top-k filter into PREWHERE and leave ours out
    "use_top_k_dynamic_filtering": 0,
    "read_in_order_use_buffering": 0,
}
_FACTS = ", ".join(f"`{name}`" for name in FACT_NAMES)
_PAYLOADS = ", ".join(f"`{name}`" for name in PAYLOAD_NAMES)
_KEY = (
    "workspace = {workspace:String} AND created_at IN {times:Array(DateTime64(3, 'UTC'))} "
    "AND id IN {ids:Array(UInt128)}"
)


class ClickHouseHistory:
    """The History port on chDB."""

    def __init__(self, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._reading = {**_LIMITS, **(settings or {})}
        self._heavy = threading.BoundedSemaphore(HEAVY)
        self._swollen = False
        self._used_at = time.monotonic()
        self._writer = self._connect({"max_partitions_per_insert_block": 0})
        self._write_lock = threading.Lock()
        for statement in CHANGES:
            self._writer.command(statement)
        self._readers: LifoQueue[Client] = LifoQueue()
        self._clients = [self._connect(self._reading) for _ in range(READERS)]
        for client in self._clients:
            self._readers.put(client)

    # ── writing ──

    def insert(self, batch: int, rows: Sequence[tuple[int, Execution]], *, doubt: bool) -> None:
        """Content first, so that a visible figure has its content."""
        content = [execution for _, execution in rows if execution.content is not None]
        with self._write_lock:
            if doubt:
                there = self._stored("payloads", batch)
                content = [e for e in content if _number(e.id) not in there]
                there = self._stored("facts", batch)
                rows = [row for row in rows if _number(row[1].id) not in there]
            if content:
                self._insert("payloads", payloads_block(batch, content))
            if rows:
                self._insert("facts", facts_block(batch, rows))

    def check(self, batch: int, rows: Sequence[tuple[int, Execution]]) -> None:
        """Whether they could be written as rows at all; an error where not. Touches no store."""
        payloads_block(batch, [execution for _, execution in rows])
        facts_block(batch, rows)

    def erase(self, workspace: str) -> None:
        """Remove every row of a workspace: the one thing that changes what was written."""
        with self._write_lock, _reported():
            for table in ("payloads", "facts"):
                self._writer.command(
                    f"ALTER TABLE {table} DELETE WHERE workspace = {{workspace:String}}",
                    parameters={"workspace": workspace},
                    settings={"mutations_sync": 2},
                )

    def _stored(self, table: str, batch: int) -> set[int]:
        with _reported():
            found = self._writer.query(f"SELECT id FROM {table} WHERE batch = {{batch:UInt64}}", {"batch": batch})
        return {row[0] for row in found.result_rows}

    def _insert(self, table: str, block: bytes) -> None:
        with _reported():
            self._writer.raw_insert(table, insert_block=block, fmt="Native")

    # ── reading ──

    def known(self, workspace: str, ids: Sequence[str]) -> frozenset[str]:
        """Which of these are stored. Their moments, taken from the ids, keep the look short."""
        numbers = {_number(shown): shown for shown in ids}
        if not numbers:
            return frozenset()
        rows = self._ask(
            "SELECT id FROM facts PREWHERE workspace = {workspace:String} "
            "AND created_at >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') "
            "AND created_at <= fromUnixTimestamp64Milli({last:Int64}, 'UTC') AND id IN {ids:Array(UInt128)}",
            {
                "workspace": workspace,
                "first": _moment(min(numbers)),
                "last": _moment(max(numbers)),
                "ids": list(numbers),
            },
        )
        return frozenset(numbers[row[0]] for row in rows)

    def get(self, workspace: str, execution_id: str) -> Execution | None:
        number = ids.parse(ids.EXECUTION, execution_id)
        if number is None:
            return None
        at = "created_at = fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND id = {id:UInt128}"
        values = {"workspace": workspace, "at": _moment(number), "id": number}
        rows = self._ask(
            f"SELECT {_FACTS} FROM facts PREWHERE workspace = {{workspace:String}} AND {at} LIMIT 1", values, threads=1
        )
        if not rows:
            return None
        contents = self._contents(workspace, [number])
        return execution_of(dict(zip(FACT_NAMES, rows[0], strict=True)), contents.get(number))

    def page(self, query: Page, upto: int | None = None) -> Sequence[Execution]:
        condition = Condition(query.workspace)
        condition.parts.append("kind = 'execution'")
        if query.after is not None:
            number = ids.parse(ids.EXECUTION, query.after)
            if number is None:
                return ()
            moment = condition.bind_time(_moment(number))
            condition.parts.append(f"created_at <= {moment}")
            condition.parts.append(f"(created_at, id) < ({moment}, {condition.bind('UInt128', number)})")
        condition.add(query.filter)
        if upto is not None:
            condition.parts.append(f"seq <= {condition.bind('UInt64', upto)}")
        limit, offset = condition.bind("UInt64", query.limit), condition.bind("UInt64", query.offset)
        sql = (
            f"SELECT {_FACTS} FROM facts PREWHERE {condition.sql} "
            f"ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}"
        )
        rows = self._ask(sql, condition.values, heavy=condition.has_text)
        contents = self._contents(query.workspace, [row[0] for row in rows]) if query.content else {}
        return [execution_of(dict(zip(FACT_NAMES, row, strict=True)), contents.get(row[0])) for row in rows]

    def figures(self, query: Breakdown, upto: int | None = None) -> Sequence[Group]:
        sql, condition = figures_sql.statement(query, upto)
        return figures_sql.groups(query, self._ask(sql, condition.values, heavy=True))

    def _contents(self, workspace: str, numbers: Sequence[int]) -> dict[int, Content]:
        if not numbers:
            return {}
        rows = self._ask(
            f"SELECT {_PAYLOADS} FROM payloads PREWHERE {_KEY}",
            {"workspace": workspace, "times": sorted({_moment(n) / 1000 for n in numbers}), "ids": list(numbers)},
            threads=1,
        )
        return {row[0]: content_of(dict(zip(PAYLOAD_NAMES, row, strict=True))) for row in rows}

    # ── keeping house ──

    def ping(self) -> None:
        """Unavailable when the engine does not answer."""
        self._ask("SELECT 1", {})

    def last(self) -> tuple[int, int]:
        """The highest journal number and batch of all rows, 0 where there are none. A scan: for a start only."""
        sequence, batch = self._ask("SELECT max(seq), max(batch) FROM facts", {})[0]
        return sequence, batch

    def expire(self, today: date) -> None:
        """Drop the content that may not be kept any longer. The figures stay."""
        with self._write_lock, _reported():
            found = self._writer.query(
                "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() "
                "AND table = 'payloads' AND active AND toDate(partition) <= {today:Date}",
                {"today": today},
            )
            for (partition,) in found.result_rows:
                self._writer.command(f"ALTER TABLE payloads DROP PARTITION '{date.fromisoformat(partition)}'")

    def rest(self) -> None:
        """Give memory back when nothing was asked for a moment after something heavy."""
        if self._swollen and time.monotonic() - self._used_at > REST_SECONDS:
            self._swollen = False
            with self._write_lock, contextlib.suppress(Unavailable), _reported():
                self._writer.command("SYSTEM JEMALLOC PURGE")

    def close(self) -> None:
        for client in (*self._clients, self._writer):
            client.close()

    def _ask(
        self, sql: str, values: Mapping[str, Any], *, heavy: bool = False, threads: int = 0
    ) -> Sequence[Sequence[Any]]:
        self._used_at = time.monotonic()
        settings = {"max_threads": threads} if threads else None
        with self._heavy if heavy else contextlib.nullcontext():
            client = self._readers.get()
            try:
                with _reported():
                    return client.query(sql, parameters=dict(values), settings=settings).result_rows
            finally:
                self._readers.put(client)
                self._swollen = self._swollen or heavy

    def _connect(self, settings: Mapping[str, Any]) -> Client:
        driver: Any = import_module("clickhouse_connect")  # typed only in part, and slow to import: not before use
        with _reported():
            return driver.get_client(interface="chdb", path=str(self._folder), tz_mode="aware", settings=dict(settings))


def _number(shown: str) -> int:
    number = ids.parse(ids.EXECUTION, shown)
    if number is None:
        raise ValueError(f"'{shown[:60]}' is not the id of an execution")
    return number


def _moment(number: int) -> int:
    return ids.milliseconds(number)


@contextlib.contextmanager
def _reported() -> Generator[None]:
    """Turn what the engine says into an error of ours."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as error:
        said = str(error).strip().splitlines()
        raise Unavailable(f"the history could not be reached: {said[0][:300] if said else 'no answer'}") from error
