"""What makes a command of a coroutine that talks to the API."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from promptforge.cli.connection import Target, connected
from promptforge.cli.output import Output
from promptforge.sdk import AsyncPromptForge
from promptforge.sdk.errors import NetworkError

Body = Callable[..., Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works with; *url* is None when no server runs and the home was opened here, *home* when a server
    was named, which may be anywhere."""

    url: str | None
    client: AsyncPromptForge
    output: Output
    home: Path | None = None


def command(
    group: click.Group | None = None,
    name: str | None = None,
    *,
    workspace: str | None = None,
    unopened: Callable[[NetworkError, Output], None] | None = None,
) -> Callable[[Body], click.Command]:
    """Make a command of a coroutine whose first argument is the Session; it takes --json and says where it talks to.

    Where nothing else is said it works on *workspace*, if the home has one of that name. *unopened* is told when no
    server runs and the home cannot be opened here.
    """

    def decorate(body: Body) -> click.Command:
        @click.pass_context
        @wraps(body)
        def run(context: click.Context, /, **given: Any) -> None:
            target = (context.find_object(Target) or Target()).narrowed(given)
            said = target.workspace or target.api_key
            if workspace and not said and target.key_file(workspace).exists():
                target = replace(target, workspace=workspace)
            output = Output(as_json=given.pop("as_json"))
            try:
                asyncio.run(_perform(body, target, output, given))
            except NetworkError as error:
                if unopened is None or target.server is not None:
                    raise
                unopened(error, output)

        decorated: Any = run
        for option in _OPTIONS:
            decorated = option(decorated)
        return (group.command(name) if group else click.command(name))(decorated)

    return decorate


async def _perform(body: Body, target: Target, output: Output, given: dict[str, Any]) -> None:
    async with connected(target) as client:
        await body(Session(target.server, client, output, None if target.named_url else target.folder), **given)


# Hidden, since the root documents them: here so that they may stand at the end of a line as well.
_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON, in the API's own words."),
    click.option("--url", hidden=True),
    click.option("--api-key", hidden=True),
    click.option("--home", type=click.Path(path_type=Path), hidden=True),
    click.option("--workspace", hidden=True),
)


def pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    """``k=v`` arguments as a mapping; a usage error names the one that is not."""
    made: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} takes NAME=VALUE, not '{text}'")
        made[name] = value
    return made
