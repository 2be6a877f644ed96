"""``promptforge login``: into the dashboard, without a password."""

import click

from promptforge.cli.talking import Session, command


@command(name="login")
async def login(session: Session, /) -> None:
    """Print a link that logs a browser in, once, within 15 minutes."""
    if session.url is None:
        raise click.ClickException("no server runs on this home: start one with 'promptforge serve'")
    link = session.url + await session.client.login_path()
    session.output.value({"url": link})
    session.output.text(link, end="\n")
