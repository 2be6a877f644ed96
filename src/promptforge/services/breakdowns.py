"""Breakdowns: the figures of a window by time and by anything else, so that what is shown adds up to the whole.

One question to the record answers each, as of one moment: a total is the sum of the parts that stand beside it, never
a second question. What is not shown is summed as the rest, with the number of groups in it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from promptforge.core.access import Actor, Permission
from promptforge.core.bucket import Bucket, buckets, label
from promptforge.core.errors import Forbidden, InvalidInput, NotFound
from promptforge.core.filter import EVERYTHING, Filter, searches
from promptforge.core.ports import Clock, Record
from promptforge.core.query import (
    BUCKETS,
    MAX_PAGE,
    Breakdown,
    Dimension,
    Freshness,
    Group,
    Metric,
    Subject,
    Tag,
    measure,
)
from promptforge.core.stats import Figures, share, total
from promptforge.core.window import Window, midnight
from promptforge.services.access import Access
from promptforge.services.chains import Chains
from promptforge.services.overview import subject_of
from promptforge.services.prompts import Prompts

MAX_GROUPS = 100_000
"""At most so many pairs of bucket and group are added up for a series."""
MAX_SHOWN = 50

_OF_CALLS = frozenset(
    {Dimension.PROMPT, Dimension.PROMPT_NAME, Dimension.VERSION_ID, Dimension.VERSION, Dimension.LABEL}
    | {Dimension.MODEL, Dimension.PROVIDER, Dimension.FINISH_REASON, Dimension.COST_STATE, Dimension.CACHED}
)
_SUMS: Mapping[Metric, tuple[str, ...]] = {
    Metric(name): (name,) for name in ("runs", "calls", "success", "error", "pending", "cost", "token_in", "token_out")
} | {Metric.TOKENS: ("token_in", "token_out")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A group: its value as text (None: those that have none), its name where it has one, its share in percent.

    The share is of the metric's sum over everything; None where the metric is no sum.
    """

    key: str | None
    name: str | None
    share: Decimal | None
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is not shown: so many groups, summed."""

    groups: int
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """*total* is the sum of *parts* and *rest*."""

    window: Window
    subject: Subject
    total: Figures
    parts: Sequence[Part]
    rest: Rest
    freshness: Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBucket:
    """*start* and *end* are cut by the window; None for an hour of the week."""

    label: str
    start: datetime | None
    end: datetime | None
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A group over time: *buckets* holds its figures of each bucket of the series, in the same order."""

    key: str | None
    name: str | None
    figures: Figures
    buckets: Sequence[Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """*total* is the sum of *buckets*, and each bucket that of *rows* and *rest* in it, where something is grouped."""

    window: Window
    subject: Subject
    total: Figures
    buckets: Sequence[SeriesBucket]
    rows: Sequence[Row]
    rest: Rest
    rest_buckets: Sequence[Figures]
    freshness: Freshness


class Breakdowns:
    """Answers with sums over the record; every method needs the permission to see numbers."""

    def __init__(self, record: Record, prompts: Prompts, chains: Chains, access: Access, clock: Clock) -> None:
        self._record = record
        self._prompts = prompts
        self._chains = chains
        self._access = access
        self._clock = clock

    async def top(
        self,
        actor: Actor,
        *,
        by: Dimension | Tag,
        window: Window,
        metric: Metric = Metric.CALLS,
        limit: int = 10,
        minimum: int = 0,
        filter: Filter = EVERYTHING,
    ) -> Top:
        """The groups with the most of *metric*, and the rest summed.

        A group without a value of the metric, or with fewer than *minimum* finished, is in the rest.
        """
        _allow(actor, filter)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {limit}", path="$.limit")
        if minimum < 0:
            raise InvalidInput(f"minimum must be 0 or more, not {minimum}", path="$.minimum")
        base = self._base(actor, window, filter, by)
        query = replace(base, by=(by,), rank=metric, limit=limit, minimum=minimum, rest=True)
        found = await self._record.figures(query)
        shown = [g for g in found.items if g.key and _ranked(g.figures, metric, minimum)]
        others = [g for g in found.items if not (g.key and _ranked(g.figures, metric, minimum))]
        whole = total(group.figures for group in found.items)
        names = await self._names(actor, by, shown)
        return Top(
            window=window,
            subject=query.subject,
            total=whole,
            parts=[
                Part(
                    key=_text(by, group.key[0]),
                    name=names.get(str(group.key[0])),
                    share=_share(metric, group.figures, whole),
                    figures=group.figures,
                )
                for group in shown
            ],
            rest=Rest(groups=sum(g.groups for g in others), figures=total(g.figures for g in others)),
            freshness=found.freshness,
        )

    async def series(
        self,
        actor: Actor,
        *,
        bucket: Dimension,
        window: Window,
        by: Dimension | Tag | None = None,
        metric: Metric = Metric.CALLS,
        limit: int = 5,
        filter: Filter = EVERYTHING,
    ) -> Series:
        """Figures bucket by bucket, empty ones included; *by* tells the *limit* groups with the most of *metric* apart.

        InvalidInput when there are too many groups or buckets to be exact about.
        """
        _allow(actor, filter)
        if not 1 <= limit <= MAX_SHOWN:
            raise InvalidInput(f"limit must be 1 to {MAX_SHOWN}, not {limit}", path="$.limit")
        dimensions = (bucket,) if by is None else (bucket, by)
        query = replace(self._base(actor, window, filter, by), by=dimensions, limit=MAX_GROUPS)
        found = await self._record.figures(query)
        if len(found.items) >= MAX_GROUPS:
            raise InvalidInput(
                f"there are more than {MAX_GROUPS:,} groups to add up; ask for larger buckets, a shorter window or a "
                "filter, or ask for the top groups without buckets"
            )
        places = _places(bucket, window, found.items, self._clock.now())
        order = {place.key: n for n, place in enumerate(places)}
        rows: dict[object, list[list[Figures]]] = {}
        for group in found.items:
            cells = rows.setdefault(group.key[1] if by else None, [[] for _ in places])
            cells[order[group.key[0]]].append(group.figures)  # type: ignore[index]
        summed = {key: [total(cell) for cell in cells] for key, cells in rows.items()}
        columns = [total(cells[n] for cells in summed.values()) for n in range(len(places))]
        series = Series(
            window=window,
            subject=query.subject,
            total=total(columns),
            buckets=[
                SeriesBucket(label=label(bucket, p.key, window.zone), start=p.start, end=p.end, figures=figures)
                for p, figures in zip(places, columns, strict=True)
            ],
            rows=(),
            rest=Rest(groups=0, figures=Figures()),
            rest_buckets=(),
            freshness=found.freshness,
        )
        return series if by is None else await self._grouped(actor, series, by, metric, limit, summed)

    async def _grouped(
        self,
        actor: Actor,
        series: Series,
        by: Dimension | Tag,
        metric: Metric,
        limit: int,
        summed: Mapping[object, Sequence[Figures]],
    ) -> Series:
        whole = {key: total(cells) for key, cells in summed.items()}
        keys = sorted(whole, key=lambda key: (-measure(metric, whole[key]), str(key)))
        shown, cut = keys[:limit], keys[limit:]
        names = await self._names(actor, by, [Group(key=(key,), figures=whole[key]) for key in shown])  # type: ignore[arg-type]
        return replace(
            series,
            rows=[
                Row(key=_text(by, key), name=names.get(str(key)), figures=whole[key], buckets=summed[key])
                for key in shown
            ],
            rest=Rest(groups=len(cut), figures=total(whole[key] for key in cut)),
            rest_buckets=[total(summed[key][n] for key in cut) for n in range(len(series.buckets))],
        )

    def _base(self, actor: Actor, window: Window, filter: Filter, by: Dimension | Tag | None) -> Breakdown:
        calls = by in _OF_CALLS or subject_of(filter) is Subject.CALLS
        return Breakdown(
            workspace=actor.workspace,
            filter=filter,
            start=window.start,
            end=window.end,
            subject=Subject.CALLS if calls else Subject.RUNS,
            zone=window.zone,
        )

    async def _names(self, actor: Actor, by: Dimension | Tag, groups: Sequence[Group]) -> Mapping[str, str]:
        """What ids are called now, where they are known and the actor may see it."""
        ids = [str(group.key[0]) for group in groups if group.key[0] is not None]
        if by is Dimension.KEY:
            keys = await self._access.keys(actor)
            return {key.id: key.name for key in keys}
        if by not in {Dimension.PROMPT, Dimension.CHAIN, Dimension.USER, Dimension.VERSION_ID}:
            return {}
        found = await asyncio.gather(*(self._name(actor, by, one) for one in ids))
        return {one: name for one, name in zip(ids, found, strict=True) if name}

    async def _name(self, actor: Actor, by: Dimension | Tag, one: str) -> str | None:
        try:
            if by is Dimension.PROMPT:
                return (await self._prompts.get(actor, one)).name
            if by is Dimension.CHAIN:
                return (await self._chains.get(actor, one)).name
            if by is Dimension.VERSION_ID:
                version = await self._prompts.version_by_id(actor, one)
                return f"{(await self._prompts.get(actor, version.prompt_id)).name} {version.number}"
            user = await self._access.user(actor, one)
        except (NotFound, Forbidden):
            return None
        return user.name or user.email if user else None


def _allow(actor: Actor, filter: Filter) -> None:
    """As for an overview: words of content would let it be guessed."""
    actor.require(Permission.NUMBERS)
    if searches(filter):
        actor.require(Permission.CONTENT)


def _ranked(figures: Figures, metric: Metric, minimum: int) -> bool:
    return figures.success + figures.error >= minimum and measure(metric, figures) >= 0


def _share(metric: Metric, part: Figures, whole: Figures) -> Decimal | None:
    names = _SUMS.get(metric, ())
    return share(sum(getattr(part, n) for n in names), sum(getattr(whole, n) for n in names)) if names else None


def _text(by: Dimension | Tag, value: object) -> str | None:
    if by is Dimension.CACHED:
        return "true" if value else "false"
    return None if value is None else str(value)


def _places(kind: Dimension, window: Window, groups: Sequence[Group], now: datetime) -> Sequence[Bucket]:
    """Every bucket of the window; for all time from the first with something in it."""
    assert kind in BUCKETS  # noqa: S101 - the API offers no other
    start = window.start or (_first(groups[0].key[0], window.zone) if groups else now)
    return buckets(kind, start, window.end, window.zone)


def _first(key: object, zone: str) -> datetime:
    if isinstance(key, datetime):
        return key
    return midnight(key, zone) if isinstance(key, date) else datetime.min.replace(tzinfo=UTC)
