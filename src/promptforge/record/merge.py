"""Open runs and stored ones in one answer: as pages, and as figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from promptforge.core import bucket, ids
from promptforge.core.chain_execution import AnyExecution, ChainExecution, without_content
from promptforge.core.execution import Execution
from promptforge.core.filter import FIELDS, matches
from promptforge.core.query import BUCKETS, Breakdown, Dimension, Group, Key, Page, Seen, Subject, Tag, measure
from promptforge.core.stats import Figures, total
from promptforge.record.schema import number_of

E = TypeVar("E", Execution, ChainExecution)


def newest_first(execution: AnyExecution) -> tuple[datetime, int]:
    """What pages are sorted by, downwards."""
    return execution.created_at, number_of(execution.id)


def on_page(query: Page, runs: Iterable[E]) -> list[E]:
    """The open ones that belong to the list of a page, newest first."""
    found = [run for run in runs if matches(query.filter, run)]
    if query.after is not None:
        prefix = query.after.partition("_")[0]
        after = ids.parse(prefix, query.after)
        # the id begins with the moment, so the ids compare as (moment, id) does
        found = [run for run in found if after is not None and (ids.parse(prefix, run.id) or after) < after]
    return sorted(found, key=newest_first, reverse=True)


def stored_part(query: Page, runs: int) -> Page:
    """What to ask of the history when *runs* open ones belong to the list: at most so many come before the page."""
    skipped = max(0, query.offset - runs)
    return replace(query, offset=skipped, limit=query.limit + query.offset - skipped)


def page(query: Page, runs: Sequence[E], stored: Sequence[E], skipped: int) -> list[E]:
    """The page, from the open runs and what ``stored_part`` found after *skipped* rows."""
    shown = runs if query.content else [bare(run) for run in runs]
    merged = sorted([*shown, *stored], key=newest_first, reverse=True)
    return merged[query.offset - skipped :][: query.limit]


def bare(run: E) -> E:
    """The same without content."""
    return without_content(run) if isinstance(run, ChainExecution) else replace(run, content=None)


def in_figures(query: Breakdown, runs: Iterable[AnyExecution]) -> list[AnyExecution]:
    """The open runs that a breakdown counts."""
    return [
        run
        for run in runs
        if (query.start is None or run.created_at >= query.start)
        and (query.end is None or run.created_at < query.end)
        and matches(query.filter, run)
    ]


def groups(query: Breakdown, runs: Sequence[AnyExecution], stored: Sequence[Group]) -> list[Group]:
    """The groups of the history with open runs counted in, in their order.

    Who counts calls by something is not shown the group of chain executions, in which there are none. An open run of
    a group that is not among the first counts to the rest.
    """
    rest = Group(key=(), figures=Figures(), groups=0)
    found: dict[Key, Figures] = {}
    for group in stored:
        if query.by and not group.key:
            rest = group
        else:
            found[group.key] = group.figures
    for run in runs:
        key, one = tuple(_value(dimension, run, query.zone) for dimension in query.by), _one(query, run)
        if key not in found and rest.groups:
            rest = replace(rest, figures=rest.figures + one)
        else:
            found[key] = found[key] + one if key in found else one
    if query.by and query.subject is Subject.CALLS:
        unseen = [key for key, figures in found.items() if not (figures.calls or figures.cost)]
        for key in unseen:
            rest = replace(rest, figures=rest.figures + found.pop(key))
    return ordered(query, found, rest)


def _one(query: Breakdown, run: AnyExecution) -> Figures:
    """What an open run adds."""
    by_runs = query.subject is Subject.RUNS
    if isinstance(run, ChainExecution):
        return Figures(runs=1, pending=int(by_runs))
    outside = run.step is None
    return Figures(calls=1, runs=int(outside), pending=int(outside or not by_runs))


def seen(runs: Iterable[AnyExecution], stored: Sequence[Seen], limit: int) -> list[Seen]:
    """The services of the history with open runs counted in, the one with the newest first."""
    found = {one.service: one for one in stored}
    for run in runs:
        service, roads, last = run.service or None, {run.source}, run.created_at
        if (before := found.get(service)) is not None:
            roads, last = roads | set(before.sources), max(last, before.last)
        found[service] = Seen(service=service, sources=tuple(sorted(roads)), last=last)
    order = sorted(found.values(), key=lambda one: one.service or "")
    return sorted(order, key=lambda one: one.last, reverse=True)[:limit]


def ordered(query: Breakdown, found: Mapping[Key, Figures], rest: Group | None = None) -> list[Group]:
    """Groups in the order of a breakdown, cut to its limit; the same order as the engine's. *rest* goes on."""
    made = [Group(key=key, figures=figures) for key, figures in found.items()]
    if query.by:
        made.sort(key=lambda group: _order(query, group))
    shown, cut = made[: query.limit], made[query.limit :]
    if not query.rest:
        return shown
    sums = total([*(group.figures for group in cut), *([rest.figures] if rest else [])])
    groups = len(cut) + (rest.groups if rest else 0)
    return [*shown, Group(key=(), figures=sums, groups=groups)] if groups or sums != Figures() else shown


def _order(query: Breakdown, group: Group) -> tuple[object, ...]:
    figures = group.figures
    size = -(figures.runs if query.subject is Subject.RUNS else figures.calls)
    names = tuple(_sortable(value) for value in group.key)
    if query.by[0] in BUCKETS:
        return (*names[:1], size, *names)
    if query.rank is None:
        return (size, *names)
    return (figures.success + figures.error < query.minimum, -measure(query.rank, figures), size, *names)


def _sortable(value: str | int | date | None) -> tuple[int, str | int | date]:
    return (0, 0) if value is None else (1, value)


def _value(dimension: Dimension | Tag, run: AnyExecution, zone: str) -> str | int | date | None:
    if isinstance(dimension, Tag):
        return run.tags.get(dimension.key) or None
    if dimension in BUCKETS:
        return bucket.key(dimension, run.created_at, zone)
    if dimension is Dimension.FINISH_REASON:
        return getattr(run, "finish_reason", None) or None
    value = FIELDS[dimension.value].read(run)
    return value if isinstance(value, str | int) and value else None
