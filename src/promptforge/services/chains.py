"""Chains: defining them, and finding the version that a run means.

A chain has one draft, which steps are added to and changed in. A version freezes it and never changes; a run without
version or label freezes a draft that was changed since, so every run has a version. Nothing is deleted: archiving frees
the name and keeps what was run readable.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from weakref import WeakValueDictionary

from promptforge.core import chain_definition, definition, ids
from promptforge.core.access import Actor, Permission
from promptforge.core.chain import Chain, ChainDocument, ChainProblem, ChainRef, ChainVersion, Step
from promptforge.core.chain_ports import ChainCatalog, ChainQuery
from promptforge.core.errors import Conflict, InvalidInput, NotFound
from promptforge.core.json import Json
from promptforge.core.ports import Clock
from promptforge.engine.validation import check_readable
from promptforge.services.chain_validation import ChainValidation
from promptforge.services.prompts import Prompts, check_page
from promptforge.wire import chain_document


class Chains:
    """The chains of workspaces."""

    def __init__(self, catalog: ChainCatalog, prompts: Prompts, clock: Clock) -> None:
        self._catalog = catalog
        self._validation = ChainValidation(prompts)
        self._clock = clock
        #: One change of a chain at a time, so that none is lost and a draft is frozen once.
        self._changing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    # ── defining ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        description: str | None = None,
        is_active: bool = True,
        is_public: bool = False,
        intent_tags: Sequence[str] = (),
        required_inputs: Mapping[str, Json] | None = None,
    ) -> Chain:
        """A chain without steps and versions; Conflict when the name is taken."""
        actor.require(Permission.EDIT)
        draft = _draft(ChainDocument(), {"requiredInputs": required_inputs})
        made = self._new(actor, name, description, intent_tags, draft, is_active=is_active, is_public=is_public)
        await self._catalog.create(made)
        return made

    def _new(
        self,
        actor: Actor,
        name: str,
        description: str | None,
        intent_tags: Sequence[str],
        draft: ChainDocument,
        *,
        is_active: bool = True,
        is_public: bool = False,
        forked_from: str | None = None,
    ) -> Chain:
        now = self._clock.now()
        return Chain(
            id=ids.made(ids.CHAIN, now, self._clock.bits()),
            workspace=actor.workspace,
            name=chain_definition.name(name),
            description=definition.description(description),
            is_active=is_active,
            is_public=is_public,
            created_at=now,
            updated_at=now,
            created_by=actor.user_id,
            draft=draft,
            intent_tags=definition.tags(intent_tags, "$.intentTags"),
            forked_from=forked_from,
        )

    async def update(
        self,
        actor: Actor,
        chain_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        is_active: bool | None = None,
        is_public: bool | None = None,
        intent_tags: Sequence[str] | None = None,
        draft: Mapping[str, Json] | None = None,
    ) -> Chain:
        """Change what is given; None leaves it.

        *draft* changes fields of the draft by their names in JSON (``requiredInputs``, ``output``, ``deadlineMs``,
        ``maxCost``, ``steps``); null takes one away.
        """
        async with self._change(actor, chain_id) as found:
            changed = replace(
                found,
                name=found.name if name is None else chain_definition.name(name),
                description=found.description if description is None else definition.description(description),
                is_active=found.is_active if is_active is None else is_active,
                is_public=found.is_public if is_public is None else is_public,
                intent_tags=found.intent_tags if intent_tags is None else definition.tags(intent_tags, "$.intentTags"),
            )
            return await self._write(changed if draft is None else self._with_draft(changed, draft))

    async def add_step(self, actor: Actor, chain_id: str, given: Mapping[str, Json]) -> Step:
        """Add a step to the draft; *given* is its JSON (docs/chains.md)."""
        async with self._change(actor, chain_id) as found:
            names = [step.name for step in found.draft.steps]
            (made,) = chain_document.named([chain_document.read_step(given)], names)
            made = replace(made, id=self._step_id())
            await self._write_steps(found, (*found.draft.steps, made))
            return made

    async def update_step(self, actor: Actor, chain_id: str, step: str, changes: Mapping[str, Json]) -> Step:
        """Change fields of a step of the draft, found by id or name; null takes one away, what is not named stays."""
        async with self._change(actor, chain_id) as found:
            known = _step_of(found, step)
            made = chain_document.changed(known, changes)
            await self._write_steps(found, (made if one is known else one for one in found.draft.steps))
            return made

    async def remove_step(self, actor: Actor, chain_id: str, step: str) -> Chain:
        """Take a step, found by id or name, out of the draft; versions keep it."""
        async with self._change(actor, chain_id) as found:
            gone = _step_of(found, step)
            return await self._write_steps(found, (one for one in found.draft.steps if one is not gone))

    async def create_version(
        self, actor: Actor, chain_id: str, document: ChainDocument | None = None, *, label: str | None = None
    ) -> ChainVersion:
        """Freeze the draft, or *document*, which becomes the draft, as the next version; *label* points at it.

        A document that says what the latest version says makes no new one: the latest is returned.
        """
        async with self._change(actor, chain_id) as found:
            pointing = None if label is None else definition.label(label)
            if document is not None:
                draft = self._with_ids(document, found.draft)
                await self._validation.check(actor, draft)
                changed = await self._write(replace(found, draft=_in_order(draft)))
                return await self._freeze(actor, changed, pointing)
            return await self._freeze(actor, found, pointing)

    async def set_label(self, actor: Actor, chain_id: str, label: str, number: int | None) -> Chain:
        """Point a label at a version; None takes the label away."""
        async with self._change(actor, chain_id) as found:
            if number is None:
                if label not in found.labels:
                    raise _no_label(found, label)
            else:
                definition.label(label)
                await self._version(actor, found, number)
            await self._catalog.set_label(actor.workspace, found.id, label, number)
            return await self._fresh(actor, found.id)

    async def archive(self, actor: Actor, chain_id: str) -> Chain:
        """Take a chain out of use and free its name; its versions and executions stay readable."""
        async with self._change(actor, chain_id, archived=True) as found:
            return found if found.archived_at else await self._write(replace(found, archived_at=self._clock.now()))

    async def restore(self, actor: Actor, chain_id: str) -> Chain:
        """Take an archived chain back into use; Conflict when its name was taken meanwhile."""
        async with self._change(actor, chain_id, archived=True) as found:
            return await self._write(replace(found, archived_at=None)) if found.archived_at else found

    async def fork(self, actor: Actor, chain_id: str, name: str, version: int | None = None) -> Chain:
        """A new chain whose draft copies another's draft, or the given version of it."""
        actor.require(Permission.EDIT)
        found = await self.get(actor, chain_id)
        source = found.draft if version is None else (await self._version(actor, found, version)).document
        draft = replace(source, steps=tuple(replace(step, id=self._step_id()) for step in source.steps))
        made = self._new(actor, name, found.description, found.intent_tags, draft, forked_from=found.id)
        await self._catalog.create(made)
        return made

    @asynccontextmanager
    async def _change(self, actor: Actor, asked: str, *, archived: bool = False) -> AsyncGenerator[Chain]:
        """The chain as it is now, changed by nobody else meanwhile; Conflict when it is archived and may not be."""
        actor.require(Permission.EDIT)
        async with self._alone(actor, asked) as found:
            if found.archived_at is not None and not archived:
                raise Conflict(f"the chain '{found.name}' is archived: restore it before changing it")
            yield found

    @asynccontextmanager
    async def _alone(self, actor: Actor, asked: str) -> AsyncGenerator[Chain]:
        chain_id = (await self._fresh(actor, asked)).id
        async with self._changing.setdefault((actor.workspace, chain_id), asyncio.Lock()):
            yield await self._fresh(actor, chain_id)

    async def _write(self, chain: Chain) -> Chain:
        chain = replace(chain, updated_at=self._clock.now())
        await self._catalog.update(chain)
        return chain

    async def _write_steps(self, chain: Chain, steps: Iterable[Step]) -> Chain:
        draft = _in_order(replace(chain.draft, steps=tuple(steps)))
        check_readable(draft)
        return await self._write(replace(chain, draft=draft))

    def _with_draft(self, chain: Chain, changes: Mapping[str, Json]) -> Chain:
        return replace(chain, draft=_in_order(self._with_ids(_draft(chain.draft, changes), chain.draft)))

    def _with_ids(self, document: ChainDocument, draft: ChainDocument) -> ChainDocument:
        """Steps keep the id that the draft's step of their name has."""
        known = {step.name: step.id for step in draft.steps}
        steps = (replace(step, id=known.get(step.name) or self._step_id()) for step in document.steps)
        return replace(document, steps=chain_document.named(tuple(steps)))

    def _step_id(self) -> str:
        return ids.made(ids.STEP, self._clock.now(), self._clock.bits())

    # ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, actor: Actor, chain_id: str) -> Chain:
        """A chain by id or by name; NotFound outside the actor's workspace as for an unknown one."""
        actor.require(Permission.CONTENT)
        return await self._fresh(actor, chain_id)

    async def named(self, actor: Actor, name: str) -> Chain:
        """The unarchived chain of that name."""
        actor.require(Permission.CONTENT)
        found = await self._catalog.named(actor.workspace, name)
        if found is None:
            raise _no_chain(name)
        return found

    async def list(
        self,
        actor: Actor,
        *,
        mine: bool = False,
        search: str | None = None,
        archived: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> Sequence[Chain]:
        """Newest first."""
        actor.require(Permission.CONTENT)
        check_page(limit, offset)
        return await self._catalog.list(
            ChainQuery(
                workspace=actor.workspace,
                mine=actor.user_id if mine else None,
                search=search,
                archived=archived,
                limit=limit,
                offset=offset,
            )
        )

    async def version(self, actor: Actor, chain_id: str, number: int) -> ChainVersion:
        """A version by its number."""
        return await self._version(actor, await self.get(actor, chain_id), number)

    async def version_by_id(self, actor: Actor, version_id: str) -> ChainVersion:
        """A version by its id."""
        actor.require(Permission.CONTENT)
        found = await self._catalog.version_by_id(actor.workspace, version_id)
        if found is None:
            raise NotFound(f"there is no chain version '{version_id[:60]}' in this workspace")
        return found

    async def versions(self, actor: Actor, chain_id: str, limit: int = 50) -> Sequence[ChainVersion]:
        """Newest first."""
        check_page(limit, 0)
        found = await self.get(actor, chain_id)
        return await self._catalog.versions(actor.workspace, found.id, limit)

    async def resolve(
        self,
        actor: Actor,
        *,
        chain_id: str | None = None,
        name: str | None = None,
        version: int | None = None,
        label: str | None = None,
    ) -> tuple[ChainRef, ChainVersion]:
        """The version that a run means: by number, by label, or the draft, frozen first when it was changed.

        NotFound says what there is instead.
        """
        actor.require(Permission.RUN)
        if chain_id is not None and name is not None:
            raise InvalidInput("name the chain by chainId or by name, not by both", path="$.chainId")
        if version is not None and label is not None:
            raise InvalidInput("choose the version by number or by label, not by both", path="$.version")
        found = await self._fresh(actor, chain_id or name or "")
        if found.archived_at is not None:
            raise Conflict(f"the chain '{found.name}' is archived and cannot be run: restore it first")
        if version is None and label is None:
            meant = await self._current(actor, found)
        else:
            meant = await self._version(actor, found, version if label is None else _pointed(found, label))
        ref = ChainRef(chain_id=found.id, chain_name=found.name, version_id=meant.id, version=meant.number, label=label)
        return ref, meant

    async def _current(self, actor: Actor, found: Chain) -> ChainVersion:
        """The latest version when it says what the draft says, else the draft as a new one."""
        latest = await self._unchanged(actor, found)
        if latest is not None:
            return latest
        async with self._alone(actor, found.id) as fresh:
            return await self._freeze(actor, fresh, None)

    async def _freeze(self, actor: Actor, found: Chain, label: str | None) -> ChainVersion:
        latest = await self._unchanged(actor, found)
        if latest is not None:
            if label is not None:
                await self._catalog.set_label(actor.workspace, found.id, label, latest.number)
            return latest
        await self._validation.check(actor, found.draft)
        now = self._clock.now()
        version = ChainVersion(
            id=ids.made(ids.CHAIN_VERSION, now, self._clock.bits()),
            chain_id=found.id,
            number=0,
            document=found.draft,
            created_at=now,
            created_by=actor.user_id,
        )
        return await self._catalog.add_version(actor.workspace, version, label)

    async def _unchanged(self, actor: Actor, found: Chain) -> ChainVersion | None:
        if not found.latest:
            return None
        latest = await self._version(actor, found, found.latest)
        return latest if chain_document.same(latest.document, found.draft) else None

    async def check(self, actor: Actor, document: ChainDocument) -> None:
        """InvalidInput, naming the step, for what would keep a document from becoming a version."""
        actor.require(Permission.CONTENT)
        await self._validation.check(actor, self._with_ids(document, ChainDocument()))

    async def validate(
        self, actor: Actor, chain_id: str | None = None, document: ChainDocument | None = None
    ) -> Sequence[ChainProblem]:
        """What is wrong with a document, or else with a chain's draft, errors first; nothing when it can run."""
        actor.require(Permission.CONTENT)
        if document is None:
            document = (await self._fresh(actor, chain_id or "")).draft
        return await self._validation.problems(actor, self._with_ids(document, ChainDocument()))

    async def _fresh(self, actor: Actor, asked: str) -> Chain:
        found = await self._catalog.get(actor.workspace, asked) or await self._catalog.named(actor.workspace, asked)
        if found is None:
            raise _no_chain(asked)
        return found

    async def _version(self, actor: Actor, chain: Chain, number: int | None) -> ChainVersion:
        found = await self._catalog.version(actor.workspace, chain.id, number or 0)
        if found is None:
            has = f"has no version {number}; it has 1 to {chain.latest}" if chain.latest else "has no version yet"
            raise NotFound(f"the chain '{chain.name}' {has}")
        return found


def _in_order(document: ChainDocument) -> ChainDocument:
    """By ``order``; steps of one order stay as they stood."""
    return replace(document, steps=tuple(sorted(document.steps, key=lambda step: step.order)))


def _draft(document: ChainDocument, changes: Mapping[str, Json]) -> ChainDocument:
    """The document with the changed fields, checked."""
    made = chain_document.read({**chain_document.write(document), **changes})
    check_readable(made)
    return made


def _step_of(chain: Chain, asked: str) -> Step:
    found = next((step for step in chain.draft.steps if asked in (step.id, step.name)), None)
    if found is None:
        has = ", ".join(f"'{step.name}'" for step in chain.draft.steps) or "none"
        raise NotFound(f"the draft of the chain '{chain.name}' has no step '{asked[:60]}'; it has {has}")
    return found


def _pointed(chain: Chain, label: str) -> int:
    if label == "latest":
        return chain.latest
    if label not in chain.labels:
        raise _no_label(chain, label)
    return chain.labels[label]


def _no_chain(asked: str) -> NotFound:
    return NotFound(f"there is no chain '{asked[:60]}' in this workspace")


def _no_label(chain: Chain, label: str) -> NotFound:
    has = ", ".join(f"'{name}'" for name in sorted(chain.labels)) or "none"
    return NotFound(f"the chain '{chain.name}' has no label '{label[:60]}'; it has {has}")
