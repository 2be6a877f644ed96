"""``promptforge doctor``: the stores against each other, through the server or in this process."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import click

from promptforge.cli.exits import Exit
from promptforge.cli.output import Output, cell
from promptforge.cli.talking import Session, command
from promptforge.sdk.errors import NetworkError, graphql_error


def _not_opened(error: NetworkError, output: Output) -> None:
    """Show why a home cannot be opened as a finding like any other."""
    do = "do as it says; the other checks need a home that opens"
    _show([{"check": "open", "count": 1, "what": str(error), "do": do, "wrong": True}], output)


@command(unopened=_not_opened)
async def doctor(session: Session, /) -> None:
    """Check the stores against each other, and say what is wrong and what to do."""
    findings: list[dict[str, Any]] = []
    async with aclosing(session.client.upload("/doctor", [], _nothing())) as answer:
        async for line in answer:
            said = json.loads(line)
            if "errors" in said:
                raise graphql_error(said["errors"])
            findings = said["findings"]
    _show(findings, session.output)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _show(findings: list[dict[str, Any]], output: Output) -> None:
    output.value({"findings": findings})
    for finding in findings:
        kind = "wrong" if finding["wrong"] else "note"
        output.text(f"{kind}: {finding['check']}: {finding['count']:,} {cell(finding['what'])}", end="\n")
        output.text(f"  to do: {cell(finding['do'])}", end="\n")
    if not findings:
        output.text("nothing is wrong", end="\n")
    if any(finding["wrong"] for finding in findings):
        raise click.exceptions.Exit(Exit.EXECUTION)
