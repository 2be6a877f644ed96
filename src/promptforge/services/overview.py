"""Overviews: what a window of time amounted to, day by day, and what stood out in it.

Two questions to the record answer a page, however many parts of it are shown: one by day and error type (subjects:
runs), one by prompt, model and provider (subjects: calls); the rest is addition here, which is exact.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType
from promptforge.core.filter import EVERYTHING, All, Any, Filter, Not, Operator, Test, searches
from promptforge.core.ports import Clock, Record
from promptforge.core.query import MAX_PAGE, Breakdown, Dimension, Freshness, Group, Groups, Subject
from promptforge.core.stats import Figures, total
from promptforge.core.window import Window, before

MAX_GROUPS = 100_000
#: What the filters offer is looked for in this many days.
VALUE_DAYS = 90
_CALLS = frozenset({"prompt_id", "prompt_name", "version_id", "version", "label", "model", "provider"})
_TOP = (Dimension.PROMPT, Dimension.PROMPT_NAME, Dimension.PROVIDER, Dimension.MODEL)

Key = tuple[str | int | date | None, ...]


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class PromptFigures:
    """``prompt_name`` as most of the calls recorded it."""

    prompt_id: str
    prompt_name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ModelFigures:
    provider: str
    model: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ChainFigures:
    """``chain_name`` as it was when it ran; tokens and cost are those of the chain's calls."""

    chain_id: str
    chain_name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ErrorCount:
    error_type: ErrorType
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """``prompts``, ``models`` and ``chains`` come most used first and are empty when they were not asked for, as
    *previous* is."""

    window: Window
    subject: Subject
    totals: Figures
    previous: Figures | None
    daily: Sequence[Day]
    errors: Sequence[ErrorCount]
    prompts: Sequence[PromptFigures]
    models: Sequence[ModelFigures]
    chains: Sequence[ChainFigures]
    freshness: Freshness


class Overviews:
    """Answers with sums over the record; every method needs the permission to see numbers."""

    def __init__(self, record: Record, clock: Clock) -> None:
        self._record = record
        self._clock = clock

    async def overview(
        self,
        actor: Actor,
        *,
        window: Window,
        filter: Filter = EVERYTHING,
        previous: bool = True,
        top: bool = True,
        chains: bool = True,
    ) -> Overview:
        """What *window* amounted to; *previous* adds the span before it, *top* the prompts and models."""
        _allow(actor, filter)
        subject = subject_of(filter)
        base = Breakdown(
            workspace=actor.workspace,
            filter=filter,
            start=window.start,
            end=window.end,
            subject=subject,
            zone=window.zone,
            limit=MAX_GROUPS,
        )
        earlier = before(window, self._clock.now()) if previous else None
        by_day, past, tops, ran = await asyncio.gather(
            self._figures(base, by=(Dimension.DAY, Dimension.ERROR_TYPE)),
            self._past(base, earlier),
            self._top(base) if top else _nothing(),
            self._chains(base) if chains else _none(),
        )
        prompts, models = tops
        return Overview(
            window=window,
            subject=subject,
            totals=total(group.figures for group in by_day.items),
            previous=past,
            daily=_daily(by_day.items, window, self._clock.now()),
            errors=_errors(by_day.items),
            prompts=prompts,
            models=models,
            chains=ran,
            freshness=by_day.freshness,
        )

    async def values(self, actor: Actor, dimension: Dimension, limit: int = 20) -> Sequence[tuple[str, int]]:
        """The values of a dimension in the last 90 days with the number of calls, most frequent first.

        For chains it is the number of their runs.
        """
        actor.require(Permission.NUMBERS)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {limit}", path="$.limit")
        subject = Subject.RUNS if dimension is Dimension.CHAIN_NAME else Subject.CALLS
        query = Breakdown(
            workspace=actor.workspace,
            start=self._clock.now() - timedelta(days=VALUE_DAYS),
            by=(dimension,),
            subject=subject,
            limit=limit + 1,  # the group without a value is one of them
        )
        groups = await self._record.figures(query)
        found = [(str(g.key[0]), getattr(g.figures, subject)) for g in groups.items if g.key[0] not in {None, ""}]
        return found[:limit]

    async def _figures(self, base: Breakdown, **changes: object) -> Groups:
        return await self._record.figures(replace(base, **changes))  # type: ignore[arg-type]

    async def _past(self, base: Breakdown, window: Window | None) -> Figures | None:
        if window is None:
            return None
        groups = await self._figures(base, start=window.start, end=window.end, by=())
        return total(group.figures for group in groups.items)

    async def _top(self, base: Breakdown) -> tuple[Sequence[PromptFigures], Sequence[ModelFigures]]:
        """One scan for both tables; two when there are more groups than one answer holds, to stay exact."""
        calls = replace(base, subject=Subject.CALLS)
        both = (await self._figures(calls, by=_TOP)).items
        prompts = models = [(group.key, group.figures) for group in both]
        if len(both) >= MAX_GROUPS:
            by_prompt = await self._figures(calls, by=_TOP[:2])
            by_model = await self._figures(calls, by=_TOP[2:])
            prompts = [((*group.key, "", ""), group.figures) for group in by_prompt.items]
            models = [((None, "", *group.key), group.figures) for group in by_model.items]
        return _prompts(prompts), _models(models)

    async def _chains(self, base: Breakdown) -> Sequence[ChainFigures]:
        """By chain, with the name under which it ran most often."""
        some = Test("chain_id", Operator.EXISTS)
        found = await self._figures(base, filter=All((base.filter, some)), by=(Dimension.CHAIN, Dimension.CHAIN_NAME))
        rows = [(group.key, group.figures) for group in found.items]
        names = {key[0]: str(key[1] or "") for key, _ in reversed(rows)}  # the largest group comes first
        sums = _summed((key[:1], figures) for key, figures in rows)
        chains = [ChainFigures(str(key[0]), names[key[0]], figures) for key, figures in sums]
        return sorted(chains, key=lambda one: (-getattr(one.figures, base.subject), one.chain_name))


async def _none() -> Sequence[ChainFigures]:
    return ()


def subject_of(filter: Filter) -> Subject:
    """Calls where something is filtered by prompt, version, model, provider or a chain's run; runs otherwise."""
    match filter:
        case All(of) | Any(of):
            return Subject.CALLS if any(subject_of(item) is Subject.CALLS for item in of) else Subject.RUNS
        case Not(of):
            return subject_of(of)
        case Test(field, operator):
            inside_chain = field == "chain_execution_id" and operator is not Operator.EXISTS
            return Subject.CALLS if field in _CALLS or inside_chain else Subject.RUNS


def _allow(actor: Actor, filter: Filter) -> None:
    """Numbers are enough, unless the filter looks into content: that would let it be guessed word by word."""
    actor.require(Permission.NUMBERS)
    if searches(filter):
        actor.require(Permission.CONTENT)


async def _nothing() -> tuple[Sequence[PromptFigures], Sequence[ModelFigures]]:
    return (), ()


def _daily(groups: Sequence[Group], window: Window, now: datetime) -> list[Day]:
    """Every day of the window, days without anything included; for all time from the first day with data."""
    found = dict(_summed(((group.key[0],), group.figures) for group in groups))
    days = [key[0] for key in found if isinstance(key[0], date)]
    dates: Sequence[date] = window.dates
    if window.start is None and days:
        first, last = min(days), max(now.astimezone(ZoneInfo(window.zone)).date(), *days)
        dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    empty = Figures()
    return [Day(day, found.get((day,), empty)) for day in dates]


def _errors(groups: Sequence[Group]) -> list[ErrorCount]:
    sums = _summed(((group.key[1],), group.figures) for group in groups if group.key[1])
    counts = [ErrorCount(ErrorType(str(key[0])), figures.error) for key, figures in sums if figures.error]
    return sorted(counts, key=lambda item: (-item.count, item.error_type))


def _prompts(rows: Sequence[tuple[Key, Figures]]) -> list[PromptFigures]:
    names: dict[Key, str] = {}
    for key, _ in sorted(rows, key=lambda row: row[1].calls):
        names[key[:1]] = str(key[1])
    sums = _summed((key[:1], figures) for key, figures in rows if key[0])
    found = [PromptFigures(str(key[0]), names[key], figures) for key, figures in sums]
    return sorted(found, key=lambda item: (-item.figures.calls, item.prompt_name))


def _models(rows: Sequence[tuple[Key, Figures]]) -> list[ModelFigures]:
    sums = _summed((key[2:4], figures) for key, figures in rows)
    found = [ModelFigures(str(key[0] or ""), str(key[1] or ""), figures) for key, figures in sums]
    return sorted(found, key=lambda item: (-item.figures.calls, item.provider, item.model))


def _summed(rows: Iterable[tuple[Key, Figures]]) -> list[tuple[Key, Figures]]:
    """Add up the figures of equal keys, in the order in which the keys first come."""
    groups: dict[Key, list[Figures]] = {}
    for key, figures in rows:
        groups.setdefault(key, []).append(figures)
    return [(key, parts[0] if len(parts) == 1 else total(parts)) for key, parts in groups.items()]
