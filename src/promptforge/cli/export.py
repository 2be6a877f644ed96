"""``promptforge export``: executions as a file of JSON lines, CSV or Parquet."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, aclosing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from promptforge.cli.executions import given_filters, with_filters
from promptforge.cli.figures import count
from promptforge.cli.talking import Session, command

FORMATS = ("jsonl", "csv", "parquet")


@command(name="export")
@click.option("--format", type=click.Choice(FORMATS), help="Said by the file's name otherwise, or jsonl.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Else stdout.")
@click.option("--content/--no-content", default=True, help="Whether to write what went in and came out.")
@with_filters
async def export(session: Session, /, format: str | None, output: Path | None, content: bool, **given: Any) -> None:
    """Write the executions that pass a filter to a file."""
    named = output.suffix.lower()[1:] if output is not None else ""
    kind = format or (named if named in FORMATS else "jsonl")
    rows: list[int] = []
    pieces = session.client.executions.export(kind, content=content, told=rows.append, **given_filters(given))
    with _file(output) as file, _progress(quiet=session.output.as_json) as advance:
        async with aclosing(pieces):
            async for piece in pieces:
                file.write(piece)
                advance(len(piece))
        size = file.tell() if output is not None else None
    if output is not None:
        session.output.value({"executions": rows[0], "bytes": size, "file": str(output)})
        session.output.fields({"Executions": count(rows[0]), "Bytes": count(size), "File": output})


@contextmanager
def _file(path: Path | None) -> Generator[BinaryIO]:
    """The file, under its name only once it is whole; or stdout."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    part = path.with_name(f".{path.name}.part")
    with ExitStack() as undo:
        undo.callback(part.unlink, missing_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


@contextmanager
def _progress(*, quiet: bool) -> Generator[Callable[[int], None]]:
    """What has come so far, on a terminal; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, SpinnerColumn, TimeElapsedColumn, TransferSpeedColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    columns = (SpinnerColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        yield lambda done: progress.advance(task, done)
