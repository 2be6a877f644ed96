"""The ProviderCatalog on SQL: what workspaces set for providers, by workspace and name."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select
from sqlalchemy.sql.elements import ColumnElement

from promptforge.catalog.database import Database
from promptforge.catalog.tables import providers
from promptforge.core.provider import Limits, Provider

_LIMITS = tuple(Limits.__dataclass_fields__)


class SqlProviderCatalog:
    """Every statement carries the workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, provider: Provider) -> None:
        """Store it, in the place of an earlier one of that name."""
        row = {name: getattr(provider, name) for name in Provider.__dataclass_fields__ if name != "limits"}
        row |= {name: getattr(provider.limits, name) for name in _LIMITS}

        def work(connection: Connection) -> None:
            connection.execute(delete(providers).where(_named(provider.workspace, provider.name)))
            connection.execute(insert(providers).values(row))

        await self._database.write(work)

    async def list(self, workspace: str) -> Sequence[Provider]:
        """Those of a workspace, by name."""
        statement = select(providers).where(providers.c.workspace == workspace).order_by(providers.c.name)
        rows = await self._database.read(lambda connection: connection.execute(statement).mappings().all())
        return [_provider({**row}) for row in rows]

    async def remove(self, workspace: str, name: str) -> bool:
        """Whether there was one to remove."""
        statement = delete(providers).where(_named(workspace, name))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0)


def _named(workspace: str, name: str) -> ColumnElement[bool]:
    return and_(providers.c.workspace == workspace, providers.c.name == name)


def _provider(row: dict[str, Any]) -> Provider:
    return Provider(limits=Limits(**{name: row.pop(name) for name in _LIMITS}), **row)
