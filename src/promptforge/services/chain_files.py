"""Chains as files: applying one, writing one, and proving one before either.

One decision: a file says what shall be. Applying it twice changes nothing the second time, and what it does not mention
of a chain's description stays as it is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from promptforge.core.access import Actor
from promptforge.core.chain import Chain, ChainProblem, ChainVersion
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.services.chains import Chains
from promptforge.wire import chain_file
from promptforge.wire.chain_file import ChainFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying a file did: whether the chain was made, and whether it has a new version."""

    chain: Chain
    version: ChainVersion
    created: bool
    changed: bool


class ChainFiles:
    """The chains of workspaces, as YAML."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains

    async def read(self, actor: Actor, text: str) -> ChainFile:
        """What a file says; InvalidInput, with the line, for one that is no chain."""
        del actor  # reading is everybody's
        return await asyncio.to_thread(chain_file.read, text)

    async def validate(self, actor: Actor, text: str) -> tuple[ChainFile, Sequence[ChainProblem]]:
        """What a file says, and what is wrong with it, errors first."""
        found = await self.read(actor, text)
        return found, await self._chains.validate(actor, document=found.document)

    async def export(self, actor: Actor, chain_id: str, version: int | None = None) -> str:
        """The file of a chain with its draft, or with the document of a version."""
        chain = await self._chains.get(actor, chain_id)
        document = None if version is None else (await self._chains.version(actor, chain.id, version)).document
        return await asyncio.to_thread(chain_file.write, chain, document)

    async def apply(self, actor: Actor, text: str, *, name: str | None = None, label: str | None = None) -> Applied:
        """Make the chain of the file's name (or of *name*) what the file says, as its latest version.

        InvalidInput, with the line, for what cannot become a version; then nothing is changed.
        """
        found = await self.read(actor, text)
        called = name or found.name
        if called is None:
            raise InvalidInput("which chain is missing: begin the file with 'name: …'", path="$.name")
        try:
            await self._chains.check(actor, found.document)
            before = await self._chains.named(actor, called)
        except InvalidInput as error:
            raise found.text.located(error) from None
        except NotFound:
            before = None
        after = await self._described(actor, before, called, found)
        version = await self._chains.create_version(actor, after.id, found.document, label=label)
        latest = 0 if before is None else before.latest
        chain = await self._chains.get(actor, after.id)
        return Applied(chain=chain, version=version, created=before is None, changed=version.number > latest)

    async def _described(self, actor: Actor, before: Chain | None, name: str, found: ChainFile) -> Chain:
        if before is None:
            return await self._chains.create(
                actor,
                name=name,
                description=found.description,
                is_active=found.is_active is not False,
                is_public=bool(found.is_public),
                intent_tags=found.intent_tags or (),
            )
        said = (found.description, found.is_active, found.is_public, found.intent_tags)
        is_now = (before.description, before.is_active, before.is_public, before.intent_tags)
        if all(wanted in (None, now) for wanted, now in zip(said, is_now, strict=True)):
            return before
        return await self._chains.update(
            actor,
            before.id,
            description=found.description,
            is_active=found.is_active,
            is_public=found.is_public,
            intent_tags=found.intent_tags,
        )
