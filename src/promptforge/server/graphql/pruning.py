"""Old rows removed for good, and what that would take."""

from datetime import datetime

import strawberry

from promptforge.core import money
from promptforge.core.pruning import Pruned as CorePruned
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.field import read
from promptforge.server.graphql.scalars import Count


@strawberry.type(description="What was removed, or would be.")
class Pruned:
    executions: Count
    chain_executions: Count
    days: int = strawberry.field(description="Days, in UTC, on which something of it lies.")
    first: datetime | None = strawberry.field(description="When the oldest was made.")
    last: datetime | None
    cost_usd: str = read(lambda pruned: money.four(pruned.cost))
    cost_display: str = read(lambda pruned: money.human(pruned.cost), description="For people.")


async def prune(info: Info, before: datetime, dry_run: bool) -> CorePruned:
    """Remove what was made before, or say what that is."""
    return await info.context.forge.pruning.prune(info.context.actor, before, dry=dry_run)
