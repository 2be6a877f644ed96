"""The mutations: each one a call of a service."""

from collections.abc import Sequence

import strawberry

from promptforge.core.access import Key as CoreKey
from promptforge.core.execution import Execution as CoreExecution
from promptforge.core.prompt import Category
from promptforge.core.prompt import Message as CoreMessage
from promptforge.core.prompt import Prompt as CorePrompt
from promptforge.core.prompt import PromptVersion as CoreVersion
from promptforge.server.graphql import chain_definition as definition
from promptforge.server.graphql.access import CreatedKey, CreateKeyInput, Key
from promptforge.server.graphql.arrival import RecordReport, record_executions
from promptforge.server.graphql.chain import Chain, ChainStep, ChainVersion
from promptforge.server.graphql.chain_definition import AppliedChain, ChainValidation
from promptforge.server.graphql.chain_execution import ChainExecution
from promptforge.server.graphql.chain_running import cancel_chain_execution, execute_chain, fork_chain_execution
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.erasure import Erasure, erase_end_user
from promptforge.server.graphql.execution import Execution, prepare
from promptforge.server.graphql.field import resolved
from promptforge.server.graphql.given import mapping, tags_of
from promptforge.server.graphql.price import Price, add_price, end_price, import_prices
from promptforge.server.graphql.prompt import (
    CreatePromptInput,
    CreatePromptVersionInput,
    MessageInput,
    Prompt,
    PromptVersion,
    UpdatePromptInput,
)
from promptforge.server.graphql.provider import (
    Provider,
    ProviderTest,
    remove_provider,
    remove_provider_key,
    save_provider,
    set_provider_key,
    test_provider,
)
from promptforge.server.graphql.pruning import Pruned, prune
from promptforge.server.graphql.retention import Retention, remove_rule, set_content, set_rule
from promptforge.server.graphql.scalars import Json
from promptforge.server.graphql.secret import Secret, remove_secret, set_secret
from promptforge.server.graphql.selection import selected
from promptforge.services.calls import Call


@strawberry.input(description="A prompt by id or name (and version or label), or content for a model.")
class ExecutePromptInput:
    prompt_id: strawberry.ID | None = None
    name: str | None = None
    version: int | None = None
    label: str | None = None
    content: str | None = strawberry.field(
        default=None, description="Without a prompt: the text itself, and params with a model."
    )
    messages: list[MessageInput] | None = None
    variables: Json | None = strawberry.field(
        default=None, description="Without a prompt they make templates of content or messages."
    )
    params: Json | None = None
    provider: str | None = None
    tags: Json | None = None
    metadata: Json | None = None
    end_user: str | None = None
    session_id: str | None = None
    idempotency_key: str | None = strawberry.field(default=None, description="A repeat within 24 hours pays nothing.")
    wait: bool | None = strawberry.field(default=True, description="False answers with the pending execution.")
    deadline_ms: int | None = strawberry.field(default=None, description="Milliseconds.")


def call(given: ExecutePromptInput) -> Call:
    """The service's call of an input."""
    return Call(
        prompt_id=given.prompt_id,
        name=given.name,
        version=given.version,
        label=given.label,
        content=given.content,
        messages=turns(given.messages),
        variables=mapping(given.variables, "variables"),
        params=mapping(given.params, "params"),
        provider=given.provider,
        tags=tags_of(given.tags),
        metadata=given.metadata,
        end_user=given.end_user,
        session_id=given.session_id,
        idempotency_key=given.idempotency_key,
        wait=given.wait is not False,
        deadline_ms=given.deadline_ms,
    )


def turns(given: Sequence[MessageInput] | None) -> tuple[CoreMessage, ...] | None:
    """Messages as the core has them."""
    return None if given is None else tuple(CoreMessage(role=m.role, content=m.content) for m in given)


async def _create_prompt(info: Info, input: CreatePromptInput) -> CorePrompt:
    return await info.context.forge.prompts.create(
        info.context.actor,
        name=input.name,
        description=input.description,
        category=input.category or Category.GENERAL,
        is_public=bool(input.is_public),
        tags=tuple(input.tags or ()),
    )


async def _update_prompt(info: Info, id: strawberry.ID, input: UpdatePromptInput) -> CorePrompt:
    return await info.context.forge.prompts.update(
        info.context.actor,
        id,
        name=input.name,
        description=input.description,
        category=input.category,
        is_public=input.is_public,
        tags=None if input.tags is None else tuple(input.tags),
    )


async def _create_prompt_version(info: Info, input: CreatePromptVersionInput) -> CoreVersion:
    schema = input.input_schema
    return await info.context.forge.prompts.add_version(
        info.context.actor,
        input.prompt_id,
        params=mapping(input.params, "params"),
        content=input.content,
        messages=turns(input.messages),
        input_schema=None if schema is None else mapping(schema, "inputSchema"),
        provider=input.provider,
        label=input.label,
    )


async def _set_label(info: Info, prompt_id: strawberry.ID, label: str, version: int) -> CorePrompt:
    return await info.context.forge.prompts.set_label(info.context.actor, prompt_id, label, version)


async def _remove_label(info: Info, prompt_id: strawberry.ID, label: str) -> CorePrompt:
    return await info.context.forge.prompts.set_label(info.context.actor, prompt_id, label, None)


async def _archive(info: Info, id: strawberry.ID) -> CorePrompt:
    return await info.context.forge.prompts.archive(info.context.actor, id)


async def _restore(info: Info, id: strawberry.ID) -> CorePrompt:
    return await info.context.forge.prompts.restore(info.context.actor, id)


async def _fork(info: Info, id: strawberry.ID, name: str, version: int | None = None) -> CorePrompt:
    return await info.context.forge.prompts.fork(info.context.actor, id, name, version)


async def _execute_prompt(info: Info, input: ExecutePromptInput) -> CoreExecution:
    context = info.context
    done = await context.forge.executions.execute(context.actor, call(input))
    await prepare(context, [done], selected(info))
    return done


async def _cancel(info: Info, id: strawberry.ID) -> CoreExecution:
    return await info.context.forge.executions.cancel(info.context.actor, id)


async def _create_key(info: Info, input: CreateKeyInput) -> tuple[CoreKey, str]:
    return await info.context.forge.access.create_key(
        info.context.actor,
        name=input.name,
        scopes=None if input.scopes is None else frozenset(input.scopes),
        expires_at=input.expires_at,
    )


async def _revoke_key(info: Info, id: strawberry.ID) -> CoreKey:
    return await info.context.forge.access.revoke_key(info.context.actor, id)


async def _create_login_link(info: Info) -> str:
    return f"/login?token={await info.context.forge.access.create_login_token(info.context.actor)}"


async def _remove_demo(info: Info) -> bool:
    await info.context.forge.demo.remove(info.context.actor)
    return True


@strawberry.type
class Mutation:
    create_prompt: Prompt = resolved(_create_prompt)
    update_prompt: Prompt = resolved(_update_prompt)
    create_prompt_version: PromptVersion = resolved(_create_prompt_version)
    set_prompt_label: Prompt = resolved(_set_label)
    remove_prompt_label: Prompt = resolved(_remove_label)
    archive_prompt: Prompt = resolved(_archive)
    restore_prompt: Prompt = resolved(_restore)
    delete_prompt: Prompt = resolved(_archive, deprecation_reason="Prompts are never deleted; this archives.")
    fork_prompt: Prompt = resolved(_fork)
    execute_prompt: Execution = resolved(
        _execute_prompt,
        description="A failure of the provider or of the variables is an execution in status error, not an error here.",
    )
    cancel_execution: Execution = resolved(_cancel)
    execute_chain: ChainExecution = resolved(
        execute_chain,
        description="A step that fails, or an input that does not fit, is an execution in status error, not one here.",
    )
    cancel_chain_execution: ChainExecution = resolved(cancel_chain_execution)
    fork_chain_execution: ChainExecution = resolved(
        fork_chain_execution,
        description="Runs again from a step (its name or id); what succeeded before it is taken over at cost 0.",
    )
    create_chain: Chain = resolved(definition.create_chain)
    update_chain: Chain = resolved(definition.update_chain)
    create_chain_step: ChainStep = resolved(definition.create_chain_step, description="Added to the draft.")
    update_chain_step: ChainStep = resolved(
        definition.update_chain_step, description="Changed in the draft; `id` may be the step's name."
    )
    delete_chain_step: Chain = resolved(
        definition.delete_chain_step, description="Taken out of the draft; versions keep it."
    )
    create_chain_version: ChainVersion = resolved(
        definition.create_chain_version, description="What says the same as the latest version makes no new one."
    )
    apply_chain: AppliedChain = resolved(
        definition.apply_chain, description="Makes the chain of the file's name what the file (YAML) says."
    )
    validate_chain: ChainValidation = resolved(
        definition.validate_chain, description="Proves before a run that everything is there; changes nothing."
    )
    set_chain_label: Chain = resolved(definition.set_chain_label)
    remove_chain_label: Chain = resolved(definition.remove_chain_label)
    archive_chain: Chain = resolved(definition.archive_chain)
    restore_chain: Chain = resolved(definition.restore_chain)
    delete_chain: Chain = resolved(
        definition.archive_chain, deprecation_reason="Chains are never deleted; this archives."
    )
    fork_chain: Chain = resolved(definition.fork_chain)
    record_executions: RecordReport = resolved(
        record_executions,
        description="Executions that ran elsewhere, at most 1,000, each a JSON object: see Arrivals in docs/record.md. "
        "What is handed in twice is stored once.",
    )
    create_key: CreatedKey = resolved(_create_key)
    revoke_key: Key = resolved(_revoke_key)
    create_login_link: str = resolved(
        _create_login_link, description="A path of this server that logs a browser in, once, within 15 minutes."
    )
    set_retention_rule: Retention = resolved(
        set_rule, description="Adds a rule, in the place of the one for the same executions; for what ends from now on."
    )
    remove_retention_rule: Retention = resolved(remove_rule, description="Harmless when there is none.")
    set_content_policy: Retention = resolved(
        set_content, description="Of which executions content is kept at all; of what comes with a key, with its id."
    )
    set_secret: Secret = resolved(
        set_secret, description="In the place of an earlier one of that name. Give the value as a variable."
    )
    save_provider: Provider = resolved(
        save_provider, description="For administrators. What is left out is not set any longer; keys stay."
    )
    remove_provider: bool = resolved(
        remove_provider,
        description="Forgets settings, key and the proxy's credentials; a preset is as at first.",
    )
    set_provider_key: Provider = resolved(
        set_provider_key, description="The next call goes out with it; it is shown to nobody again."
    )
    remove_provider_key: Provider = resolved(remove_provider_key)
    test_provider: ProviderTest = resolved(
        test_provider, description="For administrators: one request, which calls no model."
    )
    remove_secret: bool = resolved(remove_secret)
    add_price: Price = resolved(
        add_price, description="Prices what is called from now on; what is recorded keeps the lines it has."
    )
    import_prices: list[Price] = resolved(
        import_prices, description="Adds the prices of a CSV file, all of them or none; see docs/prices.md."
    )
    end_price: Price = resolved(end_price, description="From `at` on, now where not given, the price holds no more.")
    erase_end_user: Erasure = resolved(
        erase_end_user,
        description="Takes content, end user, session and tags of all that ran for an end user off the disk, for good; "
        "figures stay. Answers when it is done, which may take minutes; see docs/erasure.md.",
    )
    prune_executions: Pruned = resolved(
        prune,
        description="Removes executions, and chain executions with theirs, that were made before and are finished, "
        "figures too, for good. Not younger than a day. With dryRun it only says what that is.",
    )
    remove_demo: bool = resolved(_remove_demo)
