"""``promptforge chain-executions``: the record of the chains that ran."""

from typing import Any, cast

import click

from promptforge.cli.executions import tags_of
from promptforge.cli.figures import bar, cost_of, count, duration
from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.chain_values import ChainExecution, ChainExecutionStep
from promptforge.sdk.filters import ChainFilters

CRITICAL = "●"
_COLUMNS = (
    Column("ID", key=True),
    Column("CREATED", key=True),
    Column("STATUS", key=True),
    Column("CHAIN"),
    Column("STEPS", right=True, key=True, spare=2),
    Column("LATENCY", right=True, key=True, spare=3),
    Column("IN", right=True, key=True, spare=1),
    Column("OUT", right=True, key=True, spare=1),
    Column("COST", right=True, key=True),
    Column("ERROR", spare=4),
)
_STEPS = (
    Column("", key=True),
    Column("ORDER", right=True),
    Column("STEP", key=True),
    Column("TYPE", spare=3),
    Column("STATUS", key=True),
    Column("TIMELINE", key=True, spare=2),
    Column("AT", right=True, spare=4),
    Column("TIME", right=True),
    Column("%", right=True, spare=5),
    Column("COST", right=True),
    Column("%", right=True, spare=5),
    Column("", spare=1),
)


@click.group()
def chain_executions() -> None:
    """List and show the chains that ran."""


@command(chain_executions, "list")
@click.option("--chain", "chain_name", multiple=True, metavar="NAME", help="'*' stands for anything.")
@click.option("--chain-id", multiple=True, metavar="ID")
@click.option("--status", multiple=True, type=click.Choice(["pending", "success", "error"]))
@click.option("--version", type=int, multiple=True)
@click.option("--label", multiple=True)
@click.option("--end-user", multiple=True)
@click.option("--session-id", multiple=True)
@click.option("--tag", "tags", multiple=True, metavar="NAME[=TEXT]")
@click.option("--service", multiple=True)
@click.option("--source", multiple=True)
@click.option("--error-type", multiple=True)
@click.option("--since", "created_from", metavar="TIME", help="Created at or after (ISO 8601).")
@click.option("--until", "created_before", metavar="TIME", help="Created before (ISO 8601).")
@click.option("--min-latency", "min_latency_ms", type=int, metavar="MS")
@click.option("--max-latency", "max_latency_ms", type=int, metavar="MS")
@click.option("--text", help="Words that must all occur in input, output or error.")
@click.option("--where", metavar="FILTER", help="A filter as text: 'status:error latency>2s'.")
@click.option("--limit", type=int, default=50, show_default=True)
@click.option("--offset", type=int, default=0)
@click.option("--after", metavar="CURSOR", help="Read on after the chain execution that has this cursor.")
@click.option("--content", is_flag=True, help="With --json: also what went in and came out, of each step too.")
async def list_chain_executions(
    session: Session, /, limit: int, offset: int, after: str | None, content: bool, **given: Any
) -> None:
    """List chain executions, newest first."""
    tags = tags_of(given.pop("tags"))
    filters = {name: value for name, value in given.items() if value not in (None, ())} | (
        {"tags": tags} if tags else {}
    )
    found = await session.client.chain_executions.list(
        limit=limit, offset=offset, after=after, content=content, **cast("ChainFilters", filters)
    )
    session.output.value([one.raw for one in found])
    session.output.table(_COLUMNS, [_row(one) for one in found])


def _row(one: ChainExecution) -> tuple[object, ...]:
    figures = (one.step_count, duration(one.latency_ms), count(one.token_in), count(one.token_out), cost_of(one))
    return (one.id, one.created_at, one.status, _name(one), *figures, one.error)


def _name(one: ChainExecution) -> str | None:
    return f"{one.chain_name}@{one.version}" if one.chain_name and one.version else one.chain_name


@command(chain_executions, "show")
@click.argument("id")
async def show(session: Session, /, id: str) -> None:
    """Show a chain execution: its steps in time, what they cost, and which of them decided how long it took."""
    one = await session.client.chain_executions.get(id)
    session.output.value(one.raw)
    session.output.fields(_fields(one))
    session.output.block("Steps", "")
    session.output.table(_STEPS, _lines(one))
    session.output.block("Input", one.input)
    session.output.block("Output", one.output)
    session.output.block("Error", one.error)
    session.output.block("Stack trace", one.stack_trace)


def _lines(one: ChainExecution) -> list[tuple[object, ...]]:
    """The steps in their order: those that ran, those that do, and those that were left out."""
    whole = max([one.latency_ms or 0, *(step.offset_ms + step.latency_ms for step in one.steps)])
    ran = [(step.order, _line(step, whole)) for step in one.steps]
    running = [
        (r.order, ("", r.order, r.name, "PROMPT", "pending", bar(r.offset_ms, 0, whole), duration(r.offset_ms)))
        for r in one.running_steps
    ]
    left_out = [
        (s.order, ("", s.order, s.name, s.type, "skipped", "", "", "", "", "", "", s.reason)) for s in one.skipped_steps
    ]
    lines: list[tuple[int, tuple[object, ...]]] = sorted([*ran, *running, *left_out], key=lambda line: line[0])
    return [(*line, *[""] * (len(_STEPS) - len(line))) for _, line in lines]


def _line(step: ChainExecutionStep, whole: int) -> tuple[object, ...]:
    time = "" if step.share_of_time is None else f"{step.share_of_time:.1f}"
    said = step.error or (step.tag and f"→ {step.tag}") or (step.reused_from and f"reused from {step.reused_from}")
    return (
        CRITICAL if step.critical else "",
        step.order,
        step.name,
        step.type,
        step.status,
        bar(step.offset_ms, step.latency_ms, whole),
        duration(step.offset_ms),
        duration(step.latency_ms),
        time,
        step.cost_display if step.cost_display is not None else step.cost_state,
        step.share_of_cost,
        said,
    )


def _fields(one: ChainExecution) -> dict[str, object]:
    return {
        "Id": one.id,
        "Status": one.status,
        "Error type": one.error_type,
        "Failed step": one.failed_step,
        "Chain": one.chain_name,
        "Version": one.version,
        "Label": one.label,
        "Created": one.created_at,
        "Latency": duration(one.latency_ms),
        "Critical path": " → ".join(one.critical_path),
        "Tokens in": count(one.token_in),
        "Tokens out": count(one.token_out),
        "Cost": cost_of(one),
        "Cost, exact": one.cost and one.cost.usd and f"${one.cost.usd}",
        "Cost known": "not all of it" if one.cost and one.cost.state in {"unpriced", "unknown"} else None,
        "Forked from": one.forked_from,
        "Source": one.source,
        "Service": one.service,
        "End user": one.end_user,
        "Session": one.session_id,
        "Tags": [f"{name}={value}" for name, value in one.tags.items()],
        "Metadata": one.metadata,
        "Content": "expired" if one.content_expired else None,
    }
