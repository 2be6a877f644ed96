"""``promptforge chain``: chains as files, and what there is of them. Running one is in ``chains.py``."""

import sys
from pathlib import Path

import click

from promptforge.cli.exits import Exit
from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.chain_values import Chain, ChainProblem
from promptforge.sdk.errors import ValidationError

_STEPS = (
    Column("ORDER", right=True, key=True),
    Column("STEP", key=True),
    Column("TYPE"),
    Column("PROMPT"),
    Column("WRITES"),
    Column("TAGS", spare=1),
)


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


@command(None, "list")
@click.option("--mine", is_flag=True, default=None, help="Leave out what others made public.")
@click.option("--search", help="Words of the name, description or intent tags.")
@click.option("--archived", is_flag=True, default=None, help="The archived ones.")
@click.option("--limit", type=int, default=50, show_default=True)
@click.option("--offset", type=int, default=0)
async def list_chains(
    session: Session, /, mine: bool | None, search: str | None, archived: bool | None, limit: int, offset: int
) -> None:
    """List chains, newest first."""
    found = await session.client.chains.list(mine=mine, search=search, archived=archived, limit=limit, offset=offset)
    session.output.value([one.raw for one in found])
    columns = (Column("NAME", key=True), Column("VERSION", right=True), Column("STEPS", right=True), Column("LABELS"))
    rows = [(one.name, _latest(one), len(one.steps), _labels(one), one.intent_tags, one.updated_at) for one in found]
    session.output.table((*columns, Column("INTENTS", spare=1), Column("UPDATED", key=True, spare=2)), rows)


@command(None, "show")
@click.argument("name")
async def show(session: Session, /, name: str) -> None:
    """Show a chain with the steps of its draft."""
    found = await session.client.chains.get(name)
    session.output.value(found.raw)
    session.output.fields(
        {
            "Name": found.name,
            "Id": found.id,
            "Description": found.description,
            "Intents": found.intent_tags,
            "Labels": _labels(found),
            "Active": found.is_active,
            "Version": _latest(found),
            "Draft": "differs from the latest version" if found.draft_changed else None,
            "Created": found.created_at,
            "Archived": found.archived_at,
        }
    )
    session.output.block("Required inputs", found.required_inputs)
    session.output.block("Steps", "")
    rows = [
        (one.order, one.name, one.type, _prompt(one.prompt_id, one.version, one.label), one.output_key, one.tags)
        for one in found.steps
    ]
    session.output.table(_STEPS, rows)


@command(None, "apply")
@click.argument("file", type=click.Path())
@click.option("--name", help="The chain, where it is not the file's own name.")
@click.option("--label", help="Set on the version.")
async def apply(session: Session, /, file: str, name: str | None, label: str | None) -> None:
    """Make a chain what FILE (YAML; '-' is stdin) says. A second time changes nothing."""
    done = await session.client.chains.apply(_read(file), name=name, label=label)
    session.output.value(done.raw)
    what = "created" if done.created else "changed" if done.changed else "unchanged"
    row = (done.chain.name, done.version.version, what, done.chain.id)
    session.output.table((Column("NAME"), Column("VERSION"), Column("WHAT"), Column("ID")), [row], header=False)


@command(None, "export")
@click.argument("name")
@click.option("--version", "number", type=int, help="This version instead of the draft.")
async def export(session: Session, /, name: str, number: int | None) -> None:
    """Write a chain as YAML to stdout, as apply takes it."""
    text = await session.client.chains.export(name, number)
    session.output.value({"yaml": text})
    session.output.text(text)


@command(None, "diff")
@click.argument("file", type=click.Path())
@click.option("--name", help="The chain, where it is not the file's own name.")
async def diff(session: Session, /, file: str, name: str | None) -> None:
    """Show what applying FILE (YAML; '-' is stdin) would change of its chain; nothing when nothing."""
    text = _read(file)
    proof = await session.client.chains.validate(yaml=text)
    if proof.document is None:
        raise ValidationError(_sentence(proof.problems[0]))
    chain = name or proof.name
    if chain is None:
        raise click.UsageError("the file names no chain: give --name")
    changes = await session.client.chains.file_diff(chain, text)
    session.output.value({"diff": changes})
    session.output.text(changes, end="\n" if changes and not changes.endswith("\n") else "")


@command(None, "validate")
@click.argument("file", type=click.Path())
async def validate(session: Session, /, file: str) -> None:
    """Prove that the chain in FILE (YAML; '-' is stdin) can run, without changing anything.

    Ends with 5 when it cannot; warnings do not count.
    """
    found = await session.client.chains.validate(yaml=_read(file))
    session.output.value(found.raw)
    columns = (Column("LINE", right=True, key=True), Column("SEVERITY", key=True), Column("STEP"), Column("PROBLEM"))
    if found.problems:
        session.output.table(columns, [_row(problem) for problem in found.problems])
    else:
        session.output.note("nothing is wrong with it")
    if not found.valid:
        raise click.exceptions.Exit(Exit.REFUSED)


@command(None, "label")
@click.argument("name")
@click.argument("label")
@click.argument("number", metavar="[VERSION]", type=int, required=False)
@click.option("--remove", is_flag=True, help="Take the label away.")
async def label(session: Session, /, name: str, label: str, number: int | None, remove: bool) -> None:
    """Point LABEL of a chain at VERSION, or take it away."""
    if remove == (number is not None):
        raise click.UsageError("give the VERSION that the label is to point at, or --remove")
    chains = session.client.chains
    changed = await (chains.remove_label(name, label) if number is None else chains.set_label(name, label, number))
    session.output.value(changed.raw)
    session.output.table((Column("NAME"), Column("LABELS")), [(changed.name, _labels(changed))], header=False)


@command(None, "archive")
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive again, by its id.")
async def archive(session: Session, /, name: str, restore: bool) -> None:
    """Put a chain away. Its versions and executions stay; the name is free again."""
    chains = session.client.chains
    _named(session, await (chains.restore(name) if restore else chains.archive(name)))


@command(None, "fork")
@click.argument("name")
@click.argument("new_name")
@click.option("--version", "number", type=int, help="Copy this version instead of the draft.")
async def fork(session: Session, /, name: str, new_name: str, number: int | None) -> None:
    """Copy a chain to NEW_NAME."""
    _named(session, await session.client.chains.fork(name, new_name, version=number))


COMMANDS = (list_chains, show, apply, export, diff, validate, label, archive, fork)


def _named(session: Session, found: Chain) -> None:
    session.output.value(found.raw)
    session.output.table((Column("NAME"), Column("ID")), [(found.name, found.id)], header=False)


def _row(problem: ChainProblem) -> tuple[object, ...]:
    return problem.line, problem.severity, problem.step, problem.message


def _sentence(problem: ChainProblem) -> str:
    return problem.message if problem.line is None else f"line {problem.line}: {problem.message}"


def _latest(found: Chain) -> object:
    return found.latest_version and found.latest_version.version


def _labels(found: Chain) -> str:
    return ", ".join(f"{label.label}={label.version}" for label in found.labels)


def _prompt(name: str | None, version: int | None, label: str | None) -> str | None:
    which = version or label
    return f"{name}@{which}" if name and which else name
