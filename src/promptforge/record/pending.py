"""Open runs in memory, rebuilt from the journal at the start. Touched by the event loop only."""

from collections.abc import Iterator

from promptforge.core.execution import Execution


class Pending:
    """The executions that were opened and not closed, by workspace and id."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Execution]] = {}

    def __len__(self) -> int:
        return sum(len(runs) for runs in self._of.values())

    def __iter__(self) -> Iterator[Execution]:
        for runs in self._of.values():
            yield from runs.values()

    def add(self, execution: Execution) -> None:
        """Take in an opened execution."""
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

    def get(self, workspace: str, execution_id: str) -> Execution | None:
        """The open execution of that id."""
        return self._of.get(workspace, {}).get(execution_id)

    def of(self, workspace: str) -> tuple[Execution, ...]:
        """Those of a workspace, as they are now."""
        return tuple(self._of.get(workspace, {}).values())
