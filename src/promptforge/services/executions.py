"""Executions: running calls for whoever asks, and reading what was recorded."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.execution import ErrorType, Execution
from promptforge.core.filter import EVERYTHING, Filter, matches, searches
from promptforge.core.model import Delta
from promptforge.core.ports import Record
from promptforge.core.query import MAX_PAGE, Export, Page
from promptforge.core.query import Executions as PageOfExecutions
from promptforge.services.calls import Call, Calls


class Executions:
    """Runs calls and answers questions about them."""

    def __init__(self, record: Record, calls: Calls) -> None:
        self._record = record
        self._calls = calls

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def execute(self, actor: Actor, call: Call) -> Execution:
        """Run *call* and return the closed execution, or the pending one with ``wait=False``.

        A failure of the provider or of the input is an execution in state error, not an exception.
        """
        accepted = await self._calls.accept(actor, call)
        if isinstance(accepted, Execution):
            return accepted
        run, task = accepted
        if not call.wait:
            return run.opened
        return await asyncio.shield(task)

    async def stream(self, actor: Actor, call: Call) -> AsyncIterator[Delta | Execution]:
        """The pending execution, then output as it comes, then the closed execution.

        Whoever stops listening does not stop the run; ``cancel`` does.
        """
        arrived: asyncio.Queue[Delta | None] = asyncio.Queue()
        accepted = await self._calls.accept(actor, call, listener=arrived.put_nowait)
        if isinstance(accepted, Execution):
            yield accepted
            return
        run, task = accepted
        task.add_done_callback(lambda _: arrived.put_nowait(None))
        yield run.opened
        while (item := await arrived.get()) is not None:
            yield item
        yield await asyncio.shield(task)

    async def cancel(self, actor: Actor, execution_id: str) -> Execution:
        """Stop a running execution; it is closed as an error of type *cancelled*. A finished one stays as it is."""
        actor.require(Permission.RUN)
        found = await self.get(actor, execution_id)
        entry = self._calls.running(actor, found.id)
        if entry is None:
            return found
        run, task = entry
        run.stop_reason = ErrorType.CANCELLED
        await asyncio.sleep(0)  # a task that is cancelled before its first step would never close its record
        task.cancel()
        return await asyncio.shield(task)

    async def drain(self, actor: Actor, seconds: float) -> None:
        """Let what runs finish for *seconds*, then close the rest as interrupted."""
        await self._calls.drain(actor, seconds)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, actor: Actor, execution_id: str) -> Execution:
        """One execution with its content; NotFound outside the actor's workspace as for an unknown id."""
        actor.require(Permission.NUMBERS)
        number = ids.parse(ids.EXECUTION, execution_id)
        shown = None if number is None else ids.text(ids.EXECUTION, number)
        found = await self._record.get(actor.workspace, shown) if shown else None
        if found is None:
            raise NotFound(f"there is no execution '{execution_id[:60]}' in this workspace")
        return found if Permission.CONTENT in actor.permissions else figures_only(found)

    async def page(
        self,
        actor: Actor,
        *,
        filter: Filter = EVERYTHING,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        content: bool = True,
    ) -> PageOfExecutions:
        """A page of executions, newest first; *after* is the id of the last one seen."""
        actor.require(Permission.CONTENT if content or searches(filter) else Permission.NUMBERS)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {limit}", path="$.limit")
        if offset < 0:
            raise InvalidInput(f"offset must not be negative, but is {offset}", path="$.offset")
        if after is not None and ids.parse(ids.EXECUTION, after) is None:
            raise InvalidInput(f"'{after[:60]}' is not a cursor: give the one of an execution", path="$.after")
        query = Page(workspace=actor.workspace, filter=filter, limit=limit, offset=offset, after=after, content=content)
        return await self._record.page(query)

    async def export(self, actor: Actor, filter: Filter = EVERYTHING, *, content: bool = True) -> Export:
        """Everything finished that passes *filter*; who may not see content gets the figures without it."""
        actor.require(Permission.CONTENT if searches(filter) else Permission.NUMBERS)
        shown = Permission.CONTENT in actor.permissions
        found = await self._record.export(actor.workspace, filter, content=content and shown)
        return found if shown else replace(found, parts=_all_figures_only(found.parts))

    async def watch(self, actor: Actor, filter: Filter = EVERYTHING) -> AsyncIterator[Execution]:
        """Executions as they are opened and closed, those that pass *filter*."""
        actor.require(Permission.CONTENT if searches(filter) else Permission.NUMBERS)
        hide = Permission.CONTENT not in actor.permissions
        async for execution in self._record.watch(actor.workspace):
            if matches(filter, execution):
                yield figures_only(execution) if hide else execution


async def _all_figures_only(parts: AsyncGenerator[Sequence[Execution]]) -> AsyncGenerator[Sequence[Execution]]:
    async with aclosing(parts):
        async for part in parts:
            yield [figures_only(execution) for execution in part]


def figures_only(execution: Execution) -> Execution:
    """The same without anything that came from outside or goes there."""
    return replace(execution, content=None, end_user=None, session_id=None)
