"""``promptforge serve``: the one command that is the server rather than a client of it."""

from pathlib import Path

import click

from promptforge.cli.connection import Target
from promptforge.cli.exits import Exit

MISSING = "this installation is the client alone; install prompt-forge[server] to serve"


@click.command()
@click.option("--home", type=click.Path(path_type=Path), help="Folder that holds all state (PROMPTFORGE_HOME).")
@click.option("--host", help="Address to listen on (PROMPTFORGE_HOST).  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on, 0 for a free one (PROMPTFORGE_PORT).  [default: 8000]")
@click.option("--demo", is_flag=True, default=None, help="Load the demo workspace behind the running server.")
@click.pass_obj
def serve(target: Target, home: Path | None, host: str | None, port: int | None, demo: bool | None) -> None:
    """Serve the API and the dashboard from one folder, until interrupted or terminated."""
    try:
        from promptforge.server.serve import serve as run
        from promptforge.settings import load
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("promptforge."):
            raise
        click.echo(f"promptforge: {MISSING} (no module {error.name})", err=True)
        raise SystemExit(Exit.USAGE) from error
    raise SystemExit(run(load(home=home or target.home, host=host, port=port, demo=demo), say))


def say(line: str) -> None:
    """Print a line of the server's; its errors are marked as ours and go to stderr."""
    click.echo(line, err=line.startswith("promptforge:"))
