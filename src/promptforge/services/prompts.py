"""Prompts: defining them, and finding the version that a call means.

Versions are written once and never change, so they are remembered for ever; a prompt is remembered until this process
changes it. Nothing is deleted: archiving frees the name and keeps what was run readable.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from promptforge.core import definition, ids
from promptforge.core.access import Actor, Permission
from promptforge.core.errors import Conflict, InvalidInput, NotFound
from promptforge.core.execution import Json
from promptforge.core.ports import Clock, PromptCatalog, PromptQuery
from promptforge.core.prompt import Category, Message, Prompt, PromptVersion, kebab
from promptforge.language import prompt as language
from promptforge.services.difference import unified

MAX_LIST = 500
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDiff:
    """What changed from *old* to *new*: a unified diff of the text, and [old, new] of each changed parameter."""

    old: PromptVersion
    new: PromptVersion
    text: str
    params: Mapping[str, Json]
    input_schema: Mapping[str, Json]


class Prompts:
    """The prompts of workspaces."""

    def __init__(self, catalog: PromptCatalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._prompts: OrderedDict[tuple[str, str], Prompt] = OrderedDict()
        self._versions: OrderedDict[tuple[str, str, int], PromptVersion] = OrderedDict()
        #: One change at a time, so that none is lost; what was read before a change is not remembered after it.
        self._changing = asyncio.Lock()
        self._changes = 0

    # ── defining ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        description: str | None = None,
        category: Category = Category.GENERAL,
        is_public: bool = False,
        tags: Sequence[str] = (),
    ) -> Prompt:
        """A prompt without versions; Conflict when the name is taken."""
        actor.require(Permission.EDIT)
        made = self._new(actor, kebab(name), description, category, is_public, tags)
        await self._catalog.create(made)
        return made

    def _new(
        self,
        actor: Actor,
        name: str,
        description: str | None,
        category: Category,
        is_public: bool,
        tags: Sequence[str],
    ) -> Prompt:
        now = self._clock.now()
        return Prompt(
            id=ids.made(ids.PROMPT, now, self._clock.bits()),
            workspace=actor.workspace,
            name=name,
            description=definition.description(description),
            category=category,
            is_public=is_public,
            created_at=now,
            updated_at=now,
            created_by=actor.user_id,
            tags=definition.tags(tags),
        )

    async def update(
        self,
        actor: Actor,
        prompt_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        category: Category | None = None,
        is_public: bool | None = None,
        tags: Sequence[str] | None = None,
    ) -> Prompt:
        """Change what is given; None leaves it."""
        async with self._change(actor, prompt_id) as found:
            changed = replace(
                found,
                name=found.name if name is None else kebab(name),
                description=found.description if description is None else definition.description(description),
                category=found.category if category is None else category,
                is_public=found.is_public if is_public is None else is_public,
                tags=found.tags if tags is None else definition.tags(tags),
            )
            return await self._write(changed)

    async def add_version(
        self,
        actor: Actor,
        prompt_id: str,
        *,
        params: Mapping[str, Json],
        content: str | None = None,
        messages: Sequence[Message] | None = None,
        input_schema: Mapping[str, Json] | None = None,
        provider: str | None = None,
        label: str | None = None,
    ) -> PromptVersion:
        """The next version, checked so that it can be run; *label*, where given, points at it."""
        async with self._change(actor, prompt_id) as found:
            _must_be_in_use(found)
            now = self._clock.now()
            version = PromptVersion(
                id=ids.made(ids.VERSION, now, self._clock.bits()),
                prompt_id=found.id,
                number=0,
                content=content,
                messages=None if messages is None else tuple(messages),
                params=definition.parameters(params),
                provider=definition.provider(provider, params),
                input_schema=input_schema,
                created_at=now,
                created_by=actor.user_id,
            )
            definition.check_turns(version)
            language.check(version)
            pointing = None if label is None else definition.label(label)
            return await self._catalog.add_version(actor.workspace, version, pointing)

    async def set_label(self, actor: Actor, prompt_id: str, label: str, number: int | None) -> Prompt:
        """Point a label at a version; None takes the label away."""
        async with self._change(actor, prompt_id) as found:
            _must_be_in_use(found)
            if number is None:
                if label not in found.labels:
                    raise _no_label(found, label)
            else:
                definition.label(label)
                await self._version(actor, found, number)
            await self._catalog.set_label(actor.workspace, found.id, label, number)
            return await self._fresh(actor, found.id)

    async def archive(self, actor: Actor, prompt_id: str) -> Prompt:
        """Take a prompt out of use and free its name; its versions and executions stay readable."""
        async with self._change(actor, prompt_id) as found:
            return found if found.archived_at else await self._write(replace(found, archived_at=self._clock.now()))

    async def restore(self, actor: Actor, prompt_id: str) -> Prompt:
        """Take an archived prompt back into use; Conflict when its name was taken meanwhile."""
        async with self._change(actor, prompt_id) as found:
            return await self._write(replace(found, archived_at=None)) if found.archived_at else found

    async def fork(self, actor: Actor, prompt_id: str, name: str, version: int | None = None) -> Prompt:
        """A new prompt whose first version copies the latest (or the given) one of another."""
        actor.require(Permission.EDIT)
        found = await self.get(actor, prompt_id)
        source = await self._version(actor, found, found.latest if version is None else version)
        made = self._new(actor, kebab(name), found.description, found.category, False, found.tags)
        made = replace(made, forked_from=found.id)
        first = replace(
            source,
            id=ids.made(ids.VERSION, self._clock.now(), self._clock.bits()),
            prompt_id=made.id,
            created_at=made.created_at,
            created_by=actor.user_id,
        )
        await self._catalog.create(made, first)
        return await self._fresh(actor, made.id)

    @asynccontextmanager
    async def _change(self, actor: Actor, asked: str) -> AsyncGenerator[Prompt]:
        """The prompt as it is now, changed by nobody else meanwhile, and forgotten whatever comes of it."""
        actor.require(Permission.EDIT)
        async with self._changing:
            found = await self._fresh(actor, asked)
            try:
                yield found
            finally:
                self._changes += 1
                for key in [key for key, known in self._prompts.items() if known.id == found.id]:
                    del self._prompts[key]

    async def _write(self, prompt: Prompt) -> Prompt:
        prompt = replace(prompt, updated_at=self._clock.now())
        await self._catalog.update(prompt)
        return prompt

    # ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, actor: Actor, prompt_id: str) -> Prompt:
        """A prompt by id or by name; NotFound outside the actor's workspace as for an unknown one."""
        actor.require(Permission.CONTENT)
        return await self._known(actor, prompt_id)

    async def named(self, actor: Actor, name: str) -> Prompt:
        """The unarchived prompt of that name."""
        actor.require(Permission.CONTENT)
        found = await self._named(actor, name)
        if found is None:
            raise _no_prompt(name)
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
    ) -> Sequence[Prompt]:
        """Newest first."""
        actor.require(Permission.CONTENT)
        check_page(limit, offset)
        return await self._catalog.list(
            PromptQuery(
                workspace=actor.workspace,
                mine=actor.user_id if mine else None,
                search=search,
                archived=archived,
                limit=limit,
                offset=offset,
            )
        )

    async def version(self, actor: Actor, prompt_id: str, number: int) -> PromptVersion:
        """A version by its number."""
        return await self._version(actor, await self.get(actor, prompt_id), number)

    async def version_by_id(self, actor: Actor, version_id: str) -> PromptVersion:
        """A version by its id."""
        actor.require(Permission.CONTENT)
        found = await self._catalog.version_by_id(actor.workspace, version_id)
        if found is None:
            raise NotFound(f"there is no prompt version '{version_id[:60]}' in this workspace")
        return found

    async def versions(self, actor: Actor, prompt_id: str, limit: int = 50) -> Sequence[PromptVersion]:
        """Newest first."""
        check_page(limit, 0)
        found = await self.get(actor, prompt_id)
        return await self._catalog.versions(actor.workspace, found.id, limit)

    async def resolve(
        self,
        actor: Actor,
        *,
        prompt_id: str | None = None,
        name: str | None = None,
        version: int | None = None,
        label: str | None = None,
    ) -> tuple[Prompt, PromptVersion]:
        """The version that a call means: by number, by label, or the latest; NotFound says what there is instead."""
        actor.require(Permission.RUN)
        if prompt_id is not None and name is not None:
            raise InvalidInput("name the prompt by promptId or by name, not by both", path="$.promptId")
        if version is not None and label is not None:
            raise InvalidInput("choose the version by number or by label, not by both", path="$.version")
        found = await self._known(actor, prompt_id or name or "")
        if found.archived_at is not None:
            raise Conflict(f"the prompt '{found.name}' is archived and cannot be run: restore it first")
        number = version if version is not None else found.latest
        if label is not None and label != "latest":
            if label not in found.labels:
                raise _no_label(found, label)
            number = found.labels[label]
        return found, await self._version(actor, found, number)

    async def diff(self, actor: Actor, prompt_id: str, old: int, new: int) -> VersionDiff:
        """What changed between two versions of a prompt."""
        found = await self.get(actor, prompt_id)
        before, after = await self._version(actor, found, old), await self._version(actor, found, new)
        return VersionDiff(
            old=before,
            new=after,
            text=unified(_text(before), _text(after), f"version {old}", f"version {new}"),
            params=_changes(_full_params(before), _full_params(after)),
            input_schema=_changes(before.input_schema or {}, after.input_schema or {}),
        )

    def forget(self, actor: Actor) -> None:
        """Remember nothing of the actor's workspace any more: it was removed."""
        actor.require(Permission.ADMIN)
        for prompt in [key for key in self._prompts if key[0] == actor.workspace]:
            del self._prompts[prompt]
        for version in [key for key in self._versions if key[0] == actor.workspace]:
            del self._versions[version]

    async def _known(self, actor: Actor, asked: str) -> Prompt:
        """By id or name, from memory where it is there."""
        remembered = self._prompts.get((actor.workspace, asked))
        if remembered is not None:
            return remembered
        changes = self._changes
        found = await self._fresh(actor, asked)
        if changes == self._changes:  # otherwise it may be from before a change
            self._prompts[actor.workspace, asked] = found
            while len(self._prompts) > _REMEMBERED:
                self._prompts.popitem(last=False)
        return found

    async def _fresh(self, actor: Actor, asked: str) -> Prompt:
        found = await self._catalog.get(actor.workspace, asked) or await self._named(actor, asked)
        if found is None:
            raise _no_prompt(asked)
        return found

    async def _named(self, actor: Actor, name: str) -> Prompt | None:
        """By its name, or by what it was called before that became kebab-case."""
        try:
            return await self._catalog.named(actor.workspace, kebab(name))
        except InvalidInput:
            return None

    async def _version(self, actor: Actor, prompt: Prompt, number: int) -> PromptVersion:
        key = (actor.workspace, prompt.id, number)
        if key not in self._versions:
            found = await self._catalog.version(actor.workspace, prompt.id, number)
            if found is None:
                has = "has no version yet: add one first"
                if prompt.latest:
                    has = f"has no version {number}; it has 1 to {prompt.latest}"
                raise NotFound(f"the prompt '{prompt.name}' {has}")
            self._versions[key] = found
            while len(self._versions) > _REMEMBERED:
                self._versions.popitem(last=False)
        return self._versions[key]


def check_page(limit: int, offset: int) -> None:
    """Refuse a page of a list that is too large, or that is none."""
    if not 1 <= limit <= MAX_LIST:
        raise InvalidInput(f"limit must be 1 to {MAX_LIST}, not {limit}", path="$.limit")
    if offset < 0:
        raise InvalidInput(f"offset must not be negative, but is {offset}", path="$.offset")


def _must_be_in_use(prompt: Prompt) -> None:
    if prompt.archived_at is not None:
        raise Conflict(f"the prompt '{prompt.name}' is archived: restore it before changing it")


def _no_prompt(asked: str) -> NotFound:
    return NotFound(f"there is no prompt '{asked[:60]}' in this workspace")


def _no_label(prompt: Prompt, label: str) -> NotFound:
    has = ", ".join(f"'{name}'" for name in sorted(prompt.labels)) or "none"
    return NotFound(f"the prompt '{prompt.name}' has no label '{label[:60]}'; it has {has}")


def _text(version: PromptVersion) -> str:
    if version.messages is None:
        return version.content or ""
    return "\n\n".join(f"{turn.role}:\n{turn.content}" for turn in version.messages)


def _full_params(version: PromptVersion) -> dict[str, Json]:
    return {**version.params, **({"provider": version.provider} if version.provider else {})}


def _changes(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    return {k: [old.get(k), new.get(k)] for k in dict.fromkeys((*old, *new)) if old.get(k) != new.get(k)}
