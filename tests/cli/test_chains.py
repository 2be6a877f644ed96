"""``promptforge chain run``, over a real server."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from kit.defined import asking, define, says
from promptforge.cli.commands import root


@pytest.fixture
async def run(forge, actor, url):
    """Run a chain with a key of an empty workspace; how it ended, with what it printed."""
    _, secret = await forge.access.create_key(actor, name="test")

    async def invoked(*arguments):
        given = ["--url", url, "--api-key", secret, "chain", "run", *arguments]
        return await asyncio.to_thread(CliRunner().invoke, root, given)

    return invoked


async def test_steps_are_shown_as_they_end_and_the_output_is_printed(forge, actor, run):
    """The output alone goes to stdout; steps with time and cost, and the sum, to stderr."""
    await define(forge, actor, asking("one", 1, params=says("a", token_in=1000)), asking("two", 2, params=says("b")))

    done = await run("talk", "--var", "topic=x", "--tag", "env=test")
    lines = done.stderr.splitlines()

    assert (0, "b\n") == (done.exit_code, done.stdout)
    assert [["✓", "1", "one", "PROMPT"], ["✓", "2", "two", "PROMPT"]] == [line.split("\t")[:4] for line in lines[:2]]
    assert "talk@1" in lines[-1]
    assert "2 steps" in lines[-1]


async def test_json_is_the_whole_and_an_error_has_its_exit_code(forge, actor, run):
    """--json prints the API's words, also of what failed; the sentence names the step."""
    await define(forge, actor, asking("classify", 1, params=says("a", fail="authentication")))

    failed = await run("talk", "--var", "topic=x", "--json")

    assert failed.exit_code not in (0, 1)
    assert "classify" == json.loads(failed.stdout)["failedStep"]
    assert "Step 1 (classify): Invalid API key for provider 'demo'" in failed.stderr


async def test_in_the_background_its_id_is_printed(forge, actor, run):
    """--no-wait returns at once with the id."""
    await define(forge, actor, asking("one", 1, params=says("a")))

    begun = await run("talk", "--var", "topic=x", "--no-wait", "-q")

    assert begun.stdout.startswith("chex_")
    assert "" == begun.stderr
