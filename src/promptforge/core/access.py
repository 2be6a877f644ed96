"""Who may do what. Everything belongs to a workspace; an actor is bound to one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from promptforge.core.errors import Forbidden
from promptforge.core.execution import Source


class Permission(StrEnum):
    """``numbers`` is every figure without content; ``content`` is what went in and came out."""

    INGEST = "ingest"
    RUN = "run"
    NUMBERS = "numbers"
    CONTENT = "content"
    EDIT = "edit"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a key may be used for."""

    INGEST = "ingest"
    RUN = "run"
    READ = "read"
    ADMIN = "admin"


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    VIEWER = "viewer"
    BILLING = "billing"


_P = Permission
OF_ROLE = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.MEMBER: frozenset({_P.INGEST, _P.RUN, _P.NUMBERS, _P.CONTENT, _P.EDIT}),
    Role.VIEWER: frozenset({_P.NUMBERS, _P.CONTENT}),
    Role.BILLING: frozenset({_P.NUMBERS}),
}
OF_SCOPE = {
    Scope.INGEST: frozenset({_P.INGEST}),
    Scope.RUN: frozenset({_P.RUN}),
    Scope.READ: frozenset({_P.NUMBERS, _P.CONTENT}),
    Scope.ADMIN: frozenset(Permission),
}


def permissions(role: Role, scopes: frozenset[Scope] | None) -> frozenset[Permission]:
    """What a role may do, narrowed by a key's scopes; None is a person at the dashboard."""
    allowed = OF_ROLE[role]
    if scopes is None:
        return allowed
    return allowed & frozenset().union(*(OF_SCOPE[scope] for scope in scopes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str
    name: str
    email: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key without its secret, which is shown once and stored as a hash; ``hint`` is its first characters."""

    id: str
    workspace: str
    user_id: str
    name: str
    hint: str
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, where, by which road. Every service method takes it first."""

    workspace: str
    user_id: str
    permissions: frozenset[Permission]
    key_id: str | None = None
    service: str | None = None
    source: Source = Source.API

    def require(self, permission: Permission) -> None:
        """Raise Forbidden, naming what is missing."""
        if permission not in self.permissions:
            raise Forbidden(
                f"this needs the permission '{permission}', which this key or role does not have; "
                "ask an administrator of the workspace for a key with that scope"
            )


def system(workspace: str) -> Actor:
    """The process itself, for jobs."""
    return Actor(workspace=workspace, user_id="system", permissions=frozenset(Permission))
