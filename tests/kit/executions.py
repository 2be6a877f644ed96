"""Executions for tests of the record: short to write, with an id that fits the time."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from promptforge.core import ids
from promptforge.core.execution import Content, CostState, Execution, Source, Status
from promptforge.core.usage import UsageSource, usage

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
_bits = itertools.count(1)


def pending(workspace: str, at: datetime = NOON, **changes) -> Execution:
    """An execution as it is opened."""
    made = Execution(
        id=ids.text(ids.EXECUTION, ids.number(round(at.timestamp() * 1000), next(_bits))),
        workspace=workspace,
        created_at=at,
        status=Status.PENDING,
        source=Source.API,
        model="demo-small",
        provider="demo",
        content=Content(input={"name": "Ada"}, request={"model": "demo-small"}),
    )
    return replace(made, **changes)


def closed(execution: Execution, **changes) -> Execution:
    """The same as it is closed: answered, counted, priced."""
    content = replace(execution.content or Content(), output="Good morning")
    made = replace(
        execution,
        status=Status.SUCCESS,
        started_at=execution.created_at,
        recorded_at=execution.created_at + timedelta(seconds=1),
        latency_ms=120,
        token_in=500,
        token_out=200,
        usage=usage(input=500, output=200),
        usage_source=UsageSource.REPORTED,
        cost=4_500_000_000,
        cost_state=CostState.PRICED,
        content=content,
    )
    return replace(made, **changes)


def done(workspace: str, at: datetime = NOON, **changes) -> Execution:
    """A finished execution."""
    return closed(pending(workspace, at), **changes)


def some(workspace: str, count: int, at: datetime = NOON, **changes) -> list[Execution]:
    """Finished executions, a second apart."""
    return [done(workspace, at + timedelta(seconds=n), **changes) for n in range(count)]
