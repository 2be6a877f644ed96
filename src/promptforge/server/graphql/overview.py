"""The overview in the API: figures of a window, per day and for what is used most."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from promptforge.core import money, window
from promptforge.core.stats import Figures as CoreFigures
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import ErrorTypeEnum, TimeWindow, TimeWindowEnum, ValueFieldEnum
from promptforge.server.graphql.field import read, resolved
from promptforge.server.graphql.filter import ExecutionFilter, tree
from promptforge.server.graphql.limits import at_most
from promptforge.server.graphql.scalars import Count
from promptforge.server.graphql.selection import selected
from promptforge.services import overview as service


@strawberry.type(description="A sum. Calls without a known cost are counted apart and not in it.")
class TotalCost:
    usd: str = read(lambda f: money.exact(f.cost))
    display: str = read(lambda f: money.human(f.cost))
    priced: Count
    unpriced: Count
    unknown: Count
    estimated: Count


def _rate(figures: CoreFigures) -> float | None:
    rate = figures.success_rate
    return None if rate is None else float(rate)


def _latency(figures: CoreFigures) -> float | None:
    average = figures.average_latency_ms
    return None if average is None else float(average)


@strawberry.type(
    description="Success, error, pending and latency count runs, or calls where prompt, version, model or provider "
    "is filtered or grouped by."
)
class Figures:
    runs: Count
    calls: Count
    success: Count
    error: Count
    pending: Count
    success_rate: float | None = read(_rate, description="Percent, two decimals; null when nothing finished.")
    average_latency_ms: float | None = read(_latency)
    token_in: Count
    token_out: Count
    cost_usd: str = read(lambda f: money.four(f.cost), description="Rounded half up to 4 places.")
    cost: TotalCost = read(lambda f: f)


@strawberry.type
class DayFigures:
    date: str = read(lambda day: day.date.isoformat(), description="In the window's time zone.")
    figures: Figures


@strawberry.type
class PromptFigures:
    prompt_id: strawberry.ID | None
    prompt_name: str | None = read(lambda row: row.prompt_name, description="As most of the calls recorded it.")
    figures: Figures


@strawberry.type
class ModelFigures:
    provider: str
    model: str
    figures: Figures


@strawberry.type
class ChainFigures:
    chain_id: strawberry.ID | None
    chain_name: str | None
    figures: Figures


@strawberry.type
class ErrorTypeCount:
    error_type: ErrorTypeEnum
    count: Count


def _prompts(root: service.Overview, limit: int | None = 5) -> list[service.PromptFigures]:
    return list(root.prompts[: at_most(limit, 5)])


def _models(root: service.Overview, limit: int | None = 5) -> list[service.ModelFigures]:
    return list(root.models[: at_most(limit, 5)])


def _chains(root: service.Overview, limit: int | None = 5) -> list[service.ChainFigures]:
    return list(root.chains[: at_most(limit, 5)])


@strawberry.type
class Overview:
    from_: datetime | None = read(lambda o: o.window.start, name="from", description="Null for all time.")
    to: datetime = read(lambda o: o.window.end)
    timezone: str = read(lambda o: o.window.zone)
    days: int | None = read(lambda o: o.window.days)
    totals: Figures
    previous: Figures | None = strawberry.field(
        description="The same span before, cut at the same time of day; null for all time."
    )
    daily: list[DayFigures]
    top_prompts: list[PromptFigures] = resolved(_prompts)
    top_models: list[ModelFigures] = resolved(_models)
    top_chains: list[ChainFigures] = resolved(_chains)
    error_types: list[ErrorTypeCount] = read(lambda o: o.errors)
    as_of: datetime = read(lambda o: o.freshness.as_of)
    behind: Count = read(lambda o: o.freshness.behind)


@dataclass(frozen=True, slots=True)
class _Counted:
    value: str
    count: int


@strawberry.type
class ValueCount:
    value: str
    count: Count


async def overview(
    info: Info,
    window: TimeWindowEnum | None = TimeWindow.LAST_7_DAYS,
    days: Annotated[
        int | None, strawberry.argument(description="Instead of the window: today and the days before it.")
    ] = None,
    timezone: str | None = "UTC",
    filter: ExecutionFilter | None = None,
) -> service.Overview:
    """Resolve Query.overview; only what is selected is asked of the record."""
    context, paths = info.context, selected(info)
    span = asked_window(window, days, timezone or "UTC", context.forge.clock.now())
    found = await context.forge.overviews.overview(
        context.actor,
        window=span,
        filter=tree(filter),
        previous="previous" in paths,
        top=not paths.isdisjoint({"topPrompts", "topModels"}),
        chains="topChains" in paths,
    )
    context.note(found.freshness)
    return found


async def values(info: Info, field: ValueFieldEnum, limit: int | None = 20) -> list[_Counted]:
    """Resolve Query.values."""
    context = info.context
    found = await context.forge.overviews.values(context.actor, field.value, at_most(limit, 20))
    return [_Counted(value, count) for value, count in found]


def asked_window(asked: TimeWindow | None, days: int | None, zone: str, now: datetime) -> window.Window:
    """The span that a question names: *days* before the window."""
    number = days if days is not None else (asked or TimeWindow.LAST_7_DAYS).value
    return window.all_time(zone, now) if number is None else window.last_days(number, zone, now)
