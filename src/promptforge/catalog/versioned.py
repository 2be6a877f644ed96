"""What prompts and chains have in common on SQL: a name, numbered versions that never change, labels that point at one.

Names are kept unique by the database (a partial unique index), numbers are handed out by raising ``latest`` in the same
statement that locks the row: both hold however many write at once. Rows go in and out; what they mean is the catalogs'.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    String,
    Table,
    and_,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from promptforge.catalog.database import Database, concerns
from promptforge.core.chain_ports import ChainQuery
from promptforge.core.errors import Conflict, NotFound
from promptforge.core.ports import PromptQuery

Row = Mapping[str, Any]
Labelled = tuple[Row, Mapping[str, int]]
"""A row with the labels that point at its versions."""


class Versioned:
    """The rows of one noun. Every statement carries the workspace that the caller named."""

    def __init__(
        self, database: Database, noun: str, owners: Table, versions: Table, labels: Table, *, searched: Sequence[str]
    ) -> None:
        self._database = database
        self._noun = noun
        self._owners = owners
        self._versions = versions
        self._labels = labels
        self._searched = [cast(owners.c[name], String) for name in searched]
        self._owner = f"{noun}_id"

    async def create(self, row: Row, first: Row | None = None) -> None:
        """Store the row, with its first version where one is given; Conflict when the name is taken."""

        def work(connection: Connection) -> None:
            connection.execute(insert(self._owners).values({**row, "latest": 0}))
            if first is not None:
                self._add(connection, row["workspace"], first)

        await self._named(row["name"], work)

    async def update(self, workspace: str, owner_id: str, values: Row) -> None:
        """Write the values; Conflict when the name is taken."""
        changed = update(self._owners).where(self._is(workspace, owner_id)).values(values)
        await self._named(values["name"], lambda connection: connection.execute(changed))

    async def _named(self, name: str, work: Callable[[Connection], object]) -> None:
        try:
            await self._database.write(work)
        except IntegrityError as error:
            if not concerns(error, "name"):
                raise
            raise Conflict(
                f"There is already a {self._noun} named '{name}' in this workspace: choose another name, "
                f"or archive that {self._noun} first"
            ) from None

    async def get(self, workspace: str, owner_id: str) -> Labelled | None:
        """The row of that id, archived or not."""
        return await self._one(workspace, self._owners.c.id == owner_id)

    async def named(self, workspace: str, name: str) -> Labelled | None:
        """The unarchived row of that name."""
        return await self._one(workspace, and_(self._owners.c.name == name, self._owners.c.archived_at.is_(None)))

    async def _one(self, workspace: str, condition: ColumnElement[bool]) -> Labelled | None:
        statement = select(self._owners).where(self._owners.c.workspace == workspace, condition)

        def work(connection: Connection) -> Labelled | None:
            return next(
                iter(self._with_labels(connection, workspace, connection.execute(statement).mappings().all())), None
            )

        return await self._database.read(work)

    async def list(self, query: PromptQuery | ChainQuery) -> Sequence[Labelled]:
        """Newest first; *search* is looked for in the searched columns."""
        owners = self._owners
        archived = owners.c.archived_at
        statement = select(owners).where(
            owners.c.workspace == query.workspace, archived.is_not(None) if query.archived else archived.is_(None)
        )
        if query.mine is not None:
            statement = statement.where(owners.c.created_by == query.mine)
        if query.search:
            statement = statement.where(
                or_(*(text.icontains(query.search, autoescape=True) for text in self._searched))
            )
        statement = statement.order_by(owners.c.created_at.desc(), owners.c.id.desc())
        statement = statement.limit(query.limit).offset(query.offset)

        def work(connection: Connection) -> Sequence[Labelled]:
            return self._with_labels(connection, query.workspace, connection.execute(statement).mappings().all())

        return await self._database.read(work)

    async def add_version(self, workspace: str, row: Row, label: str | None = None) -> Row:
        """Store it under the next number, with *label* on it; NotFound when what it is of is not there."""

        def work(connection: Connection) -> Row:
            stored = self._add(connection, workspace, row)
            if label is not None:
                self._point(connection, workspace, stored[self._owner], label, stored["number"])
            return stored

        return await self._database.write(work)

    def _add(self, connection: Connection, workspace: str, row: Row) -> Row:
        """Take the next number and store the version under it; the row lock makes others wait."""
        raised = connection.execute(
            update(self._owners)
            .where(self._is(workspace, row[self._owner]))
            .values(latest=self._owners.c.latest + 1, updated_at=row["created_at"])
            .returning(self._owners.c.latest)
        ).scalar_one_or_none()
        if raised is None:
            raise NotFound(f"The {self._noun} of this version is not in this workspace")
        stored = {**row, "workspace": workspace, "number": raised}
        connection.execute(insert(self._versions).values(stored))
        return stored

    async def version(self, workspace: str, owner_id: str, number: int) -> Row | None:
        """The version of that number."""
        of_number = and_(self._versions.c[self._owner] == owner_id, self._versions.c.number == number)
        return next(iter(await self._found(workspace, of_number, 1)), None)

    async def version_by_id(self, workspace: str, version_id: str) -> Row | None:
        """The version of that id."""
        return next(iter(await self._found(workspace, self._versions.c.id == version_id, 1)), None)

    async def versions(self, workspace: str, owner_id: str, limit: int | None = None) -> Sequence[Row]:
        """Newest first."""
        return await self._found(workspace, self._versions.c[self._owner] == owner_id, limit)

    async def _found(self, workspace: str, condition: ColumnElement[bool], limit: int | None) -> Sequence[Row]:
        statement = select(self._versions).where(self._versions.c.workspace == workspace, condition)
        statement = statement.order_by(self._versions.c.number.desc()).limit(limit)
        return await self._database.read(
            lambda connection: [{**row} for row in connection.execute(statement).mappings()]
        )

    async def set_label(self, workspace: str, owner_id: str, label: str, number: int | None) -> None:
        """Point the label at a version, or remove it; NotFound when there is no such version."""
        try:
            await self._database.write(lambda connection: self._point(connection, workspace, owner_id, label, number))
        except IntegrityError:
            raise NotFound(f"There is no version {number} to put the label '{label}' on") from None

    def _point(self, connection: Connection, workspace: str, owner_id: str, label: str, number: int | None) -> None:
        # The owner's row first: two who move one label wait for each other instead of colliding.
        connection.execute(select(self._owners.c.id).where(self._is(workspace, owner_id)).with_for_update())
        row = {"workspace": workspace, self._owner: owner_id, "label": label}
        mine = and_(*(self._labels.c[name] == value for name, value in row.items()))
        connection.execute(delete(self._labels).where(mine))
        if number is not None:
            connection.execute(insert(self._labels).values({**row, "number": number}))

    def _with_labels(self, connection: Connection, workspace: str, rows: Sequence[RowMapping]) -> Sequence[Labelled]:
        pointing: dict[str, dict[str, int]] = {row["id"]: {} for row in rows}
        if rows:
            labels = self._labels
            found = select(labels).where(labels.c.workspace == workspace, labels.c[self._owner].in_(pointing))
            for label in connection.execute(found.order_by(labels.c.label)).mappings():
                pointing[label[self._owner]][label["label"]] = label["number"]
        return [({**row}, pointing[row["id"]]) for row in rows]

    def _is(self, workspace: str, owner_id: str) -> ColumnElement[bool]:
        return and_(self._owners.c.workspace == workspace, self._owners.c.id == owner_id)
