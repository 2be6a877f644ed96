"""Running chains in the API: executed, cancelled, forked, followed step by step."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import cast

import strawberry

from promptforge.core import money
from promptforge.core.chain_execution import ChainExecution as CoreChainExecution
from promptforge.core.chain_execution import StepRun
from promptforge.core.execution import Status
from promptforge.server.graphql.chain_execution import ChainExecution, ChainExecutionStep, StepRow, prepare
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import ChainEventKind, ChainEventKindEnum
from promptforge.server.graphql.given import mapping, tags_of
from promptforge.server.graphql.scalars import Json
from promptforge.server.graphql.selection import selected
from promptforge.services.chain_executions import ChainCall


@strawberry.input(description="A chain by id or name (and version or label), and what it is given.")
class ExecuteChainInput:
    chain_id: strawberry.ID | None = None
    name: str | None = None
    version: int | None = None
    label: str | None = None
    input: Json | None = None
    overrides: Json | None = strawberry.field(
        default=None,
        description='Steps changed for this run alone: {"classify": {"version": 4, "params": {"temperature": 0}}}.',
    )
    tags: Json | None = None
    metadata: Json | None = None
    end_user: str | None = None
    session_id: str | None = None
    idempotency_key: str | None = strawberry.field(default=None, description="A repeat within 24 hours pays nothing.")
    wait: bool | None = strawberry.field(default=True, description="False answers with the pending chain execution.")
    deadline_ms: int | None = strawberry.field(default=None, description="Milliseconds; at most those of the version.")
    max_cost_usd: str | None = strawberry.field(
        default=None, description="Stops before the step that could cross it; dollars as text, at most the version's."
    )


@strawberry.type(description="Something that happened in a running chain.")
class ExecuteChainEvent:
    kind: ChainEventKindEnum
    step: ChainExecutionStep | None = strawberry.field(description="The step that began or ended.")
    chain_execution: ChainExecution | None = strawberry.field(description="As it began, and as it ended.")


@dataclass(frozen=True, slots=True)
class _Event:
    kind: ChainEventKind
    step: StepRow | None = None
    chain_execution: CoreChainExecution | None = None


def _call(given: ExecuteChainInput) -> ChainCall:
    return ChainCall(
        chain_id=given.chain_id,
        name=given.name,
        version=given.version,
        label=given.label,
        input=mapping(given.input, "input"),
        overrides=mapping(given.overrides, "overrides"),
        tags=tags_of(given.tags),
        metadata=given.metadata,
        end_user=given.end_user,
        session_id=given.session_id,
        idempotency_key=given.idempotency_key,
        wait=given.wait is not False,
        deadline_ms=given.deadline_ms,
        max_cost=None if given.max_cost_usd is None else money.parse_usd(given.max_cost_usd),
    )


async def execute_chain(info: Info, input: ExecuteChainInput) -> CoreChainExecution:
    """Run it, to its end or until it is accepted."""
    return await _shown(info, await info.context.forge.chain_executions.execute(info.context.actor, _call(input)))


async def fork_chain_execution(
    info: Info,
    id: strawberry.ID,
    from_step: str,
    version: int | None = None,
    label: str | None = None,
    overrides: Json | None = None,
    wait: bool | None = True,
) -> CoreChainExecution:
    """Run it again from a step."""
    forked = await info.context.forge.chain_executions.fork(
        info.context.actor,
        id,
        from_step,
        version=version,
        label=label,
        overrides=mapping(overrides, "overrides"),
        wait=wait is not False,
    )
    return await _shown(info, forked)


async def cancel_chain_execution(info: Info, id: strawberry.ID) -> CoreChainExecution:
    """Stop it."""
    return await _shown(info, await info.context.forge.chain_executions.cancel(info.context.actor, id))


async def execute_chain_stream(info: Info, input: ExecuteChainInput) -> AsyncGenerator[_Event, None]:
    """The pending chain execution, its steps as they begin and end, the closed one."""
    context, paths = info.context, _below(selected(info))
    await prepare(context, [], paths)  # what may not be seen is refused before anything happens
    events = context.forge.chain_executions.stream(context.actor, _call(input))
    async with aclosing(cast("AsyncGenerator[CoreChainExecution | StepRun, None]", events)):
        whole: CoreChainExecution | None = None
        async for item in events:
            if isinstance(item, StepRun):
                kind = ChainEventKind.STEP_STARTED if item.status is Status.PENDING else ChainEventKind.STEP_FINISHED
                chain = cast("CoreChainExecution", whole)  # it comes first
                await prepare(context, [replace(chain, steps=(item,))], paths)
                yield _Event(kind, step=StepRow(item, chain, critical=False))
            else:
                whole = item
                await prepare(context, [item], paths)
                kind = ChainEventKind.STARTED if item.pending else ChainEventKind.FINISHED
                yield _Event(kind, chain_execution=item)


def _below(paths: frozenset[str]) -> frozenset[str]:
    """What the fields of an event show, as if all of it stood below the chain execution."""
    whole = {path.removeprefix("chainExecution.") for path in paths if path.startswith("chainExecution.")}
    return frozenset(whole | {f"steps.{path.removeprefix('step.')}" for path in paths if path.startswith("step.")})


async def _shown(info: Info, execution: CoreChainExecution) -> CoreChainExecution:
    await prepare(info.context, [execution], selected(info))
    return execution
