"""Health: where the process stands, for people and for monitoring.

Counters and backlog are sums over the whole process, which name no workspace and hold no content: whoever may see
numbers may see them. What says something about the machine (sizes, free space, the texts of problems) needs ADMIN.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import Unavailable
from promptforge.core.execution import Source
from promptforge.core.ports import Clock, Record
from promptforge.core.query import Counts, Problem, RecordHealth, StoreSize


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """*stores*, *free_bytes* and *problems* are empty or None for those who may not see them."""

    at: datetime
    record: RecordHealth
    counters: Mapping[Source, Counts]
    stores: Sequence[StoreSize] = ()
    free_bytes: int | None = None
    problems: Sequence[Problem] = ()


class Health:
    """Answers without touching what it tells of."""

    def __init__(self, record: Record, catalog: Callable[[], Awaitable[StoreSize]], clock: Clock) -> None:
        """*catalog* measures the catalog."""
        self._record = record
        self._catalog = catalog
        self._clock = clock

    def moment(self, actor: Actor) -> State:
        """What anybody who sees numbers may know, without waiting for anything."""
        actor.require(Permission.NUMBERS)
        return State(at=self._clock.now(), record=self._record.health(), counters=self._record.counters())

    async def state(self, actor: Actor) -> State:
        """Where the process stands; with ADMIN, what it takes of the machine too."""
        now = self.moment(actor)
        if Permission.ADMIN not in actor.permissions:
            return now
        problems = list(self._record.problems())
        stores: list[StoreSize] = []
        try:
            stores += await self._record.sizes()
            stores.append(await self._catalog())
        except Unavailable as error:
            problems.insert(0, Problem(at=now.at, text=str(error)))
        return replace(now, stores=stores, free_bytes=now.record.free_bytes, problems=problems)
