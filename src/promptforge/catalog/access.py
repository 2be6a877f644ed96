"""The AccessCatalog on SQL. Secrets arrive as hashes and are found by them; nothing here ever sees one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from promptforge.catalog.database import Database
from promptforge.catalog.tables import (
    chain_labels,
    chain_versions,
    chains,
    content_policies,
    keys,
    labels,
    login_tokens,
    memberships,
    memories,
    prices,
    prompts,
    providers,
    retention_rules,
    secrets,
    sessions,
    users,
    versions,
    workspaces,
)
from promptforge.core.access import Key, Role, Scope, User, Workspace
from promptforge.core.errors import Conflict
from promptforge.core.ports import Login

#: What a workspace owns, in an order in which it can go.
OWNED = (
    prices,
    secrets,
    providers,
    retention_rules,
    content_policies,
    memories,
    chain_labels,
    chain_versions,
    chains,
    labels,
    versions,
    prompts,
    sessions,
    login_tokens,
    keys,
    memberships,
)
_KEY = tuple(column for column in keys.c if column.name != "secret_hash")


class SqlAccessCatalog:
    """Statements on what a workspace owns carry the workspace, but for look-ups by the hash of a secret."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ── workspaces and users ──────────────────────────────────────────────────────────────────────────────────────

    async def create_workspace(self, workspace: Workspace) -> None:
        """Conflict when the name is taken."""
        row = {"id": workspace.id, "name": workspace.name, "created_at": workspace.created_at}
        try:
            await self._database.write(lambda connection: connection.execute(insert(workspaces).values(row)))
        except IntegrityError:
            raise Conflict(f"There is already a workspace named '{workspace.name}': choose another name") from None

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace of that id."""
        return await self._workspace(workspaces.c.id == workspace_id)

    async def workspace_named(self, name: str) -> Workspace | None:
        """The workspace of that name."""
        return await self._workspace(workspaces.c.name == name)

    async def _workspace(self, condition: Any) -> Workspace | None:
        row = await self._first(select(workspaces).where(condition))
        return None if row is None else Workspace(**row)

    async def workspaces(self, user_id: str) -> Sequence[tuple[Workspace, Role]]:
        """Where the user is a member, oldest workspace first."""
        statement = (
            select(workspaces, memberships.c.role)
            .join(memberships, memberships.c.workspace == workspaces.c.id)
            .where(memberships.c.user_id == user_id)
            .order_by(workspaces.c.created_at, workspaces.c.id)
        )
        return [_with_role(row, Workspace) for row in await self._all(statement)]

    async def members(self, workspace_id: str) -> Sequence[tuple[User, Role]]:
        """Who is a member, oldest user first."""
        statement = (
            select(users, memberships.c.role)
            .join(memberships, memberships.c.user_id == users.c.id)
            .where(memberships.c.workspace == workspace_id)
            .order_by(users.c.created_at, users.c.id)
        )
        return [_with_role(row, User) for row in await self._all(statement)]

    async def remove_workspace(self, workspace_id: str) -> None:
        """With its memberships, keys, sessions, prompts and chains."""

        def work(connection: Connection) -> None:
            for table in OWNED:
                connection.execute(delete(table).where(table.c.workspace == workspace_id))
            connection.execute(delete(workspaces).where(workspaces.c.id == workspace_id))

        await self._database.write(work)

    async def create_user(self, user: User) -> None:
        """Conflict when the e-mail address is taken."""
        row = {"id": user.id, "name": user.name, "email": user.email, "created_at": user.created_at}
        try:
            await self._database.write(lambda connection: connection.execute(insert(users).values(row)))
        except IntegrityError:
            raise Conflict("There is already a user with this e-mail address") from None

    async def user(self, user_id: str) -> User | None:
        """The user of that id."""
        row = await self._first(select(users).where(users.c.id == user_id))
        return None if row is None else User(**row)

    async def join(self, user_id: str, workspace_id: str, role: Role) -> None:
        """Make the user a member, or change the member's role."""
        mine = and_(memberships.c.workspace == workspace_id, memberships.c.user_id == user_id)

        def work(connection: Connection) -> None:
            connection.execute(delete(memberships).where(mine))
            row = {"workspace": workspace_id, "user_id": user_id, "role": role.value}
            connection.execute(insert(memberships).values(row))

        await self._database.write(work)

    async def role(self, user_id: str, workspace_id: str) -> Role | None:
        """The member's role."""
        mine = and_(memberships.c.workspace == workspace_id, memberships.c.user_id == user_id)
        row = await self._first(select(memberships.c.role).where(mine))
        return None if row is None else Role(row["role"])

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_key(self, key: Key, secret_hash: bytes) -> None:
        """Conflict when a key with this secret exists."""
        row = {name: getattr(key, name) for name in Key.__dataclass_fields__}
        row |= {"scopes": sorted(scope.value for scope in key.scopes), "secret_hash": secret_hash}
        try:
            await self._database.write(lambda connection: connection.execute(insert(keys).values(row)))
        except IntegrityError:
            raise Conflict("This secret cannot be used for a new key") from None

    async def key_by_hash(self, secret_hash: bytes) -> Key | None:
        """The key whose secret has that hash: the one way to a key that does not start at a workspace."""
        row = await self._first(select(*_KEY).where(keys.c.secret_hash == secret_hash))
        return None if row is None else _key(row)

    async def keys(self, workspace_id: str) -> Sequence[Key]:
        """Newest first, revoked ones included."""
        statement = select(*_KEY).where(keys.c.workspace == workspace_id)
        return [_key(row) for row in await self._all(statement.order_by(keys.c.created_at.desc(), keys.c.id.desc()))]

    async def touch_key(self, workspace_id: str, key_id: str, at: datetime) -> None:
        """Note that the key was used."""
        mine = and_(keys.c.workspace == workspace_id, keys.c.id == key_id)
        await self._database.write(
            lambda connection: connection.execute(update(keys).where(mine).values(last_used_at=at))
        )

    async def revoke_key(self, workspace_id: str, key_id: str, at: datetime) -> bool:
        """Revoke it for ever; False when there is no such key or it was revoked before."""
        mine = and_(keys.c.workspace == workspace_id, keys.c.id == key_id, keys.c.revoked_at.is_(None))
        return await self._database.write(
            lambda connection: connection.execute(update(keys).where(mine).values(revoked_at=at)).rowcount > 0
        )

    # ── logging in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_login_token(self, token_hash: bytes, user_id: str, workspace_id: str, until: datetime) -> None:
        """Keep a token that can be used once, before *until*."""
        row = {"token_hash": token_hash, "workspace": workspace_id, "user_id": user_id, "until": until}
        await self._database.write(lambda connection: connection.execute(insert(login_tokens).values(row)))

    async def take_login_token(self, token_hash: bytes, at: datetime) -> tuple[str, str] | None:
        """Use the token up; its (user id, workspace id), or None when unknown, used or past."""

        def work(connection: Connection) -> tuple[str, str] | None:
            # One statement finds and removes it, so of two who come with one token only one gets in.
            taken = connection.execute(
                delete(login_tokens)
                .where(login_tokens.c.token_hash == token_hash)
                .returning(login_tokens.c.user_id, login_tokens.c.workspace, login_tokens.c.until)
            ).one_or_none()
            connection.execute(delete(login_tokens).where(login_tokens.c.until <= at))
            return None if taken is None or taken.until <= at else (taken.user_id, taken.workspace)

        return await self._database.write(work)

    async def create_session(self, secret_hash: bytes, user_id: str, workspace_id: str, until: datetime) -> None:
        """Keep a session, and forget those that are past."""
        row = {"secret_hash": secret_hash, "workspace": workspace_id, "user_id": user_id, "until": until}

        def work(connection: Connection) -> None:
            connection.execute(insert(sessions).values(row))

        await self._database.write(work)

    async def session(self, secret_hash: bytes, at: datetime) -> Login | None:
        """The session of that secret, unless it is past."""
        statement = (
            select(users, sessions.c.workspace, sessions.c.until)
            .join(users, users.c.id == sessions.c.user_id)
            .where(sessions.c.secret_hash == secret_hash, sessions.c.until > at)
        )
        row = await self._first(statement)
        if row is None:
            return None
        values: dict[str, Any] = {**row}
        workspace, until = values.pop("workspace"), values.pop("until")
        return Login(User(**values), workspace, until)

    async def end_session(self, secret_hash: bytes) -> None:
        """Forget the session."""
        ended = delete(sessions).where(sessions.c.secret_hash == secret_hash)
        await self._database.write(lambda connection: connection.execute(ended))

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _first(self, statement: Any) -> RowMapping | None:
        return await self._database.read(lambda connection: connection.execute(statement).mappings().first())

    async def _all(self, statement: Any) -> Sequence[RowMapping]:
        return await self._database.read(lambda connection: connection.execute(statement).mappings().all())


def _with_role(row: RowMapping, make: Any) -> tuple[Any, Role]:
    values: dict[str, Any] = {**row}
    role = Role(values.pop("role"))
    return make(**values), role


def _key(row: RowMapping) -> Key:
    values: dict[str, Any] = {**row, "scopes": frozenset(Scope(scope) for scope in row["scopes"])}
    return Key(**values)
