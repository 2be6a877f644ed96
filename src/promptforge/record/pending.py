"""What is open, in memory, rebuilt from the journal at the start. Touched by the event loop only."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from promptforge.core.chain_execution import ChainExecution, StepRun
from promptforge.core.execution import Execution

E = TypeVar("E", Execution, ChainExecution)


class Pending(Generic[E]):
    """What was opened and not closed, by workspace and id."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, E]] = {}

    def __len__(self) -> int:
        return sum(len(runs) for runs in self._of.values())

    def __iter__(self) -> Iterator[E]:
        for runs in self._of.values():
            yield from runs.values()

    def add(self, execution: E) -> None:
        """Take in what was opened, or put a later state in its place."""
        self._of.setdefault(execution.workspace, {})[execution.id] = execution

    def remove(self, workspace: str, execution_id: str) -> None:
        """Forget one; harmless when it is not there."""
        runs = self._of.get(workspace)
        if runs is not None:
            runs.pop(execution_id, None)
            if not runs:
                del self._of[workspace]

    def clear(self, workspace: str) -> None:
        """Forget all of a workspace."""
        self._of.pop(workspace, None)

    def get(self, workspace: str, execution_id: str) -> E | None:
        """The open one of that id."""
        return self._of.get(workspace, {}).get(execution_id)

    def of(self, workspace: str) -> tuple[E, ...]:
        """Those of a workspace, as they are now."""
        return tuple(self._of.get(workspace, {}).values())


class PendingChains(Pending[ChainExecution]):
    """Open chain executions, each with the steps that are done."""

    def advance(self, workspace: str, chain_execution_id: str, step: StepRun) -> ChainExecution | None:
        """Add a step in its place; the chain execution with it, None when that is not open."""
        chain = self.get(workspace, chain_execution_id)
        if chain is None:
            return None
        steps = sorted((*chain.steps, step), key=lambda done: (done.order, done.offset_ms))
        chain = replace(chain, steps=tuple(steps))
        self.add(chain)
        return chain
