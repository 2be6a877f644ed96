"""Who listens to the record. Each has a bounded queue; a slow one loses the oldest, never holds up the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Generic, TypeVar
from weakref import WeakSet

from promptforge.core.chain_execution import ChainExecution
from promptforge.core.execution import Execution

E = TypeVar("E", Execution, ChainExecution)
QUEUE = 1_000


class Watcher(AsyncIterator[E]):
    """What happens to the executions of a workspace, from the moment it was made."""

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        self._queue: deque[E] = deque(maxlen=QUEUE)
        self._filled = asyncio.Event()
        self._closed = False

    def put(self, execution: E) -> None:
        """Hand one over."""
        self._queue.append(execution)
        self._filled.set()

    def end(self) -> None:
        """Let the reader finish what is queued and stop."""
        self._closed = True
        self._filled.set()

    async def aclose(self) -> None:
        """Stop listening."""
        self.end()
        self._queue.clear()

    async def __anext__(self) -> E:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            self._filled.clear()
            await self._filled.wait()
        return self._queue.popleft()


class Watchers(Generic[E]):
    """All who listen; one that is dropped is forgotten."""

    def __init__(self) -> None:
        self._all: WeakSet[Watcher[E]] = WeakSet()

    def add(self, workspace: str) -> Watcher[E]:
        """Begin to listen."""
        watcher: Watcher[E] = Watcher(workspace)
        self._all.add(watcher)
        return watcher

    def tell(self, executions: Sequence[E]) -> None:
        """Announce executions, in order, to those of their workspaces."""
        for watcher in tuple(self._all):
            for execution in executions:
                if watcher.workspace == execution.workspace:
                    watcher.put(execution)

    def end(self) -> None:
        """Nothing more will come."""
        for watcher in tuple(self._all):
            watcher.end()
