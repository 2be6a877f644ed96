"""The ports of chains: what is defined, what is remembered, and what the record keeps of each run.

Apart from ``ports.py`` only for its length; ``RecordStore`` is both a Record and a ChainRecord.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from promptforge.core.chain import Chain, ChainVersion
from promptforge.core.chain_execution import ChainExecution, StepRun
from promptforge.core.execution import Execution, Json
from promptforge.core.ports import Claim
from promptforge.core.query import ChainExecutions, Page, Recorded


class ChainRecord(Protocol):
    """The record of chain executions: what returns is durable, and readable at once."""

    async def open_chain(self, execution: ChainExecution, claim: Claim | None = None) -> str:
        """Make a pending chain execution durable and visible; return its id. *claim* as for ``Record.open``."""
        ...

    async def open_again(self, execution: Execution) -> None:
        """Keep an open call with one attempt more, which ended with an earlier process; nothing when it is not open."""
        ...

    async def close_step(self, execution: Execution, step: StepRun) -> None:
        """Close the call that a step made, and make the finished step durable: both are kept, or neither."""
        ...

    async def advance(self, workspace: str, chain_execution_id: str, step: StepRun) -> None:
        """Make a finished step durable that called no model; nothing when the chain execution is not open."""
        ...

    async def close_chain(self, execution: ChainExecution) -> None:
        """Make the final state durable, then announce it. A second close of one id changes nothing."""
        ...

    async def trace_ids(self, workspace: str, wanted: Mapping[str, str]) -> Mapping[str, str]:
        """The id of the chain execution of each trace: the one that it was given first, else that in *wanted*.

        It is remembered for seven days.
        """
        ...

    async def capture(self, executions: Sequence[Execution], chains: Sequence[ChainExecution]) -> Recorded:
        """``Record.record`` for calls of traces, and with them, all or nothing, what is known of the chain executions.

        *chains* are those of the calls that name one, and others whose root has come: each once, closed where its root
        is here, else pending. One is opened with its first call and closed once a call and its root have come, in
        whatever order. A root without calls waits and is in no answer.
        """
        ...

    def roots(self, workspace: str | None = None) -> Sequence[ChainExecution]:
        """Roots that wait for a call of their trace: of a workspace, or all."""
        ...

    async def forget_roots(self, roots: Sequence[ChainExecution]) -> None:
        """Let go of roots whose traces have no call."""
        ...

    def unfinished(self, workspace: str | None = None) -> Sequence[ChainExecution]:
        """Chain executions that are open, each with the steps that are done: what can go on after a crash."""
        ...

    def calls_of(self, workspace: str, chain_execution_id: str) -> Sequence[Execution]:
        """The open calls of a chain execution: after a start, what was in flight at the crash."""
        ...

    async def get_chain(self, workspace: str, chain_execution_id: str) -> ChainExecution | None:
        """One chain execution with its content, wherever it is on its way."""
        ...

    async def chain_page(self, query: Page) -> ChainExecutions:
        """A page of chain executions, open ones included. The filter may use ``core.filter.CHAIN_FIELDS``."""
        ...

    def watch_chains(self, workspace: str) -> AsyncIterator[ChainExecution]:
        """Each chain execution as it is opened, gains a step, or is closed; a slow reader loses the oldest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainQuery:
    """A list of chains, newest first. ``mine`` is a user id."""

    workspace: str
    mine: str | None = None
    search: str | None = None
    archived: bool = False
    limit: int = 50
    offset: int = 0


class ChainCatalog(Protocol):
    """Chains, their drafts and versions."""

    async def create(self, chain: Chain) -> None:
        """Conflict when the name is taken in the workspace."""
        ...

    async def update(self, chain: Chain) -> None:
        """Write everything that can change but labels and ``latest``; Conflict when the name is taken."""
        ...

    async def get(self, workspace: str, chain_id: str) -> Chain | None: ...
    async def named(self, workspace: str, name: str) -> Chain | None:
        """The unarchived chain of that name."""
        ...

    async def list(self, query: ChainQuery) -> Sequence[Chain]: ...
    async def add_version(self, workspace: str, version: ChainVersion, label: str | None = None) -> ChainVersion:
        """Store it under the next number (the given one is ignored), point *label* at it, and return it so."""
        ...

    async def version(self, workspace: str, chain_id: str, number: int) -> ChainVersion | None: ...
    async def version_by_id(self, workspace: str, version_id: str) -> ChainVersion | None: ...
    async def versions(self, workspace: str, chain_id: str, limit: int | None = None) -> Sequence[ChainVersion]:
        """Newest first."""
        ...

    async def set_label(self, workspace: str, chain_id: str, label: str, number: int | None) -> None:
        """Point the label at a version; None removes it."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryPlace:
    """Where a chain remembers: a key in the memory of a chain, or of one of its end users."""

    workspace: str
    chain_id: str
    end_user: str
    """Empty in the chain's own memory."""
    key: str


class MemoryCatalog(Protocol):
    """What chains remember from one execution to the next."""

    async def read(self, place: MemoryPlace, at: datetime) -> Json:
        """The value; None when there is none or it is past its time."""
        ...

    async def write(self, place: MemoryPlace, value: Json, until: datetime | None, token: str) -> None:
        """Replace the value. *token* names the step that writes."""
        ...

    async def append(self, place: MemoryPlace, value: Json, at: datetime, until: datetime | None, token: str) -> Json:
        """Add to the list that is there and return it; the same *token* twice in a row adds once."""
        ...

    async def forget(self, workspace: str, end_user: str) -> int:
        """Remove what is remembered of an end user, off the disk too; how many values."""
        ...
