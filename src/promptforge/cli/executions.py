"""``promptforge executions``: the record of what ran."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

import click

from promptforge.cli.figures import cost_of, count, duration, percent, total_cost
from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.errors import NetworkError
from promptforge.sdk.filters import Filters
from promptforge.sdk.values import Execution, Overview

POLL_SECONDS = 1.0
#: How many of the newest are looked at when asking for what is new.
REACH = 100
_COLUMNS = (
    Column("ID", key=True),
    Column("CREATED", key=True),
    Column("STATUS", key=True),
    Column("PROMPT"),
    Column("MODEL", spare=2),
    Column("LATENCY", right=True, key=True, spare=3),
    Column("IN", right=True, key=True, spare=1),
    Column("OUT", right=True, key=True, spare=1),
    Column("COST", right=True, key=True),
    Column("ERROR", spare=4),
)


@click.group()
def executions() -> None:
    """List, show, follow and sum up what ran."""


def with_filters(body: Any) -> Any:
    """The options that filter; each may be repeated."""
    for option in reversed(
        (
            click.option("--status", multiple=True, type=click.Choice(["pending", "success", "error"])),
            click.option("--prompt", "prompt_name", multiple=True, metavar="NAME"),
            click.option("--version", type=int, multiple=True),
            click.option("--label", multiple=True),
            click.option("--chain", "chain_name", multiple=True, metavar="NAME"),
            click.option("--model", multiple=True, help="'*' stands for anything."),
            click.option("--provider", multiple=True),
            click.option("--end-user", multiple=True),
            click.option("--session-id", multiple=True),
            click.option("--tag", "tags", multiple=True, metavar="NAME[=TEXT]"),
            click.option("--service", multiple=True),
            click.option("--source", multiple=True),
            click.option("--error-type", multiple=True),
            click.option("--since", "created_from", metavar="TIME", help="Created at or after (ISO 8601)."),
            click.option("--until", "created_before", metavar="TIME", help="Created before (ISO 8601)."),
            click.option("--min-cost", "min_cost_usd", metavar="USD"),
            click.option("--max-cost", "max_cost_usd", metavar="USD"),
            click.option("--min-latency", "min_latency_ms", type=int, metavar="MS"),
            click.option("--max-latency", "max_latency_ms", type=int, metavar="MS"),
            click.option("--text", help="Words that must all occur in input, output or error."),
            click.option("--where", metavar="FILTER", help="A filter as text: 'status:error cost>0.01 tag.env:prod'."),
        )
    ):
        body = option(body)
    return body


def given_filters(given: dict[str, Any]) -> Filters:
    """Take the filters out of *given*, as the client takes them."""
    found = {name: given.pop(name) for name in list(given) if name in Filters.__annotations__}
    tags = tags_of(found.pop("tags"))
    kept: dict[str, Any] = {name: value for name, value in found.items() if value not in (None, ())}
    return cast("Filters", kept | ({"tags": tags} if tags else {}))


def tags_of(given: Sequence[str]) -> dict[str, list[str] | None]:
    """``NAME=TEXT`` arguments as the client takes them; ``NAME`` alone asks that it is there."""
    tags: dict[str, list[str] | None] = {}
    for text in given:
        name, equals, value = text.partition("=")
        known = tags.setdefault(name, None)
        tags[name] = [*(known or []), value] if equals else known
    return tags


def _row(one: Execution) -> tuple[object, ...]:
    version = one.prompt_version
    name = f"{one.prompt_name}@{version.version}" if one.prompt_name and version else one.prompt_name
    times = (duration(one.latency_ms), count(one.token_in), count(one.token_out))
    return (one.id, one.created_at, one.status, name, one.model, *times, cost_of(one), one.error)


@command(executions, "list")
@with_filters
@click.option("--limit", type=int, default=50, show_default=True)
@click.option("--offset", type=int, default=0)
@click.option("--after", metavar="CURSOR", help="Read on after the execution that has this cursor.")
@click.option("--content", is_flag=True, help="With --json: also what went in and came out.")
async def list_executions(session: Session, /, **given: Any) -> None:
    """List executions, newest first."""
    filters = given_filters(given)
    found = await session.client.executions.list(**given, **filters)
    session.output.value([one.raw for one in found])
    session.output.table(_COLUMNS, [_row(one) for one in found])


@command(executions, "show")
@click.argument("id")
async def show(session: Session, /, id: str) -> None:
    """Show everything that is recorded of an execution."""
    one = await session.client.executions.get(id)
    session.output.value(one.raw)
    session.output.fields(_fields(one))
    session.output.block("Input", one.input)
    session.output.block("Request", one.request)
    session.output.block("Output", one.output)
    session.output.block("Error", one.error)
    session.output.block("Stack trace", one.stack_trace)
    if one.cost and one.cost.lines:
        session.output.block("Cost", "")
        columns = (Column("UNIT"), Column("QUANTITY", right=True), Column("USD", right=True), Column("PER", right=True))
        rows = [
            (x.unit, count(x.quantity), x.rate_usd, count(x.per), x.amount_usd, x.source, x.attempt)
            for x in one.cost.lines
        ]
        columns = (*columns, Column("AMOUNT", right=True), Column("SOURCE"), Column("ATTEMPT", right=True))
        session.output.table(columns, rows)
    if len(one.attempts) > 1:
        session.output.block("Attempts", "")
        columns = (Column("", right=True), Column("AT", right=True), Column("LATENCY", right=True), Column("STATUS"))
        tries = [
            (x.number, duration(x.offset_ms), duration(x.latency_ms), x.status, x.http_status, x.request_id, x.error)
            for x in one.attempts
        ]
        session.output.table((*columns, Column("HTTP"), Column("REQUEST"), Column("ERROR")), tries)


def _fields(one: Execution) -> dict[str, object]:
    version = one.prompt_version
    return {
        "Id": one.id,
        "Status": one.status,
        "Error type": one.error_type,
        "Prompt": one.prompt_name,
        "Version": version and version.version,
        "Label": one.label,
        "Provider": one.provider,
        "Model": one.model,
        "Answered as": one.response_model if one.response_model != one.model else None,
        "Created": one.created_at,
        "Latency": duration(one.latency_ms),
        "First token": duration(one.first_token_ms),
        "Tokens in": count(one.token_in),
        "Tokens out": count(one.token_out),
        "Usage": one.usage_source,
        "Cost": cost_of(one),
        "Cost, exact": one.cost and one.cost.usd and f"${one.cost.usd}",
        "Finish reason": one.finish_reason,
        "Source": one.source,
        "Service": one.service,
        "End user": one.end_user,
        "Session": one.session_id,
        "Tags": [f"{name}={value}" for name, value in one.tags.items()],
        "Metadata": one.metadata,
        "Chain execution": one.chain_execution_id,
        "Chain": one.chain_name,
        "Step": one.step,
        "Content": "expired" if one.content_expired else None,
    }


@command(executions, "stats")
@click.option("--window", default="all", show_default=True, help="7d, 30d, another number of days, or all.")
@click.option("--timezone", metavar="ZONE", help="Whose days are counted (IANA name; UTC unless said otherwise).")
@with_filters
async def stats(session: Session, /, window: str, timezone: str | None, **given: Any) -> None:
    """Sum up what ran: runs, calls, success rate, latency, tokens, cost."""
    overview = await session.client.executions.stats(window, timezone=timezone, **given_filters(given))
    span = {name: overview.raw[name] for name in ("from", "to", "timezone", "days")}
    session.output.value({**overview.totals.raw, "window": window, **span})
    session.output.fields(_figures(overview, window))


def _figures(overview: Overview, window: str) -> dict[str, object]:
    totals = overview.totals
    return {
        "Window": "all time" if window == "all" else f"last {overview.days or window} days, {overview.timezone}",
        "Runs": count(totals.runs),
        "Calls": count(totals.calls),
        "Success": count(totals.success),
        "Error": count(totals.error),
        "Pending": count(totals.pending),
        "Success rate": percent(totals.success_rate),
        "Average latency": duration(totals.average_latency_ms),
        "Tokens in": count(totals.token_in),
        "Tokens out": count(totals.token_out),
        "Cost": total_cost(totals),
        "Cost, exact": f"${totals.cost.usd}",
    }


@command(executions, "tail")
@with_filters
@click.option(
    "-n", "lines", type=click.IntRange(0, REACH), default=10, show_default=True, help="Begin with the last so many."
)
@click.option("--pending", "opened", is_flag=True, help="Also show each when it begins.")
async def tail(session: Session, /, lines: int, opened: bool, **given: Any) -> None:
    """Follow executions as they end, until interrupted."""
    filters = given_filters(given)
    header = True
    async for one in _followed(session, filters, lines):
        if one.pending and not opened:
            continue
        session.output.value(one.raw, line=True)
        session.output.table(_COLUMNS, [_row(one)], header=header)
        header = False


async def _followed(session: Session, filters: Filters, lines: int) -> AsyncIterator[Execution]:
    """The last ones, then each change, told once; by asking again and again where websockets do not get through."""
    told: dict[str, str] = {}

    async def news() -> list[Execution]:
        found = await session.client.executions.list(limit=REACH, **filters)
        return [one for one in reversed(found) if fresh(one)]

    def fresh(one: Execution) -> bool:
        known = told.pop(one.id, None) == one.status
        told[one.id] = one.status
        if len(told) > 10 * REACH:
            del told[next(iter(told))]
        return not known

    before = await news()
    for one in before[len(before) - lines :] if lines < len(before) else before:
        yield one
    try:
        async with aclosing(session.client.executions.changes(**filters)) as changes:
            first = True
            async for change in changes:
                # What ended between the list and the subscription was in neither.
                for one in await news() if first else []:
                    yield one
                first = False
                if fresh(change):
                    yield change
    except NetworkError as error:
        session.output.note(f"promptforge: asking every second instead, since {error}")
    while True:
        for one in await news():
            yield one
        await asyncio.sleep(POLL_SECONDS)
