"""Health in the API."""

from datetime import datetime

import strawberry

from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import SourceEnum
from promptforge.server.graphql.field import read
from promptforge.server.graphql.scalars import Count
from promptforge.services.health import State


@strawberry.type(description="What one road brought since the start: received = stored + duplicate + rejected.")
class SourceCounts:
    source: SourceEnum = read(lambda pair: pair[0])
    received: Count = read(lambda pair: pair[1].received)
    stored: Count = read(lambda pair: pair[1].stored)
    duplicate: Count = read(lambda pair: pair[1].duplicate)
    rejected: Count = read(lambda pair: pair[1].rejected)


@strawberry.type
class StoreSize:
    name: str
    bytes: Count
    rows: Count | None


@strawberry.type(description="Something that went wrong, and when it last did.")
class Problem:
    at: datetime
    text: str


@strawberry.type(
    description="Where the process stands, for an administrator of `default`; for others, their workspace."
)
class Health:
    at: datetime
    whole: bool = strawberry.field(description="Of the whole process, else of the workspace.")
    open: Count = read(lambda state: state.record.open)
    journaled: Count = read(lambda state: state.record.journaled, description="Finished, and waiting for history.")
    oldest_seconds: float = read(lambda state: state.record.oldest, description="How long the first has waited.")
    history: bool = read(lambda state: state.record.history, description="Whether history takes what it is given.")
    problem: str | None = read(lambda state: state.record.problem)
    counters: list[SourceCounts] = read(lambda state: sorted(state.counters.items()))
    stores: list[StoreSize] = strawberry.field(description="Empty unless `whole`.")
    free_bytes: Count | None = strawberry.field(description="Null unless `whole`.")
    problems: list[Problem] = strawberry.field(description="The last ones, newest first; empty unless `whole`.")


async def health(info: Info) -> State:
    """Ask the service."""
    return await info.context.forge.health.state(info.context.actor)
