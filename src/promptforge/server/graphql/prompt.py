"""Prompts, their versions and labels in the API.

A version stands here either as the catalog's value or as the reference that an execution carries, which knows id,
number and prompt; the rest of it is looked up only when selected, and once per request.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from inspect import isawaitable
from typing import Annotated, Any

import strawberry

from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.execution import Execution as CoreExecution
from promptforge.core.execution import PromptRef
from promptforge.core.filter import Operator, Test
from promptforge.core.prompt import Category
from promptforge.core.prompt import Prompt as CorePrompt
from promptforge.core.prompt import PromptVersion as CoreVersion
from promptforge.language.prompt import variables_of
from promptforge.server.graphql.access import User
from promptforge.server.graphql.context import Context, Info
from promptforge.server.graphql.enums import CategoryEnum, StatusEnum
from promptforge.server.graphql.execution import Execution, page
from promptforge.server.graphql.field import ask, read, resolved
from promptforge.server.graphql.filter import ExecutionFilter, tree
from promptforge.server.graphql.limits import at_most
from promptforge.server.graphql.scalars import Json
from promptforge.services.prompts import VersionDiff


@strawberry.type
class PromptLabel:
    label: str = read(lambda pair: pair[0])
    version: int = read(lambda pair: pair[1])


@strawberry.type
class Message:
    role: str
    content: str


def _then(value: Any, function: Callable[[Any], Any]) -> Any:
    """Apply *function* now, or once *value* has come."""
    if not isawaitable(value):
        return function(value)

    async def later(coming: Awaitable[Any]) -> Any:
        return function(await coming)

    return later(value)


def _whole(function: Callable[[CoreVersion], Any]) -> Any:
    def resolve(version: CoreVersion | PromptRef, context: Context) -> Any:
        if isinstance(version, CoreVersion):
            return function(version)
        return _then(context.versions.now(version.version_id), lambda found: function(_there(found, version)))

    return ask(resolve)


def _there(found: CoreVersion | None, ref: PromptRef) -> CoreVersion:
    if found is None:
        raise NotFound(f"version {ref.version} of the prompt '{ref.prompt_name}' is no longer there")
    return found


def _prompt_of(version: CoreVersion | PromptRef, context: Context) -> Any:
    def there(found: CorePrompt | None) -> CorePrompt:
        if found is None:
            name = version.prompt_name if isinstance(version, PromptRef) else version.prompt_id
            raise NotFound(f"the prompt '{name}' is no longer there")
        return found

    return _then(context.prompts.now(version.prompt_id), there)


def _labels_of(version: CoreVersion | PromptRef, context: Context) -> Any:
    number = version.number if isinstance(version, CoreVersion) else version.version

    def pointing(prompt: CorePrompt | None) -> list[str]:
        return [label for label, target in prompt.labels.items() if target == number] if prompt else []

    return _then(context.prompts.now(version.prompt_id), pointing)


def _version_author(version: CoreVersion | PromptRef, context: Context) -> Any:
    if isinstance(version, CoreVersion):
        return context.users.now(version.created_by)

    async def later() -> Any:
        whole = _there(await _awaited(context.versions.now(version.version_id)), version)
        return await _awaited(context.users.now(whole.created_by))

    return later()


async def _awaited(value: Any) -> Any:
    return await value if isawaitable(value) else value


async def _version_executions(
    root: CoreVersion | PromptRef,
    info: Info,
    limit: int | None = 50,
    offset: int | None = 0,
    after: str | None = None,
    status: StatusEnum | None = None,
    filter: ExecutionFilter | None = None,
) -> list[CoreExecution]:
    version_id = root.version_id if isinstance(root, PromptRef) else root.id
    ours = Test("version_id", Operator.IN, (version_id,))
    return await page(info, tree(filter, ours, status=status), limit=limit, offset=offset, after=after)


@strawberry.type
class PromptVersion:
    id: strawberry.ID = read(lambda v: v.version_id if isinstance(v, PromptRef) else v.id)
    version: int = read(lambda v: v.version if isinstance(v, PromptRef) else v.number)
    content: str | None = _whole(lambda v: v.content)
    messages: list[Message] | None = _whole(lambda v: v.messages)
    params: Json = _whole(lambda v: dict(v.params))
    input_schema: Json | None = _whole(lambda v: v.input_schema)
    provider: str | None = _whole(lambda v: v.provider)
    model: str = _whole(lambda v: v.model)
    variables: list[str] = _whole(variables_of)
    labels: list[str] = ask(_labels_of)
    created_at: datetime = _whole(lambda v: v.created_at)
    prompt: Annotated["Prompt", strawberry.lazy("promptforge.server.graphql.prompt")] = ask(_prompt_of)

    created_by: User | None = ask(_version_author)
    executions: list[Execution] = resolved(_version_executions)


@strawberry.type
class PromptDiff:
    from_: PromptVersion = read(lambda diff: diff.old, name="from")
    to: PromptVersion = read(lambda diff: diff.new)
    text: str = read(lambda diff: diff.text, description="Unified diff of the text; empty when equal.")
    params: Json
    input_schema: Json


async def _executions(
    root: CorePrompt,
    info: Info,
    limit: int | None = 50,
    offset: int | None = 0,
    after: str | None = None,
    status: StatusEnum | None = None,
    filter: ExecutionFilter | None = None,
) -> list[CoreExecution]:
    ours = Test("prompt_id", Operator.IN, (root.id,))
    return await page(info, tree(filter, ours, status=status), limit=limit, offset=offset, after=after)


async def _versions(root: CorePrompt, info: Info, limit: int | None = 50) -> Sequence[CoreVersion]:
    context = info.context
    return await context.forge.prompts.versions(context.actor, root.id, limit=at_most(limit))


async def _version(
    root: CorePrompt, info: Info, number: int | None = None, label: str | None = None
) -> CoreVersion | None:
    if number is None and label is None:
        raise InvalidInput("give the number or the label of the version", path="$.number")
    wanted = number if number is not None else root.labels.get(label or "", root.latest if label == "latest" else 0)
    try:
        return await info.context.forge.prompts.version(info.context.actor, root.id, wanted)
    except NotFound:
        return None


def _latest(prompt: CorePrompt, context: Context) -> Any:
    if not prompt.latest:
        return None
    return context.forge.prompts.version(context.actor, prompt.id, prompt.latest)


async def _diff(
    root: CorePrompt,
    info: Info,
    from_: Annotated[int, strawberry.argument(name="from")],
    to: int,
) -> VersionDiff:
    return await info.context.forge.prompts.diff(info.context.actor, root.id, from_, to)


@strawberry.type
class Prompt:
    id: strawberry.ID
    name: str
    description: str | None
    category: CategoryEnum
    is_public: bool
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    created_by: User | None = ask(lambda prompt, context: context.users.now(prompt.created_by))
    forked_from: strawberry.ID | None
    labels: list[PromptLabel] = read(lambda prompt: sorted(prompt.labels.items()))
    versions: list[PromptVersion] = resolved(_versions, description="Newest first.")
    version: PromptVersion | None = resolved(_version)
    latest_version: PromptVersion | None = ask(_latest)
    executions: list[Execution] = resolved(_executions)
    diff: PromptDiff = resolved(_diff)


@strawberry.input
class CreatePromptInput:
    name: str = strawberry.field(description="Turned into kebab-case; unique in the workspace.")
    description: str | None = None
    category: CategoryEnum | None = Category.GENERAL
    is_public: bool | None = False
    tags: list[str] | None = None


@strawberry.input(description="What is left out stays as it is.")
class UpdatePromptInput:
    name: str | None = None
    description: str | None = None
    category: CategoryEnum | None = None
    is_public: bool | None = None
    tags: list[str] | None = None


@strawberry.input
class MessageInput:
    role: str
    content: str


@strawberry.input(description="Exactly one of content and messages; params holds at least a model.")
class CreatePromptVersionInput:
    prompt_id: strawberry.ID
    content: str | None = None
    messages: list[MessageInput] | None = None
    params: Json
    input_schema: Json | None = None
    provider: str | None = None
    label: str | None = None
