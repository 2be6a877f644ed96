"""The SecretCatalog on SQL: sealed values by workspace and name."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select
from sqlalchemy.sql.elements import ColumnElement

from promptforge.catalog.database import Database
from promptforge.catalog.tables import secrets
from promptforge.core.secret import Secret


class SqlSecretCatalog:
    """Every statement carries the workspace, but for the one that a start needs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, secret: Secret, sealed: bytes) -> None:
        """Store it, in the place of an earlier one of that name."""
        row = {name: getattr(secret, name) for name in Secret.__dataclass_fields__} | {"sealed": sealed}

        def work(connection: Connection) -> None:
            connection.execute(delete(secrets).where(_named(secret.workspace, secret.name)))
            connection.execute(insert(secrets).values(row))

        await self._database.write(work)

    async def list(self, workspace: str) -> Sequence[tuple[Secret, bytes]]:
        """Those of a workspace with their sealed values, by name."""
        return await self._found(secrets.c.workspace == workspace)

    async def remove(self, workspace: str, name: str) -> bool:
        """Whether there was one to remove."""
        statement = delete(secrets).where(_named(workspace, name))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    async def all(self) -> Sequence[tuple[Secret, bytes]]:
        """Those of every workspace, with their sealed values."""
        return await self._found()

    async def _found(self, *conditions: ColumnElement[bool]) -> Sequence[tuple[Secret, bytes]]:
        statement = select(secrets).where(*conditions).order_by(secrets.c.workspace, secrets.c.name)
        rows = await self._database.read(lambda connection: connection.execute(statement).mappings().all())
        return [_secret({**row}) for row in rows]


def _named(workspace: str, name: str) -> ColumnElement[bool]:
    return and_(secrets.c.workspace == workspace, secrets.c.name == name)


def _secret(row: dict[str, Any]) -> tuple[Secret, bytes]:
    sealed = row.pop("sealed")
    return Secret(**row), sealed
