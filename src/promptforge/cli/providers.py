"""``promptforge provider``: who runs models for the workspace, at which address, with which key and limits.

A key is never an argument: those stand in the shell's history, and every user of the machine can see them.
"""

import sys
from pathlib import Path
from typing import Any

import click

from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.providers import Provider


@click.group()
def provider() -> None:
    """List, set and remove providers of models, their keys and their limits."""


@command(provider, "list")
async def list_providers(session: Session, /) -> None:
    """List every provider that is known, and what is missing before it can be called."""
    found = await session.client.providers.list()
    session.output.value([one.raw for one in found])
    rows = [(one.name, _now(one), _key(one), one.address, one.why) for one in found]
    columns = [Column("NAME", key=True), *(Column(name) for name in ("STATE", "KEY", "ADDRESS", "WHY"))]
    session.output.table(columns, rows)


@command(provider, "set")
@click.argument("name")
@click.option("--preset", help="What it is a case of, such as openai-compatible; without it the one of that name.")
@click.option("--base-url", metavar="URL", help="Where it is.")
@click.option("--region")
@click.option("--project")
@click.option("--api-version")
@click.option("--at-once", type=int, metavar="N", help="How many calls may be on their way at the same time.")
@click.option("--requests-per-minute", type=int, metavar="N")
@click.option("--tokens-per-minute", type=int, metavar="N")
@click.option("--connect-timeout-ms", type=int, metavar="MS")
@click.option("--idle-timeout-ms", type=int, metavar="MS", help="The longest silence before and within an answer.")
@click.option("--proxy", metavar="URL", help="http://host:port; it asks for user and password with --proxy-login.")
@click.option("--proxy-login", is_flag=True, help="Read user:password of the proxy from stdin, or ask for it.")
@click.option(
    "--ca", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of certificates to trust (PEM)."
)
@click.option("--unset", multiple=True, metavar="OPTION", help="Take back what was set, such as --unset at-once.")
async def set_provider(
    session: Session, /, name: str, proxy_login: bool, ca: Path | None, unset: tuple[str, ...], **given: Any
) -> None:
    """Change what is set for the provider NAME; what is not given stays as it is."""
    known = next((one for one in await session.client.providers.list() if one.name == name), None)
    before = (known.settings if known else None) or {}
    settings = {key: value for key, value in before.items() if key != "updatedAt"}
    if known is not None:
        settings["preset"] = known.preset
    settings |= {_camel(key): value for key, value in given.items() if value is not None}
    if ca is not None:
        settings["ca"] = ca.read_text()  # noqa: ASYNC240  a small file, and nothing else runs
    for option in unset:
        settings[_camel(option.lstrip("-").replace("-", "_"))] = None
    if proxy_login:
        settings["proxy"] = _with_login(str(settings.get("proxy") or ""), _secret("user:password of the proxy"))
    saved = await session.client.providers.save(name, settings)
    session.output.value(saved.raw)
    session.output.note(f"the provider '{name}' is saved; {_state(saved)}")


@command(provider, "key")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Forget the key instead.")
async def key(session: Session, /, name: str, remove: bool) -> None:
    """Store the key of the provider NAME: what comes on stdin, or what you type and nobody sees."""
    providers = session.client.providers
    saved = await (providers.remove_key(name) if remove else providers.set_key(name, _secret(f"Key for {name}")))
    session.output.value(saved.raw)
    done = "removed" if remove else "stored, and the next call goes out with it"
    session.output.note(f"the key for '{name}' is {done}; {_state(saved)}")


@command(provider, "test")
@click.argument("name")
async def test(session: Session, /, name: str) -> None:
    """Try the connection to the provider NAME, and say exactly what is wrong."""
    found = await session.client.providers.test(name)
    session.output.value(found.raw)
    if not found.ok:
        raise click.ClickException(found.problem or "")
    models = "" if found.models is None else f" and lists {found.models} models"
    session.output.note(f"the provider '{name}' answered within {found.latency_ms} ms{models}")


@command(provider, "models")
@click.argument("name")
async def models(session: Session, /, name: str) -> None:
    """List the models that the provider NAME offers."""
    found = await session.client.providers.models(name)
    session.output.value(list(found))
    session.output.table([Column("MODEL", key=True)], [(one,) for one in found], header=False)


@command(provider, "remove")
@click.argument("name")
async def remove(session: Session, /, name: str) -> None:
    """Forget what is set for the provider NAME, its key with it."""
    removed = await session.client.providers.remove(name)
    session.output.value({"removed": removed})
    session.output.note(f"what was set for the provider '{name}' is removed")


def _state(one: Provider) -> str:
    return "it is ready" if one.ready else f"it is not ready: {one.why}"


def _now(one: Provider) -> str:
    if one.state.breaker != "CLOSED" and one.state.retry_at is not None:
        return f"not called until {one.state.retry_at:%H:%M:%S} UTC"
    waiting = f", {one.state.waiting} wait" if one.state.waiting else ""
    return f"ready{waiting}" if one.ready else "not ready"


def _key(one: Provider) -> str:
    return one.key_source.lower().replace("_", " ")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _with_login(proxy: str, login: str) -> str:
    from urllib.parse import quote

    user, _, password = login.partition(":")
    return proxy.replace("://", f"://{quote(user, safe='')}:{quote(password, safe='')}@", 1)


def _secret(prompt: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, err=True))
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")
