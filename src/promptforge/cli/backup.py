"""``promptforge backup`` and ``promptforge restore``: a copy of the home, and a home of the copy."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from promptforge.cli.connection import Target
from promptforge.cli.figures import count
from promptforge.cli.output import Output
from promptforge.cli.talking import Session, command
from promptforge.core.backup import request_file
from promptforge.sdk.errors import graphql_error

MISSING = "this installation is the client alone; install prompt-forge[server] to restore"


@command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, resolve_path=True))
async def backup(session: Session, /, folder: Path) -> None:
    """Write a copy of the home into FOLDER, while a server runs or not."""
    home = session.home
    if home is None:
        raise click.UsageError("a backup is written on the server's machine: run this there, without --url")
    request = secrets.token_hex(8)
    path = request_file(home, request)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"folder": str(folder)}, file)
    last: dict[str, Any] = {}
    try:
        async with aclosing(session.client.upload("/backup", [("request", request)], _nothing())) as answer:
            async for line in answer:
                last = json.loads(line)
                if "errors" in last:
                    raise graphql_error(last["errors"])
    finally:
        path.unlink(missing_ok=True)
    last.pop("done")
    session.output.value({"folder": str(folder), **last})
    session.output.fields(_told(folder, last))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--home", type=click.Path(path_type=Path), help="The folder to fill, empty or not there yet.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in the API's own words.")
@click.pass_obj
def restore(target: Target, folder: Path, home: Path | None, *, as_json: bool) -> None:
    """Make a home of the backup in FOLDER; every file and every sum is verified."""
    try:
        from promptforge.forge import restored
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("promptforge."):
            raise
        raise click.UsageError(f"{MISSING} (no module {error.name})") from error
    into = (home or target.folder).expanduser()
    done = restored(folder, into)
    said = {"files": done.files, "bytes": done.bytes, "executions": done.executions, "costUsd": done.cost_usd}
    output = Output(as_json=as_json)
    output.value({"home": str(into), **said})
    output.fields(_told(into, said))


def _told(folder: Path, said: dict[str, Any]) -> dict[str, str]:
    return {
        "Folder": str(folder),
        "Files": count(said["files"]),
        "Bytes": count(said["bytes"]),
        "Executions in history": count(said["executions"]),
        "Their cost": f"${said['costUsd']}",
    }
