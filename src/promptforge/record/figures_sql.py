"""Figures in SQL: one scan per question, whatever it is grouped by."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from promptforge.core import money
from promptforge.core.filter import All, Filter, Test
from promptforge.core.query import Breakdown, Dimension, Group, Subject
from promptforge.core.stats import Figures
from promptforge.record.filter_sql import Condition
from promptforge.record.schema import QUARTER, ROLLED

_QUARTER = timedelta(minutes=15)
_LEAST = timedelta(microseconds=1)
_ROLLED_BY = {Dimension.DAY, *(dimension for dimension in Dimension if dimension.value in ROLLED)}

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
_OUTER = f"""
  sumIf(rows, {_RUN}) AS runs,
  sumIf(rows, {_CALL}) AS calls,
  sumIf(rows, subject AND bitAnd(shape, 24) = 0),
  sumIf(rows, subject AND bitAnd(shape, 24) = 8),
  sumIf(rows, subject AND bitAnd(shape, 24) = 16),
  sumIf(ifNull(sum_latency, 0), subject),
  sumIf(known_latency, subject),
  sumIf(ifNull(sum_in, 0), {_CALL}),
  sumIf(ifNull(sum_out, 0), {_CALL}),
  sum(ifNull(sum_cost, 0)),
  sumIf(rows, {_CALL} AND bitAnd(shape, 96) = 32),
  sumIf(rows, {_CALL} AND bitAnd(shape, 96) = 64),
  sumIf(rows, {_CALL} AND bitAnd(shape, 96) = 96),
  sumIf(rows, {_CALL} AND bitAnd(shape, 128) != 0)"""
_NAMES = (
    "runs",
    "calls",
    "success",
    "error",
    "pending",
    "latency_ms_sum",
    "latency_count",
    "token_in",
    "token_out",
    "cost",
    "priced",
    "unpriced",
    "unknown",
    "estimated",
)


def condition(query: Breakdown, upto: int | None, today: date) -> Condition:
    """What a breakdown counts; *upto* is the last journal number to count."""
    made = Condition(query.workspace, today)
    made.between(query.start, query.end)
    made.add(query.filter)
    if upto is not None:
        made.parts.append(f"seq <= {made.bind('UInt64', upto)}")
    made.values |= {"zone": query.zone, "limit": query.limit}
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
    columns = [_DAY.replace("created_at", QUARTER) if d is Dimension.DAY else d.value for d in query.by]
    named = "".join(f"{column} AS k{n}, " for n, column in enumerate(columns))
    keys = "".join(f"k{n}, " for n in range(len(columns)))
    inner = f"SELECT {named}shape, {_INNER} FROM facts WHERE {condition.sql} GROUP BY {keys}shape"
    return _outer(query, inner, cut=False)


def select(query: Breakdown, where: str, *, cut: bool = True) -> str:
    """The question; *cut* leaves the ordering and the limit to the engine."""
    named = "".join(f"{_column(dimension)} AS k{n}, " for n, dimension in enumerate(query.by))
    keys = "".join(f"{key}, " for key in _grouped(query.by))
    inner = f"SELECT {named}shape, {_INNER} FROM facts PREWHERE {where} GROUP BY {keys}shape"
    return _outer(query, inner, cut=cut)


def _outer(query: Breakdown, inner: str, *, cut: bool) -> str:
    names = ", ".join(f"k{n}" for n in range(len(query.by)))
    sums = _OUTER.replace("subject", f"({_SUBJECT[query.subject]})")
    if not query.by:
        return f"SELECT {sums} FROM ({inner})"
    sql = f"SELECT {names}, {sums} FROM ({inner}) GROUP BY {names}"
    if cut:
        # days in order; the rest by size, and by name where sizes are equal, so that a limit always cuts the same
        size = "runs" if query.subject is Subject.RUNS else "calls"
        order = ["k0"] if query.by[:1] == (Dimension.DAY,) else []
        sql += f" ORDER BY {', '.join([*order, f'{size} DESC', names])} LIMIT {{limit:UInt64}}"
    return sql


_DAY = "toDate(created_at, {zone:String})"


def _column(dimension: Dimension) -> str:
    return {Dimension.DAY: _DAY, Dimension.VERSION: "version"}.get(dimension, f"any({dimension.value})")


def _grouped(by: Sequence[Dimension]) -> list[str]:
    """What to group by: days and numbers as they are, all names together as the sum of their hashes.

    A hash of a LowCardinality column is made once per value, not per row, and one number as a key is twice as fast as
    several names.
    """
    plain = [_column(dimension) for dimension in by if not _column(dimension).startswith("any")]
    hashes = [f"sipHash64({d.value}) * {2 * n + 1}" for n, d in enumerate(by) if _column(d).startswith("any")]
    return plain + ([" + ".join(hashes)] if hashes else [])


def groups(query: Breakdown, rows: Sequence[Sequence[Any]]) -> list[Group]:
    """The rows of the statement as groups."""
    width = len(query.by)
    found: list[Group] = []
    for row in rows:
        key: tuple[str | int | date | None, ...] = tuple(value or None for value in row[:width])
        figures = dict(zip(_NAMES, row[width:], strict=True))
        figures["cost"] = money.from_decimal(figures["cost"])
        if width or figures["calls"] or figures["runs"] or figures["cost"]:
            found.append(Group(key=key, figures=Figures(**figures)))
    return found
