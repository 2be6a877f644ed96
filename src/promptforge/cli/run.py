"""``promptforge run``: the output goes to stdout, what it took and cost to stderr."""

import json
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import click

from promptforge.cli.figures import cost_of, count, duration
from promptforge.cli.output import cell
from promptforge.cli.talking import Session, command, pairs
from promptforge.sdk.errors import PromptForgeError
from promptforge.sdk.values import Execution


@command(name="run")
@click.argument("subject", metavar="[NAME | TEXT]", required=False)
@click.option("--model", help="Run this model on TEXT, without any prompt. TEXT '-' or none reads stdin.")
@click.option("--provider", help="The provider, where the model's name does not tell.")
@click.option("--system", help="With --model: the instruction that goes before TEXT.")
@click.option("--var", "variables", multiple=True, metavar="NAME=TEXT", help="A variable; NAME:=JSON for other types.")
@click.option("--vars", "file", type=click.Path(), help="A JSON file of variables ('-' is stdin); --var wins over it.")
@click.option("--version", type=int, help="Run this version instead of the latest.")
@click.option("--label", help="Run the version that this label points at.")
@click.option("--param", "params", multiple=True, metavar="NAME=JSON", help="Override a parameter, as temperature=0.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=TEXT", help="Tag the execution.")
@click.option("--end-user", help="Your own user's id, kept with the execution.")
@click.option("--session-id", help="The conversation that it belongs to.")
@click.option("--idempotency-key", help="Repeating the command with the same key never pays twice.")
@click.option("--deadline", type=click.FloatRange(min=0.001), metavar="SECONDS", help="Give up after so long.")
@click.option("--stream", is_flag=True, help="Print the output as it comes.")
@click.option("--estimate", is_flag=True, help="Only say what it would use and cost.")
@click.option("--no-wait", is_flag=True, help="Return as soon as it is accepted; print the execution's id.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out what it took and cost.")
async def run(session: Session, /, **given: Any) -> None:
    """Run the prompt NAME, or a model on TEXT, and print the output.

    \b
    promptforge run support-reply --var ticket="Where is my parcel?"
    promptforge run --model claude-3-5-sonnet-20241022 "Say hello"
    """
    _check(given)
    stream, no_wait, quiet = given.pop("stream"), given.pop("no_wait"), given.pop("quiet")
    what, how = _call(given)
    if given["estimate"]:
        await _estimated(session, what, how)
        return
    try:
        if stream:
            execution = await _streamed(session, what, how)
        else:
            execution = await _executed(session, what, how, wait=not no_wait)
            session.output.text(execution.output or (execution.id if no_wait else ""), end="\n")
    except PromptForgeError as error:
        if error.execution is not None:
            session.output.value(error.execution.raw)
            _summary(session, error.execution, quiet=quiet)
        raise
    session.output.value(execution.raw)
    _summary(session, execution, quiet=quiet)


async def _estimated(session: Session, what: dict[str, Any], how: dict[str, Any]) -> None:
    client = session.client
    found = await (client.estimate(**what, **how) if "model" in what else client.prompts.estimate(**what, **how))
    session.output.value(found.raw)
    most = "nothing bounds it: give max_tokens" if found.max_token_out is None else count(found.max_token_out)
    session.output.fields(
        {
            "Model": f"{found.model} at {found.provider}",
            "Tokens in, at most": count(found.max_token_in),
            "Tokens out, at most": most,
            "Cost, at most": found.max_cost_display or ("" if found.priced else "no price is known"),
        }
    )
    if usual := found.usual:
        cost = f", {usual.cost_display}" if usual.cost_display else ""
        figures = f"{count(usual.token_in)} in, {count(usual.token_out)} out{cost}"
        session.output.fields({"Usually": f"{figures} ({count(usual.calls)} calls)"})


def _check(given: dict[str, Any]) -> None:
    if given["stream"] and given["no_wait"]:
        raise click.UsageError("--stream and --no-wait exclude each other")
    if given["version"] is not None and given["label"]:
        raise click.UsageError("--version and --label exclude each other")
    if given["model"]:
        for name in ("version", "label", "variables", "file"):
            if given[name]:
                raise click.UsageError("--model runs without a prompt, so there are no variables, versions or labels")
    elif given["subject"] is None:
        raise click.UsageError("give the NAME of a prompt, or --model and a TEXT")
    elif given["system"]:
        raise click.UsageError("--system goes with --model; a prompt has its own")


def _call(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What to run (a model and text, or a prompt and variables), and how, as the client takes them."""
    params = {name: json_or_text(value) for name, value in pairs(given["params"], "--param").items()}
    how = {
        "params": params or None,
        "provider": given["provider"],
        "tags": pairs(given["tags"], "--tag") or None,
        "end_user": given["end_user"],
        "session_id": given["session_id"],
        "idempotency_key": given["idempotency_key"],
        "deadline_ms": None if given["deadline"] is None else round(given["deadline"] * 1000),
    }
    if given["model"]:
        text = sys.stdin.read() if given["subject"] in (None, "-") else given["subject"]
        turns = [{"role": "system", "content": given["system"]}, {"role": "user", "content": text}]
        return {"model": given["model"], "text": turns if given["system"] else text}, how
    variables = variables_from(given["file"]) | variables_of(given["variables"])
    return {"id": given["subject"], "variables": variables, "version": given["version"], "label": given["label"]}, how


def variables_of(given: tuple[str, ...]) -> dict[str, Any]:
    """The ``--var`` options as variables."""
    made: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.rstrip(":"):
            raise click.UsageError(f"--var takes NAME=TEXT or NAME:=JSON, not '{text}'")
        if not name.endswith(":"):
            made[name] = value
            continue
        try:
            made[name[:-1]] = json.loads(value)
        except ValueError:
            raise click.UsageError(
                f"--var {name[:-1]}: '{value}' is not JSON; write {name[:-1]}=... for a text"
            ) from None
    return made


def variables_from(path: str | None) -> dict[str, Any]:
    """The JSON object of variables that a file holds."""
    if path is None:
        return {}
    try:
        found: Any = json.loads(sys.stdin.read() if path == "-" else Path(path).read_text())
    except OSError as error:
        raise click.UsageError(f"--vars {path}: {error.strerror}") from None
    except ValueError as error:
        raise click.UsageError(f"--vars {path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"--vars {path} must hold a JSON object of variables")
    return cast("dict[str, Any]", found)


def json_or_text(value: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return json.loads(value)
    except ValueError:
        return value


async def _executed(session: Session, what: dict[str, Any], how: dict[str, Any], *, wait: bool) -> Execution:
    if "model" in what:
        return await session.client.run(what["model"], what["text"], wait=wait, **cast("Any", how))
    return await session.client.prompts.execute(**what, wait=wait, **cast("Any", how))


async def _streamed(session: Session, what: dict[str, Any], how: dict[str, Any]) -> Execution:
    client = session.client
    if "model" in what:
        events = client.run_stream(what["model"], what["text"], **cast("Any", how))
    else:
        events = client.prompts.stream(**what, **cast("Any", how))
    execution = Execution()
    async with aclosing(events):
        try:
            async for event in events:
                execution = event.execution or execution
                session.output.text(event.text)
        finally:
            session.output.text("", end="\n")
    return execution


def _summary(session: Session, execution: Execution, *, quiet: bool) -> None:
    if quiet:
        return
    tokens = f"{execution.token_in} tokens in, {execution.token_out} out" if execution.token_in is not None else ""
    known = (
        execution.id,
        execution.status,
        execution.response_model or execution.model,
        duration(execution.latency_ms),
        tokens,
        "" if execution.pending else cost_of(execution),
    )
    session.output.note(" · ".join(cell(part) for part in known if part))
