"""Breakdowns in the API: figures by time and by anything, with the rest summed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from promptforge.core import window as windows
from promptforge.core.errors import InvalidInput
from promptforge.core.query import Dimension, Metric, Tag
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import GroupFieldEnum, MetricEnum, TimeBucketEnum, TimeWindow, TimeWindowEnum
from promptforge.server.graphql.field import read
from promptforge.server.graphql.filter import ExecutionFilter, tree
from promptforge.server.graphql.overview import Figures, asked_window
from promptforge.server.graphql.scalars import Count
from promptforge.services import breakdowns as service

_KEY = "Its value; null: those that have none."
_NAME = "What the id is called now, where it is known."

Days = Annotated[int | None, strawberry.argument(description="Instead of the window: today and the days before it.")]
Minutes = Annotated[int | None, strawberry.argument(description="Instead of the window: so many minutes up to now.")]
From = Annotated[datetime | None, strawberry.argument(name="from", description="Instead of the window, with `to`.")]
OfTag = Annotated[str | None, strawberry.argument(description="Instead of a field: the tag of this name.")]


@strawberry.type(description="What is not shown, summed: so many groups.")
class RestFigures:
    groups: Count
    figures: Figures


@strawberry.type
class TopGroup:
    key: str | None = strawberry.field(description=_KEY)
    name: str | None = strawberry.field(description=_NAME)
    share: float | None = read(
        lambda part: None if part.share is None else float(part.share),
        description="Percent of the metric's sum over everything; null where the metric is no sum.",
    )
    figures: Figures


@strawberry.type(description="`total` is the sum of `groups` and `rest`.")
class Top:
    from_: datetime | None = read(lambda t: t.window.start, name="from", description="Null for all time.")
    to: datetime = read(lambda t: t.window.end)
    timezone: str = read(lambda t: t.window.zone)
    total: Figures
    groups: list[TopGroup] = read(lambda t: t.parts)
    rest: RestFigures
    as_of: datetime = read(lambda t: t.freshness.as_of)
    behind: Count = read(lambda t: t.freshness.behind)


@strawberry.type(description="A span of time, cut by the window; an hour of the week has no start and end.")
class SeriesBucket:
    label: str
    start: datetime | None
    end: datetime | None
    figures: Figures


@strawberry.type(description="`buckets` are in the order of the series.")
class SeriesGroup:
    key: str | None = strawberry.field(description=_KEY)
    name: str | None = strawberry.field(description=_NAME)
    figures: Figures
    buckets: list[Figures]


@strawberry.type(description="What is not shown, summed: so many groups.")
class SeriesRest:
    groups: Count = read(lambda s: s.rest.groups)
    figures: Figures = read(lambda s: s.rest.figures)
    buckets: list[Figures] = read(lambda s: s.rest_buckets)


@strawberry.type(description="`total` is the sum of `buckets`, and each of them the sum of `groups` and `rest` in it.")
class Series:
    from_: datetime | None = read(lambda s: s.window.start, name="from", description="Null for all time.")
    to: datetime = read(lambda s: s.window.end)
    timezone: str = read(lambda s: s.window.zone)
    total: Figures
    buckets: list[SeriesBucket]
    groups: list[SeriesGroup] = read(lambda s: s.rows)
    rest: SeriesRest = read(lambda s: s)
    as_of: datetime = read(lambda s: s.freshness.as_of)
    behind: Count = read(lambda s: s.freshness.behind)


@dataclass(frozen=True, slots=True)
class Asked:
    """The span of time that a question names, in one of four ways."""

    window: TimeWindow | None
    days: int | None
    minutes: int | None
    start: datetime | None
    end: datetime | None
    zone: str

    def span(self, now: datetime) -> windows.Window:
        """The window; InvalidInput when it is said half, or twice."""
        if self.start is not None or self.end is not None:
            if self.start is None or self.end is None:
                raise InvalidInput("give both 'from' and 'to', or neither", path="$.from")
            return windows.between(self.start, self.end, self.zone)
        if self.minutes is not None:
            return windows.last_minutes(self.minutes, self.zone, now)
        return asked_window(self.window, self.days, self.zone, now)


async def top(
    info: Info,
    by: GroupFieldEnum | None = None,
    tag: OfTag = None,
    metric: MetricEnum = Metric.CALLS,
    limit: int | None = 10,
    minimum: Annotated[
        int | None, strawberry.argument(description="Groups with fewer finished are not ranked, and in the rest.")
    ] = 0,
    window: TimeWindowEnum | None = TimeWindow.LAST_7_DAYS,
    days: Days = None,
    minutes: Minutes = None,
    from_: From = None,
    to: datetime | None = None,
    timezone: str | None = "UTC",
    filter: ExecutionFilter | None = None,
) -> service.Top:
    """Resolve Query.top."""
    context = info.context
    found = await context.forge.breakdowns.top(
        context.actor,
        by=_required(_dimension(by, tag)),
        window=Asked(window, days, minutes, from_, to, timezone or "UTC").span(context.forge.clock.now()),
        metric=metric,
        limit=10 if limit is None else limit,
        minimum=minimum or 0,
        filter=tree(filter),
    )
    context.note(found.freshness)
    return found


async def series(
    info: Info,
    bucket: TimeBucketEnum,
    group_by: GroupFieldEnum | None = None,
    tag: OfTag = None,
    metric: Annotated[
        MetricEnum, strawberry.argument(description="Of which the groups shown have most.")
    ] = Metric.CALLS,
    limit: Annotated[int | None, strawberry.argument(description="At most so many groups; 50 at most.")] = 5,
    window: TimeWindowEnum | None = TimeWindow.LAST_7_DAYS,
    days: Days = None,
    minutes: Minutes = None,
    from_: From = None,
    to: datetime | None = None,
    timezone: str | None = "UTC",
    filter: ExecutionFilter | None = None,
) -> service.Series:
    """Resolve Query.series."""
    context = info.context
    found = await context.forge.breakdowns.series(
        context.actor,
        bucket=bucket.value,
        by=_dimension(group_by, tag),
        window=Asked(window, days, minutes, from_, to, timezone or "UTC").span(context.forge.clock.now()),
        metric=metric,
        limit=5 if limit is None else limit,
        filter=tree(filter),
    )
    context.note(found.freshness)
    return found


def _dimension(field: GroupFieldEnum | None, tag: str | None) -> Dimension | Tag | None:
    if field is not None and tag is not None:
        raise InvalidInput("give a field or a tag to group by, not both", path="$.tag")
    return Tag(tag) if tag is not None else field.value if field is not None else None


def _required(by: Dimension | Tag | None) -> Dimension | Tag:
    if by is None:
        raise InvalidInput("say what to group by: a field in 'by', or the name of a tag in 'tag'", path="$.by")
    return by
