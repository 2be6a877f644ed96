"""Health: where the process stands, for people and for monitoring.

What is about the whole process (its sums, what it takes of the machine, the texts of problems) is for an administrator
of the workspace `default`, as backups are; everybody else who may see numbers sees those of their own workspace.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import Unavailable
from promptforge.core.execution import Source
from promptforge.core.ports import Clock, Record
from promptforge.core.query import Counts, Problem, RecordHealth, StoreSize
from promptforge.services.backup import of_the_machine


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """*whole*: of the process, else of one workspace, with nothing of the machine."""

    at: datetime
    whole: bool
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

    async def moment(self, actor: Actor) -> State:
        """Counters and backlog, without looking at the stores."""
        actor.require(Permission.NUMBERS)
        record, now = self._record, self._clock.now()
        if not of_the_machine(actor):
            lag, counters = await record.health_of(actor.workspace), record.counters(actor.workspace)
            return State(at=now, whole=False, record=lag, counters=counters)
        health = record.health()
        return State(at=now, whole=True, record=health, counters=record.counters(), free_bytes=health.free_bytes)

    async def state(self, actor: Actor) -> State:
        """The same, with what the stores take and the last problems where it is the whole."""
        now = await self.moment(actor)
        if not now.whole:
            return now
        problems = list(self._record.problems())
        stores: list[StoreSize] = []
        try:
            stores += await self._record.sizes()
            stores.append(await self._catalog())
        except Unavailable as error:
            problems.insert(0, Problem(at=now.at, text=str(error)))
        return replace(now, stores=stores, problems=problems)
