"""``promptforge keys``: API keys of the caller's account."""

import re
from datetime import UTC, datetime, timedelta

import click

from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command


@click.group()
def keys() -> None:
    """List, create and revoke API keys."""


@command(keys, "list")
async def list_keys(session: Session, /) -> None:
    """List keys, without their secrets."""
    found = await session.client.keys.list()
    session.output.value([one.raw for one in found])
    names = ("ID", "NAME", "KEY", "SCOPES", "CREATED", "LAST USED", "EXPIRES", "REVOKED")
    rows = [
        (k.id, k.name, f"{k.hint}…", k.scopes, k.created_at, k.last_used_at, k.expires_at, k.revoked_at) for k in found
    ]
    session.output.table([Column(name, key=name == "ID") for name in names], rows)


@command(keys, "create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["ingest", "run", "read", "admin"]),
    help="What it is good for; repeat for several. Run, read and ingest when not given.",
)
@click.option("--expires", metavar="TIME", help="When it ends: 30d, 12h, or a time (ISO 8601).")
async def create(session: Session, /, name: str, scopes: tuple[str, ...], expires: str | None) -> None:
    """Create a key and print its secret, which is shown this once."""
    made = await session.client.keys.create(
        name, scopes=list(scopes) or None, expires_at=None if expires is None else _moment(expires)
    )
    session.output.value(made.raw)
    session.output.text(made.secret, end="\n")
    session.output.note(f"{made.key.id} '{made.key.name}': keep the secret now, it is not shown again")


@command(keys, "revoke")
@click.argument("id")
async def revoke(session: Session, /, id: str) -> None:
    """End a key for good."""
    ended = await session.client.keys.revoke(id)
    session.output.value(ended.raw)
    session.output.table((Column("ID"), Column("NAME")), [(ended.id, ended.name)], header=False)


def _moment(text: str) -> str | datetime:
    found = re.fullmatch(r"(\d{1,5})([dh])", text)
    if not found:
        return text
    number = int(found[1])
    return datetime.now(UTC) + (timedelta(days=number) if found[2] == "d" else timedelta(hours=number))
