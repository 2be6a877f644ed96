"""``promptforge secret``: named values that chains may use and nobody is shown.

A value is never an argument: those stand in the shell's history, and every user of the machine can see them.
"""

import sys

import click

from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command


@click.group()
def secret() -> None:
    """Set, list and remove the secrets of a workspace, by name."""


@command(secret, "set")
@click.argument("name")
async def set_secret(session: Session, /, name: str) -> None:
    """Store under NAME the value that comes on stdin, or that you type and nobody sees."""
    made = await session.client.secrets.set(name, _value(name))
    session.output.value(made.raw)
    session.output.note(f"the secret '{made.name}' is set; chains use it as {{{{secret.{made.name}}}}}")


@command(secret, "list")
async def list_secrets(session: Session, /) -> None:
    """List secrets by name, without their values."""
    found = await session.client.secrets.list()
    session.output.value([one.raw for one in found])
    rows = [(one.name, one.updated_at) for one in found]
    session.output.table([Column("NAME", key=True), Column("UPDATED")], rows)


@command(secret, "remove")
@click.argument("name")
async def remove(session: Session, /, name: str) -> None:
    """Forget the secret NAME."""
    removed = await session.client.secrets.remove(name)
    session.output.value({"removed": removed})
    session.output.note(f"the secret '{name}' is removed")


def _value(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")
