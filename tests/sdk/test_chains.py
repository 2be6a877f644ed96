"""``client.chains``: defining chains, against a real server."""

import pytest

from kit.served import Served
from promptforge import PromptForge
from promptforge.sdk.errors import NotFoundError, PromptForgeError, ValidationError


@pytest.fixture
def client(served: Served):
    """A client of the served workspace, with a prompt ``mood``."""
    with PromptForge(served.key, served.url) as made:
        try:
            made.prompts.get("mood")
        except NotFoundError:
            made.prompts.create(name="mood", template="Mood of {{text}}", model="demo-small")
        yield made


def test_a_chain_is_defined_step_by_step(client: PromptForge) -> None:
    """As the documentation has it: a chain, then its steps; then changed, frozen, labelled, forked, archived."""
    chains = client.chains
    made = chains.create(
        name="Sentiment",
        description="d",
        intent_tags=["mood"],
        required_inputs={"properties": {"text": {}}, "required": ["text"]},
    )
    assert (made.intent_tags, made.is_active, made.steps, made.draft_changed) == (("mood",), True, (), True)
    step = chains.create_step(made.id, order=0, type="PROMPT", prompt_id="mood", output_key="mood", version=1)
    chains.create_step("Sentiment", order=1, type="TRANSFORM", name="tell", config={"template": "{{mood}}"})
    changed = chains.update_step(made.id, "mood", version=None, input_mapping={"text": "{{input.text}}"}, retries=2)
    assert (changed.id, changed.version, changed.retries) == (step.id, None, 2)
    assert changed.input_mapping == {"text": "{{input.text}}"}

    assert chains.validate(made.id).valid
    first = chains.create_version(made.id, label="production")
    assert (first.version, first.labels, len(first.document["steps"])) == (1, ("production",), 2)
    assert chains.create_version(made.id).id == first.id
    found = chains.delete_step(made.id, "tell")
    assert (found.draft_changed, [one.name for one in found.steps]) == (True, ["mood"])
    assert chains.update(made.id, description="e", draft={"maxCost": "0.05"}).document["maxCost"] == "0.05"
    second = chains.create_version(made.id)
    assert [one.version for one in chains.versions("Sentiment")] == [2, 1]
    assert chains.get("Sentiment").latest_version == chains.get(made.id).latest_version
    assert "-maxCost: '0.05'" in chains.diff(made.id, second.version, 1)

    chains.set_label(made.id, "beta", 2)
    assert [(one.label, one.version) for one in chains.get(made.id).labels] == [("beta", 2), ("production", 1)]
    assert [one.label for one in chains.remove_label(made.id, "beta").labels] == ["production"]
    copy = chains.fork(made.id, "Sentiment 2", version=1)
    assert (copy.forked_from, [one.name for one in copy.steps]) == (made.id, ["mood", "tell"])
    assert chains.archive(copy.id).archived_at is not None
    assert chains.restore(copy.id).archived_at is None
    assert {"Sentiment", "Sentiment 2"} <= {one.name for one in chains.list(limit=500)}
    with pytest.raises(ValidationError, match=r"Step 7 \(bad\): Condition, column 1"):
        chains.create_step(made.id, order=7, type="CONDITION", name="bad", config={"condition": "=="})


def test_a_chain_is_defined_by_a_file(client: PromptForge) -> None:
    """A file is proved, applied, exported and compared."""
    text = "name: By file\nsteps:\n  - {type: PROMPT, prompt: mood, inputMapping: {text: hello}, outputKey: mood}\n"
    proof = client.chains.validate(yaml=text.replace("mood,", "moood,", 1))
    assert (proof.valid, proof.name, [(one.line, one.step) for one in proof.problems]) == (
        False,
        "By file",
        [(3, "mood")],
    )
    done = client.chains.apply(text, label="live")
    assert (done.created, done.changed, done.version.version, done.chain.name) == (True, True, 1, "By file")
    exported = client.chains.export("By file")
    assert client.chains.file_diff("By file", exported) == ""
    assert client.chains.export("By file", 1) == exported
    assert not client.chains.apply(exported).changed
    assert client.chains.create_version("By file", yaml=exported + "deadlineMs: 5\n").version == 2
    for ask in (
        lambda: client.chains.export("By file", 9),
        lambda: client.chains.export("Nobody"),
        lambda: client.chains.diff("Nobody", 1, 2),
    ):
        with pytest.raises(NotFoundError):
            ask()
    with pytest.raises(PromptForgeError, match="line 1"):
        client.chains.apply("name: {{x}}")
