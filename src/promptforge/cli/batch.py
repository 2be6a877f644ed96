"""``promptforge batch``: a prompt over a file of rows.

The decision to know: what a row is called (its idempotency key) follows from what is run, from the row and from the
run's name alone. So a second start finds what the first one did, here in the results or at the server, and goes on.
"""

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from promptforge.cli.exits import Exit
from promptforge.cli.results import Results
from promptforge.cli.rows import Row, canonical, content_hash, format_of, read
from promptforge.cli.run import json_or_text, variables_of
from promptforge.cli.talking import Session, command, pairs
from promptforge.sdk.errors import NotFoundError, PromptForgeError
from promptforge.sdk.values import Execution, Prompt

#: Told of each row that has ended whether it failed.
Advance = Callable[[bool], None]
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with each row. ``key`` is what a row's key is made with."""

    key: str
    prompt: str | None
    version: int | None
    model: str | None
    column: str
    variables: Mapping[str, Any]
    options: Mapping[str, Any]

    async def run(self, session: Session, row: Row, number: int) -> Execution:
        """Run one row for the *number*-th time; the same time again gives the same execution."""
        again = f"-{number}" if number > 1 else ""
        how: dict[str, Any] = {**self.options, "idempotency_key": f"batch-{row.key(self.key)}{again}"}
        if self.prompt is None:
            return await session.client.run(self.model or "", _text(row, self.column), **how)
        variables = {**self.variables, **row.values}
        return await session.client.prompts.execute(self.prompt, variables, version=self.version, **how)


@command(name="batch")
@click.argument("what", metavar="[NAME] FILE", nargs=-1, required=True)
@click.option("--output", type=click.Path(path_type=Path), help="Where the results go; FILE.out.jsonl when left out.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="FILE's format, where its name is silent.")
@click.option("--name", help="The run's name; when left out it follows from what FILE holds.")
@click.option("--version", type=int, help="Run this version instead of the latest.")
@click.option("--label", help="Run the version that this label points at when the run begins.")
@click.option("--model", help="Run this model instead of the version's; without NAME: on a column of texts.")
@click.option("--column", default="text", show_default=True, help="Without NAME: the column that holds the texts.")
@click.option("--provider", help="The provider, where the model's name does not tell.")
@click.option("--var", "variables", multiple=True, metavar="NAME=TEXT", help="For rows without it; NAME:=JSON too.")
@click.option("--param", "params", multiple=True, metavar="NAME=JSON", help="Override a parameter, as temperature=0.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=TEXT", help="Tag the executions.")
@click.option("--concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Rows at a time.")
@click.option("--rate", metavar="N/s", help="Start at most so many rows a second (N/m: a minute, N/h: an hour).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows of FILE.")
@click.option("--retry-failed", "retry", is_flag=True, help="Run the rows again whose results are failures.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out the progress.")
async def batch(session: Session, /, what: tuple[str, ...], form: str | None, **given: Any) -> None:
    """Run the prompt NAME, or a model, on each row of FILE.

    FILE is CSV (the first line names the variables) or JSON lines. Results are appended as they come. Stopped by
    whatever, the same command goes on where it was: rows in the results are skipped, and what the server has already
    done is asked for, not done again (for 24 hours, after which only rows without a result could run twice). Rows that
    failed stay failed, until it is started with --retry-failed: then these run again, once each, and nothing else.

    \b
    promptforge batch support-reply tickets.csv --output replies.jsonl
    promptforge batch --model gpt-4o questions.jsonl --column question
    """
    subject, path = _subject(what, given)
    form, pause = format_of(path, form), _pause(given["rate"])
    with Results(given["output"] or path.with_name(path.name + ".out.jsonl")) as results:
        prompt = await session.client.prompts.get(subject) if subject else None
        version = _version(prompt, given, results.version)
        work = _work(prompt, version, given, given["name"] or content_hash(path))
        total, left = _left(path, form, work, results, given["limit"], retry=given["retry"])
        if version is not None and not given["quiet"]:
            session.output.note(f"version {version}, {total} rows, {total - left} of them done before")
        with _progress(total, left, quiet=given["quiet"]) as advance:
            tries = (
                (row, number)
                for row in _first(read(path, form), given["limit"])
                if (number := results.next_try(row.key(work.key), retry=given["retry"]))
            )
            await _all(session, work, tries, results, given["concurrency"], pause, advance)
        _end(session, path, form, work, results, total, given["limit"])


def _subject(what: tuple[str, ...], given: Mapping[str, Any]) -> tuple[str | None, Path]:
    if len(what) not in {1, 2}:
        raise click.UsageError("give the NAME of a prompt and a FILE, no more")
    if given["version"] is not None and given["label"]:
        raise click.UsageError("--version and --label exclude each other")
    subject, path = (what[0] if len(what) == 2 else None), Path(what[-1])
    if subject is None and not given["model"]:
        raise click.UsageError("give the NAME of a prompt before FILE, or --model")
    if subject is None and (given["version"] is not None or given["label"] or given["variables"]):
        raise click.UsageError("without the NAME of a prompt there are no variables, versions or labels")
    return subject, path


def _pause(rate: str | None) -> float:
    """Seconds between two starts."""
    if rate is None:
        return 0.0
    number, _, unit = rate.partition("/")
    try:
        wanted = float(number)
        seconds = _UNITS[unit or "s"]
    except (ValueError, KeyError):
        wanted, seconds = 0.0, 1
    if not 0.0 < wanted < 1e6:
        raise click.UsageError(f"--rate takes a number and s, m or h, as 5/s, not '{rate}'")
    return seconds / wanted


def _version(prompt: Prompt | None, given: Mapping[str, Any], begun: int | None) -> int | None:
    """The version that all rows run with: as said, else the one that the results were begun with."""
    if prompt is None:
        return None
    if given["version"] is not None or begun is not None:
        return given["version"] if given["version"] is not None else begun
    if given["label"]:
        for label in prompt.labels:
            if label.label == given["label"]:
                return label.version
        raise NotFoundError(f"the prompt '{prompt.name}' has no label '{given['label']}'", code="NOT_FOUND")
    if prompt.latest_version is None:
        raise NotFoundError(f"the prompt '{prompt.name}' has no version yet", code="NOT_FOUND")
    return prompt.latest_version.version


def _work(prompt: Prompt | None, version: int | None, given: Mapping[str, Any], run: str) -> Work:
    params = {name: json_or_text(value) for name, value in pairs(given["params"], "--param").items()}
    if prompt is not None and given["model"]:
        params["model"] = given["model"]
    variables = variables_of(given["variables"])
    options = {
        "params": params or None,
        "provider": given["provider"],
        "tags": {"batch": run, **pairs(given["tags"], "--tag")},
    }
    subject = ["prompt", prompt.id, version] if prompt else ["model", given["model"], given["column"]]
    key = canonical([subject, variables, params, given["provider"], run])
    return Work(key, prompt and prompt.id, version, given["model"], given["column"], variables, options)


def _left(path: Path, form: str, work: Work, results: Results, limit: int | None, *, retry: bool) -> tuple[int, int]:
    """How many rows there are and are to be run; reads all of FILE, so that what is wrong is said before anything runs.

    A usage error when the results are not of this run: then nothing would be skipped, and everything paid again.
    """
    total = left = 0
    foreign = set(results.statuses)
    for row in read(path, form):
        key = row.key(work.key)
        foreign.discard(key)
        if work.prompt is None:
            _text(row, work.column)
        if limit is None or row.number <= limit:
            total += 1
            left += results.next_try(key, retry=retry) is not None
    if foreign:
        raise click.UsageError(
            f"{results.path} holds {len(foreign)} results of another run: FILE, the prompt, its version, the run's "
            "name or an option is not what it was. Give another --output, or say again what was said at first."
        )
    return total, left


def _text(row: Row, column: str) -> str:
    text = row.values.get(column)
    if not isinstance(text, str):
        raise click.UsageError(f"row {row.number} has no text in '{column}'; name the column of texts with --column")
    return text


def _first(rows: Iterator[Row], limit: int | None) -> Iterator[Row]:
    for row in rows:
        if limit is not None and row.number > limit:
            return
        yield row


async def _all(
    session: Session,
    work: Work,
    tries: Iterator[tuple[Row, int]],
    results: Results,
    concurrency: int,
    pause: float,
    advance: Advance,
) -> None:
    """Run the rows, so many at a time, each a *pause* after the one before."""
    clock = asyncio.get_running_loop().time
    ready = clock()
    stopped: list[BaseException] = []

    async def one_after_the_other() -> None:
        nonlocal ready
        for row, number in tries:
            start = max(ready, clock())
            ready = start + pause
            await asyncio.sleep(start - clock())
            line = await _line(session, work, row, number)
            results.add(line)
            advance(line["status"] != "success")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(one_after_the_other())
    except* (PromptForgeError, click.ClickException) as errors:
        # One is enough: they stopped for the same reason. What ran without a result is found by its key next time.
        stopped.append(errors.exceptions[0])
    for error in stopped:
        raise error


async def _line(session: Session, work: Work, row: Row, number: int) -> dict[str, Any]:
    """Run a row and say how it ended; raises what concerns more than this row."""
    line: dict[str, Any] = {"row": row.number, "key": row.key(work.key), "try": number, "version": work.version}
    try:
        execution = await work.run(session, row, number)
    except PromptForgeError as error:
        if error.execution is None and error.code == "BAD_USER_INPUT":
            return {**line, "executionId": None, "status": "refused", "output": None, "error": str(error)}
        if error.execution is None or error.execution.pending:
            raise
        execution = error.execution
    cost = execution.cost
    return {
        **line,
        "executionId": execution.id,
        "status": execution.status,
        "output": execution.output,
        "error": execution.error,
        "errorType": execution.error_type,
        "tokenIn": execution.token_in,
        "tokenOut": execution.token_out,
        "latencyMs": execution.latency_ms,
        "costUsd": execution.cost_usd,
        "cost": None if cost is None else {"usd": cost.usd, "state": cost.state},
    }


def _end(session: Session, path: Path, form: str, work: Work, results: Results, total: int, limit: int | None) -> None:
    wanted = (row.key(work.key) for row in _first(read(path, form), limit))
    statuses = [results.statuses.get(key) for key in wanted]
    ok = statuses.count("success")
    uncounted = {state: n for state in ("unpriced", "unknown") if (n := results.costs[state])}
    summary: dict[str, Any] = {
        "rows": total,
        "ok": ok,
        "failed": total - ok,
        "costUsd": f"{results.usd.normalize():f}",
        **uncounted,
        "output": str(results.path),
    }
    session.output.value(summary)
    session.output.fields(summary)
    if ok < total:
        raise click.exceptions.Exit(Exit.EXECUTION)


@contextmanager
def _progress(total: int, left: int, *, quiet: bool) -> Generator[Advance, None, None]:
    """A bar on a terminal; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda failed: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    failures = 0
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total, completed=total - left)

        def advance(failed: bool) -> None:
            nonlocal failures
            failures += failed
            progress.update(task, advance=1, description=f"{failures} failed" if failures else "")

        yield advance
