"""``promptforge demo``: the demo workspace."""

import click

from promptforge.cli.talking import Session, command


@click.group()
def demo() -> None:
    """The demo workspace, which `serve --demo` loads."""


@command(demo, "remove", workspace="demo")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def remove(session: Session, /, yes: bool) -> None:
    """Remove the demo workspace with everything in it."""
    if not yes:
        click.confirm("Remove the demo workspace and its executions?", abort=True, err=True)
    removed = await session.client.remove_demo()
    session.output.value({"removed": removed})
    session.output.note("the demo workspace is gone")
