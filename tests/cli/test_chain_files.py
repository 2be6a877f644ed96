"""``promptforge chain`` with files: applied, exported, compared and proved, over a real server."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptforge.cli.commands import root
from promptforge.core.access import Scope

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = """\
name: Feedback
intentTags: [review]
requiredInputs: {type: object, properties: {review: {}}, required: [review]}
steps:
  - {type: PROMPT, prompt: answer, label: live, outputKey: response}
  - {type: TRANSFORM, config: {template: "{{response}}!"}}
"""


@pytest.fixture
async def run(forge, actor, url, tmp_path):
    """Run a command in a workspace with one prompt, *text* being stdin; its exit code and what it printed."""
    _, secret = await forge.access.create_key(actor, name="test", scopes=frozenset({Scope.ADMIN}))
    made = await forge.prompts.create(actor, name="answer")
    params = {"model": "demo-small"}
    await forge.prompts.add_version(actor, made.id, content="Answer {{review}}", params=params, label="live")

    async def invoked(*arguments, text=None):
        given = ["--url", url, "--api-key", secret, "chain", *arguments]
        done = await asyncio.to_thread(CliRunner().invoke, root, given, text)
        return done.exit_code, done.stdout, done.stderr

    return invoked


@pytest.fixture
def file(tmp_path):
    """The chain in a file."""
    path = tmp_path / "feedback.yaml"
    path.write_text(FILE, "utf-8")
    return path


async def test_a_file_is_applied_once(run, file):
    """The first time it creates, the second changes nothing, and a changed file is the next version."""
    code, out, _ = await run("apply", str(file), "--label", "production")
    assert (code, out.split("\t")[:3]) == (0, ["Feedback", "1", "created"])
    assert (await run("apply", "-", text=FILE))[1].split("\t")[:3] == ["Feedback", "1", "unchanged"]
    code, out, _ = await run("apply", "-", "--json", text=FILE + "deadlineMs: 5000\n")
    assert (json.loads(out)["changed"], json.loads(out)["version"]["version"]) == (True, 2)
    assert (await run("apply", "-", "--name", "Other", text=FILE))[1].split("\t")[:3] == ["Other", "1", "created"]

    lines = (await run("list"))[1].splitlines()
    assert [line.split("\t")[:5] for line in lines[1:]] == [
        ["Other", "1", "2", "", "review"],
        ["Feedback", "2", "2", "production=1", "review"],
    ]
    _, out, _ = await run("show", "Feedback")
    assert "0\tresponse\tPROMPT\tanswer@live\tresponse\t" in out
    assert "Draft" not in out


async def test_what_is_exported_differs_in_nothing(run, file):
    """diff of an export is empty; of another file it shows the lines; a version is exported as it was."""
    await run("apply", str(file))
    _, text, _ = await run("export", "Feedback")
    assert (await run("diff", "-", text=text))[:2] == (0, "")
    _, out, _ = await run("diff", "-", text=text.replace("live", "beta"))
    assert "\n-    label: live\n+    label: beta\n" in out
    assert (await run("diff", "-", "--name", "Nobody", text=text))[0] == 4
    assert (await run("diff", "-", text=FILE.replace("name: Feedback\n", "")))[0] == 2
    assert (await run("diff", "-", text="a: ["))[0] == 5

    await run("apply", "-", text=text + "deadlineMs: 5000\n")
    assert (await run("export", "Feedback", "--version", "1"))[1] == text
    code, _, error = await run("export", "Feedback", "--version", "9")
    assert (code, "no version 9" in error) == (4, True)
    assert (await run("export", "Nobody"))[0] == 4


async def test_a_file_is_proved_by_line(run, file):
    """Each problem with line, severity and step; it ends with 5 when the chain cannot run, and makes nothing."""
    assert (await run("validate", str(file)))[:2] == (0, "")
    code, out, _ = await run("validate", "-", text=FILE.replace("answer", "nobody").replace("{{response}}", "{{lost}}"))
    assert code == 5
    assert [line.split("\t")[:3] for line in out.splitlines()] == [
        ["LINE", "SEVERITY", "STEP"],
        ["6", "error", "transform-1"],
        ["5", "error", "response"],
    ]
    code, out, _ = await run("validate", "-", "--json", text="name: {{x}}")
    assert (code, json.loads(out)["problems"][0]["line"]) == (5, 1)
    code, _, error = await run("apply", "-", text=FILE.replace("answer", "nobody"))
    assert (code, error) == (
        5,
        "promptforge: line 5: Step 0 (response): there is no prompt 'nobody' in this workspace\n",
    )
    assert (await run("list"))[1].splitlines()[1:] == []
    assert (await run("validate", "/nowhere.yaml"))[0] == 2


@pytest.mark.parametrize(
    ("mood", "ran", "left_out"), [("Negative", "response", "prompt-3"), ("Positive", "prompt-3", "response")]
)
async def test_the_sample_of_the_documentation_runs_both_ways(forge, actor, run, mood, ran, left_out):
    """The file in docs/chains.md is applied and run: the mood decides which prompt answers, the other is skipped."""
    found = re.search(r"```yaml\n(.*?)```", (REPOSITORY / "docs/chains.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    reply = json.dumps({"sentiment": mood, "keyPhrases": ["cold soup"]})
    for name, content, text in (
        ("sentiment-analyzer", "Mood of {{text}}", reply),
        ("apology", "{{review}} {{phrases}}", "Sorry!"),
        ("thanks", "{{review}}", "Thanks!"),
    ):
        made = await forge.prompts.create(actor, name=name)
        params = {"model": "demo-small", "demo": {"text": text}}
        await forge.prompts.add_version(actor, made.id, content=content, params=params, label="production")
    assert (await run("apply", "-", text=found[1]))[0] == 0

    code, out, _ = await run("run", "Feedback", "--var", "review=The soup was cold", "--json")

    done = json.loads(out)
    assert (code, done["output"]) == (0, {"mood": mood, "response": "Sorry!" if mood == "Negative" else "Thanks!"})
    assert [step["name"] for step in done["steps"]] == ["sentiment", "condition-1", ran]
    assert [step["name"] for step in done["skippedSteps"]] == [left_out]


async def test_labels_archive_and_fork(run, file):
    """As for prompts: a label is pointed and taken away, a chain put away, brought back by its id, and copied."""
    await run("apply", str(file))
    assert (await run("label", "Feedback", "production", "1"))[1] == "Feedback\tproduction=1\n"
    assert (await run("label", "Feedback", "production", "--remove"))[1] == "Feedback\t\n"
    assert (await run("label", "Feedback", "production"))[0] == 2
    assert (await run("fork", "Feedback", "Copy"))[1].startswith("Copy\tchain_")
    _, out, _ = await run("archive", "Feedback")
    assert [line.split("\t")[0] for line in (await run("list"))[1].splitlines()[1:]] == ["Copy"]
    assert (await run("archive", out.split()[1], "--restore"))[0] == 0
    assert {line.split("\t")[0] for line in (await run("list"))[1].splitlines()[1:]} == {"Copy", "Feedback"}
