"""The ChainCatalog on SQL.

As with prompts: names are kept unique by a partial index, numbers are handed out by raising ``latest`` in the statement
that locks the chain. A document is one JSON value by the core's names; what a later release adds to it is left out when
an older one reads it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, String, and_, cast, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from promptforge.catalog.database import Database, concerns
from promptforge.catalog.tables import chain_labels, chain_versions, chains
from promptforge.core.chain import Chain, ChainDocument, ChainVersion, OnError, Step, StepType
from promptforge.core.chain_ports import ChainQuery
from promptforge.core.errors import Conflict, NotFound


class SqlChainCatalog:
    """Every statement carries the workspace that the caller named."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, chain: Chain) -> None:
        """Store the chain without versions; Conflict when the name is taken."""
        row = {**_changeable(chain), "workspace": chain.workspace, "id": chain.id, "latest": 0}
        row |= {"created_at": chain.created_at, "created_by": chain.created_by, "forked_from": chain.forked_from}
        await self._named(chain, lambda connection: connection.execute(insert(chains).values(row)))

    async def update(self, chain: Chain) -> None:
        """Write what can change; Conflict when the name is taken."""
        changed = update(chains).where(_is(chain.workspace, chain.id)).values(_changeable(chain))
        await self._named(chain, lambda connection: connection.execute(changed))

    async def _named(self, chain: Chain, work: Callable[[Connection], object]) -> None:
        try:
            await self._database.write(work)
        except IntegrityError as error:
            if not concerns(error, "name"):
                raise
            raise Conflict(
                f"There is already a chain named '{chain.name}' in this workspace: choose another name, "
                "or archive that chain first"
            ) from None

    async def get(self, workspace: str, chain_id: str) -> Chain | None:
        """The chain of that id, archived or not."""
        return await self._one(workspace, chains.c.id == chain_id)

    async def named(self, workspace: str, name: str) -> Chain | None:
        """The unarchived chain of that name."""
        return await self._one(workspace, and_(chains.c.name == name, chains.c.archived_at.is_(None)))

    async def _one(self, workspace: str, condition: ColumnElement[bool]) -> Chain | None:
        statement = select(chains).where(chains.c.workspace == workspace, condition)

        def work(connection: Connection) -> Chain | None:
            return next(iter(_with_labels(connection, workspace, connection.execute(statement).mappings().all())), None)

        return await self._database.read(work)

    async def list(self, query: ChainQuery) -> Sequence[Chain]:
        """Newest first; *search* is looked for in name, description and intent tags."""
        statement = select(chains).where(chains.c.workspace == query.workspace)
        archived = chains.c.archived_at
        statement = statement.where(archived.is_not(None) if query.archived else archived.is_(None))
        if query.mine is not None:
            statement = statement.where(chains.c.created_by == query.mine)
        if query.search:
            texts = (chains.c.name, chains.c.description, cast(chains.c.intent_tags, String))
            statement = statement.where(or_(*(text.icontains(query.search, autoescape=True) for text in texts)))
        statement = statement.order_by(chains.c.created_at.desc(), chains.c.id.desc())
        statement = statement.limit(query.limit).offset(query.offset)

        def work(connection: Connection) -> Sequence[Chain]:
            return _with_labels(connection, query.workspace, connection.execute(statement).mappings().all())

        return await self._database.read(work)

    async def add_version(self, workspace: str, version: ChainVersion, label: str | None = None) -> ChainVersion:
        """Store it under the next number, with *label* on it; NotFound when the chain is not there."""

        def work(connection: Connection) -> ChainVersion:
            stored = _add_version(connection, workspace, version)
            if label is not None:
                _point(connection, workspace, stored.chain_id, label, stored.number)
            return stored

        return await self._database.write(work)

    async def version(self, workspace: str, chain_id: str, number: int) -> ChainVersion | None:
        """The version of that number."""
        condition = and_(chain_versions.c.chain_id == chain_id, chain_versions.c.number == number)
        return next(iter(await self._versions(workspace, condition, 1)), None)

    async def version_by_id(self, workspace: str, version_id: str) -> ChainVersion | None:
        """The version of that id."""
        return next(iter(await self._versions(workspace, chain_versions.c.id == version_id, 1)), None)

    async def versions(self, workspace: str, chain_id: str, limit: int | None = None) -> Sequence[ChainVersion]:
        """Newest first."""
        return await self._versions(workspace, chain_versions.c.chain_id == chain_id, limit)

    async def _versions(
        self, workspace: str, condition: ColumnElement[bool], limit: int | None
    ) -> Sequence[ChainVersion]:
        statement = select(chain_versions).where(chain_versions.c.workspace == workspace, condition)
        statement = statement.order_by(chain_versions.c.number.desc()).limit(limit)
        return await self._database.read(
            lambda connection: [_version({**row}) for row in connection.execute(statement).mappings()]
        )

    async def set_label(self, workspace: str, chain_id: str, label: str, number: int | None) -> None:
        """Point the label at a version, or remove it; NotFound when there is no such version."""
        try:
            await self._database.write(lambda connection: _point(connection, workspace, chain_id, label, number))
        except IntegrityError:
            raise NotFound(f"There is no version {number} to put the label '{label}' on") from None


def _is(workspace: str, chain_id: str) -> ColumnElement[bool]:
    return and_(chains.c.workspace == workspace, chains.c.id == chain_id)


def _add_version(connection: Connection, workspace: str, version: ChainVersion) -> ChainVersion:
    """Take the next number and store the version under it; the row lock makes others wait."""
    raised = connection.execute(
        update(chains)
        .where(_is(workspace, version.chain_id))
        .values(latest=chains.c.latest + 1, updated_at=version.created_at)
        .returning(chains.c.latest)
    ).scalar_one_or_none()
    if raised is None:
        raise NotFound("The chain of this version is not in this workspace")
    row = {
        "workspace": workspace,
        "chain_id": version.chain_id,
        "number": raised,
        "id": version.id,
        "document": asdict(version.document),
        "created_at": version.created_at,
        "created_by": version.created_by,
    }
    connection.execute(insert(chain_versions).values(row))
    return _version(row)


def _point(connection: Connection, workspace: str, chain_id: str, label: str, number: int | None) -> None:
    # The chain's row first: two who move one label wait for each other instead of colliding.
    connection.execute(select(chains.c.id).where(_is(workspace, chain_id)).with_for_update())
    table = chain_labels
    mine = and_(table.c.workspace == workspace, table.c.chain_id == chain_id, table.c.label == label)
    connection.execute(delete(table).where(mine))
    if number is not None:
        row = {"workspace": workspace, "chain_id": chain_id, "label": label, "number": number}
        connection.execute(insert(table).values(row))


def _with_labels(connection: Connection, workspace: str, rows: Sequence[RowMapping]) -> Sequence[Chain]:
    pointing: dict[str, dict[str, int]] = {row["id"]: {} for row in rows}
    if rows:
        found = select(chain_labels).where(chain_labels.c.workspace == workspace, chain_labels.c.chain_id.in_(pointing))
        for label in connection.execute(found.order_by(chain_labels.c.label)).mappings():
            pointing[label["chain_id"]][label["label"]] = label["number"]
    return [_chain(row, pointing[row["id"]]) for row in rows]


def _changeable(chain: Chain) -> dict[str, Any]:
    return {
        "name": chain.name,
        "description": chain.description,
        "is_active": chain.is_active,
        "is_public": chain.is_public,
        "intent_tags": list(chain.intent_tags),
        "draft": asdict(chain.draft),
        "updated_at": chain.updated_at,
        "archived_at": chain.archived_at,
    }


def _chain(row: RowMapping, pointing: Mapping[str, int]) -> Chain:
    values: dict[str, Any] = {**row, "draft": _document(row["draft"]), "intent_tags": tuple(row["intent_tags"])}
    return Chain(**values, labels=pointing)


def _version(row: Mapping[str, Any]) -> ChainVersion:
    values = {name: value for name, value in row.items() if name != "workspace"}
    values["document"] = _document(row["document"])
    return ChainVersion(**values)


def _document(stored: Mapping[str, Any]) -> ChainDocument:
    values = _known(ChainDocument, stored)
    values["steps"] = tuple(map(_step, values.get("steps", ())))
    return ChainDocument(**values)


def _step(stored: Mapping[str, Any]) -> Step:
    values = _known(Step, stored)
    values["type"] = StepType(values["type"])
    values["tags"] = tuple(values.get("tags", ()))
    values["on_error"] = OnError(values.get("on_error", OnError.FAIL))
    return Step(**values)


def _known(shape: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What this release knows of a stored value."""
    names = {field.name for field in fields(shape)}
    return {name: value for name, value in stored.items() if name in names}
