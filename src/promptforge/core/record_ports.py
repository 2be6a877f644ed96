"""The ports of the record's own two stores: the journal, which has everything first, and the history.

Apart from ``ports.py``, because no service ever sees them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from promptforge.core.backup import Copies
from promptforge.core.chain_execution import AnyExecution, ChainExecution, StepRun
from promptforge.core.doctor import Examined
from promptforge.core.erasure import Erasure
from promptforge.core.execution import Execution
from promptforge.core.ports import Claim
from promptforge.core.pruning import Border, Pruned
from promptforge.core.query import Breakdown, Group, Page, Seen, StoreSize


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of closing some: the last sequence number, and the (workspace, id) of those not closed before.

    ``chains`` are the chain executions that changed with them: as they are now.
    """

    last: int
    fresh: frozenset[tuple[str, str]]
    chains: Sequence[ChainExecution] = ()


class Journal(Protocol):
    """The durable write-ahead of executions and chain executions: one writer, group commit; what returns is on disk."""

    async def open(self, execution: AnyExecution, claim: Claim | None = None) -> str:
        """Append an opened event; the earlier id when the claim was made before, Conflict for another input."""
        ...

    async def close(self, executions: Sequence[AnyExecution], step: StepRun | None = None) -> Closed:
        """Append closed events, all or none; what was closed before is left out.

        *step* is the finished step that made the one call that is given: its checkpoint, as in ``advance``.
        """
        ...

    async def capture(self, executions: Sequence[Execution], chains: Sequence[ChainExecution]) -> Closed:
        """``close`` for calls of traces, and with them what ``ChainRecord.capture`` says of *chains*."""
        ...

    async def trace_ids(self, workspace: str, wanted: Mapping[str, str]) -> Mapping[str, str]:
        """As ``ChainRecord`` says."""
        ...

    def roots(self) -> Sequence[ChainExecution]:
        """Roots of traces that wait for a call."""
        ...

    async def forget_roots(self, roots: Sequence[ChainExecution]) -> None:
        """Let go of them."""
        ...

    async def advance(self, workspace: str, chain_execution_id: str, step: StepRun) -> ChainExecution | None:
        """Append the checkpoint of a finished step; the chain execution with it.

        None, and nothing written, when that is not open or a step of that name is done already.
        """
        ...

    async def known(self, workspace: str, ids: Sequence[str]) -> frozenset[str]:
        """Which of these ids were recorded in the last seven days."""
        ...

    def pending(self) -> Sequence[Execution]:
        """Executions opened and not closed: what a start finds after a crash."""
        ...

    def unfinished(self) -> Sequence[ChainExecution]:
        """Chain executions opened and not closed, with the steps that are done."""
        ...

    async def find(self, workspace: str, execution_id: str) -> AnyExecution | None:
        """The newest state of an id that has not left for history."""
        ...

    async def erase(self, workspace: str) -> None: ...
    async def erase_end_user(self, workspace: str, end_user: str) -> Erasure:
        """As ``Record`` says, of what has not left for history; what is open says no more when it is closed."""
        ...

    async def waiting_chains(self, workspace: str, before: datetime) -> Sequence[str]:
        """Chain executions from before that moment that are open, or have not left for history."""
        ...

    async def forget(self, border: Border) -> None:
        """Let ids that a pruning took be taken in again."""
        ...


class History(Protocol):
    """What is closed, for ever: one immutable row each. Calls block; the record runs them on threads."""

    def insert(self, batch: int, rows: Sequence[tuple[int, AnyExecution]], *, doubt: bool) -> None:
        """Store a batch of (journal number, execution), content before figures.

        *doubt*: look first which of its rows are there already. Unavailable when the store is away; ValueError,
        TypeError or OverflowError when a row cannot be stored at all.
        """
        ...

    def check(self, batch: int, rows: Sequence[tuple[int, AnyExecution]]) -> None:
        """Raise what ``insert`` would raise for rows that cannot be stored."""
        ...

    def known(self, workspace: str, ids: Sequence[str]) -> frozenset[str]: ...
    def get_chain(self, workspace: str, chain_execution_id: str) -> ChainExecution | None: ...
    def chain_page(self, query: Page, upto: int | None = None) -> Sequence[ChainExecution]: ...
    def get(self, workspace: str, execution_id: str) -> Execution | None: ...
    def page(self, query: Page, upto: int | None = None) -> Sequence[Execution]:
        """A page of what has journal numbers up to *upto*."""
        ...

    def with_content(self, workspace: str, executions: Sequence[Execution]) -> Sequence[Execution]:
        """The same, each with its content where that is kept and has not expired."""
        ...

    def figures(self, query: Breakdown, upto: int | None = None) -> Sequence[Group]: ...
    def seen(self, workspace: str, limit: int) -> Sequence[Seen]:
        """The services, the one with the newest row first."""
        ...

    def erase(self, workspace: str) -> None: ...
    def erase_end_user(self, workspace: str, end_user: str, begun: Sequence[str] = ()) -> Erasure:
        """As ``Record`` says. *begun* are ids of theirs whose content may be here without figures; not counted."""
        ...

    def border(self, workspace: str, before: datetime, chains: Sequence[str]) -> Border:
        """What a pruning would take; *chains* are the older chain executions that have not arrived."""
        ...

    def due(self, border: Border) -> Pruned:
        """What is beyond it."""
        ...

    def prune(self, border: Border) -> None:
        """Remove what is beyond it, figures too; harmless a second time."""
        ...

    def last(self) -> tuple[int, int]:
        """The highest journal number and batch that are stored; 0 where nothing is."""
        ...

    def since(self, batch: int, created_ms: int) -> Sequence[tuple[str, str]]:
        """The (workspace, id) of all that came in later batches and was made since that millisecond."""
        ...

    def owner(self) -> str | None:
        """The id of the home that it belongs to; None when nobody said."""
        ...

    def own(self, owner: str) -> None: ...
    def expire(self, today: date) -> None:
        """Drop content whose ``expires_on`` has come."""
        ...

    def sizes(self) -> Sequence[StoreSize]:
        """What each table takes."""
        ...

    def examine(self, today: date, since: datetime) -> Examined:
        """What must not be in it, and what its executions name; prices are looked for *since* then."""
        ...

    def copies(self) -> Copies:
        """Its rows in bulk."""
        ...

    def rest(self) -> None:
        """A moment without questions: give back what heavy ones took."""
        ...

    def ping(self) -> None:
        """Unavailable when the store does not answer."""
        ...

    def close(self) -> None: ...
