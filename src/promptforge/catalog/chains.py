"""The ChainCatalog on SQL: what the rows of ``versioned.py`` mean for chains.

A document is one JSON value by the core's names; what a later release adds to it is left out when an older one reads
it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from promptforge.catalog.database import Database
from promptforge.catalog.tables import chain_labels, chain_versions, chains
from promptforge.catalog.versioned import Row, Versioned
from promptforge.core.chain import Chain, ChainDocument, ChainVersion, OnError, Step, StepType
from promptforge.core.chain_ports import ChainQuery


class SqlChainCatalog:
    """Every statement carries the workspace that the caller named."""

    def __init__(self, database: Database) -> None:
        searched = ("name", "description", "intent_tags")
        self._rows = Versioned(database, "chain", chains, chain_versions, chain_labels, searched=searched)

    async def create(self, chain: Chain) -> None:
        """Store the chain without versions; Conflict when the name is taken."""
        row = {**_changeable(chain), "workspace": chain.workspace, "id": chain.id}
        row |= {"created_at": chain.created_at, "created_by": chain.created_by, "forked_from": chain.forked_from}
        await self._rows.create(row)

    async def update(self, chain: Chain) -> None:
        """Write what can change; Conflict when the name is taken."""
        await self._rows.update(chain.workspace, chain.id, _changeable(chain))

    async def get(self, workspace: str, chain_id: str) -> Chain | None:
        """The chain of that id, archived or not."""
        found = await self._rows.get(workspace, chain_id)
        return None if found is None else _chain(*found)

    async def named(self, workspace: str, name: str) -> Chain | None:
        """The unarchived chain of that name."""
        found = await self._rows.named(workspace, name)
        return None if found is None else _chain(*found)

    async def list(self, query: ChainQuery) -> Sequence[Chain]:
        """Newest first; *search* is looked for in name, description and intent tags."""
        return [_chain(*found) for found in await self._rows.list(query)]

    async def add_version(self, workspace: str, version: ChainVersion, label: str | None = None) -> ChainVersion:
        """Store it under the next number, with *label* on it; NotFound when the chain is not there."""
        return _version(await self._rows.add_version(workspace, _version_row(version), label))

    async def version(self, workspace: str, chain_id: str, number: int) -> ChainVersion | None:
        """The version of that number."""
        found = await self._rows.version(workspace, chain_id, number)
        return None if found is None else _version(found)

    async def version_by_id(self, workspace: str, version_id: str) -> ChainVersion | None:
        """The version of that id."""
        found = await self._rows.version_by_id(workspace, version_id)
        return None if found is None else _version(found)

    async def versions(self, workspace: str, chain_id: str, limit: int | None = None) -> Sequence[ChainVersion]:
        """Newest first."""
        return [_version(found) for found in await self._rows.versions(workspace, chain_id, limit)]

    async def set_label(self, workspace: str, chain_id: str, label: str, number: int | None) -> None:
        """Point the label at a version, or remove it; NotFound when there is no such version."""
        await self._rows.set_label(workspace, chain_id, label, number)


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


def _chain(row: Row, pointing: Mapping[str, int]) -> Chain:
    values: dict[str, Any] = {**row, "draft": _document(row["draft"]), "intent_tags": tuple(row["intent_tags"])}
    return Chain(**values, labels=pointing)


def _version_row(version: ChainVersion) -> Row:
    return {
        "chain_id": version.chain_id,
        "id": version.id,
        "document": asdict(version.document),
        "created_at": version.created_at,
        "created_by": version.created_by,
    }


def _version(row: Row) -> ChainVersion:
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
