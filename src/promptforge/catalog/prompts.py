"""The PromptCatalog on SQL: what the rows of ``versioned.py`` mean for prompts."""

from collections.abc import Mapping, Sequence
from typing import Any

from promptforge.catalog.database import Database
from promptforge.catalog.tables import labels, prompts, versions
from promptforge.catalog.versioned import Row, Versioned
from promptforge.core.ports import PromptQuery
from promptforge.core.prompt import Category, Message, Prompt, PromptVersion


class SqlPromptCatalog:
    """Every statement carries the workspace that the caller named."""

    def __init__(self, database: Database) -> None:
        searched = ("name", "description", "tags")
        self._rows = Versioned(database, "prompt", prompts, versions, labels, searched=searched)

    async def create(self, prompt: Prompt, first: PromptVersion | None = None) -> None:
        """Store the prompt, with its first version where one is given; Conflict when the name is taken."""
        row = {**_changeable(prompt), "workspace": prompt.workspace, "id": prompt.id}
        row |= {"created_at": prompt.created_at, "created_by": prompt.created_by, "forked_from": prompt.forked_from}
        await self._rows.create(row, None if first is None else _version_row(first))

    async def update(self, prompt: Prompt) -> None:
        """Write what can change; Conflict when the name is taken."""
        await self._rows.update(prompt.workspace, prompt.id, _changeable(prompt))

    async def get(self, workspace: str, prompt_id: str) -> Prompt | None:
        """The prompt of that id, archived or not."""
        found = await self._rows.get(workspace, prompt_id)
        return None if found is None else _prompt(*found)

    async def named(self, workspace: str, name: str) -> Prompt | None:
        """The unarchived prompt of that name."""
        found = await self._rows.named(workspace, name)
        return None if found is None else _prompt(*found)

    async def list(self, query: PromptQuery) -> Sequence[Prompt]:
        """Newest first; *search* is looked for in name, description and tags."""
        return [_prompt(*found) for found in await self._rows.list(query)]

    async def add_version(self, workspace: str, version: PromptVersion, label: str | None = None) -> PromptVersion:
        """Store it under the next number, with *label* on it; NotFound when the prompt is not there."""
        return _version(await self._rows.add_version(workspace, _version_row(version), label))

    async def version(self, workspace: str, prompt_id: str, number: int) -> PromptVersion | None:
        """The version of that number."""
        found = await self._rows.version(workspace, prompt_id, number)
        return None if found is None else _version(found)

    async def version_by_id(self, workspace: str, version_id: str) -> PromptVersion | None:
        """The version of that id."""
        found = await self._rows.version_by_id(workspace, version_id)
        return None if found is None else _version(found)

    async def versions(self, workspace: str, prompt_id: str, limit: int | None = None) -> Sequence[PromptVersion]:
        """Newest first."""
        return [_version(found) for found in await self._rows.versions(workspace, prompt_id, limit)]

    async def set_label(self, workspace: str, prompt_id: str, label: str, number: int | None) -> None:
        """Point the label at a version, or remove it; NotFound when there is no such version."""
        await self._rows.set_label(workspace, prompt_id, label, number)


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


def _prompt(row: Row, pointing: Mapping[str, int]) -> Prompt:
    values: dict[str, Any] = {**row, "category": Category(row["category"]), "tags": tuple(row["tags"])}
    return Prompt(**values, labels=pointing)


def _version_row(version: PromptVersion) -> Row:
    turns = version.messages
    return {
        "prompt_id": version.prompt_id,
        "id": version.id,
        "content": version.content,
        "messages": None if turns is None else [{"role": turn.role, "content": turn.content} for turn in turns],
        "params": dict(version.params),
        "provider": version.provider,
        "input_schema": None if version.input_schema is None else dict(version.input_schema),
        "created_at": version.created_at,
        "created_by": version.created_by,
    }


def _version(row: Row) -> PromptVersion:
    turns = row["messages"]
    values = {name: value for name, value in row.items() if name not in ("workspace", "messages")}
    return PromptVersion(**values, messages=None if turns is None else tuple(Message(**turn) for turn in turns))
