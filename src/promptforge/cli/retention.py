"""``promptforge retention``: what is kept of content, and for how long."""

import click

from promptforge.cli.output import Column, Output
from promptforge.cli.talking import Session, command, pairs
from promptforge.sdk.retention import RetentionKept, RetentionRule

EVERYTHING = "everything"


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
