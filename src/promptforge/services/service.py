"""Services: which programs call, when each was last seen, and what became of what they sent.

A service is a name that the caller chose: the header, the resource of OpenTelemetry, else the name of the key. What was
refused is counted since the process started, and is the only thing known of a service that never sent anything good.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Source
from promptforge.core.ports import Clock, Record
from promptforge.core.query import MAX_PAGE, Breakdown, Dimension, Freshness, Refusals
from promptforge.core.stats import Figures, average
from promptforge.core.window import Window

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One program, None: what said no name. *last_seen* is None where everything was refused.

    *figures* and *calls_per_minute* are of the window, success and error of them count runs; the rate is None for all
    time. The reason of *rejected* is None for who may not see content, which it may quote.
    """

    name: str | None
    sources: tuple[Source, ...]
    last_seen: datetime | None
    figures: Figures
    calls_per_minute: Decimal | None
    rejected: Refusals


@dataclass(frozen=True, slots=True)
class ServiceList:
    items: Sequence[Service]
    freshness: Freshness


class Services:
    """Answers from the record; needs the permission to see numbers."""

    def __init__(self, record: Record, clock: Clock) -> None:
        self._record = record
        self._clock = clock

    async def list(self, actor: Actor, *, window: Window, limit: int = 50) -> ServiceList:
        """The services of all time, the last seen first, with their figures of *window*."""
        actor.require(Permission.NUMBERS)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {limit}", path="$.limit")
        workspace = actor.workspace
        query = Breakdown(workspace=workspace, start=window.start, end=window.end, by=(Dimension.SERVICE,))
        groups, seen = await asyncio.gather(self._record.figures(query), self._record.seen(workspace, limit))
        figures = {group.key[0]: group.figures for group in groups.items}
        refused, known = self._refusals(actor), {one.service: one for one in seen}
        names = [*known, *(name for name in refused if name not in known)]
        elapsed = self._elapsed_ms(window)

        def service(name: str | None) -> Service:
            one, own = known.get(name), figures.get(name, Figures())
            return Service(
                name=name,
                sources=one.sources if one else (),
                last_seen=one.last if one else None,
                figures=own,
                calls_per_minute=None if elapsed is None else average(own.calls * _MINUTE_MS, elapsed, places=2),
                rejected=refused.get(name, Refusals()),
            )

        return ServiceList([service(name) for name in names[:limit]], groups.freshness)

    def _refusals(self, actor: Actor) -> Mapping[str | None, Refusals]:
        found = self._record.refusals(actor.workspace)
        if Permission.CONTENT in actor.permissions:
            return found
        return {name: Refusals(count=refused.count) for name, refused in found.items()}

    def _elapsed_ms(self, window: Window) -> int | None:
        """How much of the window is over; None for all time."""
        if window.start is None:
            return None
        return (min(window.end, self._clock.now()) - window.start) // timedelta(milliseconds=1)
