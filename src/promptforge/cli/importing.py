"""``promptforge import``: a file of executions that ran elsewhere, streamed to the server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from promptforge.cli.exits import Exit
from promptforge.cli.figures import count
from promptforge.cli.output import cell
from promptforge.cli.talking import Session, command
from promptforge.sdk.errors import graphql_error

PIECE = 1 << 18
SHOWN = 20


@command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--format", type=click.Choice(["csv", "jsonl"]), help="Said by the file's name otherwise.")
@click.option("--map", "mapping", multiple=True, metavar="FIELD=COLUMN", help="Or FIELD:=TEXT; may be repeated.")
@click.option(
    "--preset", metavar="NAME", help="A mapping for a known kind of file: azure-llm, openai-jsonl, export (our own)."
)
@click.option("--model", metavar="MODEL", help="For lines that name none.")
@click.option("--provider", metavar="PROVIDER", help="For lines that name none.")
@click.option("--skip", type=click.IntRange(0), metavar="LINES", help="Leave out the first so many lines.")
async def import_(session: Session, /, file: Path, mapping: tuple[str, ...], **given: Any) -> None:
    """Take in executions that ran elsewhere, from a CSV or JSONL file."""
    kinds = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
    given["format"] = given["format"] or kinds.get(file.suffix.lower())
    query = [(name, str(value)) for name, value in given.items() if value is not None]
    query += [("map", text) for text in mapping]
    last: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []
    with (
        file.open("rb") as opened,
        _progress(os.fstat(opened.fileno()).st_size, quiet=session.output.as_json) as advance,
    ):
        async with aclosing(session.client.upload("/import", query, _pieces(opened, advance))) as answer:
            async for line in answer:
                last = json.loads(line)
                if "errors" in last:
                    raise graphql_error(last["errors"])
                problems += last.pop("problems")
    for problem in problems[:SHOWN]:
        session.output.note(f"line {problem['line']}: {cell(problem['message'])}")
    if last["rejected"] > SHOWN:
        session.output.note(f"and {last['rejected'] - SHOWN:,} more lines")
    last.pop("done", None)
    session.output.value({**last, "problems": problems})
    session.output.fields({name.capitalize(): count(value) for name, value in last.items()})
    if last["rejected"]:
        raise click.exceptions.Exit(Exit.REFUSED)


async def _pieces(file: BinaryIO, advance: Callable[[int], None]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, PIECE):
        yield piece
        advance(len(piece))


@contextmanager
def _progress(size: int, *, quiet: bool) -> Generator[Callable[[int], None], None, None]:
    """A bar on a terminal; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("", total=size)
        yield lambda done: progress.advance(task, done)
