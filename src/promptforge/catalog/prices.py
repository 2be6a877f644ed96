"""The PriceCatalog on SQL: rows that are added and ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, null, select, update
from sqlalchemy.sql.elements import ColumnElement

from promptforge.catalog.database import Database
from promptforge.catalog.tables import prices
from promptforge.core.price import Price, Rate, Tiered


class SqlPriceCatalog:
    """Every statement carries the workspace, but for the one that a start needs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, rows: Sequence[Price]) -> None:
        """Store rows, all of them or none."""
        values = [_row(price) for price in rows]

        def work(connection: Connection) -> None:
            if values:
                connection.execute(insert(prices), values)

        await self._database.write(work)

    async def end(self, workspace: str, price_id: str, at: datetime) -> bool:
        """Say until when a row holds; whether there is one."""
        named = and_(prices.c.workspace == workspace, prices.c.id == price_id)
        statement = update(prices).where(named).values(valid_until=at)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    async def list(self, workspace: str) -> Sequence[Price]:
        """Those of a workspace, by provider, model and the time from which they hold."""
        return await self._found(prices.c.workspace == workspace)

    async def all(self) -> Sequence[Price]:
        """Those of every workspace, in the same order within each."""
        return await self._found()

    async def _found(self, *conditions: ColumnElement[bool]) -> Sequence[Price]:
        columns = prices.c
        order = (columns.workspace, columns.provider, columns.model, columns.valid_from, columns.id)
        statement = select(prices).where(*conditions).order_by(*order)
        rows = await self._database.read(lambda connection: connection.execute(statement).mappings().all())
        return [_price({**row}) for row in rows]


def _row(price: Price) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(price, name) for name in Price.__dataclass_fields__}
    row["terms"] = null() if price.terms is None else dict(price.terms)
    return row | {"rates": {unit: _stored(rate) for unit, rate in price.rates.items()}}


def _stored(rate: Tiered) -> dict[str, Any]:
    return {"usd": rate.base.usd, "per": rate.base.per, "tiers": [[start, tier.usd] for start, tier in rate.tiers]}


def _price(row: dict[str, Any]) -> Price:
    row["rates"] = {unit: _tiered(unit, stored) for unit, stored in row["rates"].items()}
    return Price(**row)


def _tiered(unit: str, stored: Mapping[str, Any]) -> Tiered:
    def rate(usd: int) -> Rate:
        return Rate(unit=unit, usd=usd, per=stored["per"])

    return Tiered(rate(stored["usd"]), tuple((start, rate(usd)) for start, usd in stored["tiers"]))
