"""Chains as files: applying one, writing one, and proving one before either.

One decision: a file says what shall be. Applying it twice changes nothing the second time, and what it does not mention
of a chain's description stays as it is.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptforge.core.access import Actor, Permission
from promptforge.core.chain import Chain, ChainDocument, ChainProblem, ChainVersion
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.services.chains import Chains
from promptforge.services.difference import unified
from promptforge.wire import chain_file
from promptforge.wire.chain_file import ChainFile
from promptforge.wire.yaml_text import Misread


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying a file did: whether the chain was made, and whether it has a new version."""

    chain: Chain
    version: ChainVersion
    created: bool
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a file says (None when it cannot be read), and its problems, each with its line."""

    file: ChainFile | None
    problems: Sequence[tuple[ChainProblem, int | None]]


class ChainFiles:
    """The chains of workspaces, as YAML."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains

    async def validate(self, actor: Actor, text: str) -> Proof:
        """What a file says, and what is wrong with it, errors first."""
        actor.require(Permission.CONTENT)
        try:
            found = await _read(text)
        except InvalidInput as error:
            says, line = (error.says, error.line) if isinstance(error, Misread) else (str(error), None)
            problem = ChainProblem(step=None, path=error.path or "$", message=says)
            return Proof(file=None, problems=((problem, line),))
        problems = await self._chains.validate(actor, document=found.document)
        return Proof(file=found, problems=tuple((one, found.text.line(one.path)) for one in problems))

    async def diff(self, actor: Actor, chain_id: str, text: str) -> str:
        """A unified diff from a chain with its draft to what it would be once the file is applied."""
        chain, found = await self._chains.get(actor, chain_id), await _read(text)
        said = {"description": found.description, "is_active": found.is_active, "is_public": found.is_public}
        said |= {"intent_tags": found.intent_tags, "draft": found.document}
        after = replace(chain, **{name: value for name, value in said.items() if value is not None})
        old, new = await asyncio.gather(_write(chain), _write(after))
        return unified(old, new, chain.name, "the file")

    async def compare(self, actor: Actor, chain_id: str, old: int, new: int) -> str:
        """A unified diff from one version to another."""
        before, after = [await self.export(actor, chain_id, number) for number in (old, new)]
        return unified(before, after, f"version {old}", f"version {new}")

    async def export(self, actor: Actor, chain_id: str, version: int | None = None) -> str:
        """The file of a chain with its draft, or with the document of a version."""
        chain = await self._chains.get(actor, chain_id)
        document = None if version is None else (await self._chains.version(actor, chain.id, version)).document
        return await _write(chain, document)

    async def apply(self, actor: Actor, text: str, *, name: str | None = None, label: str | None = None) -> Applied:
        """Make the chain of the file's name (or of *name*) what the file says, as its latest version.

        InvalidInput, with the line, for what cannot become a version; then nothing is changed.
        """
        actor.require(Permission.EDIT)
        found = await _read(text)
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


async def _read(text: str) -> ChainFile:
    return await asyncio.to_thread(chain_file.read, text)  # a large one takes a while


async def _write(chain: Chain, document: ChainDocument | None = None) -> str:
    return await asyncio.to_thread(chain_file.write, chain, document)
