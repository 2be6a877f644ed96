"""``client.figures``: what the record amounts to, by time and by anything. What it returns stands here too."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from promptforge.sdk import figure_documents as documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Json, build, many, moment, one, raw_json
from promptforge.sdk.filters import Filters, filter_input
from promptforge.sdk.protocol import Plan, ask
from promptforge.sdk.values import Figures
from promptforge.sdk.windows import of_any_length


@dataclass(frozen=True, kw_only=True)
class FigureGroup:
    """A value (None: those that have none), its name where it is an id, and its figures.

    ``share`` is percent of the metric's sum; ``buckets`` are those of a series, in its order.
    """

    key: str | None = None
    name: str | None = None
    share: float | None = None
    figures: Figures = one(lambda: Figures)
    buckets: tuple[Figures, ...] = many(lambda: Figures)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class RestFigures:
    """What is not shown, summed: so many groups."""

    groups: int = 0
    figures: Figures = one(lambda: Figures)
    buckets: tuple[Figures, ...] = many(lambda: Figures)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Top:
    """``total`` is the sum of ``groups`` and ``rest``."""

    from_: datetime | None = moment()
    to: datetime | None = moment()
    timezone: str = "UTC"
    total: Figures = one(lambda: Figures)
    groups: tuple[FigureGroup, ...] = many(lambda: FigureGroup)
    rest: RestFigures = one(lambda: RestFigures)
    as_of: datetime | None = moment()
    behind: int = 0
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class SeriesBucket:
    """A span of time, cut by the window; an hour of the week has no start and end."""

    label: str = ""
    start: datetime | None = moment()
    end: datetime | None = moment()
    figures: Figures = one(lambda: Figures)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Series:
    """``total`` is the sum of ``buckets``, and each of them the sum of ``groups`` and ``rest`` in it."""

    from_: datetime | None = moment()
    to: datetime | None = moment()
    timezone: str = "UTC"
    total: Figures = one(lambda: Figures)
    buckets: tuple[SeriesBucket, ...] = many(lambda: SeriesBucket)
    groups: tuple[FigureGroup, ...] = many(lambda: FigureGroup)
    rest: RestFigures = one(lambda: RestFigures)
    as_of: datetime | None = moment()
    behind: int = 0
    raw: Json = raw_json()


class FiguresOf:
    @call
    def top(
        self,
        by: str | None = None,
        *,
        tag: str | None = None,
        metric: str = "calls",
        limit: int = 10,
        minimum: int = 0,
        window: str = "7d",
        timezone: str | None = None,
        **filters: Unpack[Filters],
    ) -> Plan[Top]:
        """Rank the values of a field (``"model"``, ``"prompt"``, ``"end_user"``, …), or of a tag, by a metric.

        The window is ``15m``, ``24h``, ``7d``, ``30d``, another such span, or ``all``. Groups with fewer finished
        executions than *minimum* are in the rest.
        """
        variables: dict[str, Any] = {
            **of_any_length(window),
            "by": _enum(by),
            "tag": tag,
            "metric": _enum(metric),
            "limit": limit,
            "minimum": minimum,
            "timezone": timezone,
            "filter": filter_input(filters),
        }
        data = yield from ask(documents.TOP, variables)
        return build(Top, data["top"])

    @call
    def series(
        self,
        bucket: str = "day",
        *,
        by: str | None = None,
        tag: str | None = None,
        metric: str = "calls",
        limit: int = 5,
        window: str = "7d",
        timezone: str | None = None,
        **filters: Unpack[Filters],
    ) -> Plan[Series]:
        """Sum up bucket by bucket: ``hour``, ``day``, ``week``, ``month`` or ``hour_of_week``; also by a field or tag.

        Of the groups those with the most of the metric are told apart, the others are the rest.
        """
        variables: dict[str, Any] = {
            **of_any_length(window),
            "bucket": _enum(bucket),
            "groupBy": _enum(by),
            "tag": tag,
            "metric": _enum(metric),
            "limit": limit,
            "timezone": timezone,
            "filter": filter_input(filters),
        }
        data = yield from ask(documents.SERIES, variables)
        return build(Series, data["series"])


def _enum(name: str | None) -> str | None:
    return None if name is None else name.upper().replace("-", "_")


class BlockingFigures(FiguresOf, Blocking):
    pass


class AwaitingFigures(FiguresOf, Awaiting):
    pass
