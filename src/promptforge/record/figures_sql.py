"""Figures in SQL: one scan per question, whatever it is grouped by."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from promptforge.core import money
from promptforge.core.filter import All, Filter, Test
from promptforge.core.query import BUCKETS, Breakdown, Dimension, Group, Key, Metric, Subject, Tag
from promptforge.core.stats import Figures
from promptforge.record.filter_sql import Condition
from promptforge.record.schema import QUARTER, ROLLED

_QUARTER = timedelta(minutes=15)
_LEAST = timedelta(microseconds=1)
_ROLLED_BY = {*BUCKETS, *(dimension for dimension in Dimension if dimension.value in ROLLED)}

_CALL = "bitAnd(shape, 3) = 0"
_RUN = "bitAnd(shape, 4) = 0 AND bitAnd(shape, 3) != 2"
_SUBJECT = {Subject.CALLS: _CALL, Subject.RUNS: _RUN}
# by shape first (see schema): six plain sums a row there, and everything else on a handful of rows
_INNER = """
  count() AS rows,
  sum(latency_ms) AS sum_latency,
  count(latency_ms) AS known_latency,
  sum(token_in) AS sum_in,
  sum(token_out) AS sum_out,
  sum(cost) AS sum_cost"""
_SUMS = {
    "runs": f"sumIf(rows, {_RUN})",
    "calls": f"sumIf(rows, {_CALL})",
    "success": "sumIf(rows, subject AND bitAnd(shape, 24) = 0)",
    "error": "sumIf(rows, subject AND bitAnd(shape, 24) = 8)",
    "pending": "sumIf(rows, subject AND bitAnd(shape, 24) = 16)",
    "latency_ms_sum": "sumIf(ifNull(sum_latency, 0), subject)",
    "latency_count": "sumIf(known_latency, subject)",
    "token_in": f"sumIf(ifNull(sum_in, 0), {_CALL})",
    "token_out": f"sumIf(ifNull(sum_out, 0), {_CALL})",
    "cost": "sum(ifNull(sum_cost, 0))",
    "priced": f"sumIf(rows, {_CALL} AND bitAnd(shape, 96) = 32)",
    "unpriced": f"sumIf(rows, {_CALL} AND bitAnd(shape, 96) = 64)",
    "unknown": f"sumIf(rows, {_CALL} AND bitAnd(shape, 96) = 96)",
    "estimated": f"sumIf(rows, {_CALL} AND bitAnd(shape, 128) != 0)",
}
_RANKS = {metric: metric.value for metric in Metric} | {
    Metric.TOKENS: "token_in + token_out",
    Metric.ERROR_RATE: "if(success + error = 0, -1, error / (success + error))",
    Metric.LATENCY: "if(latency_count = 0, -1, latency_ms_sum / latency_count)",
    Metric.COST_PER_CALL: "if(calls = 0, -1, toFloat64(cost) / calls)",
    Metric.TOKENS_PER_CALL: "if(calls = 0, -1, (token_in + token_out) / calls)",
}
"""The same as ``core.query.measure``; what has no value comes last."""


def condition(query: Breakdown, upto: int | None, today: date) -> Condition:
    """What a breakdown counts; *upto* is the last journal number to count."""
    made = Condition(query.workspace, today)
    made.between(query.start, query.end)
    made.add(query.filter)
    if upto is not None:
        made.parts.append(f"seq <= {made.bind('UInt64', upto)}")
    made.values |= {"zone": query.zone, "limit": query.limit, "minimum": query.minimum}
    made.values |= {f"tag{n}": one.key for n, one in enumerate(query.by) if isinstance(one, Tag)}
    return made


def rolled_up(query: Breakdown) -> Breakdown | None:
    """The part of a question that the sums per quarter of an hour answer; None when there is none."""
    if not (set(query.by) <= _ROLLED_BY and _rolled_filter(query.filter)):
        return None
    start = query.start and _quarter(query.start + _QUARTER - _LEAST)
    end = query.end and _quarter(query.end)
    return None if start and end and start >= end else replace(query, start=start, end=end)


def _rolled_filter(tree: Filter) -> bool:
    return isinstance(tree, All) and all(isinstance(t, Test) and t.field in ROLLED for t in tree.of)


def _quarter(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(minute=utc.minute // 15 * 15, second=0, microsecond=0)


def rests(query: Breakdown, part: Breakdown) -> list[Breakdown]:
    """What *part* leaves over of a question: the pieces before its first and after its last quarter."""
    pieces = [(query.start, part.start), (part.end, query.end)]
    return [replace(query, start=start, end=end) for start, end in pieces if start and end and start < end]


def select_rolled(query: Breakdown, condition: Condition) -> str:
    """The question to the sums; the bounds are quarters."""
    for sign, moment in ((">=", query.start), ("<", query.end)):
        if moment is not None:
            bound = condition.bind("DateTime('UTC')", moment)
            condition.parts.append(f"{QUARTER} {sign} {bound}")
    columns = [_column(d, n).replace("created_at", QUARTER) for n, d in enumerate(query.by)]
    named = "".join(f"{column} AS k{n}, " for n, column in enumerate(columns))
    keys = "".join(f"k{n}, " for n in range(len(columns)))
    inner = f"SELECT {named}shape, {_INNER} FROM facts WHERE {condition.sql} GROUP BY {keys}shape"
    return _outer(query, inner, cut=False)


def select(query: Breakdown, where: str, *, cut: bool = True) -> str:
    """The question; *cut* leaves the ordering and the limit to the engine."""
    named = "".join(f"{_shown(one, n)} AS k{n}, " for n, one in enumerate(query.by))
    keys = "".join(f"{key}, " for key in _grouped(query.by))
    inner = f"SELECT {named}shape, {_INNER} FROM facts PREWHERE {where} GROUP BY {keys}shape"
    return _outer(query, inner, cut=cut)


def _outer(query: Breakdown, inner: str, *, cut: bool) -> str:
    names = ", ".join(f"k{n}" for n in range(len(query.by)))
    subject = f"({_SUBJECT[query.subject]})"
    sums = ", ".join(f"{sql.replace('subject', subject)} AS {name}" for name, sql in _SUMS.items())
    if not query.by:
        return f"SELECT 1 AS groups, {sums} FROM ({inner})"
    sql = f"SELECT {names}, 1 AS groups, {sums} FROM ({inner}) GROUP BY {names}"
    if not cut:
        return sql
    if not query.rest:
        return f"{sql} ORDER BY {_order(query)} LIMIT {{limit:UInt64}}"
    # every group gets its place; what is behind the limit becomes one
    one = "toUInt64(calls > 0 OR cost != 0)" if query.subject is Subject.CALLS else "1"
    placed = (
        f"SELECT *, least(row_number() OVER (ORDER BY {_order(query)}), {{limit:UInt64}} + 1) AS place FROM ({sql})"
    )
    keys = ", ".join(f"any(k{n})" for n in range(len(query.by)))
    totals = ", ".join(f"sum(p.{name})" for name in _SUMS)
    count = f"if(place > {{limit:UInt64}}, -1 - toInt64(sum({one})), 1)"
    return f"SELECT {keys}, {count}, {totals} FROM ({placed}) AS p GROUP BY place ORDER BY place"


def _order(query: Breakdown) -> str:
    """Times in order; the rest by rank, then size, then name, so that a limit always cuts the same."""
    names = ", ".join(f"k{n}" for n in range(len(query.by)))
    size = f"{query.subject.value} DESC"
    if query.by[0] in BUCKETS:
        return f"k0, {size}, {names}"
    if query.rank is None:
        return f"{size}, {names}"
    return f"success + error >= {{minimum:UInt64}} DESC, {_RANKS[query.rank]} DESC, {size}, {names}"


_TIMES = {
    Dimension.HOUR: "toDateTime(toInt64(toUnixTimestamp(created_at)) - toMinute(created_at, {zone:String}) * 60"
    " - toSecond(created_at, {zone:String}), 'UTC')",
    Dimension.DAY: "toDate(created_at, {zone:String})",
    Dimension.WEEK: "toMonday(created_at, {zone:String})",
    Dimension.MONTH: "toStartOfMonth(created_at, {zone:String})",
    Dimension.HOUR_OF_WEEK: "(toDayOfWeek(created_at, 0, {zone:String}) - 1) * 24 + toHour(created_at, {zone:String})",
}
"""``core.bucket`` says the same in Python."""
_NUMBERS = frozenset({Dimension.VERSION, Dimension.CHAIN_VERSION, Dimension.CACHED})


def _column(dimension: Dimension | Tag, n: int) -> str:
    if isinstance(dimension, Tag):
        return f"tags[{{tag{n}:String}}]"
    return _TIMES.get(dimension, dimension.value)


def _plain(dimension: Dimension | Tag) -> bool:
    return dimension in _TIMES or dimension in _NUMBERS


def _shown(dimension: Dimension | Tag, n: int) -> str:
    column = _column(dimension, n)
    return column if _plain(dimension) else f"any({column})"


def _grouped(by: Sequence[Dimension | Tag]) -> list[str]:
    """What to group by: times and numbers as they are, all names together as the sum of their hashes.

    A hash of a LowCardinality column is made once per value, not per row, and one number as a key is twice as fast as
    several names.
    """
    plain = [_column(dimension, n) for n, dimension in enumerate(by) if _plain(dimension)]
    hashes = [f"sipHash64({_column(d, n)}) * {2 * n + 1}" for n, d in enumerate(by) if not _plain(d)]
    return plain + ([" + ".join(hashes)] if hashes else [])


def groups(query: Breakdown, rows: Sequence[Sequence[Any]]) -> list[Group]:
    """The rows of the statement as groups."""
    width = len(query.by)
    found: list[Group] = []
    for row in rows:
        figures = dict(zip(_SUMS, row[width + 1 :], strict=True))
        figures["cost"] = money.from_decimal(figures["cost"])
        count = row[width]
        if count < 0:
            found.append(Group(key=(), figures=Figures(**figures), groups=-1 - count))
        elif width or figures["calls"] or figures["runs"] or figures["cost"]:
            key: Key = tuple(_value(d, value) for d, value in zip(query.by, row[:width], strict=True))
            found.append(Group(key=key, figures=Figures(**figures)))
    return found


def _value(dimension: Dimension | Tag, value: Any) -> Any:
    """A missing name is empty and a missing version 0; the first hour of a week is 0 as well, and is not missing."""
    return value if dimension in BUCKETS else value or None
