"""Secrets in the API: values come in and never go out."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from promptforge.core.secret import Secret as CoreSecret
from promptforge.server.graphql.context import Info


@strawberry.type(description="A named value that chains may use and nobody is shown.")
class Secret:
    name: str = strawberry.field(description="Chains write {{secret.NAME}}.")
    updated_at: datetime


async def secrets(info: Info) -> Sequence[CoreSecret]:
    """The workspace's secrets by name."""
    return await info.context.forge.secrets.list(info.context.actor)


async def set_secret(info: Info, name: str, value: str) -> CoreSecret:
    """Store a value under a name."""
    return await info.context.forge.secrets.set(info.context.actor, name, value)


async def remove_secret(info: Info, name: str) -> bool:
    """Forget a secret."""
    await info.context.forge.secrets.remove(info.context.actor, name)
    return True
