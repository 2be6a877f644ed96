"""What was recorded of chain executions, for whoever may see it. Running them is apart, in ``ChainExecutions``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.chain_execution import ChainExecution, without_content
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.execution import Execution
from promptforge.core.filter import EVERYTHING, MAX_VALUES, All, Filter, Operator, Test, matches, searches
from promptforge.core.ports import Record
from promptforge.core.query import MAX_PAGE, ChainExecutions, Page
from promptforge.services.executions import figures_only as call_figures_only


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
        if Permission.CONTENT in actor.permissions:
            return found
        return replace(found, items=[figures_only(one) for one in found.items])

    async def calls(
        self, actor: Actor, executions: Sequence[ChainExecution], *, content: bool = True
    ) -> Mapping[str, Execution]:
        """The calls that *executions* made or reused, those under way included, by id: few questions for many."""
        actor.require(Permission.CONTENT if content else Permission.NUMBERS)
        sources = {one.id for one in executions}
        sources |= {step.reused_from for one in executions for step in one.steps if step.reused_from}
        if not sources:
            return {}
        bounds, ordered, found = _bounds(executions, sources), sorted(sources), dict[str, Execution]()
        for start in range(0, len(ordered), MAX_VALUES):
            some = tuple(ordered[start : start + MAX_VALUES])
            wanted = All((Test("chain_execution_id", Operator.IN, some), *bounds))
            query = Page(workspace=actor.workspace, filter=wanted, limit=MAX_PAGE, content=content)
            while True:
                items = (await self._record.page(query)).items
                found |= {call.id: call for call in items}
                if len(items) < MAX_PAGE:
                    break
                query = replace(query, after=items[-1].id)
        shown = Permission.CONTENT in actor.permissions
        return found if shown else {key: call_figures_only(call) for key, call in found.items()}

    async def watch(self, actor: Actor, filter: Filter = EVERYTHING) -> AsyncIterator[ChainExecution]:
        """Chain executions as they are opened, gain a step, and are closed, those that pass *filter*."""
        actor.require(Permission.CONTENT if searches(filter) else Permission.NUMBERS)
        hide = Permission.CONTENT not in actor.permissions
        async for execution in self._chains.watch_chains(actor.workspace):
            if matches(filter, execution):
                yield figures_only(execution) if hide else execution


def _bounds(executions: Sequence[ChainExecution], sources: set[str]) -> list[Test]:
    """From when to when the calls were made, so that the record need not look everywhere."""
    numbers = [number for one in sources if (number := ids.parse(ids.CHAIN_EXECUTION, one)) is not None]
    first = datetime.fromtimestamp(min(map(ids.milliseconds, numbers)) / 1000, UTC)
    bounds = [Test("created_at", Operator.AT_LEAST, (first,))]
    ends = [one.recorded_at for one in executions if one.recorded_at and not one.pending]
    if len(ends) == len(executions):
        bounds.append(Test("created_at", Operator.AT_MOST, (max(ends),)))
    return bounds


def figures_only(execution: ChainExecution) -> ChainExecution:
    """The same without anything that came from outside or goes there."""
    return replace(without_content(execution), end_user=None, session_id=None)
