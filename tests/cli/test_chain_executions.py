"""``promptforge chain-executions``, over a real server."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from kit.chains import recorded
from kit.executions import NOON
from promptforge.cli.commands import root
from promptforge.cli.figures import bar


@pytest.fixture
async def run(forge, actor, url):
    """Run a command with a key of an empty workspace; what it printed, or its exit code where it is not 0."""
    _, secret = await forge.access.create_key(actor, name="test")

    async def invoked(*arguments):
        given = ["--url", url, "--api-key", secret, "chain-executions", *arguments]
        done = await asyncio.to_thread(CliRunner().invoke, root, given)
        return done.stdout if done.exit_code == 0 else done.exit_code

    return invoked


async def test_list(forge, actor, run):
    """One line each with chain, steps, time and cost; filters narrow; JSON has the API's own words."""
    whole = await recorded(forge.record, actor.workspace, tags={"env": "prod"})

    lines = (await run("list")).splitlines()
    assert lines[0].split("\t")[:5] == ["ID", "CREATED", "STATUS", "CHAIN", "STEPS"]
    assert lines[1].split("\t") == [
        *(whole.id, "2026-11-24T12:00:00.000Z", "success", "triage@3", "4", "701 ms", "591", "211", "$0.01", "")
    ]
    (found,) = json.loads(
        await run("list", "--chain", "tri*", "--tag", "env=prod", "--since", NOON.isoformat(), "--json")
    )
    assert (found["id"], found["criticalPath"]) == (whole.id, ["classify", "branch", "reply"])
    assert "output" not in found
    (found,) = json.loads(await run("list", "--content", "--json"))
    assert found["steps"][0]["output"] == {"mood": "good"}
    assert await run("list", "--status", "error", "--json") == "[]\n"


async def test_show(forge, actor, run):
    """The steps in their order with a timeline, shares, the critical path marked, and those left out with a reason."""
    whole = await recorded(forge.record, actor.workspace)

    shown = await run("show", whole.id)
    steps = [line.split("\t") for line in shown.splitlines() if line.count("\t") > 8]

    assert "Critical path\tclassify → branch → reply\n" in shown
    assert [(s[0], s[1], s[2], s[4], s[7], s[8], s[9], s[10], s[11]) for s in steps[1:]] == [
        ("●", "0", "classify", "success", "400 ms", "57.1", "$0.0040", "40.00", ""),
        ("●", "1", "branch", "success", "1 ms", "0.1", "$0", "0.00", "→ good"),
        ("●", "2", "reply", "success", "300 ms", "42.8", "$0.0020", "20.00", ""),
        ("", "2", "log", "success", "120 ms", "17.1", "$0.0040", "40.00", ""),
        ("", "2", "sorry", "skipped", "", "", "", "", "the tag 'bad' was not activated"),
    ]
    assert "Lovely soup" in shown
    assert json.loads(await run("show", whole.id, "--json"))["steps"][3]["name"] == "log"
    assert await run("show", "chex_gone") == 4


def test_a_bar_lies_where_its_span_does():
    """Bars begin and end with their spans, are never empty and never leave the whole."""
    assert bar(0, 100, 100, width=10) == "█" * 10
    assert bar(50, 50, 100, width=10) == " " * 5 + "█" * 5
    assert bar(99, 0, 100, width=10) == " " * 9 + "█"
    assert bar(100, 0, 100, width=10) == " " * 9 + "█"
    assert bar(0, 5, 0) == ""
