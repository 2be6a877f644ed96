"""Pruning both stores: the only thing that takes figures away, and only whole days that are long past.

The history first, content before figures, and the journal last: what it remembers of an id keeps the same from being
taken in again, until the row is gone. So all of it may be done again from its start, whatever became of the last time.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from promptforge.core import ids
from promptforge.core.errors import Unavailable
from promptforge.core.money import from_decimal
from promptforge.core.pruning import Border, Pruned
from promptforge.record.engine import Engine
from promptforge.record.events import CHUNK
from promptforge.record.schema import TABLES, milliseconds

_CHAIN = f"{ids.CHAIN_EXECUTION}_"
_BEFORE = "fromUnixTimestamp64Milli({before:Int64}, 'UTC')"


def first_id(prefix: str, moment: datetime) -> str:
    """The lowest id of a moment: older ones are lower, because ids sort by time."""
    return ids.text(prefix, ids.number(milliseconds(moment) or 0, 0))


# ── from the history ──


def border(engine: Engine, workspace: str, before: datetime, chains: Sequence[str]) -> Border:
    """What is to go; *chains* are older chain executions that have not arrived in the history."""
    values = {
        "workspace": workspace,
        "before": milliseconds(before),
        "first": _CHAIN,
        "end": first_id(ids.CHAIN_EXECUTION, before),
        "chains": list(chains),
    }
    calls = "SELECT id FROM facts PREWHERE workspace = {workspace:String} AND kind != 'chain' AND "
    spared = f"created_at < {_BEFORE} AND chain_execution_id IN {{chains:Array(String)}}"
    along = (
        f"created_at >= {_BEFORE} AND chain_execution_id > {{first:String}} AND chain_execution_id < {{end:String}} "
        "AND chain_execution_id NOT IN {chains:Array(String)}"
    )
    return Border(
        workspace=workspace,
        before=before,
        spared=[row[0] for row in engine.ask(calls + spared, values)] if chains else [],
        along=[row[0] for row in engine.ask(calls + along, values)],
    )


def due(engine: Engine, border: Border) -> Pruned:
    """What is beyond the border."""
    beyond = _beyond("kind != 'chain'")
    rows = engine.ask(
        "SELECT countIf(kind = 'execution'), countIf(kind = 'chain'), sum(cost), uniqExact(toDate(created_at)), "
        f"min(created_at), max(created_at) FROM facts PREWHERE {beyond}",
        _values(border),
        heavy=True,
    )
    executions, chains, cost, days, first, last = rows[0]
    return Pruned(
        executions=executions,
        chain_executions=chains,
        cost=from_decimal(cost or Decimal(0)),
        days=days,
        first=first if days else None,
        last=last if days else None,
    )


def prune(engine: Engine, border: Border) -> None:
    """Remove what is beyond the border, down to the files that held it."""
    for table, call in zip(TABLES, ("steps = ''", "kind != 'chain'"), strict=True):
        try:
            sql = f"ALTER TABLE {table} DELETE WHERE {_beyond(call)}"
            engine.command(sql, _values(border), mutations_sync=2)
        except Unavailable:
            with suppress(Unavailable):  # or the engine would try again by itself, whenever it likes
                engine.command("KILL MUTATION WHERE database = currentDatabase() AND NOT is_done")
            raise
    engine.let_go(TABLES)


def _beyond(call: str) -> str:
    """The condition; *call* tells a call from a chain execution."""
    return (
        f"workspace = {{workspace:String}} AND ((created_at < {_BEFORE} AND NOT ({call} AND id IN "
        f"{{spared:Array(UInt128)}})) OR ({call} AND id IN {{along:Array(UInt128)}}))"
    )


def _values(border: Border) -> dict[str, Any]:
    return {
        "workspace": border.workspace,
        "before": milliseconds(border.before),
        "spared": list(border.spared),
        "along": list(border.along),
    }


# ── from the journal ──


def waiting_chains(connection: sqlite3.Connection, workspace: str, before: datetime) -> list[str]:
    """Chain executions from before that moment that are open, or have not left for history."""
    rows = connection.execute(
        "SELECT DISTINCT id FROM events WHERE workspace = ? AND id > ? AND id < ?",
        (workspace, _CHAIN, first_id(ids.CHAIN_EXECUTION, before)),
    )
    return [row[0] for row in rows]


def forget(connection: sqlite3.Connection, border: Border) -> int:
    """Forget some ids of what is gone, at most a chunk; how many. What is here still is remembered."""
    spared = [ids.text(ids.EXECUTION, number) for number in border.spared]
    along = [ids.text(ids.EXECUTION, number) for number in border.along]
    ends = [first_id(prefix, border.before) for prefix in (ids.CHAIN_EXECUTION, ids.EXECUTION)]
    gone = (
        "SELECT workspace, id FROM seen s WHERE workspace = :workspace "
        "AND ((id > 'chex_' AND id < :chains) OR (id > 'exec_' AND id < :calls) "
        "OR id IN (SELECT value FROM json_each(:along))) AND id NOT IN (SELECT value FROM json_each(:spared)) "
        "AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = s.id AND e.workspace = s.workspace) "
        "AND NOT EXISTS (SELECT 1 FROM poison p WHERE p.id = s.id AND p.workspace = s.workspace) LIMIT :chunk"
    )
    values = {
        "workspace": border.workspace,
        "chains": ends[0],
        "calls": ends[1],
        "along": json.dumps(along),
        "spared": json.dumps(spared),
        "chunk": CHUNK,
    }
    connection.execute(
        "DELETE FROM traces WHERE workspace = :workspace AND id > 'chex_' AND id < :chains "
        "AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = traces.id AND e.workspace = traces.workspace) "
        "AND NOT EXISTS (SELECT 1 FROM roots r WHERE r.id = traces.id AND r.workspace = traces.workspace)",
        values,
    )
    return connection.execute(f"DELETE FROM seen WHERE (workspace, id) IN ({gone})", values).rowcount
