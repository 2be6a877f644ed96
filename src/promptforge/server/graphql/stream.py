"""The subscriptions: output as it comes, executions as they are opened and closed, and a pulse for pages."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import strawberry

from promptforge.core.access import Permission
from promptforge.core.chain_execution import AnyExecution
from promptforge.core.chain_execution import ChainExecution as CoreChainExecution
from promptforge.core.execution import Execution as CoreExecution
from promptforge.core.model import Delta
from promptforge.server.graphql import chain_execution as chain
from promptforge.server.graphql.chain_execution import ChainExecution
from promptforge.server.graphql.chain_running import ExecuteChainEvent, execute_chain_stream
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import StreamEventKind, StreamEventKindEnum
from promptforge.server.graphql.execution import CONTENT, Execution, prepare
from promptforge.server.graphql.filter import ChainExecutionFilter, ExecutionFilter, chain_tree, tree
from promptforge.server.graphql.mutation import ExecutePromptInput, call
from promptforge.server.graphql.selection import selected

PULSE_SECONDS = 1.0


@strawberry.type
class ExecutePromptEvent:
    kind: StreamEventKindEnum
    text: str | None
    execution: Execution | None


@strawberry.type
class Activity:
    at: datetime
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class _Event:
    kind: StreamEventKind
    text: str | None = None
    execution: CoreExecution | None = None


@dataclass(slots=True)
class _Activity:
    at: datetime
    opened: int = 0
    closed: int = 0


async def _execute_prompt_stream(info: Info, input: ExecutePromptInput) -> AsyncGenerator[_Event, None]:
    context = info.context
    events = cast("AsyncGenerator[Any, None]", context.forge.executions.stream(context.actor, call(input)))
    async with aclosing(events):
        async for item in events:
            if isinstance(item, Delta):
                yield _Event(StreamEventKind.DELTA, text=item.text)
            else:
                kind = StreamEventKind.STARTED if item.pending else StreamEventKind.FINISHED
                yield _Event(kind, execution=item)


async def _execution_changes(info: Info, filter: ExecutionFilter | None = None) -> AsyncGenerator[CoreExecution, None]:
    context, paths = info.context, selected(info)
    if not paths.isdisjoint(CONTENT):
        context.actor.require(Permission.CONTENT)
    changes = cast("AsyncGenerator[CoreExecution, None]", context.forge.executions.watch(context.actor, tree(filter)))
    async with aclosing(changes):
        async for execution in changes:
            await prepare(context, [execution], paths)
            yield execution


async def _chain_execution_changes(
    info: Info, filter: ChainExecutionFilter | None = None
) -> AsyncGenerator[CoreChainExecution, None]:
    context, paths = info.context, selected(info)
    await chain.prepare(context, [], paths)  # what may not be seen is refused before anything happens
    changes = context.forge.chain_reader.watch(context.actor, chain_tree(filter))
    async with aclosing(cast("AsyncGenerator[CoreChainExecution, None]", changes)):
        async for execution in changes:
            await chain.prepare(context, [execution], paths)
            yield execution


async def _activity(info: Info) -> AsyncGenerator[_Activity, None]:
    context = info.context
    forge, actor = context.forge, context.actor
    seen, arrived = _Activity(forge.clock.now()), asyncio.Event()

    async def count(changes: AsyncIterator[AnyExecution]) -> None:
        try:
            async for execution in changes:
                begun = execution.pending and not getattr(execution, "steps", ())
                seen.opened += begun
                seen.closed += not execution.pending
                arrived.set()
        finally:
            arrived.set()

    watched = (forge.executions.watch(actor), forge.chain_reader.watch(actor))
    counting = [asyncio.create_task(count(changes)) for changes in watched]
    try:
        while True:
            await arrived.wait()
            ended = [task for task in counting if task.done()]
            if ended:
                ended[0].result()
                return
            arrived.clear()
            yield _Activity(forge.clock.now(), seen.opened, seen.closed)
            seen.opened = seen.closed = 0
            await asyncio.sleep(PULSE_SECONDS)
    finally:
        for task in counting:
            task.cancel()
        await asyncio.gather(*counting, return_exceptions=True)


def _subscription(resolver: Callable[..., Any], description: str) -> Any:
    return strawberry.subscription(resolver=resolver, description=description)


@strawberry.type
class Subscription:
    execute_prompt_stream: ExecutePromptEvent = _subscription(
        _execute_prompt_stream, description="The pending execution, its output as it comes, the closed one."
    )
    execute_chain_stream: ExecuteChainEvent = _subscription(
        execute_chain_stream,
        description="The pending chain execution, its steps as they begin and end, the closed one.",
    )
    execution_changes: Execution = _subscription(
        _execution_changes, description="Executions as they are opened and closed."
    )
    chain_execution_changes: ChainExecution = _subscription(
        _chain_execution_changes, description="Chain executions as they are opened, gain a step, and are closed."
    )
    activity: Activity = _subscription(
        _activity,
        description="At most one event a second while anything happens: what a page listens to in order to refresh.",
    )
