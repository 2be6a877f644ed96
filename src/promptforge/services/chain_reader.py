"""What was recorded of chain executions, for whoever may see it. Running them is apart, in ``ChainExecutions``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.chain import StepType
from promptforge.core.chain_execution import ChainExecution, StepContent, StepRun, without_content
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.execution import Execution, Source
from promptforge.core.filter import EVERYTHING, MAX_VALUES, All, Filter, Operator, Test, matches, searches
from promptforge.core.ports import Record
from promptforge.core.query import MAX_PAGE, ChainExecutions, Page
from promptforge.services.executions import figures_only as call_figures_only

SPREAD = timedelta(days=7)
"""So far from its chain execution a captured call may be: as long as traces are remembered."""


class ChainReader:
    """Answers questions about chain executions."""

    def __init__(self, record: Record, chains: ChainRecord) -> None:
        self._record = record
        self._chains = chains

    async def get(self, actor: Actor, chain_execution_id: str) -> ChainExecution:
        """One chain execution with its content; NotFound outside the actor's workspace as for an unknown id."""
        actor.require(Permission.NUMBERS)
        found = await self._chains.get_chain(actor.workspace, chain_execution_id)
        if found is None:
            raise NotFound(f"there is no chain execution '{chain_execution_id[:60]}' in this workspace")
        (found,), _ = await self._whole(actor, [found], content=Permission.CONTENT in actor.permissions)
        return found if Permission.CONTENT in actor.permissions else figures_only(found)

    async def _whole(
        self, actor: Actor, found: Sequence[ChainExecution], *, content: bool
    ) -> tuple[list[ChainExecution], int]:
        """The same with the steps of those that were captured: their calls, which nobody counted when they were kept.

        And how many acknowledged calls are not in the answer yet.
        """
        captured = [one for one in found if one.source is Source.OTLP]
        if not captured:
            return list(found), 0
        calls, behind = await calls_of(self._record, actor.workspace, captured, content=content)
        made: dict[str, list[Execution]] = {one.id: [] for one in captured}
        for call in calls.values():
            if call.step is not None:
                made[call.step.chain_execution_id].append(call)
        whole = [replace(one, steps=captured_steps(one, made[one.id])) if one.id in made else one for one in found]
        return whole, behind

    async def page(
        self,
        actor: Actor,
        *,
        filter: Filter = EVERYTHING,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        content: bool = True,
    ) -> ChainExecutions:
        """A page of chain executions, newest first; *after* is the id of the last one seen."""
        actor.require(Permission.CONTENT if content or searches(filter) else Permission.NUMBERS)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {limit}", path="$.limit")
        if offset < 0:
            raise InvalidInput(f"offset must not be negative, but is {offset}", path="$.offset")
        if after is not None and ids.parse(ids.CHAIN_EXECUTION, after) is None:
            raise InvalidInput(f"'{after[:60]}' is not a cursor: give the one of a chain execution", path="$.after")
        query = Page(workspace=actor.workspace, filter=filter, limit=limit, offset=offset, after=after, content=content)
        found = await self._chains.chain_page(query)
        items, behind = await self._whole(actor, found.items, content=content)
        freshness = replace(found.freshness, behind=max(behind, found.freshness.behind))
        if Permission.CONTENT not in actor.permissions:
            items = [figures_only(one) for one in items]
        return ChainExecutions(items=items, freshness=freshness)

    async def calls(
        self, actor: Actor, executions: Sequence[ChainExecution], *, content: bool = True
    ) -> Mapping[str, Execution]:
        """The calls that *executions* made or reused, those under way included, by id: few questions for many."""
        actor.require(Permission.CONTENT if content else Permission.NUMBERS)
        found, _ = await calls_of(self._record, actor.workspace, executions, content=content)
        shown = Permission.CONTENT in actor.permissions
        return found if shown else {key: call_figures_only(call) for key, call in found.items()}

    async def watch(self, actor: Actor, filter: Filter = EVERYTHING) -> AsyncIterator[ChainExecution]:
        """Chain executions as they are opened, gain a step, and are closed, those that pass *filter*."""
        actor.require(Permission.CONTENT if searches(filter) else Permission.NUMBERS)
        hide = Permission.CONTENT not in actor.permissions
        async for execution in self._chains.watch_chains(actor.workspace):
            if matches(filter, execution):
                (whole,), _ = await self._whole(actor, [execution], content=not hide)
                yield figures_only(whole) if hide else whole


async def calls_of(
    record: Record, workspace: str, executions: Sequence[ChainExecution], *, content: bool
) -> tuple[dict[str, Execution], int]:
    """The calls that *executions* made or reused, by id, and how many acknowledged ones are not in the answer yet."""
    found, behind = dict[str, Execution](), 0
    captured = [one for one in executions if one.source is Source.OTLP]
    ours = [one for one in executions if one.source is not Source.OTLP]
    for some in (captured, ours):
        calls, late = await _calls_of(record, workspace, some, content=content)
        found |= calls
        behind = max(behind, late)
    return found, behind


async def _calls_of(
    record: Record, workspace: str, executions: Sequence[ChainExecution], *, content: bool
) -> tuple[dict[str, Execution], int]:
    sources = {one.id for one in executions}
    sources |= {step.reused_from for one in executions for step in one.steps if step.reused_from}
    if not sources:
        return {}, 0
    bounds, ordered, found, behind = _bounds(executions, sources), sorted(sources), dict[str, Execution](), 0
    for start in range(0, len(ordered), MAX_VALUES):
        some = tuple(ordered[start : start + MAX_VALUES])
        wanted = All((Test("chain_execution_id", Operator.IN, some), *bounds))
        query = Page(workspace=workspace, filter=wanted, limit=MAX_PAGE, content=content)
        while True:
            page = await record.page(query)
            found |= {call.id: call for call in page.items}
            behind = max(behind, page.freshness.behind)
            if len(page.items) < MAX_PAGE:
                break
            query = replace(query, after=page.items[-1].id)
    return found, behind


def _bounds(executions: Sequence[ChainExecution], sources: set[str]) -> list[Test]:
    """From when to when the calls were made, so that the record need not look everywhere."""
    numbers = [number for one in sources if (number := ids.parse(ids.CHAIN_EXECUTION, one)) is not None]
    # what is captured comes in any order: calls may be older than their trace's first request, and come after its end
    spread = SPREAD if any(one.source is Source.OTLP for one in executions) else timedelta()
    first = datetime.fromtimestamp(min(map(ids.milliseconds, numbers)) / 1000, UTC)
    bounds = [Test("created_at", Operator.AT_LEAST, (first - spread,))]
    ends = [one.recorded_at for one in executions if one.recorded_at and not one.pending]
    if len(ends) == len(executions):
        bounds.append(Test("created_at", Operator.AT_MOST, (max(ends) + spread,)))
    return bounds


def captured_steps(chain: ChainExecution, calls: Sequence[Execution]) -> tuple[StepRun, ...]:
    """The calls of a captured trace as steps, by their start; what began before all that came before it had ended is of
    the same order."""
    start, steps = chain.started_at or chain.created_at, list[StepRun]()
    order, end = 0, 0
    for call in sorted(calls, key=lambda call: (call.created_at, call.step.step if call.step else "", call.id)):
        offset = max(0, (call.created_at - start) // timedelta(milliseconds=1))
        if steps and offset >= end:
            order += 1
        end = max(end, offset + (call.latency_ms or 0))
        steps.append(_captured_step(call, order, offset))
    return tuple(steps)


def _captured_step(call: Execution, order: int, offset: int) -> StepRun:
    said = call.content
    return StepRun(
        name=call.step.step if call.step else "",
        order=order,
        type=StepType.PROMPT,
        status=call.status,
        offset_ms=offset,
        latency_ms=call.latency_ms or 0,
        error_type=call.error_type,
        execution_id=call.id,
        cost=call.cost,
        cost_state=call.cost_state,
        token_in=call.token_in,
        token_out=call.token_out,
        content=said
        and StepContent(input=said.input, output=said.output, error=said.error, stack_trace=said.stack_trace),
    )


def figures_only(execution: ChainExecution) -> ChainExecution:
    """The same without anything that came from outside or goes there."""
    return replace(without_content(execution), end_user=None, session_id=None)
