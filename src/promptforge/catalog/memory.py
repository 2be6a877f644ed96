"""The MemoryCatalog on SQL: one row a key. An empty ``end_user`` is the memory of the chain itself."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from promptforge.catalog.database import Database
from promptforge.catalog.tables import memories
from promptforge.core.chain_ports import MemoryPlace
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, kind

#: Characters of one value as JSON: a list that is only ever added to must not grow for ever.
MAX_VALUE = 1_000_000


class SqlMemoryCatalog:
    """Every statement carries the workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, place: MemoryPlace, at: datetime) -> Json:
        """The value; None when there is none or it is past its time."""

        def work(connection: Connection) -> Json:
            found = connection.execute(select(memories).where(_is(place))).mappings().first()
            return None if found is None or _past(found["until"], at) else found["value"]

        return await self._database.read(work)

    async def write(self, place: MemoryPlace, value: Json, until: datetime | None, token: str) -> None:
        """Replace the value; InvalidInput for one that is too large."""
        _check_size(place, value)
        await self._database.write(lambda connection: _put(connection, place, value, until, token))

    async def append(self, place: MemoryPlace, value: Json, at: datetime, until: datetime | None, token: str) -> Json:
        """Add to the list, or begin one; InvalidInput when what is there is no list, or the list gets too large."""

        def work(connection: Connection) -> Json:
            found = connection.execute(select(memories).where(_is(place))).mappings().first()
            known: Json = [] if found is None or _past(found["until"], at) else found["value"]
            if not is_array(known):
                raise InvalidInput(
                    f"the memory '{place.key[:60]}' holds {kind(known)}, not a list: write to it, or use another key"
                )
            if found is not None and found["token"] == token and known:
                return known
            longer = [*known, value]
            _check_size(place, longer)
            _put(connection, place, longer, until, token)
            return longer

        return await self._database.write(work)

    async def forget(self, workspace: str, end_user: str) -> int:
        """Remove what is remembered of an end user, off the disk too; what chains keep for themselves stays."""
        if not end_user:
            return 0
        theirs = and_(memories.c.workspace == workspace, memories.c.end_user == end_user)
        found = await self._database.write(
            lambda connection: connection.execute(delete(memories).where(theirs)).rowcount
        )
        await self._database.rewrite()
        return found


def _is(place: MemoryPlace) -> ColumnElement[bool]:
    return and_(
        memories.c.workspace == place.workspace,
        memories.c.chain_id == place.chain_id,
        memories.c.end_user == place.end_user,
        memories.c.key == place.key,
    )


def _past(until: datetime | None, at: datetime) -> bool:
    return until is not None and until <= at


def _check_size(place: MemoryPlace, value: Json) -> None:
    if len(json.dumps(value, ensure_ascii=False)) > MAX_VALUE:
        raise InvalidInput(f"the memory '{place.key[:60]}' takes at most {MAX_VALUE} characters as JSON")


def _put(connection: Connection, place: MemoryPlace, value: Json, until: datetime | None, token: str) -> None:
    row: dict[str, Any] = {"workspace": place.workspace, "chain_id": place.chain_id, "end_user": place.end_user}
    row |= {"key": place.key, "value": value, "until": until, "token": token}
    connection.execute(delete(memories).where(_is(place)))
    connection.execute(insert(memories).values(row))
