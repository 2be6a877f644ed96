"""Users, workspaces and keys in the API."""

from datetime import datetime
from typing import Any

import strawberry

from promptforge.core.access import OF_ROLE, Role
from promptforge.core.access import User as CoreUser
from promptforge.server.graphql.context import Context
from promptforge.server.graphql.enums import RoleEnum, ScopeEnum
from promptforge.server.graphql.field import ask, read


@strawberry.type
class Workspace:
    id: strawberry.ID
    name: str
    created_at: datetime


@strawberry.type
class Membership:
    workspace: Workspace = read(lambda pair: pair[0])
    role: RoleEnum = read(lambda pair: pair[1])


@strawberry.type
class Key:
    id: strawberry.ID
    name: str
    hint: str = strawberry.field(description="Its first characters.")
    scopes: list[ScopeEnum] = read(lambda key: sorted(key.scopes))
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@strawberry.type
class CreatedKey:
    key: Key = read(lambda pair: pair[0])
    secret: str = read(lambda pair: pair[1], description="Shown once.")


@strawberry.input
class CreateKeyInput:
    name: str
    scopes: list[ScopeEnum] | None = strawberry.field(default=None, description="Without: INGEST, RUN and READ.")
    expires_at: datetime | None = None


async def _role(user: CoreUser, context: Context) -> Role | None:
    return await context.forge.access.role(context.actor, user.id)


async def _permissions(user: CoreUser, context: Context) -> list[str]:
    if user.id == context.actor.user_id:
        return sorted(context.actor.permissions)
    role = await _role(user, context)
    return sorted(OF_ROLE[role]) if role else []


async def _keys(user: CoreUser, context: Context) -> list[Any]:
    return [key for key in await context.forge.access.keys(context.actor) if key.user_id == user.id]


async def _workspaces(user: CoreUser, context: Context) -> Any:
    return await context.forge.access.memberships(context.actor) if user.id == context.actor.user_id else []


@strawberry.type
class User:
    id: strawberry.ID
    email: str | None
    name: str
    created_at: datetime
    role: RoleEnum = ask(_role, description="In this workspace.")
    keys: list[Key] = ask(_keys, description="Of this workspace.")
    workspaces: list[Membership] = ask(_workspaces, description="Your own; empty for somebody else.")
    permissions: list[str] = ask(_permissions, description="What may be done here; yours as narrowed by the key.")
