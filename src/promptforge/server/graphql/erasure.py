"""Erasing an end user, and the report of it."""

import strawberry

from promptforge.core.erasure import Erasure as CoreErasure
from promptforge.server.graphql.context import Info


@strawberry.type(description="What was found of an end user and is no more theirs; done again, it finds nothing.")
class Erasure:
    executions: int = strawberry.field(description="They keep their figures and have no content.")
    chain_executions: int
    memories: int = strawberry.field(description="Values that chains remembered of them.")
    unreadable: int = strawberry.field(
        description="Damaged events of the workspace: whose they are nobody can say, and they are as they were."
    )


async def erase_end_user(info: Info, end_user: str) -> CoreErasure:
    """Erase an end user of the workspace."""
    return await info.context.forge.erasures.of_end_user(info.context.actor, end_user)
