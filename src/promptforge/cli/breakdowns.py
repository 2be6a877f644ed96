"""``promptforge figures``: what the record amounts to, by time and by anything."""

from typing import Any

import click

from promptforge.cli.executions import given_filters, with_filters
from promptforge.cli.figures import count, duration, percent, total_cost
from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.values import Figures

FIELDS = (
    *("prompt", "prompt-name", "version-id", "version", "label", "model", "provider", "service", "source", "status"),
    *("error-type", "finish-reason", "cost-state", "cached", "end-user", "session", "user", "key"),
    *("chain", "chain-name", "chain-version"),
)
METRICS = (
    *("calls", "runs", "success", "error", "pending", "cost", "tokens", "token-in", "token-out"),
    *("error-rate", "latency", "cost-per-call", "tokens-per-call"),
)
BUCKETS = ("hour", "day", "week", "month", "hour-of-week")
_SUMS = (
    *(Column(name, right=True) for name in ("CALLS", "RUNS", "ERRORS", "SUCCESS")),
    Column("LATENCY", right=True),
    *(Column(name, right=True) for name in ("TOKENS IN", "TOKENS OUT", "COST")),
)


@click.group()
def figures() -> None:
    """Break the figures of the record down by time and by anything."""


def _with_span(body: Any) -> Any:
    """The options of time, the metric and the tag."""
    for option in (
        click.option("--timezone", metavar="ZONE", help="Whose clocks and days count (IANA name; UTC if none)."),
        click.option("--window", default="7d", show_default=True, help="15m, 24h, 7d, 30d, another such span, or all."),
        click.option("--metric", type=click.Choice(METRICS), default="calls", show_default=True, help="Ranked by it."),
        click.option("--by-tag", metavar="NAME", help="By the values of this tag, instead of a field."),
    ):
        body = option(body)
    return body


@command(figures, "top")
@click.argument("field", required=False, type=click.Choice(FIELDS))
@_with_span
@click.option("--limit", type=click.IntRange(1, 500), default=10, show_default=True, help="At most so many groups.")
@click.option("--minimum", type=click.IntRange(0), default=0, help="Do not rank groups with fewer finished.")
@with_filters
async def top(
    session: Session,
    /,
    field: str | None,
    by_tag: str | None,
    metric: str,
    window: str,
    timezone: str | None,
    limit: int,
    minimum: int,
    **given: Any,
) -> None:
    """Rank the values of FIELD, or of a tag, by a metric, with the rest and the total."""
    if (field is None) == (by_tag is None):
        raise click.UsageError("give a FIELD, or --by-tag NAME")
    found = await session.client.figures.top(
        field,
        tag=by_tag,
        metric=metric,
        limit=limit,
        minimum=minimum,
        window=window,
        timezone=timezone,
        **given_filters(given),
    )
    session.output.value(found.raw)
    rows: list[tuple[object, ...]] = [
        (one.name or one.key or "(none)", percent(one.share), *_sums(one.figures)) for one in found.groups
    ]
    if found.rest.groups:
        rows.append((f"(rest: {count(found.rest.groups)})", "", *_sums(found.rest.figures)))
    rows.append(("(total)", "", *_sums(found.total)))
    named = (by_tag or field or "").upper().replace("-", " ")
    session.output.table((Column(named, key=True), Column("SHARE", right=True), *_SUMS), rows)


@command(figures, "series")
@click.argument("bucket", type=click.Choice(BUCKETS), default="day")
@click.option("--by", "field", type=click.Choice(FIELDS), help="Tell the values of this field apart.")
@_with_span
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True, help="At most so many groups.")
@with_filters
async def series(
    session: Session,
    /,
    bucket: str,
    field: str | None,
    by_tag: str | None,
    metric: str,
    window: str,
    timezone: str | None,
    limit: int,
    **given: Any,
) -> None:
    """Sum up BUCKET by BUCKET of time (day unless said otherwise), also by a field or a tag."""
    if field and by_tag:
        raise click.UsageError("give --by or --by-tag, not both")
    found = await session.client.figures.series(
        bucket,
        by=field,
        tag=by_tag,
        metric=metric,
        limit=limit,
        window=window,
        timezone=timezone,
        **given_filters(given),
    )
    session.output.value(found.raw)
    time = Column(bucket.upper().replace("-", " "), key=True)
    if not (field or by_tag):
        rows = [(one.label, *_sums(one.figures)) for one in found.buckets]
        session.output.table((time, *_SUMS), [*rows, ("(total)", *_sums(found.total))])
        return
    parts = [(one.name or one.key or "(none)", one.buckets, one.figures) for one in found.groups]
    if found.rest.groups:
        parts.append((f"(rest: {count(found.rest.groups)})", found.rest.buckets, found.rest.figures))
    cells = [
        (bucket.label, name, *_sums(column[n]))
        for n, bucket in enumerate(found.buckets)
        for name, column, _ in parts
        if column[n].calls or column[n].runs
    ]
    totals = [("(total)", name, *_sums(whole)) for name, _, whole in (*parts, ("", (), found.total))]
    session.output.table((time, Column("GROUP", key=True), *_SUMS), [*cells, *totals])


def _sums(one: Figures) -> tuple[object, ...]:
    return (
        count(one.calls),
        count(one.runs),
        count(one.error),
        percent(one.success_rate),
        duration(one.average_latency_ms),
        count(one.token_in),
        count(one.token_out),
        total_cost(one),
    )
