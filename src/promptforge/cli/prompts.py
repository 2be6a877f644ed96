"""``promptforge prompt``: prompts and their versions."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.errors import NotFoundError
from promptforge.sdk.values import Prompt, PromptVersion


@click.group()
def prompt() -> None:
    """List, show, create, version, diff, label, archive and fork prompts. A name or an id will do."""


def _content(body: Any) -> Any:
    """The options that say what a version is."""
    for option in reversed(
        (
            click.option("--template", help="The text, with {{variables}}."),
            click.option("--file", type=click.Path(), help="A file that holds the text ('-' is stdin)."),
            click.option("--messages", type=click.Path(), help="A JSON file of turns: [{role, content}, ...]."),
            click.option("--model", help="The model that it runs on."),
            click.option("--provider", help="The provider, where the model's name does not tell."),
            click.option("--temperature", type=float),
            click.option("--max-tokens", type=int),
            click.option("--schema", type=click.Path(), help="A JSON file: the JSON Schema of the variables."),
        )
    ):
        body = option(body)
    return body


def _about(body: Any) -> Any:
    """The options that describe a prompt."""
    for option in reversed(
        (
            click.option("--description"),
            click.option("--category", help="GENERAL, SUMMARIZATION, ANALYSIS, GENERATION, ..."),
            click.option("--tag", "tags", multiple=True, help="Repeat for several."),
            click.option("--public/--private", "is_public", default=None, help="Whether others may read it."),
        )
    ):
        body = option(body)
    return body


def _read(path: str, option: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{option} {path}: {getattr(error, 'strerror', None) or error}") from None


def _json(path: str | None, option: str) -> Any:
    if path is None:
        return None
    try:
        return json.loads(_read(path, option))
    except ValueError as error:
        raise click.UsageError(f"{option} {path} is not JSON: {error}") from None


def _version(given: dict[str, Any]) -> dict[str, Any]:
    """Take the content options out of *given*, as the client takes them."""
    file, template = given.pop("file"), given.pop("template")
    messages = _json(given.pop("messages"), "--messages")
    if sum(source is not None for source in (file, template, messages)) > 1:
        raise click.UsageError("--template, --file and --messages exclude each other")
    made = {name: given.pop(name) for name in ("model", "provider", "temperature", "max_tokens")}
    schema = _json(given.pop("schema"), "--schema")
    text = template if file is None else _read(file, "--file")
    if (text is not None or messages is not None) and not made["model"]:
        raise click.UsageError("a version needs --model")
    return {**made, "template": text, "messages": messages, "input_schema": schema}


@command(prompt, "list")
@click.option("--mine", is_flag=True, default=None, help="Leave out what others made public.")
@click.option("--search", help="Words of the name or description.")
@click.option("--archived", is_flag=True, default=None, help="The archived ones.")
@click.option("--limit", type=int, default=50, show_default=True)
@click.option("--offset", type=int, default=0)
async def list_prompts(session: Session, /, **given: Any) -> None:
    """List prompts, newest first."""
    found = await session.client.prompts.list(**given)
    session.output.value([one.raw for one in found])
    columns = (Column("NAME", key=True), Column("VERSION", right=True), Column("MODEL"), Column("LABELS"))
    rows = [
        (
            one.name,
            one.latest_version and one.latest_version.version,
            _model(one),
            _labels(one),
            one.tags,
            one.updated_at,
        )
        for one in found
    ]
    session.output.table((*columns, Column("TAGS", spare=1), Column("UPDATED", key=True, spare=2)), rows)


def _model(found: Prompt) -> str:
    return found.latest_version.model if found.latest_version else ""


def _labels(found: Prompt) -> str:
    return ", ".join(f"{label.label}={label.version}" for label in found.labels)


@command(prompt, "show")
@click.argument("name")
@click.option("--version", "number", type=int, help="This version instead of the latest.")
async def show(session: Session, /, name: str, number: int | None) -> None:
    """Show a prompt: its latest version, or another."""
    found = await session.client.prompts.get(name)
    versions = {version.version: version for version in found.versions}
    if number is not None and number not in versions:
        known = ", ".join(str(known) for known in sorted(versions)) or "none yet"
        raise NotFoundError(f"{found.name} has no version {number}; there are: {known}")
    version = versions[number] if number is not None else found.latest_version
    session.output.value(found.raw if number is None else versions[number].raw)
    _show(session, found, version)
    rows = [(v.version, v.provider, v.model, v.labels, v.created_at, v.id) for v in found.versions]
    columns = (Column("VERSION", right=True, key=True), Column("PROVIDER"), Column("MODEL"), Column("LABELS"))
    session.output.block("Versions", "")
    session.output.table((*columns, Column("CREATED", key=True), Column("ID")), rows)


def _show(session: Session, found: Prompt, version: PromptVersion | None) -> None:
    session.output.fields(
        {
            "Name": found.name,
            "Id": found.id,
            "Description": found.description,
            "Category": found.category,
            "Tags": found.tags,
            "Labels": _labels(found),
            "Public": found.is_public or None,
            "Created": found.created_at,
            "Archived": found.archived_at,
            "Version": version and version.version,
            "Provider": version and version.provider,
            "Parameters": version and version.params,
            "Variables": version and version.variables,
        }
    )
    if version is None:
        return
    for message in version.messages or ():
        session.output.block(message.role.capitalize(), message.content)
    session.output.block("Template", version.content)
    session.output.block("Input schema", version.input_schema)


@command(prompt, "create")
@click.argument("name")
@_about
@_content
@click.option("--label", help="Set on the first version.")
async def create(session: Session, /, name: str, tags: tuple[str, ...], **given: Any) -> None:
    """Create a prompt, with its first version when a text is given. The name becomes kebab-case."""
    version = _version(given)
    made = await session.client.prompts.create(name=name, tags=list(tags) or None, **version, **given)
    session.output.value(made.raw)
    session.output.table((Column("NAME"), Column("ID")), [(made.name, made.id)], header=False)


@command(prompt, "version")
@click.argument("name")
@_content
@click.option("--label", help="Set on the new version.")
async def version(session: Session, /, name: str, **given: Any) -> None:
    """Add a version to a prompt."""
    content = _version(given)
    if content["template"] is None and content["messages"] is None:
        raise click.UsageError("a version needs --template, --file or --messages")
    made = await session.client.prompts.create_version(name, **content, **given)
    session.output.value(made.raw)
    session.output.table((Column("VERSION"), Column("ID")), [(made.version, made.id)], header=False)


@command(prompt, "diff")
@click.argument("name")
@click.argument("old", type=int)
@click.argument("new", type=int)
async def diff(session: Session, /, name: str, old: int, new: int) -> None:
    """Compare two versions by their numbers."""
    found = await session.client.prompts.diff(name, old, new)
    session.output.value(found.raw)
    session.output.text(found.text, end="" if found.text.endswith("\n") or not found.text else "\n")
    for title, changes in (("Parameters", found.params), ("Input schema", found.input_schema)):
        if changes:
            session.output.block(title, dict(changes))


@command(prompt, "label")
@click.argument("name")
@click.argument("label")
@click.argument("number", metavar="[VERSION]", type=int, required=False)
@click.option("--remove", is_flag=True, help="Take the label away.")
async def label(session: Session, /, name: str, label: str, number: int | None, remove: bool) -> None:
    """Point LABEL at VERSION, or take it away."""
    if remove == (number is not None):
        raise click.UsageError("give the VERSION that the label is to point at, or --remove")
    prompts = session.client.prompts
    changed = await (prompts.remove_label(name, label) if number is None else prompts.set_label(name, label, number))
    session.output.value(changed.raw)
    session.output.table((Column("NAME"), Column("LABELS")), [(changed.name, _labels(changed))], header=False)


@command(prompt, "archive")
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive again, by its id.")
async def archive(session: Session, /, name: str, restore: bool) -> None:
    """Put a prompt away. Its versions and executions stay; the name is free again."""
    prompts = session.client.prompts
    changed = await (prompts.restore(name) if restore else prompts.archive(name))
    session.output.value(changed.raw)
    session.output.table((Column("NAME"), Column("ID")), [(changed.name, changed.id)], header=False)


@command(prompt, "fork")
@click.argument("name")
@click.argument("new_name")
@click.option("--version", "number", type=int, help="Copy this version instead of the latest.")
async def fork(session: Session, /, name: str, new_name: str, number: int | None) -> None:
    """Copy a prompt to NEW_NAME."""
    made = await session.client.prompts.fork(name, new_name, version=number)
    session.output.value(made.raw)
    session.output.table((Column("NAME"), Column("ID")), [(made.name, made.id)], header=False)
