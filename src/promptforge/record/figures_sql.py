"""Figures in SQL: one scan per question, whatever it is grouped by."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from promptforge.core import money
from promptforge.core.query import Breakdown, Dimension, Group, Subject
from promptforge.core.stats import Figures
from promptforge.record.filter_sql import Condition

_CALL = "kind = 'execution'"
_SUBJECT = {
    Subject.CALLS: _CALL,
    # a chain execution, or a call outside chains
    Subject.RUNS: "NOT in_chain AND kind != 'adjustment'",
}
# named apart from the columns, which a filter may name too
_SUMS = f"""
  countIf(NOT in_chain AND kind != 'adjustment') AS all_runs,
  countIf({_CALL}) AS all_calls,
  countIf(subject AND status = 'success') AS all_success,
  countIf(subject AND status = 'error') AS all_error,
  countIf(subject AND status = 'pending') AS all_pending,
  sumIf(ifNull(latency_ms, 0), subject) AS all_latency_ms_sum,
  countIf(subject AND latency_ms IS NOT NULL) AS all_latency_count,
  sumIf(ifNull(token_in, 0), {_CALL}) AS all_token_in,
  sumIf(ifNull(token_out, 0), {_CALL}) AS all_token_out,
  sum(ifNull(cost, 0)) AS all_cost,
  countIf({_CALL} AND cost_state = 'priced') AS all_priced,
  countIf({_CALL} AND cost_state = 'unpriced') AS all_unpriced,
  countIf({_CALL} AND cost_state = 'unknown') AS all_unknown,
  countIf({_CALL} AND usage_source = 'estimated') AS all_estimated"""
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


def select(query: Breakdown, where: str, *, cut: bool = True) -> str:
    """The question; *cut* leaves the ordering and the limit to the engine."""
    keys = ["toDate(created_at, {zone:String})" if d is Dimension.DAY else d.value for d in query.by]
    named = [f"{key} AS k{n}" for n, key in enumerate(keys)]
    names = ", ".join(f"k{n}" for n in range(len(keys)))
    # days in order; the rest by size, and by name where sizes are equal, so that a limit always cuts the same
    size = "all_runs" if query.subject is Subject.RUNS else "all_calls"
    order = ["k0"] if query.by[:1] == (Dimension.DAY,) else []
    sums = _SUMS.replace("subject", f"({_SUBJECT[query.subject]})")
    sql = f"SELECT {', '.join([*named, sums])} FROM facts PREWHERE {where}"
    if keys:
        sql += f" GROUP BY {names}"
        if cut:
            sql += f" ORDER BY {', '.join([*order, f'{size} DESC', names])} LIMIT {{limit:UInt64}}"
    return sql


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
