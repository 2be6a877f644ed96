"""Pruning: the one job that takes old rows away, figures and all. Nothing does it by itself."""

from datetime import datetime, timedelta

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput
from promptforge.core.ports import Clock, Record
from promptforge.core.pruning import Pruned

YOUNGEST = timedelta(days=1)
"""Idempotency keys hold for a day, and lead to the execution of the first call: until then that must be there."""


class Pruning:
    """Removes what is old from the actor's workspace."""

    def __init__(self, record: Record, clock: Clock) -> None:
        self._record = record
        self._clock = clock

    async def prune(self, actor: Actor, before: datetime, *, dry: bool) -> Pruned:
        """Remove what was made before and is finished; *dry*: only say what that is."""
        actor.require(Permission.ADMIN)
        if before > self._clock.now() - YOUNGEST:
            raise InvalidInput(
                "only what is older than a day can be removed: give an earlier 'before'", path="$.before"
            )
        return await self._record.prune(actor.workspace, before, dry=dry)
