"""The one reader: what is open from memory, what is closed from the history, in one answer.

A question is answered as of one journal number: the open runs of that moment from memory, and from the history what was
closed up to it. So a run is never in an answer twice, and never missing while it moves.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TypeVar

from promptforge.core import ids
from promptforge.core.chain_execution import ChainExecution
from promptforge.core.errors import Unavailable
from promptforge.core.execution import Execution
from promptforge.core.filter import Filter
from promptforge.core.ports import Clock
from promptforge.core.query import (
    Breakdown,
    ChainExecutions,
    Executions,
    Export,
    Freshness,
    Groups,
    Page,
    Seen,
    StoreSize,
    Subject,
)
from promptforge.core.record_ports import History
from promptforge.record import export, merge
from promptforge.record.journal import SqliteJournal
from promptforge.record.shipper import Shipper

T = TypeVar("T")
E = TypeVar("E", Execution, ChainExecution)
FRESH_SECONDS = 0.25


class Reader:
    """The questions of the Record and ChainRecord ports. Belongs to the event loop."""

    def __init__(self, journal: SqliteJournal, history: History, shipper: Shipper, clock: Clock) -> None:
        self._journal = journal
        self._history = history
        self._shipper = shipper
        self._clock = clock
        self._light = ThreadPoolExecutor(4, thread_name_prefix="history")
        self._heavy = ThreadPoolExecutor(2, thread_name_prefix="history-figures")
        self.patience = FRESH_SECONDS
        """How long a read waits for what was acknowledged before it."""

    async def get(self, workspace: str, execution_id: str) -> Execution | None:
        shown = _canonical(ids.EXECUTION, execution_id)
        if shown is None:
            return None
        found = await self._journal.find(workspace, shown)
        if isinstance(found, Execution):
            return merge.bare(found) if self._past(found.expires_on) else found
        return await self._on(self._light, lambda: self._history.get(workspace, shown))

    async def get_chain(self, workspace: str, chain_execution_id: str) -> ChainExecution | None:
        shown = _canonical(ids.CHAIN_EXECUTION, chain_execution_id)
        if shown is None:
            return None
        found = await self._journal.find(workspace, shown)
        if isinstance(found, ChainExecution):
            return merge.bare(found) if self._past(found.expires_on) else found
        return await self._on(self._light, lambda: self._history.get_chain(workspace, shown))

    def _past(self, expires_on: date | None) -> bool:
        """Whether content is in no answer any more; the history asks the same of its rows."""
        return expires_on is not None and expires_on <= self._clock.now().date()

    async def page(self, query: Page) -> Executions:
        items, freshness = await self._page(query, self._journal.open_runs.of(query.workspace), self._history.page)
        return Executions(items=items, freshness=freshness)

    async def chain_page(self, query: Page) -> ChainExecutions:
        running = self._journal.open_chains.of(query.workspace)
        items, freshness = await self._page(query, running, self._history.chain_page)
        return ChainExecutions(items=items, freshness=freshness)

    async def _page(
        self, query: Page, running: Sequence[E], ask: Callable[[Page, int | None], Sequence[E]]
    ) -> tuple[list[E], Freshness]:
        upto, runs = self._journal.last, merge.on_page(query, running)
        freshness = await self._freshness(query.workspace, upto)
        part = merge.stored_part(query, len(runs))
        bound = upto if runs else None
        stored = await self._on(self._light, lambda: ask(part, bound))
        return merge.page(query, runs, stored, part.offset), freshness

    async def export(self, workspace: str, filter: Filter, *, content: bool) -> Export:
        upto, as_of = self._journal.last, self._clock.now()
        if not await self._shipper.reach(upto, export.PATIENCE):
            behind = await self._journal.behind(workspace, self._shipper.shipped, upto)
            why = self._shipper.problem or "The history is slower than what comes in"
            raise Unavailable(f"{behind:,} executions are not in the history yet, so an export would lack them. {why}")
        counted = Breakdown(workspace=workspace, filter=filter, subject=Subject.CALLS)
        groups = await self._on(self._heavy, lambda: self._history.figures(counted, upto))
        found = export.parts(self._history, workspace, filter, upto, content=content)
        parts = export.ahead(found, lambda work: self._on(self._light, work))
        return Export(count=sum(group.figures.calls for group in groups), as_of=as_of, content=content, parts=parts)

    async def figures(self, query: Breakdown) -> Groups:
        journal, workspace = self._journal, query.workspace
        running = (*journal.open_runs.of(workspace), *journal.open_chains.of(workspace))
        upto, runs = journal.last, merge.in_figures(query, running)
        freshness = await self._freshness(query.workspace, upto)
        # without a bound the history answers from its sums: exact as of *upto* when nothing moves meanwhile
        shipper = self._shipper
        begun, still = shipper.begun, shipper.shipped <= upto and not shipper.lock.locked()
        stored = None
        if still or not runs:
            stored = await self._on(self._heavy, lambda: self._history.figures(query))
        if stored is None or (runs and shipper.begun != begun):
            stored = await self._on(self._heavy, lambda: self._history.figures(query, upto))
        return Groups(items=merge.groups(query, runs, stored), freshness=freshness)

    async def seen(self, workspace: str, limit: int) -> Sequence[Seen]:
        running = (*self._journal.open_runs.of(workspace), *self._journal.open_chains.of(workspace))
        await self._freshness(workspace, self._journal.last)
        stored = await self._on(self._heavy, lambda: self._history.seen(workspace, limit))
        return merge.seen(running, stored, limit)

    async def sizes(self) -> Sequence[StoreSize]:
        return [await self._journal.size(), *await self._on(self._light, self._history.sizes)]

    async def _freshness(self, workspace: str, upto: int) -> Freshness:
        as_of = self._clock.now()
        behind = 0
        if not await self._shipper.reach(upto, self.patience):
            behind = await self._journal.behind(workspace, self._shipper.shipped, upto)
        return Freshness(as_of=as_of, behind=behind)

    async def _on(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _end_threads(self) -> None:
        self._light.shutdown()
        self._heavy.shutdown()


def _canonical(prefix: str, shown: str) -> str | None:
    """An id as the stores have it; None when it is none."""
    number = ids.parse(prefix, shown)
    return None if number is None else ids.text(prefix, number)
