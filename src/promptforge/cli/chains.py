"""``promptforge chain``: running a chain, step by step before one's eyes. Its files are in ``chain_files.py``."""

import sys
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from typing import Any, cast

import click

from promptforge.cli import chain_files
from promptforge.cli.figures import bar, cost_of, count, duration
from promptforge.cli.output import cell
from promptforge.cli.run import json_or_text, variables_from, variables_of
from promptforge.cli.talking import Session, command, pairs
from promptforge.sdk.chain_values import ChainExecution, ChainExecutionStep
from promptforge.sdk.errors import PromptForgeError

Tell = Callable[[ChainExecutionStep], None]
_SIGNS = {"pending": "…", "success": "✓", "error": "✗"}


@click.group()
def chain() -> None:
    """Define chains in files, prove them, and run them. A name or an id will do."""


for _defining in chain_files.COMMANDS:
    chain.add_command(_defining)


@command(chain, "run")
@click.argument("name")
@click.option("--var", "variables", multiple=True, metavar="NAME=TEXT", help="An input; NAME:=JSON for other types.")
@click.option("--vars", "file", type=click.Path(), help="A JSON file of inputs ('-' is stdin); --var wins over it.")
@click.option("--version", type=int, help="Run this version instead of the draft.")
@click.option("--label", help="Run the version that this label points at.")
@click.option("--step-version", "versions", multiple=True, metavar="STEP=N", help="Another version of a step's prompt.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=TEXT", help="Tag the chain execution and its calls.")
@click.option("--end-user", help="Your own user's id, kept with the execution.")
@click.option("--session-id", help="The conversation that it belongs to.")
@click.option("--idempotency-key", help="Repeating the command with the same key never pays twice.")
@click.option("--deadline", type=click.FloatRange(min=0.001), metavar="SECONDS", help="Give up after so long.")
@click.option("--max-cost", metavar="USD", help="Stop before the step that could cross it.")
@click.option("--no-wait", is_flag=True, help="Return as soon as it is accepted; print the chain execution's id.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out the steps, and what it took and cost.")
async def run(session: Session, /, name: str, no_wait: bool, quiet: bool, **given: Any) -> None:
    """Run the chain NAME (or an id), show its steps as they run, and print the output.

    \b
    promptforge chain run triage --var review="Lovely soup"
    """
    if given["version"] is not None and given["label"]:
        raise click.UsageError("--version and --label exclude each other")
    input, how = _call(given)
    chains = session.client.chains
    try:
        if no_wait:
            done = await chains.execute(name, input, wait=False, **cast("Any", how))
        else:
            done = await _followed(session, chains.stream(name, input, **cast("Any", how)), quiet=quiet)
    except PromptForgeError as error:
        if error.chain_execution is not None:
            session.output.value(error.chain_execution.raw)
            _summary(session, error.chain_execution, quiet=quiet)
        raise
    session.output.value(done.raw)
    if no_wait:
        session.output.text(done.id, end="\n")
    elif isinstance(done.output, str):
        session.output.text(done.output, end="\n")
    else:
        session.output.block("Output", done.output)
    _summary(session, done, quiet=quiet)


def _call(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The input, and how to run, as the client takes them."""
    versions = {step: json_or_text(number) for step, number in pairs(given["versions"], "--step-version").items()}
    how = {
        "version": given["version"],
        "label": given["label"],
        "overrides": {step: {"version": number} for step, number in versions.items()} or None,
        "tags": pairs(given["tags"], "--tag") or None,
        "end_user": given["end_user"],
        "session_id": given["session_id"],
        "idempotency_key": given["idempotency_key"],
        "deadline_ms": None if given["deadline"] is None else round(given["deadline"] * 1000),
        "max_cost_usd": given["max_cost"],
    }
    return variables_from(given["file"]) | variables_of(given["variables"]), how


async def _followed(session: Session, events: Any, *, quiet: bool) -> ChainExecution:
    """Read the events to the end and show the steps meanwhile."""
    done = ChainExecution()
    with _tree(quiet=quiet or session.output.as_json) as tell:
        async with aclosing(events):
            async for event in events:
                done = event.chain_execution or done
                if event.step is not None:
                    tell(event.step)
    return done


@contextmanager
def _tree(*, quiet: bool) -> Generator[Tell]:
    """Steps as they run: redrawn on a terminal, a line for each that has ended elsewhere."""
    if quiet:
        yield lambda step: None
        return
    if not sys.stderr.isatty():
        yield lambda step: None if step.status == "pending" else click.echo("\t".join(_parts(step)), err=True)
        return
    from rich.console import Console
    from rich.live import Live

    steps: dict[str, ChainExecutionStep] = {}
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Live(console=console, get_renderable=lambda: _drawn(steps), refresh_per_second=10) as live:

        def tell(step: ChainExecutionStep) -> None:
            steps[step.name] = step
            live.refresh()

        yield tell


def _drawn(steps: dict[str, ChainExecutionStep]) -> Any:
    """The steps under their order, as a tree; those at the same time stand together."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    ordered = sorted(steps.values(), key=lambda step: (step.order, step.offset_ms))
    whole = max((step.offset_ms + step.latency_ms for step in ordered), default=0)
    for step in ordered:
        beside = [one for one in ordered if one.order == step.order]
        first, last = step is beside[0], step is beside[-1]
        branch = "─ " if first and last else "┬ " if first else "└ " if last else "├ "
        colour = {"success": "green", "error": "red"}.get(step.status, "yellow")
        sign, order, *rest = _parts(step)
        table.add_row(
            Text(f"{order if first else '':>3} {branch}"),
            Text(sign, style=colour),
            *(Text(part) for part in rest),
            Text(bar(step.offset_ms, step.latency_ms, whole), style=colour),
        )
    return table


def _parts(step: ChainExecutionStep) -> list[str]:
    pending = step.status == "pending"
    said = step.error or (step.tag and f"→ {step.tag}") or (step.reused_from and f"reused from {step.reused_from}")
    cost = (step.cost_display or step.cost_state) if step.execution_id else ""
    time = "" if pending else duration(step.latency_ms)
    return [_SIGNS.get(step.status, "?"), str(step.order), cell(step.name), step.type, time, cost, cell(said or "")]


def _summary(session: Session, done: ChainExecution, *, quiet: bool) -> None:
    if quiet:
        return
    known = (
        done.id,
        done.status,
        f"{done.chain_name}@{done.version}" if done.chain_name else "",
        f"{done.step_count} steps" if not done.pending else "",
        duration(done.latency_ms),
        f"{count(done.token_in)} tokens in, {count(done.token_out)} out" if not done.pending else "",
        "" if done.pending else cost_of(done),
    )
    session.output.note(" · ".join(cell(part) for part in known if part))
