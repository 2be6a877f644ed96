"""The history: closed executions for ever, in ClickHouse's SQL. Every read is bound to a workspace by construction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from promptforge.core import ids
from promptforge.core.chain_execution import AnyExecution, ChainExecution
from promptforge.core.doctor import Examined
from promptforge.core.erasure import Erasure
from promptforge.core.execution import Execution, Source
from promptforge.core.pruning import Border, Pruned
from promptforge.core.query import Breakdown, Group, Key, Page, Seen, StoreSize
from promptforge.core.stats import Figures
from promptforge.record import figures_sql, merge, pruning
from promptforge.record.chain_rows import chain_of
from promptforge.record.copies import EngineCopies
from promptforge.record.engine import Engine
from promptforge.record.erasure import erase_rows
from promptforge.record.examination import examine
from promptforge.record.filter_sql import Condition
from promptforge.record.migration import migrate
from promptforge.record.rows import (
    FACT_NAMES,
    PAYLOAD_NAMES,
    Row,
    content_of,
    execution_of,
    facts_block,
    has_content,
    payloads_block,
)
from promptforge.record.schema import FOREVER, TABLES, WEEK, milliseconds, moment_of, number_of

E = TypeVar("E", Execution, ChainExecution)
_FACTS = ", ".join(FACT_NAMES)
_PAYLOADS = ", ".join(PAYLOAD_NAMES)
# the day leaves most partitions out, the moments most of the rest
_CONTENT = (
    "workspace = {workspace:String} AND expires_on IN {days:Array(Date)} AND expires_on > {today:Date} "
    "AND created_at IN {times:Array(DateTime64(3, 'UTC'))} AND id IN {ids:Array(UInt128)}"
)
_DAY_MS = 86_400_000
_SPANS = (1, 4, 16)
"""Days of the first windows that a search goes back by."""

WINDOW_ROWS = 2_000_000
"""About so many rows are in each window after them: the hits of a common word among them fit into memory."""


class ClickHouseHistory:
    """The History port on ClickHouse SQL. *today* decides which content has expired."""

    def __init__(self, folder: Path, today: Callable[[], date], settings: Mapping[str, Any] | None = None) -> None:
        self._today = today
        self._engine = Engine(folder, settings or {})
        try:
            migrate(self._engine)
        except BaseException:
            self._engine.close()
            raise

    # ── writing ──

    def insert(self, batch: int, rows: Sequence[tuple[int, AnyExecution]], *, doubt: bool) -> None:
        """Content first, so that a visible figure has its content."""
        content = [execution for _, execution in rows if has_content(execution)]
        with self._engine.writing():
            if doubt:
                there = self._stored("payloads", "steps != ''", batch)
                content = [e for e in content if _key(e) not in there]
                there = self._stored("facts", "kind = 'chain'", batch)
                rows = [row for row in rows if _key(row[1]) not in there]
            if content:
                self._engine.insert("payloads", payloads_block(batch, content))
            if rows:
                self._engine.insert("facts", facts_block(batch, rows))

    def check(self, batch: int, rows: Sequence[tuple[int, AnyExecution]]) -> None:
        payloads_block(batch, [execution for _, execution in rows if has_content(execution)])
        facts_block(batch, rows)

    def erase(self, workspace: str) -> None:
        """Remove every row of a workspace."""
        for table in TABLES:
            self._engine.command(
                f"ALTER TABLE {table} DELETE WHERE workspace = {{workspace:String}}",
                {"workspace": workspace},
                mutations_sync=2,
            )

    def erase_end_user(self, workspace: str, end_user: str, begun: Sequence[str] = ()) -> Erasure:
        return erase_rows(self._engine, workspace, end_user, begun)

    def border(self, workspace: str, before: datetime, chains: Sequence[str]) -> Border:
        return pruning.border(self._engine, workspace, before, chains)

    def due(self, border: Border) -> Pruned:
        return pruning.due(self._engine, border)

    def prune(self, border: Border) -> None:
        pruning.prune(self._engine, border)

    def _stored(self, table: str, chain: str, batch: int) -> set[tuple[bool, int]]:
        """What is there of a batch. An id alone is not enough: who makes ids may give a call that of a chain."""
        sql = f"SELECT {chain}, id FROM {table} PREWHERE batch = {{batch:UInt64}}"
        return {(bool(is_chain), number) for is_chain, number in self._engine.ask(sql, {"batch": batch})}

    # ── reading ──

    def known(self, workspace: str, ids: Sequence[str]) -> frozenset[str]:
        """Which of these are stored. Their moments, taken from the ids, keep the look short."""
        if not ids:
            return frozenset()
        numbers = [number_of(shown) for shown in ids]
        rows = self._engine.ask(
            "SELECT kind, id FROM facts PREWHERE workspace = {workspace:String} "
            "AND created_at >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') "
            "AND created_at <= fromUnixTimestamp64Milli({last:Int64}, 'UTC') AND id IN {ids:Array(UInt128)}",
            {"workspace": workspace, "first": _moment(min(numbers)), "last": _moment(max(numbers)), "ids": numbers},
        )
        return frozenset(ids).intersection(_shown(kind, number) for kind, number in rows)

    def get(self, workspace: str, execution_id: str) -> Execution | None:
        return self._get(_CALLS, workspace, execution_id)

    def get_chain(self, workspace: str, chain_execution_id: str) -> ChainExecution | None:
        return self._get(_CHAINS, workspace, chain_execution_id)

    def _get(self, kind: "_Kind[E]", workspace: str, shown: str) -> E | None:
        number = ids.parse(kind.prefix, shown)
        if number is None:
            return None
        rows = self._engine.ask(
            f"SELECT {_FACTS} FROM facts PREWHERE workspace = {{workspace:String}} "
            "AND created_at = fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND id = {id:UInt128} "
            f"AND {kind.condition} LIMIT 1",
            {"workspace": workspace, "at": _moment(number), "id": number},
            threads=1,
        )
        found = self._made(kind, workspace, rows, content=True)
        return found[0] if found else None

    def page(self, query: Page, upto: int | None = None) -> Sequence[Execution]:
        return self._page(_CALLS, query, upto)

    def chain_page(self, query: Page, upto: int | None = None) -> Sequence[ChainExecution]:
        return self._page(_CHAINS, query, upto)

    def _page(self, kind: "_Kind[E]", query: Page, upto: int | None) -> Sequence[E]:
        condition = Condition(query.workspace, self._today())
        condition.parts.append(kind.condition)
        after = None
        if query.after is not None:
            after = ids.parse(kind.prefix, query.after)
            if after is None:
                return ()
            moment = condition.bind_time(_moment(after))
            condition.parts.append(f"created_at <= {moment}")
            condition.parts.append(f"(created_at, id) < ({moment}, {condition.bind('UInt128', after)})")
        condition.add(query.filter)
        if upto is not None:
            condition.parts.append(f"seq <= {condition.bind('UInt64', upto)}")
        rows = self._search(condition, query, after) if condition.has_text else self._find(condition, query)
        return self._made(kind, query.workspace, rows, content=query.content)

    def figures(self, query: Breakdown, upto: int | None = None) -> Sequence[Group]:
        part = figures_sql.rolled_up(query) if upto is None else None
        if part is not None:
            return self._rolled(query, part)
        condition = figures_sql.condition(query, upto, self._today())
        if not condition.has_text:
            sql = figures_sql.select(query, condition.sql)
            return figures_sql.groups(query, self._engine.ask(sql, condition.values, heavy=True))
        # the hits of a common word over all time would not fit into the memory that a question may take
        sums: dict[Key, Figures] = {}
        for first, last in self._windows(query.workspace, query.end, query.start):
            condition.values |= {"first": first, "last": last}
            sql = figures_sql.select(query, condition.within_window(), cut=False)
            for group in figures_sql.groups(query, self._engine.ask(sql, condition.values, heavy=True)):
                before = sums.get(group.key)
                sums[group.key] = before + group.figures if before else group.figures
        return merge.ordered(query, sums)

    def seen(self, workspace: str, limit: int) -> Sequence[Seen]:
        rows = self._engine.ask(
            "SELECT service, groupUniqArray(source), max(created_at) AS last FROM facts "
            "PREWHERE workspace = {workspace:String} GROUP BY service ORDER BY last DESC, service LIMIT {limit:UInt64}",
            {"workspace": workspace, "limit": limit},
            heavy=True,
        )
        return [
            Seen(service=service or None, sources=tuple(sorted(map(Source, sources))), last=last)
            for service, sources, last in rows
        ]

    def _rolled(self, query: Breakdown, part: Breakdown) -> Sequence[Group]:
        """From the sums that the engine keeps, and from the rows for what is less than a quarter of an hour."""
        condition = figures_sql.condition(replace(part, start=None, end=None), None, self._today())
        sql = figures_sql.select_rolled(part, condition)
        sums = {g.key: g.figures for g in figures_sql.groups(part, self._engine.ask(sql, condition.values, heavy=True))}
        for rest in figures_sql.rests(query, part):
            condition = figures_sql.condition(rest, None, self._today())
            rows = self._engine.ask(figures_sql.select(rest, condition.sql, cut=False), condition.values)
            for group in figures_sql.groups(rest, rows):
                before = sums.get(group.key)
                sums[group.key] = before + group.figures if before else group.figures
        return merge.ordered(query, sums)

    def _find(self, condition: Condition, query: Page) -> Sequence[Sequence[Any]]:
        sql = (
            f"SELECT {_FACTS} FROM facts PREWHERE {condition.sql} "
            f"ORDER BY created_at DESC, id DESC LIMIT {query.limit:d} OFFSET {query.offset:d}"
        )
        return self._engine.ask(sql, condition.values)

    def _search(self, condition: Condition, query: Page, after: int | None) -> Sequence[Sequence[Any]]:
        """Go back window by window until the page is full: a common word is found at once, in little memory."""
        wanted = query.offset + query.limit
        found: list[Sequence[Any]] = []
        newest = None if after is None else moment_of(_moment(after))
        for first, last in self._windows(query.workspace, newest):
            condition.values |= {"first": first, "last": last}
            sql = (
                f"SELECT {_FACTS} FROM facts PREWHERE {condition.within_window()} "
                f"ORDER BY created_at DESC, id DESC LIMIT {wanted - len(found):d}"
            )
            found += self._engine.ask(sql, condition.values, heavy=True)
            if len(found) >= wanted:
                break
        return found[query.offset :]

    def _windows(
        self, workspace: str, until: datetime | None = None, since: datetime | None = None
    ) -> Iterator[tuple[int, int]]:
        """Spans of milliseconds, both ends included, from the newest back to the oldest that there is."""
        ((rows, oldest, newest),) = self._engine.ask(
            "SELECT count(), min(created_at), max(created_at) FROM facts PREWHERE workspace = {workspace:String}",
            {"workspace": workspace},
        )
        if not rows:
            return
        whole = (newest - oldest) / timedelta(days=1) + 1
        widest = max(_SPANS[-1], whole * WINDOW_ROWS / rows)
        last = milliseconds(min(newest, until) if until else newest) or 0
        first_of_all = milliseconds(max(oldest, since) if since else oldest) or 0
        step = 0
        while last >= first_of_all:
            days = _SPANS[step] if step < len(_SPANS) else widest
            first = last - int(days * _DAY_MS)
            yield first, last
            last = first - 1
            step += 1

    def _made(self, kind: "_Kind[E]", workspace: str, rows: Sequence[Sequence[Any]], *, content: bool) -> list[E]:
        facts = [dict(zip(FACT_NAMES, row, strict=True)) for row in rows]
        contents = self._contents(kind, workspace, facts) if content and facts else {}
        return [kind.made(row, contents.get(row["id"])) for row in facts]

    def with_content(self, workspace: str, executions: Sequence[Execution]) -> Sequence[Execution]:
        """The same, each with its content where that is kept and has not expired."""
        facts: list[Row] = [{"id": number_of(one.id), "expires_on": one.expires_on or FOREVER} for one in executions]
        found = self._contents(_CALLS, workspace, facts) if facts else {}
        return [
            replace(one, content=content_of(found[fact["id"]])) if fact["id"] in found else one
            for one, fact in zip(executions, facts, strict=True)
        ]

    def _contents(self, kind: "_Kind[Any]", workspace: str, facts: Sequence[Row]) -> dict[int, Row]:
        values = {
            "workspace": workspace,
            "today": self._today(),
            "days": sorted({row["expires_on"] for row in facts}),
            "times": sorted({_moment(row["id"]) / 1000 for row in facts}),
            "ids": [row["id"] for row in facts],
        }
        sql = f"SELECT {_PAYLOADS} FROM payloads PREWHERE {_CONTENT} WHERE {kind.content}"
        rows = self._engine.ask(sql, values, threads=1)
        return {row[0]: dict(zip(PAYLOAD_NAMES, row, strict=True)) for row in rows}

    # ── keeping house ──

    def ping(self) -> None:
        self._engine.ask("SELECT 1", {})

    def last(self) -> tuple[int, int]:
        """The highest journal number and batch of all rows, 0 where there are none. A scan: for a start only."""
        sequence, batch = self._engine.ask("SELECT max(seq), max(batch) FROM facts", {})[0]
        return sequence, batch

    def sizes(self) -> Sequence[StoreSize]:
        """What each table takes."""
        rows = self._engine.ask(
            "SELECT table, sum(bytes_on_disk), sum(rows) FROM system.parts WHERE database = currentDatabase() "
            "AND active GROUP BY table",
            {},
        )
        found = {table: StoreSize(name=table, bytes=int(size), rows=int(count)) for table, size, count in rows}
        return [found.get(table, StoreSize(name=table, bytes=0, rows=0)) for table in reversed(TABLES)]

    def since(self, batch: int, created_ms: int) -> Sequence[tuple[str, str]]:
        """Workspace and id of what came in later batches and was made since. A scan too."""
        rows = self._engine.ask(
            "SELECT workspace, kind, id FROM facts PREWHERE batch > {batch:UInt64} "
            "AND created_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')",
            {"batch": batch, "since": created_ms},
        )
        return [(workspace, _shown(kind, number)) for workspace, kind, number in rows]

    def owner(self) -> str | None:
        """The id of the home that this belongs to."""
        rows = self._engine.ask("SELECT value FROM about WHERE name = 'home' LIMIT 1", {})
        return rows[0][0] if rows else None

    def own(self, owner: str) -> None:
        """Write down whose it is."""
        self._engine.command("INSERT INTO about SELECT 'home', {owner:String}", {"owner": owner})

    def expire(self, today: date) -> None:
        """Drop the weeks whose content has expired to the last day. The figures stay."""
        found = self._engine.ask(
            "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() "
            "AND table = 'payloads' AND active AND toDate(partition) <= {until:Date}",
            {"until": today - timedelta(days=WEEK - 1)},
        )
        for (partition,) in found:
            self._engine.command(f"ALTER TABLE payloads DROP PARTITION '{date.fromisoformat(partition)}'")

    def examine(self, today: date, since: datetime) -> Examined:
        """What must not be in it."""
        return examine(self._engine, today, since)

    def copies(self) -> EngineCopies:
        """Its rows in bulk."""
        return EngineCopies(self._engine)

    def rest(self) -> None:
        self._engine.rest()

    def close(self) -> None:
        self._engine.close()


@dataclass(frozen=True, slots=True)
class _Kind(Generic[E]):
    """A kind of row: which facts and payloads are of it, how its ids begin, and what is made of them."""

    condition: str
    content: str
    prefix: str
    made: Callable[[Row, Row | None], E]


_CALLS = _Kind("kind = 'execution'", "steps = ''", ids.EXECUTION, execution_of)
_CHAINS = _Kind("kind = 'chain'", "steps != ''", ids.CHAIN_EXECUTION, chain_of)


def _key(execution: AnyExecution) -> tuple[bool, int]:
    return isinstance(execution, ChainExecution), number_of(execution.id)


def _shown(kind: str, number: int) -> str:
    return ids.text(ids.CHAIN_EXECUTION if kind == "chain" else ids.EXECUTION, number)


def _moment(number: int) -> int:
    return ids.milliseconds(number)
