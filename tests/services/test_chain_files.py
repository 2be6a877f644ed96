"""Chains as files: applied, exported, proved; and documents, written and read back."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.clock import FixedClock
from promptforge.catalog import open_catalog
from promptforge.core.access import Actor, Role, Workspace, permissions
from promptforge.core.chain import DEADLINE_MS, ChainDocument, OnError, Step, StepType
from promptforge.core.errors import Forbidden, InvalidInput, NotFound
from promptforge.services.chain_files import ChainFiles
from promptforge.services.chains import Chains
from promptforge.services.prompts import Prompts
from promptforge.wire import chain_document, yaml_text

ADA = Actor(workspace="here", user_id="user_1", permissions=permissions(Role.ADMINISTRATOR, None))
VIEWER = Actor(workspace="here", user_id="user_2", permissions=permissions(Role.VIEWER, None))
REPOSITORY = Path(__file__).resolve().parents[2]
FILE = """\
name: Feedback
description: Answers reviews.
intentTags: [review]
requiredInputs:
  type: object
  properties:
    review: {type: string}
  required: [review]
steps:
  - type: PROMPT
    prompt: analyse
    inputMapping:
      text: "{{review}}"
    outputKey: sentiment
  - type: CONDITION
    config:
      condition: "{{sentiment.sentiment}} == 'Negative'"
      trueTag: negative_path
      falseTag: positive_path
  - type: PROMPT
    prompt: answer
    tags: [negative_path]
    outputKey: response
  - type: PROMPT
    prompt: answer
    version: 1
    tags: [positive_path]
    outputKey: response
maxCost: "0.05"
"""


@pytest.fixture
async def prompts(tmp_path):
    """Two prompts of a real catalog, which is theirs."""
    catalog = await open_catalog(tmp_path)
    await catalog.access.create_workspace(Workspace(id="here", name="here", created_at=FixedClock().now()))
    prompts = Prompts(catalog.prompts, FixedClock())
    for name, content in (("analyse", "Mood of {{text}}"), ("answer", "Answer to {{review}}")):
        made = await prompts.create(ADA, name=name)
        await prompts.add_version(ADA, made.id, content=content, params={"model": "demo-small", "max_tokens": 200})
    yield prompts, catalog
    await catalog.close()


@pytest.fixture
def chains(prompts):
    """The chains of the same catalog."""
    service, catalog = prompts
    return Chains(catalog.chains, service, FixedClock())


@pytest.fixture
def files(chains):
    """The service under test."""
    return ChainFiles(chains)


async def test_a_file_makes_its_chain_and_changes_nothing_the_second_time(chains, files):
    """The first time chain and version are made; the same file again makes neither; a changed one the next version."""
    first = await files.apply(ADA, FILE, label="production")
    assert (first.created, first.changed, first.version.number) == (True, True, 1)
    assert (first.chain.name, first.chain.intent_tags, first.chain.labels) == (
        "Feedback",
        ("review",),
        {"production": 1},
    )
    assert [(step.order, step.name) for step in first.version.document.steps] == [
        (0, "sentiment"),
        (1, "condition-1"),
        (2, "response"),
        (3, "prompt-3"),
    ]
    assert first.version.document.max_cost == 5 * 10**10

    again = await files.apply(ADA, FILE)
    assert (again.created, again.changed, again.version, again.chain) == (False, False, first.version, first.chain)

    changed = await files.apply(ADA, FILE.replace("Answers reviews.", "Answers.").replace("0.05", "0.06"))
    assert (changed.created, changed.changed, changed.version.number) == (False, True, 2)
    assert (changed.chain.id, changed.chain.description) == (first.chain.id, "Answers.")
    less = await files.apply(ADA, FILE.replace("description: Answers reviews.\n", "").replace("0.05", "0.06"))
    assert (less.changed, less.chain.description) == (False, "Answers.")
    other = await files.apply(ADA, FILE, name="Other")
    assert (other.created, other.chain.name) == (True, "Other")


async def test_an_export_applies_to_the_same_chain(chains, files):
    """What is exported, a version or the draft, says all that the chain is."""
    first = await files.apply(ADA, FILE)
    await chains.update(ADA, first.chain.id, draft={"deadlineMs": 60_000}, is_active=False, is_public=True)

    draft, version = await files.export(ADA, "Feedback"), await files.export(ADA, "Feedback", 1)
    assert "deadlineMs: 60000" in draft
    assert "deadlineMs" not in version
    await chains.archive(ADA, first.chain.id)
    made = await files.apply(ADA, draft)
    assert made.chain.id != first.chain.id
    assert await files.export(ADA, made.chain.id) == draft
    assert chain_document.same(made.version.document, (await chains.get(ADA, first.chain.id)).draft)
    with pytest.raises(NotFound, match="has no version 9; it has 1 to 1"):
        await files.export(ADA, "Feedback", 9)


BROKEN = {
    "no name": (FILE.replace("name: Feedback\n", ""), "begin the file with 'name: …'"),
    "no YAML": (FILE + "\t", "line 30, column"),
    "no mapping": ("- 1", "line 1: a chain is written as 'name: …' and 'steps: …', not as an array"),
    "a name that is none": (FILE.replace("Feedback", "5"), "line 1: name must be a text, not a number"),
    "tags that are none": (FILE.replace("[review]\nreq", "review\nreq"), "line 3: intentTags must be a list of texts"),
    "activity that is none": ("isActive: maybe\n" + FILE, "line 1: isActive must be true or false"),
    "an unknown field": (FILE.replace("prompt: analyse", "promt: analyse"), "line 11: a step has no field 'promt'"),
    "an unknown type": (FILE.replace("CONDITION", "DECIDE"), "line 15: type of a step is 'DECIDE'"),
    "a number for a text": (FILE.replace('"0.05"', "0.05"), "line 29: maxCost is an amount in US dollars as a text"),
    "a reference to nothing": (
        FILE.replace("{{review}}", "{{reveiw}}"),
        r"line 12: Step 0 (sentiment): reveiw: no input",
    ),
    "a bad condition": (FILE.replace("==", "="), r"line 17: Step 1 (condition-1): Condition, column"),
    "a prompt that is nowhere": (FILE.replace("analyse", "guess"), "line 11: Step 0 (sentiment): there is no prompt"),
    "a version that is nowhere": (FILE.replace("version: 1", "version: 4"), "line 26: Step 3 (prompt-3): the prompt"),
    "a tag that nothing sets": (FILE.replace("[positive_path]", "[good]"), "line 27: Step 3 (prompt-3): this step can"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_file_changes_nothing_and_says_its_line(chains, files, text, says):
    """Neither a chain nor a version is made."""
    with pytest.raises(InvalidInput) as error:
        await files.apply(ADA, text)
    assert str(error.value).startswith(says) or says in str(error.value)
    assert await chains.list(ADA) == []


async def test_a_file_is_proved_without_applying_it(chains, files):
    """Whoever may read may prove; the problems have paths, and the file knows their lines."""
    proof = await files.validate(VIEWER, FILE.replace("[positive_path]", "[good]"))
    assert proof.file is not None
    assert [(one.severity.value, one.step, one.path, line) for one, line in proof.problems] == [
        ("error", "prompt-3", "$.steps[3].tags", 27),
        ("warning", "condition-1", "$.steps[1].config", 16),
    ]
    assert (await files.validate(VIEWER, FILE)).problems == ()
    for text, says, line in (
        (FILE + "\t", "this is not YAML", 30),
        (FILE.replace("steps:", "step:"), "has no field", 9),
    ):
        proof = await files.validate(VIEWER, text)
        ((problem, found),) = proof.problems
        assert (proof.file, found) == (None, line)
        assert says in problem.message
    for ask in (lambda: files.apply(VIEWER, FILE), lambda: files.apply(VIEWER, FILE, name="x")):
        with pytest.raises(Forbidden):
            await ask()
    assert await chains.list(ADA) == []


async def test_steps_may_stand_in_any_order_in_a_file(chains, files):
    """They are kept by their order; problems point at where they stand in the file."""
    text = "name: c\nrequiredInputs: {}\nsteps:\n  - {order: 5, type: TRANSFORM, config: {template: '{{a}}'}}\n"
    text += "  - {order: 1, type: TRANSFORM, config: {template: x}, outputKey: a}\n"
    made = await files.apply(ADA, text)
    assert [step.order for step in made.version.document.steps] == [1, 5]
    with pytest.raises(InvalidInput, match=r"^line 4: Step 5 \(transform-5\): lost: "):
        await files.apply(ADA, text.replace("{{a}}", "{{lost}}").replace("order: 1", "order: 2"))


async def test_a_diff_shows_what_applying_would_change(chains, files):
    """Nothing for the file that was applied; otherwise the lines; versions are compared the same way."""
    made = await files.apply(ADA, FILE)
    assert await files.diff(VIEWER, "Feedback", FILE) == ""
    assert await files.diff(VIEWER, "Feedback", FILE.replace("description: Answers reviews.\n", "")) == ""
    changed = FILE.replace('"0.05"', '"0.06"').replace("Answers reviews.", "Answers.")
    lines = (await files.diff(VIEWER, "Feedback", changed)).splitlines()
    assert [line for line in lines if line[0] in "+-"] == [
        "--- Feedback",
        "+++ the file",
        "-description: Answers reviews.",
        "+description: Answers.",
        "-maxCost: '0.05'",
        "+maxCost: '0.06'",
    ]
    await files.apply(ADA, changed)
    lines = (await files.compare(VIEWER, made.chain.id, 1, 2)).splitlines()
    assert [line for line in lines if line[0] in "+-"] == [
        "--- version 1",
        "+++ version 2",
        "-maxCost: '0.05'",
        "+maxCost: '0.06'",
    ]


NAMES = st.text("abcde-_é ", min_size=1, max_size=8).map(str.strip).filter(bool)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=3)
STEPS = st.builds(
    Step,
    id=st.just(""),
    name=NAMES,
    order=st.integers(0, 10_000),
    type=st.sampled_from([kind for kind in StepType if kind not in (StepType.PROMPT, StepType.API_CALL)]),
    config=OBJECTS,
    input_mapping=st.none() | OBJECTS,
    output_key=st.none() | NAMES,
    tags=st.lists(NAMES, max_size=3, unique=True).map(tuple),
    when=st.none() | NAMES,
    timeout_ms=st.none() | st.integers(1, 10**6),
    retries=st.none() | st.integers(0, 10),
    on_error=st.sampled_from(OnError),
) | st.builds(
    Step,
    id=st.just(""),
    name=NAMES,
    order=st.integers(0, 10_000),
    type=st.just(StepType.PROMPT),
    prompt=NAMES,
    version=st.none() | st.integers(1, 99),
    label=st.none() | NAMES,
    params=OBJECTS,
)
DOCUMENTS = st.builds(
    ChainDocument,
    steps=st.lists(STEPS, max_size=4).map(tuple),
    required_inputs=st.none() | OBJECTS,
    output=JSON,
    deadline_ms=st.integers(1, DEADLINE_MS),
    max_cost=st.none() | st.integers(0, 2**62),
)


@given(DOCUMENTS)
@settings(max_examples=200, deadline=None)
def test_a_document_reads_back_as_it_was_written(document):
    """As JSON and as YAML, with the types of every value."""
    written = chain_document.write(document)
    by_yaml = yaml_text.read(yaml_text.write(written)).value
    assert chain_document.read(written) == document
    assert chain_document.read(by_yaml) == document
    assert chain_document.same(chain_document.read(by_yaml), document)


async def test_the_sample_of_the_documentation_is_without_problems(prompts, files):
    """The file in docs/chains.md applies as it stands, and is the two-branch example of the interface."""
    text = re.search(r"```yaml\n(.*?)```", (REPOSITORY / "docs/chains.md").read_text("utf-8"), re.DOTALL)
    assert text is not None
    for name, content in (
        ("sentiment-analyzer", "{{text}}"),
        ("apology", "{{review}} {{phrases}}"),
        ("thanks", "{{review}}"),
    ):
        made = await prompts[0].create(ADA, name=name)
        await prompts[0].add_version(ADA, made.id, content=content, params={"model": "demo-small"}, label="production")
    assert (await files.validate(ADA, text[1])).problems == ()
    done = await files.apply(ADA, text[1])
    assert [(step.order, step.tags, step.output_key) for step in done.version.document.steps] == [
        (0, (), "sentiment"),
        (1, (), None),
        (2, ("negative_path",), "response"),
        (3, ("positive_path",), "response"),
    ]
