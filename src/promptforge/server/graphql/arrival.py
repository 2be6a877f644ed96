"""Handing in what ran elsewhere: executions as JSON, and what became of them."""

from typing import cast

import strawberry

from promptforge.core.errors import InvalidInput
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.scalars import Json
from promptforge.services.arrivals import Received

MAX_ARRIVALS = 1_000


@strawberry.type(description="Why an item of the list was not stored.")
class RecordProblem:
    index: int
    path: str
    message: str


@strawberry.type(description="received = stored + duplicate + rejected.")
class RecordReport:
    received: int
    stored: int
    duplicate: int
    rejected: int
    problems: list[RecordProblem]


async def record_executions(info: Info, executions: list[Json]) -> Received:
    """Hand a list to the service."""
    arrivals, actor = info.context.forge.arrivals, info.context.actor
    if len(executions) > MAX_ARRIVALS:
        why = f"a list takes at most {MAX_ARRIVALS} executions, not {len(executions)}: send it in parts"
        arrivals.refuse(actor, len(executions), why)
        raise InvalidInput(why, path="$.executions")
    return await arrivals.record(actor, cast("list[dict[str, object]]", executions))
