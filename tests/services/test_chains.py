"""Chains: defining, freezing, finding, changing; against the real catalog."""

import asyncio
from dataclasses import replace

import pytest

from kit.clock import FixedClock
from promptforge.catalog import open_catalog
from promptforge.core.access import Actor, Permission, Role, Scope, Workspace, permissions
from promptforge.core.chain import OnError, StepType
from promptforge.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from promptforge.services.chains import Chains
from promptforge.services.prompts import Prompts
from promptforge.wire import chain_document


def an_actor(workspace="here", role=Role.ADMINISTRATOR, user="user_1", scopes=None):
    """Someone of that role."""
    return Actor(workspace=workspace, user_id=user, permissions=permissions(role, scopes))


ADA, STRANGER = an_actor(), an_actor("there", user="user_2")
RUNNER = an_actor(scopes=frozenset({Scope.RUN}), user="user_3")
SENTIMENT = {
    "requiredInputs": {"type": "object", "properties": {"review": {"type": "string"}}, "required": ["review"]},
    "steps": [
        {
            "order": 0,
            "type": "PROMPT",
            "promptId": "analyse",
            "inputMapping": {"text": "{{review}}"},
            "outputKey": "sentiment",
        },
        {
            "order": 1,
            "type": "CONDITION",
            "config": {
                "condition": "{{sentiment.sentiment}} == 'Negative'",
                "trueTag": "negative_path",
                "falseTag": "positive_path",
            },
        },
        {"order": 2, "type": "PROMPT", "promptId": "answer", "tags": ["negative_path"], "outputKey": "response"},
        {"order": 3, "type": "PROMPT", "promptId": "answer", "tags": ["positive_path"], "outputKey": "response"},
    ],
}
DOCUMENT = chain_document.read(SENTIMENT)


@pytest.fixture
async def catalog(tmp_path):
    """A real catalog with two workspaces."""
    opened = await open_catalog(tmp_path)
    for name in ("here", "there"):
        await opened.access.create_workspace(Workspace(id=name, name=name, created_at=FixedClock().now()))
    yield opened
    await opened.close()


@pytest.fixture
async def chains(catalog, fixed_clock):
    """The service under test, in a workspace with two prompts."""
    prompts = Prompts(catalog.prompts, fixed_clock)
    for name, content in (("analyse", "What mood: {{text}}"), ("answer", "Answer to {{review}}")):
        made = await prompts.create(ADA, name=name)
        await prompts.add_version(ADA, made.id, content=content, params={"model": "demo-small"}, label="production")
    return Chains(catalog.chains, prompts, fixed_clock)


@pytest.fixture
async def triage(chains):
    """A chain with one version."""
    made = await chains.create(ADA, name="Triage", intent_tags=["mood"])
    await chains.create_version(ADA, made.id, DOCUMENT)
    return await chains.get(ADA, made.id)


async def test_a_chain_is_created_as_it_was_named(chains):
    """The name stays as written; the rest is as given, and reads back by id and by name."""
    made = await chains.create(
        ADA, name=" Support triage ", description="d", is_active=False, is_public=True, intent_tags=["tax", "tax"]
    )

    assert (made.name, made.intent_tags, made.is_active, made.is_public) == ("Support triage", ("tax",), False, True)
    assert (made.created_by, made.workspace, made.latest, made.draft.steps) == ("user_1", "here", 0, ())
    assert await chains.get(ADA, made.id) == await chains.get(ADA, "Support triage") == made
    assert await chains.named(ADA, "Support triage") == made
    with pytest.raises(Conflict, match="already a chain named 'Support triage'"):
        await chains.create(ADA, name="Support triage")
    await chains.create(STRANGER, name="Support triage")


async def test_steps_are_added_to_the_draft_in_order(chains):
    """Each step gets an id and a name, and stands where its order says; a PROMPT's settings are beside it."""
    made = await chains.create(ADA, name="c")
    late = await chains.add_step(ADA, made.id, {"order": 2, "type": "TRANSFORM", "config": {"template": "x"}})
    first = await chains.add_step(
        ADA,
        "c",
        {
            "order": 0,
            "type": "PROMPT",
            "config": {"promptId": "analyse", "version": 1, "overrideParams": {"temperature": 0}},
            "outputKey": "mood",
        },
    )
    again = await chains.add_step(ADA, "c", {"order": 2, "type": "TRANSFORM", "config": {"template": "y"}})

    steps = (await chains.get(ADA, made.id)).draft.steps
    assert steps == (first, late, again)
    assert [step.name for step in steps] == ["mood", "transform-2", "transform-2-2"]
    assert (first.prompt, first.version, first.params, first.config) == ("analyse", 1, {"temperature": 0}, {})
    assert len({step.id for step in steps}) == 3


async def test_a_step_changes_in_what_is_given(chains):
    """What is not named stays, null takes a field away, the id never changes; found by id or by name."""
    made = await chains.create(ADA, name="c")
    step = await chains.add_step(
        ADA, made.id, {"order": 0, "type": "PROMPT", "prompt": "analyse", "version": 1, "tags": ["a"], "outputKey": "m"}
    )

    changed = await chains.update_step(
        ADA, made.id, step.id, {"version": None, "label": "production", "onError": "continue", "order": 4}
    )

    assert changed == replace(step, version=None, label="production", on_error=OnError.CONTINUE, order=4)
    assert (await chains.update_step(ADA, "c", "m", {"tags": None, "name": "mood"})).tags == ()
    assert [one.name for one in (await chains.get(ADA, "c")).draft.steps] == ["mood"]
    assert (await chains.remove_step(ADA, "c", "mood")).draft.steps == ()
    with pytest.raises(NotFound, match="has no step 'mood'; it has none"):
        await chains.remove_step(ADA, "c", "mood")


async def test_a_run_freezes_a_changed_draft_once(chains):
    """Many runs at once see one new version; an unchanged draft makes none; permission to run is enough."""
    made = await chains.create(ADA, name="c")
    await chains.add_step(ADA, made.id, {"order": 0, "type": "PROMPT", "prompt": "analyse", "outputKey": "mood"})

    found = await asyncio.gather(*(chains.resolve(RUNNER, chain_id=made.id) for _ in range(20)))
    assert {version.number for _, version in found} == {1}
    assert len({version.id for _, version in found}) == 1
    ref, version = found[0]
    assert (ref.chain_id, ref.chain_name, ref.version_id, ref.version, ref.label) == (made.id, "c", version.id, 1, None)
    assert (version.created_by, version.document) == ("user_3", (await chains.get(ADA, "c")).draft)

    await chains.update_step(ADA, "c", "mood", {"params": {"temperature": 1}})
    assert (await chains.resolve(RUNNER, name="c"))[1].number == 2
    await chains.update_step(ADA, "c", "mood", {"params": {"temperature": 1.0}})
    assert (await chains.resolve(RUNNER, name="c"))[1].number == 3
    assert [version.number for version in await chains.versions(ADA, "c")] == [3, 2, 1]
    assert (await chains.version(ADA, "c", 1)).document == version.document


async def test_a_document_becomes_draft_and_version(chains, triage):
    """The steps of a document are named after what they write; the same document again makes no new version."""
    first = await chains.version(ADA, triage.id, 1)
    assert triage.latest == 1
    assert triage.draft == first.document
    assert [step.name for step in first.document.steps] == ["sentiment", "condition-1", "response", "prompt-3"]

    assert await chains.create_version(ADA, triage.id, DOCUMENT, label="production") == first
    assert (await chains.get(ADA, triage.id)).labels == {"production": 1}
    changed = replace(DOCUMENT, deadline_ms=1_000)
    second = await chains.create_version(ADA, triage.id, changed)
    assert second.number == 2
    assert [step.id for step in second.document.steps] == [step.id for step in first.document.steps]


async def test_a_version_is_found_by_number_label_or_as_the_latest(chains, triage):
    """``latest`` is the newest version, whatever the draft says meanwhile; what is not there is said."""
    await chains.set_label(ADA, triage.id, "production", 1)
    await chains.update(ADA, triage.id, draft={"deadlineMs": 5})

    for how in ({"version": 1}, {"label": "production"}, {"label": "latest"}):
        ref, version = await chains.resolve(RUNNER, chain_id=triage.id, **how)
        assert (version.number, ref.label) == (1, how.get("label"))
    with pytest.raises(NotFound, match="has no version 7; it has 1 to 1"):
        await chains.resolve(ADA, name="Triage", version=7)
    with pytest.raises(NotFound, match="has no label 'x'; it has 'production'"):
        await chains.resolve(ADA, name="Triage", label="x")
    with pytest.raises(InvalidInput, match="not by both"):
        await chains.resolve(ADA, name="Triage", label="x", version=1)
    await chains.set_label(ADA, triage.id, "production", None)
    assert (await chains.get(ADA, triage.id)).labels == {}


async def test_an_archived_chain_frees_its_name_and_cannot_run(chains, triage):
    """Its versions stay readable; it comes back only while its name is free."""
    await chains.archive(ADA, triage.id)
    with pytest.raises(Conflict, match="restore it first"):
        await chains.resolve(ADA, chain_id=triage.id)
    with pytest.raises(Conflict, match="restore it before changing it"):
        await chains.add_step(ADA, triage.id, {"order": 0, "type": "MERGE", "config": {"from": ["a"]}})
    assert (await chains.version(ADA, triage.id, 1)).number == 1
    other = await chains.create(ADA, name="Triage")
    with pytest.raises(Conflict, match="already a chain"):
        await chains.restore(ADA, triage.id)
    await chains.archive(ADA, other.id)
    assert (await chains.restore(ADA, triage.id)).archived_at is None
    assert [chain.id for chain in await chains.list(ADA)] == [triage.id]
    assert [chain.id for chain in await chains.list(ADA, archived=True)] == [other.id]


async def test_a_fork_begins_where_the_other_stands(chains, triage):
    """Its draft says what the other's draft (or the given version) says, its steps are its own."""
    await chains.update(ADA, triage.id, draft={"maxCost": "0.05"})

    for version, cost in ((None, 5 * 10**10), (1, None)):
        made = await chains.fork(ADA, triage.id, f"Copy {version}", version)
        assert (made.forked_from, made.latest, made.draft.max_cost) == (triage.id, 0, cost)
        assert [step.name for step in made.draft.steps] == [step.name for step in triage.draft.steps]
        assert not {step.id for step in made.draft.steps} & {step.id for step in triage.draft.steps}
        assert (await chains.resolve(ADA, chain_id=made.id))[1].document == made.draft


async def test_another_workspace_knows_nothing_of_a_chain(chains, triage):
    """By id, by name, by version: nothing; and without the permission nothing changes."""
    version = await chains.version(ADA, triage.id, 1)
    for ask in (
        lambda: chains.get(STRANGER, triage.id),
        lambda: chains.named(STRANGER, "Triage"),
        lambda: chains.version_by_id(STRANGER, version.id),
        lambda: chains.resolve(STRANGER, chain_id=triage.id),
        lambda: chains.archive(STRANGER, triage.id),
    ):
        with pytest.raises(NotFound):
            await ask()
    assert await chains.list(STRANGER) == []
    viewer = an_actor(role=Role.VIEWER)
    for ask in (
        lambda: chains.create(viewer, name="x"),
        lambda: chains.add_step(viewer, triage.id, {}),
        lambda: chains.update_step(RUNNER, triage.id, "response", {}),
        lambda: chains.create_version(RUNNER, triage.id),
        lambda: chains.resolve(viewer, chain_id=triage.id),
        lambda: chains.get(RUNNER, triage.id),
    ):
        with pytest.raises(Forbidden):
            await ask()


async def test_two_changes_at_once_are_both_kept(chains):
    """Steps that are added at the same time are all there afterwards."""
    made = await chains.create(ADA, name="c")
    step = {"order": 0, "type": "TRANSFORM", "config": {"template": "x"}}
    await asyncio.gather(*(chains.add_step(ADA, made.id, step) for _ in range(8)))
    steps = (await chains.get(ADA, made.id)).draft.steps
    assert len({step.name for step in steps}) == 8


async def test_a_chain_without_steps_does_not_run(chains):
    """It says what to do, and stays without a version."""
    made = await chains.create(ADA, name="c")
    for ask in (lambda: chains.resolve(ADA, name="c"), lambda: chains.create_version(ADA, "c")):
        with pytest.raises(InvalidInput, match="needs at least one step"):
            await ask()
    assert (await chains.get(ADA, made.id)).latest == 0


BAD_STEPS = [
    ({"type": "PROMPT", "prompt": "p"}, "a step has no order", "$.order"),
    ({"order": 0}, "a step has no type", "$.type"),
    ({"order": 0, "type": "LOOP"}, "is 'LOOP', which is none of PROMPT", "$.type"),
    ({"order": "0", "type": "PROMPT"}, "order of a step must be a whole number, not a string", "$.order"),
    ({"order": 0.5, "type": "PROMPT"}, "not a fraction", "$.order"),
    ({"order": -1, "type": "PROMPT", "prompt": "p"}, r"Step -1 \(prompt--1\): order is 0", "$.steps[0].order"),
    ({"order": 0, "type": "PROMPT"}, r"Step 0 \(prompt-0\): which prompt is missing", "$.steps[0].prompt"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "tag": "x"}, "a step has no field 'tag'", "$.tag"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "promptId": "q"}, "prompt is given twice", "$.promptId"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "version": 1, "label": "x"}, "not by both", "$.steps[0].version"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "version": 0}, "versions count from 1", "$.steps[0].version"),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "params": {"temperature": 9}},
        "from 0.0 to 2.0",
        "$.steps[0].params.temperature",
    ),
    (
        {"order": 0, "type": "MERGE", "prompt": "p", "config": {"from": ["a"]}},
        "belongs to a PROMPT step",
        "$.steps[0].prompt",
    ),
    (
        {"order": 0, "type": "MERGE", "config": {"form": ["a"]}},
        "unknown setting 'form': config of MERGE takes",
        "$.steps[0].config.form",
    ),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "outputKey": "input"},
        "'input' is reserved",
        "$.steps[0].outputKey",
    ),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "outputKey": "secret"},
        "'secret' is reserved",
        "$.steps[0].outputKey",
    ),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "outputKey": "a b"},
        "an outputKey is a letter",
        "$.steps[0].outputKey",
    ),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "name": "a\nb"}, "on one line", "$.steps[0].name"),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "name": "taken"},
        "2 steps have the name 'taken'",
        "$.steps[0].name",
    ),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "retries": 11}, "retries is 0 to 10", "$.steps[0].retries"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "timeoutMs": 0}, "timeoutMs is 1 to", "$.steps[0].timeoutMs"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "onError": "retry"}, "none of fail, continue", "$.onError"),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "tags": ["x" * 51]}, "tags of 1 to 50", "$.steps[0].tags"),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "when": "a ="},
        r"Step 0 \(prompt-0\): Condition, column 3",
        "$.steps[0].when",
    ),
    (
        {"order": 0, "type": "CONDITION", "config": {"condition": "a &&"}},
        r"Step 0 \(condition-0\): Condition, column 5",
        "$.steps[0].config.condition",
    ),
    (
        {"order": 0, "type": "TRANSFORM", "config": {}},
        "exactly one of template, mapping, expression",
        "$.steps[0].config",
    ),
    ({"order": 0, "type": "TRANSFORM", "config": {"expression": "a["}}, "JMESPath", "$.steps[0].config.expression"),
    (
        {"order": 0, "type": "PROMPT", "prompt": "p", "inputMapping": {"x": "{{a"}},
        "never closed",
        "$.steps[0].inputMapping.x",
    ),
    ({"order": 0, "type": "PROMPT", "prompt": "p", "inputMapping": {"x": "\x00"}}, "NUL", "$.steps[0].inputMapping"),
]


@pytest.mark.parametrize(("given", "says", "path"), BAD_STEPS, ids=[says for _, says, _ in BAD_STEPS])
async def test_a_bad_step_never_enters_the_draft(chains, given, says, path):
    """The error says which step, what, and where; the draft stays as it was."""
    made = await chains.create(ADA, name="c")
    kept = await chains.add_step(
        ADA, made.id, {"order": 5, "type": "TRANSFORM", "config": {"template": "x"}, "name": "taken"}
    )

    with pytest.raises(InvalidInput, match=says) as error:
        await chains.add_step(ADA, made.id, given)

    assert error.value.path == path
    assert (await chains.get(ADA, made.id)).draft.steps == (kept,)
    assert kept.type is StepType.TRANSFORM


@pytest.mark.parametrize(
    ("draft", "says", "path"),
    [
        ({"deadlineMs": 0}, "deadlineMs is 1", "$.deadlineMs"),
        ({"deadlineMs": True}, "whole number, not a boolean", "$.deadlineMs"),
        ({"maxCost": 0.05}, 'as a text, such as "0.05"', "$.maxCost"),
        ({"maxCost": "1e-13"}, "at most 12 decimals", "$.maxCost"),
        ({"maxCost": "-1"}, "an amount in US dollars", "$.maxCost"),
        ({"requiredInputs": {"type": "array"}}, "requiredInputs must describe an object", "$.requiredInputs.type"),
        ({"requiredInputs": []}, "must be an object, not an array", "$.requiredInputs"),
        ({"output": "{{"}, "output: ", "$.output"),
        ({"steps": {}}, "steps must be a list", "$.steps"),
        ({"steps": [[]]}, "a step must be an object", "$.steps[0]"),
        ({"nmae": "x"}, "a chain has no field 'nmae'", "$.nmae"),
    ],
)
async def test_bad_settings_never_enter_the_draft(chains, triage, draft, says, path):
    """What holds for the whole chain is refused with its path; the draft stays."""
    with pytest.raises(InvalidInput, match=says) as error:
        await chains.update(ADA, triage.id, draft=draft)

    assert error.value.path == path
    assert (await chains.get(ADA, triage.id)).draft == triage.draft


async def test_settings_of_a_chain_change_in_what_is_given(chains, triage):
    """Name, tags and draft settings; null takes a setting of the draft away."""
    changed = await chains.update(
        ADA,
        triage.id,
        name="Mood",
        intent_tags=[],
        is_active=False,
        draft={"requiredInputs": None, "output": "{{response}}"},
    )

    assert (changed.name, changed.intent_tags, changed.is_active) == ("Mood", (), False)
    assert (changed.draft.required_inputs, changed.draft.output) == (None, "{{response}}")
    assert changed.draft.steps == triage.draft.steps
    assert await chains.get(ADA, "Mood") == changed
    for bad in ("", "x" * 101, "a\nb"):
        with pytest.raises(InvalidInput, match="on one line"):
            await chains.update(ADA, triage.id, name=bad)
    assert Permission.EDIT not in RUNNER.permissions
