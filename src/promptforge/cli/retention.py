"""``promptforge retention``: what is kept of content, and for how long."""

from datetime import UTC, datetime

import click

from promptforge.cli.figures import count
from promptforge.cli.output import Column, Output
from promptforge.cli.talking import Session, command, pairs
from promptforge.sdk.retention import Pruned, RetentionKept, RetentionRule

EVERYTHING = "everything"


def _moment(text: str) -> datetime:
    """A time, or a day in UTC from its begin."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--before takes a day or a time (ISO 8601), not '{text}'") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.group()
def retention() -> None:
    """Show and change what is kept of content, and for how long."""


def _about(body: click.Command) -> click.Command:
    """Give a command the options that say which executions a rule is for."""
    for option in (
        click.option("--errors", is_flag=True, help="Only for those that ended in error."),
        click.option("--tag", metavar="NAME=VALUE", help="Only for those with this tag."),
        click.option("--prompt", metavar="NAME", help="Only for those of this prompt (name or id)."),
    ):
        body = option(body)
    return body


@command(retention, "show")
async def show(session: Session, /) -> None:
    """Show the rules, the default, and of which executions content is kept."""
    _print(await session.client.retention.show(), session.output)


@_about
@click.option("--forever", is_flag=True, help="Keep content without end.")
@click.option("--days", type=click.IntRange(min=0), help="Days that content is kept; 0 keeps none.")
@command(retention, "set")
async def set_rule(
    session: Session, /, days: int | None, forever: bool, prompt: str | None, tag: str | None, errors: bool
) -> None:
    """Keep content for --days N or --forever, from now on; in the place of the rule for the same executions."""
    if (days is None) is not forever:
        raise click.UsageError("give --days N or --forever")
    kept = await session.client.retention.set_rule(days, prompt=prompt, tag=_tag(tag), errors=errors)
    _print(kept, session.output)


@_about
@command(retention, "remove")
async def remove(session: Session, /, prompt: str | None, tag: str | None, errors: bool) -> None:
    """Remove the rule for exactly these executions."""
    _print(await session.client.retention.remove_rule(prompt=prompt, tag=_tag(tag), errors=errors), session.output)


@command(retention, "content")
@click.argument("policy", type=click.Choice(["all", "errors", "none"]))
@click.option("--key", "key_id", metavar="ID", help="Only for what comes with this key.")
async def content(session: Session, /, policy: str, key_id: str | None) -> None:
    """Keep content of all executions from now on, of errors only, or of none."""
    _print(await session.client.retention.set_content(policy, key_id=key_id), session.output)


@command(retention, "prune")
@click.option(
    "--before", metavar="TIME", type=_moment, required=True, help="A day or a time (ISO 8601), at least a day ago."
)
@click.option("--dry-run", is_flag=True, help="Remove nothing, only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
async def prune(session: Session, /, before: datetime, dry_run: bool, yes: bool) -> None:
    """Remove what was made before TIME and is finished, figures too, for good."""
    retention, output = session.client.retention, session.output
    if not dry_run and not yes:
        found = await retention.prune(before, dry_run=True)
        click.confirm(f"Remove {_found(found)} figures too, for good?", abort=True, err=True)
    done = await retention.prune(before, dry_run=dry_run)
    output.value(done.raw)
    output.text(f"{_found(done)} {'would be' if dry_run else 'were'} removed", end="\n")


def _found(pruned: Pruned) -> str:
    what = f"{_some(pruned.executions, 'execution')} and {_some(pruned.chain_executions, 'chain execution')}"
    if pruned.first is None or pruned.last is None:
        return what
    return (
        f"{what} of {_some(pruned.days, 'day')} ({pruned.first:%Y-%m-%d} to {pruned.last:%Y-%m-%d} UTC), "
        f"{pruned.cost_display},"
    )


def _some(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _tag(text: str | None) -> tuple[str, str] | None:
    return None if text is None else next(iter(pairs((text,), "--tag").items()))


def _print(kept: RetentionKept, output: Output) -> None:
    output.value(kept.raw)
    rows = [(_subject(rule), _length(rule)) for rule in kept.rules]
    if not any(_subject(rule) == EVERYTHING for rule in kept.rules):
        rows.append(("everything else" if rows else EVERYTHING, f"{kept.default_days:,} days, to the end of the month"))
    output.table((Column("CONTENT OF", key=True), Column("IS KEPT")), rows)
    output.fields({"Kept at all": kept.content, **{f"With key {key}": policy for key, policy in kept.keys.items()}})


def _subject(rule: RetentionRule) -> str:
    parts = [
        f"prompt {rule.prompt_name or rule.prompt_id}" if rule.prompt_id else "",
        f"tag {rule.tag[0]}={rule.tag[1]}" if rule.tag else "",
        "errors" if rule.errors else "",
    ]
    return ", ".join(part for part in parts if part) or EVERYTHING


def _length(rule: RetentionRule) -> str:
    if rule.days is None:
        return "for ever"
    return "not" if rule.days == 0 else f"{rule.days:,} days"
