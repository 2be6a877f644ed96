"""Services in the API: which programs call, and how they do."""

from datetime import datetime
from typing import Annotated

import strawberry

from promptforge.core import window
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import SourceEnum, TimeWindow, TimeWindowEnum
from promptforge.server.graphql.field import read
from promptforge.server.graphql.health import Problem
from promptforge.server.graphql.limits import at_most
from promptforge.server.graphql.overview import Figures, asked_window
from promptforge.server.graphql.scalars import Count
from promptforge.services.service import Service as CoreService


def _rate(service: CoreService) -> float | None:
    return None if service.calls_per_minute is None else float(service.calls_per_minute)


@strawberry.type(description="A program, by the name that its calls say or else its key has; null: no name was said.")
class Service:
    name: str | None
    sources: list[SourceEnum]
    last_seen: datetime | None = strawberry.field(
        description="When its newest execution was made; null where everything was refused."
    )
    figures: Figures = strawberry.field(description="Of the window; success, error and pending count runs.")
    calls_per_minute: float | None = read(_rate, description="Over the window so far; null for all time.")
    rejected: Count = read(lambda s: s.rejected.count, description="Refused on their way in since the server started.")
    last_rejection: Problem | None = read(
        lambda s: s.rejected.last, description="Null where there is none, and for who may not see content."
    )


async def services(
    info: Info,
    window: TimeWindowEnum | None = TimeWindow.LAST_7_DAYS,
    days: Annotated[
        int | None, strawberry.argument(description="Instead of the window: today and the days before it.")
    ] = None,
    minutes: Annotated[
        int | None, strawberry.argument(description="Instead of the window: so many minutes up to now.")
    ] = None,
    timezone: str | None = "UTC",
    limit: int | None = 50,
) -> list[CoreService]:
    """Resolve Query.services."""
    context = info.context
    now = context.forge.clock.now()
    span = _window(window, days, minutes, timezone or "UTC", now)
    found = await context.forge.services.list(context.actor, window=span, limit=at_most(limit))
    context.note(found.freshness)
    return list(found.items)


def _window(asked: TimeWindow | None, days: int | None, minutes: int | None, zone: str, now: datetime) -> window.Window:
    return asked_window(asked, days, zone, now) if minutes is None else window.last_minutes(minutes, zone, now)
