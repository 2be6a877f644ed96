"""Chains, their steps, versions and labels in the API. What runs of them is in ``chain_execution.py``.

A chain stands here either as the catalog's value or as the reference that a chain execution carries, which knows its id
and its name; the rest is looked up only when selected. Its own steps and settings are those of the draft.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from inspect import isawaitable
from typing import Annotated, Any

import strawberry

from promptforge.core import money
from promptforge.core.chain import Chain as CoreChain
from promptforge.core.chain import ChainDocument, ChainRef
from promptforge.core.chain import ChainVersion as CoreVersion
from promptforge.core.chain_execution import ChainExecution as CoreChainExecution
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.filter import Operator, Test
from promptforge.server.graphql.access import User
from promptforge.server.graphql.chain_execution import ChainExecution, page
from promptforge.server.graphql.context import Context, Info
from promptforge.server.graphql.enums import OnErrorEnum, StatusEnum, StepTypeEnum
from promptforge.server.graphql.field import ask, read, resolved
from promptforge.server.graphql.filter import ChainExecutionFilter, chain_tree
from promptforge.server.graphql.limits import at_most
from promptforge.server.graphql.prompt import Prompt
from promptforge.server.graphql.scalars import Json
from promptforge.wire import chain_document, chain_file

Whole = Callable[[CoreChain], Any]


@strawberry.type
class ChainLabel:
    label: str = read(lambda pair: pair[0])
    version: int = read(lambda pair: pair[1])


@strawberry.type(description="A keyword that leads a question to the chain.")
class Intent:
    id: strawberry.ID = read(lambda tag: tag)
    name: str = read(lambda tag: tag)
    keywords: list[str] = read(lambda tag: [tag])
    embedding: list[float] | None = read(lambda _: None, description="Not made yet.")


@strawberry.type
class ChainStep:
    id: strawberry.ID
    name: str
    order: int
    type: StepTypeEnum
    prompt_id: strawberry.ID | None = read(lambda step: step.prompt, description="As it was given: an id or a name.")
    prompt: Prompt | None = ask(lambda step, context: context.prompts.now(step.prompt) if step.prompt else None)
    version: int | None = read(lambda step: step.version, description="Of the prompt; null means its latest.")
    label: str | None
    params: Json = read(lambda step: dict(step.params), description="In the place of those of the prompt's version.")
    override_params: Json = read(lambda step: dict(step.params), description="The same as `params`.")
    config: Json = read(lambda step: dict(step.config))
    input_mapping: Json | None
    output_key: str | None
    tags: list[str]
    when: str | None
    timeout_ms: int | None
    retries: int | None
    on_error: OnErrorEnum


def _cost(document: ChainDocument) -> str | None:
    return None if document.max_cost is None else money.exact(document.max_cost)


def _of(get: Callable[[ChainDocument], Any], description: str | None = None) -> Any:
    return read(lambda version: get(version.document), description=description)


def _version_labels(version: CoreVersion, context: Context) -> Any:
    return _then(
        context.chains.now(version.chain_id), lambda chain: [k for k, n in chain.labels.items() if n == version.number]
    )


def _version_yaml(version: CoreVersion, context: Context) -> Any:
    return context.forge.chain_files.export(context.actor, version.chain_id, version.number)


@strawberry.type
class ChainVersion:
    id: strawberry.ID
    version: int = read(lambda version: version.number)
    steps: list[ChainStep] = _of(lambda document: document.steps)
    required_inputs: Json | None = _of(lambda document: document.required_inputs)
    output: Json | None = _of(lambda document: document.output)
    deadline_ms: int = _of(lambda document: document.deadline_ms)
    max_cost_usd: str | None = _of(_cost)
    document: Json = _of(chain_document.write, "All of it, as createChainVersion takes it.")
    yaml: str = ask(_version_yaml, description="The same as a file.")
    labels: list[str] = ask(_version_labels)
    created_at: datetime
    created_by: User | None = ask(lambda version, context: context.users.now(version.created_by))
    chain: Annotated["Chain", strawberry.lazy("promptforge.server.graphql.chain")] = ask(
        lambda version, context: context.chains.now(version.chain_id)
    )


def _then(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply *function* now, or once *value* has come."""
    if not isawaitable(value):
        return function(value)

    async def later() -> Any:
        return function(await value)

    return later()


def _whole(function: Whole, description: str | None = None) -> Any:
    def resolve(chain: CoreChain | ChainRef, context: Context) -> Any:
        if isinstance(chain, CoreChain):
            return function(chain)
        return _then(context.chains.now(chain.chain_id), lambda found: function(_there(found, chain)))

    return ask(resolve, description=description)


def _there(found: CoreChain | None, ref: ChainRef) -> CoreChain:
    if found is None:
        raise NotFound(f"the chain '{ref.chain_name}' is not defined here; what ran of it is all that is known")
    return found


def _id(chain: CoreChain | ChainRef) -> str:
    return chain.id if isinstance(chain, CoreChain) else chain.chain_id


async def _core(root: CoreChain | ChainRef, context: Context) -> CoreChain:
    if isinstance(root, CoreChain):
        return root
    found = context.chains.now(root.chain_id)
    return _there(await found if isawaitable(found) else found, root)


async def _author(root: CoreChain | ChainRef, context: Context) -> Any:
    found = context.users.now((await _core(root, context)).created_by)
    return await found if isawaitable(found) else found


async def _versions(root: CoreChain | ChainRef, info: Info, limit: int | None = 50) -> Sequence[CoreVersion]:
    return await info.context.forge.chains.versions(info.context.actor, _id(root), limit=at_most(limit))


async def _version(
    root: CoreChain | ChainRef, info: Info, number: int | None = None, label: str | None = None
) -> CoreVersion | None:
    if number is None and label is None:
        raise InvalidInput("give the number or the label of the version", path="$.number")
    chain = await _core(root, info.context)
    pointed = chain.latest if label == "latest" else chain.labels.get(label or "", 0)
    return await _numbered(chain, info.context, pointed if number is None else number)


async def _latest(root: CoreChain | ChainRef, context: Context) -> CoreVersion | None:
    chain = await _core(root, context)
    return await _numbered(chain, context, chain.latest)


async def _numbered(chain: CoreChain, context: Context, number: int) -> CoreVersion | None:
    try:
        return await context.forge.chains.version(context.actor, chain.id, number)
    except NotFound:
        return None


async def _changed(root: CoreChain | ChainRef, context: Context) -> bool:
    chain = await _core(root, context)
    latest = await _numbered(chain, context, chain.latest)
    return latest is None or not chain_document.same(latest.document, chain.draft)


async def _executions(
    root: CoreChain | ChainRef,
    info: Info,
    limit: int | None = 50,
    offset: int | None = 0,
    after: str | None = None,
    status: StatusEnum | None = None,
    filter: ChainExecutionFilter | None = None,
) -> list[CoreChainExecution]:
    ours = Test("chain_id", Operator.IN, (_id(root),))
    return await page(info, chain_tree(filter, ours, status=status), limit=limit, offset=offset, after=after)


async def _diff(
    root: CoreChain | ChainRef,
    info: Info,
    from_: Annotated[int, strawberry.argument(name="from")],
    to: int,
) -> str:
    return await info.context.forge.chain_files.compare(info.context.actor, _id(root), from_, to)


async def _file_diff(root: CoreChain | ChainRef, info: Info, yaml: str) -> str:
    return await info.context.forge.chain_files.diff(info.context.actor, _id(root), yaml)


@strawberry.type
class Chain:
    id: strawberry.ID = read(_id)
    name: str = read(lambda chain: chain.name if isinstance(chain, CoreChain) else chain.chain_name)
    description: str | None = _whole(lambda chain: chain.description)
    is_active: bool = _whole(lambda chain: chain.is_active)
    is_public: bool = _whole(lambda chain: chain.is_public)
    intent_tags: list[str] = _whole(lambda chain: chain.intent_tags)
    intents: list[Intent] = _whole(lambda chain: chain.intent_tags)
    required_inputs: Json | None = _whole(lambda chain: chain.draft.required_inputs)
    steps: list[ChainStep] = _whole(lambda chain: chain.draft.steps, "Those of the draft.")
    output: Json | None = _whole(lambda chain: chain.draft.output)
    deadline_ms: int = _whole(lambda chain: chain.draft.deadline_ms)
    max_cost_usd: str | None = _whole(lambda chain: _cost(chain.draft))
    document: Json = _whole(lambda chain: chain_document.write(chain.draft), "All of the draft.")
    yaml: str = _whole(chain_file.write, "The chain with its draft as a file.")
    draft_changed: bool = ask(_changed, description="Whether the next run makes a new version.")
    created_at: datetime = _whole(lambda chain: chain.created_at)
    updated_at: datetime = _whole(lambda chain: chain.updated_at)
    archived_at: datetime | None = _whole(lambda chain: chain.archived_at)
    created_by: User | None = ask(_author)
    forked_from: strawberry.ID | None = _whole(lambda chain: chain.forked_from)
    labels: list[ChainLabel] = _whole(lambda chain: sorted(chain.labels.items()))
    versions: list[ChainVersion] = resolved(_versions, description="Newest first.")
    version: ChainVersion | None = resolved(_version)
    latest_version: ChainVersion | None = ask(_latest)
    diff: str = resolved(_diff, description="Unified diff of two versions as files; empty when equal.")
    file_diff: str = resolved(
        _file_diff, description="Unified diff from the chain with its draft to what applying a file would make of it."
    )
    executions: list[ChainExecution] = resolved(_executions)


# ── queries ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def chain(info: Info, id: strawberry.ID | None = None, name: str | None = None) -> CoreChain | None:
    """One chain by its id or its name."""
    if (id is None) == (name is None):
        raise InvalidInput("give either the id or the name of the chain", path="$.id")
    chains, actor = info.context.forge.chains, info.context.actor
    try:
        return await (chains.get(actor, id) if id is not None else chains.named(actor, name or ""))
    except NotFound:
        return None


async def chains(
    info: Info,
    mine: bool | None = None,
    limit: int | None = 50,
    offset: int | None = 0,
    search: str | None = None,
    archived: bool | None = False,
) -> Sequence[CoreChain]:
    """Those of the workspace."""
    return await info.context.forge.chains.list(
        info.context.actor,
        mine=bool(mine),
        search=search,
        archived=bool(archived),
        limit=at_most(limit),
        offset=offset or 0,
    )


async def chain_version(info: Info, id: strawberry.ID) -> CoreVersion | None:
    """One version by its id."""
    try:
        return await info.context.forge.chains.version_by_id(info.context.actor, id)
    except NotFound:
        return None
