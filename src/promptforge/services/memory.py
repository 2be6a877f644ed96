"""Memory: what a MEMORY step reads, writes and appends.

A step that is done again after a crash writes under the same token, so an append counts once.
"""

from collections.abc import Mapping
from datetime import timedelta

from promptforge.core.access import Actor
from promptforge.core.chain_execution import ChainExecution
from promptforge.core.chain_ports import MemoryCatalog, MemoryPlace
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_object
from promptforge.core.ports import Clock
from promptforge.engine.plan import Ready


class Memory:
    """What chains remember, as their steps use it."""

    def __init__(self, catalog: MemoryCatalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock

    async def use(self, actor: Actor, execution: ChainExecution, ready: Ready) -> Json:
        """Do what the step says, and return its output: what is remembered now, or what there is to read.

        InvalidInput when it belongs to an end user and the chain has none, or what is there is no list to append to.
        """
        config = ready.step.config
        given: Mapping[str, Json] = ready.input if is_object(ready.input) else {}
        end_user = ""
        if config.get("scope") == "user":
            if not execution.end_user:
                raise InvalidInput("its memory belongs to the end user: give 'endUser' when you run the chain")
            end_user = execution.end_user
        place = MemoryPlace(
            workspace=actor.workspace,
            chain_id=execution.chain.chain_id if execution.chain else "",
            end_user=end_user,
            key=str(given.get("key", "")),
        )
        now, token = self._clock.now(), f"{execution.id}:{ready.step.name}"
        seconds = config.get("ttlSeconds")
        until = now + timedelta(seconds=seconds) if isinstance(seconds, int) else None
        match config.get("operation"):
            case "write":
                await self._catalog.write(place, given.get("value"), until, token)
                return given.get("value")
            case "append":
                return await self._catalog.append(place, given.get("value"), now, until, token)
            case _:
                found = await self._catalog.read(place, now)
                return given.get("default") if found is None else found
