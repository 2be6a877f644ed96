"""Opening the catalog of a home: one file, ``catalog.db``, that only its owner may read."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select

from promptforge.catalog import migrations
from promptforge.catalog.access import SqlAccessCatalog
from promptforge.catalog.chains import SqlChainCatalog
from promptforge.catalog.database import Database, sqlite
from promptforge.catalog.memory import SqlMemoryCatalog
from promptforge.catalog.prices import SqlPriceCatalog
from promptforge.catalog.prompts import SqlPromptCatalog
from promptforge.catalog.providers import SqlProviderCatalog
from promptforge.catalog.retention import SqlRetentionCatalog
from promptforge.catalog.secrets import SqlSecretCatalog
from promptforge.core.errors import SettingsError
from promptforge.core.query import StoreSize

FILE = "catalog.db"


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalogs over one database."""

    prompts: SqlPromptCatalog
    chains: SqlChainCatalog
    memory: SqlMemoryCatalog
    access: SqlAccessCatalog
    retention: SqlRetentionCatalog
    secrets: SqlSecretCatalog
    prices: SqlPriceCatalog
    providers: SqlProviderCatalog
    database: Database
    path: Path | None = None

    async def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        await self.database.read(lambda connection: connection.execute(select(1)))

    async def size(self) -> StoreSize:
        """What the file and its log take; Unavailable unless the database answers."""
        await self.ping()
        logged = () if self.path is None else (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return StoreSize(name="catalog", bytes=sum(p.stat().st_size for p in logged if p.exists()), rows=None)

    async def close(self) -> None:
        """Let what was begun finish, then close; later calls raise Unavailable."""
        await self.database.close()


async def open_catalog(home: Path) -> Catalog:
    """Open the catalog in *home*, made or brought up to date as needed; SettingsError when it cannot be."""
    path = home / FILE
    try:
        _make_private(path)
    except OSError as error:
        raise SettingsError(f"the catalog '{path}' cannot be opened: {error.strerror}") from error
    return replace(await open_database(Database(sqlite(path))), path=path)


def _make_private(path: Path) -> None:
    """Make the file before SQLite does: then neither it nor the log beside it is ever readable by others."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


async def open_database(database: Database) -> Catalog:
    """The catalog over an open database, its tables brought up to date."""
    try:
        await database.write(migrations.apply)
    except BaseException:
        await database.close()
        raise
    return Catalog(
        prompts=SqlPromptCatalog(database),
        chains=SqlChainCatalog(database),
        memory=SqlMemoryCatalog(database),
        access=SqlAccessCatalog(database),
        retention=SqlRetentionCatalog(database),
        secrets=SqlSecretCatalog(database),
        prices=SqlPriceCatalog(database),
        providers=SqlProviderCatalog(database),
        database=database,
    )
