"""Open runs and stored ones in one answer: as pages, and as figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from promptforge.core import ids
from promptforge.core.execution import Execution
from promptforge.core.filter import matches
from promptforge.core.query import Breakdown, Dimension, Group, Page, Subject
from promptforge.core.stats import Figures

Key = tuple[str | int | date | None, ...]


def newest_first(execution: Execution) -> tuple[datetime, int]:
    """What pages are sorted by, downwards."""
    return execution.created_at, ids.parse(ids.EXECUTION, execution.id) or 0


def on_page(query: Page, runs: Iterable[Execution]) -> list[Execution]:
    """The open runs that belong to the list of a page, newest first."""
    found = [run for run in runs if matches(query.filter, run)]
    if query.after is not None:
        after = ids.parse(ids.EXECUTION, query.after)
        if after is None:
            return []
        # the id begins with the moment, so the ids compare as (moment, id) does
        found = [run for run in found if (ids.parse(ids.EXECUTION, run.id) or 0) < after]
    return sorted(found, key=newest_first, reverse=True)


def stored_part(query: Page, runs: int) -> Page:
    """What to ask of the history when *runs* open ones belong to the list: at most so many come before the page."""
    skipped = max(0, query.offset - runs)
    return replace(query, offset=skipped, limit=query.limit + query.offset - skipped)


def page(query: Page, runs: Sequence[Execution], stored: Sequence[Execution], skipped: int) -> list[Execution]:
    """The page, from the open runs and what ``stored_part`` found after *skipped* rows."""
    shown = runs if query.content else [replace(run, content=None) for run in runs]
    merged = sorted([*shown, *stored], key=newest_first, reverse=True)
    return merged[query.offset - skipped :][: query.limit]


def in_figures(query: Breakdown, runs: Iterable[Execution]) -> list[Execution]:
    """The open runs that a breakdown counts."""
    return [
        run
        for run in runs
        if (query.start is None or run.created_at >= query.start)
        and (query.end is None or run.created_at < query.end)
        and matches(query.filter, run)
    ]


def groups(query: Breakdown, runs: Sequence[Execution], stored: Sequence[Group]) -> list[Group]:
    """The groups of the history with open runs counted in, in their order."""
    if not runs:
        return list(stored)
    found: dict[Key, Figures] = {group.key: group.figures for group in stored}
    for run in runs:
        key = tuple(_value(dimension, run, query.zone) for dimension in query.by)
        outside = run.step is None
        one = Figures(calls=1, runs=int(outside), pending=int(outside or query.subject is Subject.CALLS))
        found[key] = found[key] + one if key in found else one
    return ordered(query, found)


def ordered(query: Breakdown, found: Mapping[Key, Figures]) -> list[Group]:
    """Groups in the order of a breakdown, cut to its limit; the same order as the engine's."""
    made = [Group(key=key, figures=figures) for key, figures in found.items()]
    made.sort(key=lambda group: _order(query, group))
    return made[: query.limit]


def _order(query: Breakdown, group: Group) -> tuple[object, ...]:
    figures = group.figures
    size = -(figures.runs if query.subject is Subject.RUNS else figures.calls)
    names = tuple(_sortable(value) for value in group.key)
    return (*names[:1], size, *names) if query.by[:1] == (Dimension.DAY,) else (size, *names)


def _sortable(value: str | int | date | None) -> tuple[int, str | int | date]:
    return (0, 0) if value is None else (1, value)


def _value(dimension: Dimension, run: Execution, zone: str) -> str | int | date | None:
    prompt = run.prompt
    match dimension:
        case Dimension.DAY:
            return run.created_at.astimezone(ZoneInfo(zone)).date()
        case Dimension.PROMPT:
            return prompt.prompt_id if prompt else None
        case Dimension.PROMPT_NAME:
            return prompt.prompt_name if prompt else None
        case Dimension.VERSION:
            return prompt.version if prompt else None
        case Dimension.LABEL:
            return prompt.label if prompt else None
        case Dimension.STATUS | Dimension.SOURCE | Dimension.ERROR_TYPE:
            kind = getattr(run, dimension.value)
            return None if kind is None else str(kind.value)
        case _:
            return getattr(run, dimension.value) or None
