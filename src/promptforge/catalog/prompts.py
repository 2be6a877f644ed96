"""The PromptCatalog on SQL.

Names are kept unique by the database (a partial unique index), numbers are handed out by raising ``latest`` in the
same statement that locks the prompt: both hold however many write at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, String, and_, cast, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from promptforge.catalog.database import Database, concerns
from promptforge.catalog.tables import labels, prompts, versions
from promptforge.core.errors import Conflict, NotFound
from promptforge.core.ports import PromptQuery
from promptforge.core.prompt import Category, Message, Prompt, PromptVersion


class SqlPromptCatalog:
    """Every statement carries the workspace that the caller named."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, prompt: Prompt, first: PromptVersion | None = None) -> None:
        """Store the prompt, with its first version where one is given; Conflict when the name is taken."""

        def work(connection: Connection) -> None:
            row = {**_changeable(prompt), "workspace": prompt.workspace, "id": prompt.id, "latest": 0}
            row |= {
                "created_at": prompt.created_at,
                "created_by": prompt.created_by,
                "forked_from": prompt.forked_from,
            }
            connection.execute(insert(prompts).values(row))
            if first is not None:
                _add_version(connection, prompt.workspace, first)

        await self._named(prompt, work)

    async def update(self, prompt: Prompt) -> None:
        """Write what can change; Conflict when the name is taken."""
        changed = update(prompts).where(_is(prompt.workspace, prompt.id)).values(_changeable(prompt))

        def work(connection: Connection) -> None:
            connection.execute(changed)

        await self._named(prompt, work)

    async def _named(self, prompt: Prompt, work: Callable[[Connection], None]) -> None:
        try:
            await self._database.write(work)
        except IntegrityError as error:
            if not concerns(error, "name"):
                raise
            raise Conflict(
                f"There is already a prompt named '{prompt.name}' in this workspace: choose another name, "
                "or archive that prompt first"
            ) from None

    async def get(self, workspace: str, prompt_id: str) -> Prompt | None:
        """The prompt of that id, archived or not."""
        return await self._one(workspace, prompts.c.id == prompt_id)

    async def named(self, workspace: str, name: str) -> Prompt | None:
        """The unarchived prompt of that name."""
        return await self._one(workspace, and_(prompts.c.name == name, prompts.c.archived_at.is_(None)))

    async def _one(self, workspace: str, condition: ColumnElement[bool]) -> Prompt | None:
        statement = select(prompts).where(prompts.c.workspace == workspace, condition)

        def work(connection: Connection) -> Prompt | None:
            return next(iter(_with_labels(connection, workspace, connection.execute(statement).mappings().all())), None)

        return await self._database.read(work)

    async def list(self, query: PromptQuery) -> Sequence[Prompt]:
        """Newest first; *search* is looked for in name, description and tags."""
        statement = select(prompts).where(prompts.c.workspace == query.workspace)
        archived = prompts.c.archived_at
        statement = statement.where(archived.is_not(None) if query.archived else archived.is_(None))
        if query.mine is not None:
            statement = statement.where(prompts.c.created_by == query.mine)
        if query.search:
            fields = (prompts.c.name, prompts.c.description, cast(prompts.c.tags, String))
            statement = statement.where(or_(*(field.icontains(query.search, autoescape=True) for field in fields)))
        statement = statement.order_by(prompts.c.created_at.desc(), prompts.c.id.desc())
        statement = statement.limit(query.limit).offset(query.offset)

        def work(connection: Connection) -> Sequence[Prompt]:
            return _with_labels(connection, query.workspace, connection.execute(statement).mappings().all())

        return await self._database.read(work)

    async def add_version(self, workspace: str, version: PromptVersion, label: str | None = None) -> PromptVersion:
        """Store it under the next number, with *label* on it; NotFound when the prompt is not there."""

        def work(connection: Connection) -> PromptVersion:
            stored = _add_version(connection, workspace, version)
            if label is not None:
                _point(connection, workspace, stored.prompt_id, label, stored.number)
            return stored

        return await self._database.write(work)

    async def version(self, workspace: str, prompt_id: str, number: int) -> PromptVersion | None:
        """The version of that number."""
        found = await self._versions(workspace, and_(versions.c.prompt_id == prompt_id, versions.c.number == number), 1)
        return found[0] if found else None

    async def version_by_id(self, workspace: str, version_id: str) -> PromptVersion | None:
        """The version of that id."""
        found = await self._versions(workspace, versions.c.id == version_id, 1)
        return found[0] if found else None

    async def versions(self, workspace: str, prompt_id: str, limit: int | None = None) -> Sequence[PromptVersion]:
        """Newest first."""
        return await self._versions(workspace, versions.c.prompt_id == prompt_id, limit)

    async def _versions(
        self, workspace: str, condition: ColumnElement[bool], limit: int | None
    ) -> Sequence[PromptVersion]:
        statement = select(versions).where(versions.c.workspace == workspace, condition)
        statement = statement.order_by(versions.c.number.desc()).limit(limit)
        return await self._database.read(
            lambda connection: [_version({**row}) for row in connection.execute(statement).mappings()]
        )

    async def set_label(self, workspace: str, prompt_id: str, label: str, number: int | None) -> None:
        """Point the label at a version, or remove it; NotFound when there is no such version."""
        try:
            await self._database.write(lambda connection: _point(connection, workspace, prompt_id, label, number))
        except IntegrityError:
            raise NotFound(f"There is no version {number} to put the label '{label}' on") from None


def _is(workspace: str, prompt_id: str) -> ColumnElement[bool]:
    return and_(prompts.c.workspace == workspace, prompts.c.id == prompt_id)


def _add_version(connection: Connection, workspace: str, version: PromptVersion) -> PromptVersion:
    """Take the next number and store the version under it; the row lock makes others wait."""
    raised = connection.execute(
        update(prompts)
        .where(_is(workspace, version.prompt_id))
        .values(latest=prompts.c.latest + 1, updated_at=version.created_at)
        .returning(prompts.c.latest)
    ).scalar_one_or_none()
    if raised is None:
        raise NotFound("The prompt of this version is not in this workspace")
    turns = version.messages
    row = {
        "workspace": workspace,
        "prompt_id": version.prompt_id,
        "number": raised,
        "id": version.id,
        "content": version.content,
        "messages": None if turns is None else [{"role": turn.role, "content": turn.content} for turn in turns],
        "params": dict(version.params),
        "provider": version.provider,
        "input_schema": None if version.input_schema is None else dict(version.input_schema),
        "created_at": version.created_at,
        "created_by": version.created_by,
    }
    connection.execute(insert(versions).values(row))
    return _version(row)


def _point(connection: Connection, workspace: str, prompt_id: str, label: str, number: int | None) -> None:
    # The prompt's row first: two who move one label wait for each other instead of colliding.
    connection.execute(select(prompts.c.id).where(_is(workspace, prompt_id)).with_for_update())
    mine = and_(labels.c.workspace == workspace, labels.c.prompt_id == prompt_id, labels.c.label == label)
    connection.execute(delete(labels).where(mine))
    if number is not None:
        row = {"workspace": workspace, "prompt_id": prompt_id, "label": label, "number": number}
        connection.execute(insert(labels).values(row))


def _with_labels(connection: Connection, workspace: str, rows: Sequence[RowMapping]) -> Sequence[Prompt]:
    pointing: dict[str, dict[str, int]] = {row["id"]: {} for row in rows}
    if rows:
        found = select(labels).where(labels.c.workspace == workspace, labels.c.prompt_id.in_(pointing))
        for label in connection.execute(found.order_by(labels.c.label)).mappings():
            pointing[label["prompt_id"]][label["label"]] = label["number"]
    return [_prompt(row, pointing[row["id"]]) for row in rows]


def _changeable(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "description": prompt.description,
        "category": prompt.category.value,
        "is_public": prompt.is_public,
        "tags": list(prompt.tags),
        "updated_at": prompt.updated_at,
        "archived_at": prompt.archived_at,
    }


def _prompt(row: RowMapping, pointing: Mapping[str, int]) -> Prompt:
    values: dict[str, Any] = {**row, "category": Category(row["category"]), "tags": tuple(row["tags"])}
    return Prompt(**values, labels=pointing)


def _version(row: Mapping[str, Any]) -> PromptVersion:
    turns = row["messages"]
    values = {name: value for name, value in row.items() if name not in ("workspace", "messages")}
    return PromptVersion(**values, messages=None if turns is None else tuple(Message(**turn) for turn in turns))
