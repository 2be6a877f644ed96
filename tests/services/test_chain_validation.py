"""Whether a chain can run, said before it does: every problem at its step."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.clock import FixedClock
from promptforge.catalog import open_catalog
from promptforge.core.access import Actor, Role, Workspace, permissions
from promptforge.core.chain import Severity
from promptforge.core.errors import InvalidInput
from promptforge.engine.plan import Plan
from promptforge.engine.validation import problems
from promptforge.services.chains import Chains
from promptforge.services.prompts import Prompts
from promptforge.wire import chain_document

ADA = Actor(workspace="here", user_id="user_1", permissions=permissions(Role.ADMINISTRATOR, None))
INPUTS = {
    "type": "object",
    "properties": {"review": {"type": "string"}, "hint": {"type": "string"}, "tone": {"default": "kind"}},
    "required": ["review"],
}


@pytest.fixture(scope="module")
async def prompts(tmp_path_factory):
    """Prompts of a real catalog: ``analyse`` takes a text and a language, ``answer`` a review, ``gone`` is archived."""
    catalog = await open_catalog(tmp_path_factory.mktemp("catalog"))
    await catalog.access.create_workspace(Workspace(id="here", name="here", created_at=FixedClock().now()))
    service = Prompts(catalog.prompts, FixedClock())
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "language": {"type": "string", "default": "en"}},
        "required": ["text"],
    }
    for name, content, inputs in (
        ("analyse", "Mood of {{text}} in {{language}}", schema),
        ("answer", "Answer to {{review}}", None),
        ("gone", "x", None),
    ):
        made = await service.create(ADA, name=name)
        await service.add_version(
            ADA, made.id, content=content, params={"model": "demo-small"}, input_schema=inputs, label="production"
        )
    await service.archive(ADA, "gone")
    await service.create(ADA, name="empty")
    yield service, Chains(catalog.chains, service, FixedClock())
    await catalog.close()


def step(order, type="TRANSFORM", **fields):
    """A step, a template that reads nothing unless said otherwise."""
    plain = {"config": {"template": "x"}} if type == "TRANSFORM" else {}
    return {"order": order, "type": type, **plain, **fields}


def reads(order, *places, **fields):
    """A step that fails unless every place is there."""
    return step(order, config={"template": " ".join(f"{{{{{place}}}}}" for place in places)}, **fields)


def decides(order, **config):
    """A condition that is fed by the input."""
    tags = {"trueTag": "yes", "falseTag": "no"}
    return step(order, "CONDITION", config={"condition": "{{review}} == 'x'", **tags, **config})


async def found(prompts, *steps, inputs=INPUTS, **more):
    """The problems of a document: severity, step, path, sentence."""
    document = chain_document.read({"requiredInputs": inputs, "steps": list(steps), **more})
    listed = await prompts[1].validate(ADA, document=document)
    return [(problem.severity.value, problem.step, problem.path, problem.message) for problem in listed]


BRANCHES = [
    step(0, "PROMPT", promptId="analyse", inputMapping={"text": "{{review}}"}, outputKey="sentiment"),
    step(
        1,
        "CONDITION",
        config={"condition": "{{sentiment.sentiment}} == 'Negative'", "trueTag": "bad", "falseTag": "good"},
    ),
    step(2, "PROMPT", promptId="answer", tags=["bad"], outputKey="response"),
    step(3, "PROMPT", promptId="answer", tags=["good"], outputKey="response"),
]


async def test_a_chain_that_can_run_has_no_problem(prompts):
    """The two-branch example, and everything that is fed: by inputs, by either branch, by a mapping, by a default."""
    merge = step(5, "MERGE", name="merge", config={"strategy": "first", "from": ["response", "sentiment"]})
    mapped = step(6, config={"template": "{{a}}"}, inputMapping={"a": "{{input.tone}}"}, name="mapped")
    call = step(
        7,
        "API_CALL",
        config={
            "url": "https://api.example.com:8443/{{review}}?x=1",
            "method": "post",
            "headers": {"authorization": "Bearer {{secret.CRM_KEY}}"},
            "body": {"text": "{{response}}"},
        },
        outputKey="filed",
    )
    memory = step(8, "MEMORY", config={"operation": "write", "scope": "user", "key": "last", "value": "{{filed}}"})

    assert await found(prompts, *BRANCHES) == []
    assert (
        await found(
            prompts,
            *BRANCHES,
            reads(4, "response", "tone", "input"),
            merge,
            mapped,
            call,
            memory,
            output={"x": "{{response}}"},
        )
        == []
    )
    assert await found(prompts, *BRANCHES[:3], reads(4, "response", tags=["bad"])) == [
        ("warning", "condition-1", "$.steps[1].config", "it activates the tag 'good', and no later step waits for it")
    ]


UNFED = {
    "a name that is nowhere": (
        [reads(0, "reveiw", name="a")],
        ("error", "a", "$.steps[0].config.template", "reveiw: no input and no outputKey is called 'reveiw'"),
    ),
    "an input that is nowhere": (
        [reads(0, "input.reveiw", name="a")],
        ("error", "a", "$.steps[0].config.template", "called 'reveiw'; there is hint, review, tone"),
    ),
    "a later step": (
        [reads(0, "b", name="a"), step(1, outputKey="b")],
        ("error", "a", "$.steps[0].config.template", "'b' writes it and runs later (order 1)"),
    ),
    "a circle": (
        [reads(0, "b", outputKey="a"), reads(1, "a", outputKey="b")],
        ("error", "a", "$.steps[0].config.template", "'b' writes it and runs later (order 1)"),
    ),
    "the same wave": (
        [reads(1, "b", name="a"), step(1, outputKey="b")],
        ("error", "a", "$.steps[0].config.template", "runs at the same time (order 1): give one a higher order"),
    ),
    "itself": (
        [reads(0, "a", outputKey="a")],
        ("error", "a", "$.steps[0].config.template", "only this step itself writes it"),
    ),
    "a step that never runs": (
        [step(0, outputKey="b", tags=["t"]), reads(1, "b", name="a")],
        ("error", "a", "$.steps[1].config.template", "only 'b' writes it, which can never run"),
    ),
    "one branch of two": (
        [decides(0), step(1, outputKey="b", tags=["yes"]), step(1, tags=["no"]), reads(2, "b", name="a")],
        ("warning", "a", "$.steps[3].config.template", "only 'b' writes 'b', which may not run"),
    ),
    "a step with a condition": (
        [step(0, outputKey="b", when="review == 'x'"), reads(1, "b", name="a")],
        ("warning", "a", "$.steps[1].config.template", "only 'b' writes 'b', which may not run"),
    ),
    "an input that may be missing": (
        [reads(0, "hint", name="a")],
        ("warning", "a", "$.steps[0].config.template", "the input 'hint' is neither required nor has it a default"),
    ),
    "a condition over what is nowhere": (
        [{**decides(0, condition="moood == 'x'"), "name": "a"}, step(1, tags=["yes", "no"])],
        ("error", "a", "$.steps[0].config.condition", "no input and no outputKey is called 'moood'"),
    ),
    "when over what is nowhere": (
        [step(0, name="a", when="moood == 'x'")],
        ("error", "a", "$.steps[0].when", "no input and no outputKey is called 'moood'"),
    ),
    "a merge of what is nowhere": (
        [step(0, "MERGE", name="a", config={"from": ["moood"]})],
        ("error", "a", "$.steps[0].config.from", "no input and no outputKey is called 'moood'"),
    ),
    "an expression over what is nowhere": (
        [step(0, name="a", config={"expression": "moood[0]"})],
        ("error", "a", "$.steps[0].config.expression", "no input and no outputKey is called 'moood'"),
    ),
    "a secret outside a call": (
        [reads(0, "secret.KEY", name="a")],
        ("error", "a", "$.steps[0].config.template", "secrets can be read by API_CALL steps only"),
    ),
    "a secret without a name": (
        [step(0, "API_CALL", name="a", config={"url": "https://x.org/", "body": "{{secret}}"})],
        ("error", "a", "$.steps[0].config.body", "a secret is read by its name"),
    ),
}


@pytest.mark.parametrize(("steps", "problem"), UNFED.values(), ids=UNFED)
async def test_what_a_step_reads_must_be_fed(prompts, steps, problem):
    """By an input or an earlier wave; what cannot be there is an error, what may not be there a warning."""
    severity, name, path, says = problem
    listed = await found(prompts, *steps)
    assert [(severity, name, path)] == [one[:3] for one in listed if one[1] == name]
    assert any(says in one[3] for one in listed)


TAGS = {
    "no condition": (
        [step(0, name="a", tags=["t"])],
        ("error", "a", "$.steps[0].tags", "waits for the tag 't', and no CONDITION activates it"),
    ),
    "a later condition": (
        [step(0, name="a", tags=["yes"]), decides(1, falseTag=None)],
        ("error", "a", "$.steps[0].tags", "only 'condition-1' (order 1) activates it, and it does not run before"),
    ),
    "a condition that never runs": (
        [{**decides(0, falseTag=None), "tags": ["t"]}, step(1, name="a", tags=["yes"])],
        ("error", "a", "$.steps[1].tags", "and it can never run itself"),
    ),
    "a tag that nobody waits for": (
        [decides(0, falseTag=None)],
        ("warning", "condition-0", "$.steps[0].config", "activates the tag 'yes', and no later step waits for it"),
    ),
    "a condition for nothing": (
        [decides(0, trueTag=None, falseTag=None)],
        ("warning", "condition-0", "$.steps[0].config", "it decides nothing"),
    ),
}


@pytest.mark.parametrize(("steps", "problem"), TAGS.values(), ids=TAGS)
async def test_every_tag_must_be_reachable(prompts, steps, problem):
    """A step that can never run is an error, a tag without a step a warning."""
    severity, name, path, says = problem
    listed = await found(prompts, *steps)
    assert any(one[:3] == (severity, name, path) and says in one[3] for one in listed), listed


PROMPTS = {
    "unknown": ({"prompt": "nobody"}, "prompt", "there is no prompt 'nobody' in this workspace"),
    "archived": ({"prompt": "gone"}, "prompt", "there is no prompt 'gone'"),
    "without a version": ({"prompt": "empty"}, "prompt", "the prompt 'empty' has no version yet"),
    "unknown version": ({"prompt": "answer", "version": 9}, "version", "has no version 9; it has 1 to 1"),
    "unknown label": ({"prompt": "answer", "label": "beta"}, "label", "no label 'beta'; it has 'production'"),
    "missing variable": (
        {"prompt": "analyse", "inputMapping": {}},
        "inputMapping",
        "version 1 of 'analyse' needs 'text', which inputMapping does not give",
    ),
    "unknown variable": (
        {"prompt": "answer", "inputMapping": {"review": "x", "reviw": "x"}},
        "inputMapping.reviw",
        "has no variable 'reviw': it takes review",
    ),
    "variable that the context lacks": (
        {"prompt": "analyse"},
        "inputMapping",
        "needs 'text', and without an inputMapping it is read from the context: text: no input",
    ),
}


@pytest.mark.parametrize(("fields", "path", "says"), PROMPTS.values(), ids=PROMPTS)
async def test_every_prompt_and_its_inputs_must_be_there(prompts, fields, path, says):
    """Prompt, version, label, and each variable that it needs; what has a default may be left out."""
    listed = await found(prompts, step(0, "PROMPT", name="a", **fields))
    assert [one[:3] for one in listed] == [("error", "a", f"$.steps[0].{path}")]
    assert says in listed[0][3]


CONFIGS = {
    "no condition": ("CONDITION", {"trueTag": "t"}, "config.condition", "config.condition is missing"),
    "a tag that is none": ("CONDITION", {"condition": "true", "trueTag": 4}, "config.trueTag", "not a number"),
    "a merge of nothing": ("MERGE", {"from": []}, "config.from", "must list what to merge"),
    "no url": ("API_CALL", {}, "config.url", "config.url is missing"),
    "a host from a reference": ("API_CALL", {"url": "https://{{review}}/x"}, "config.url", "both written out"),
    "a host that goes on": ("API_CALL", {"url": "https://x.org{{review}}"}, "config.url", "both written out"),
    "a port from a reference": ("API_CALL", {"url": "https://x.org:{{review}}/"}, "config.url", "both written out"),
    "credentials": ("API_CALL", {"url": "https://me:pw@x.org/"}, "config.url", "credentials in headers"),
    "a scheme": ("API_CALL", {"url": "file:///etc/passwd"}, "config.url", "begins with http"),
    "a backslash": ("API_CALL", {"url": "https://x.org\\@y.org/"}, "config.url", "both written out"),
    "a method": ("API_CALL", {"url": "https://x.org/", "method": "TRACE"}, "config.method", "one of GET"),
    "headers": ("API_CALL", {"url": "https://x.org/", "headers": {"a": []}}, "config.headers", "object of texts"),
    "expects": ("API_CALL", {"url": "https://x.org/", "expects": "xml"}, "config.expects", "json"),
    "an operation": ("MEMORY", {"key": "k"}, "config.operation", "one of read, write, append"),
    "a scope": ("MEMORY", {"operation": "read", "key": "k", "scope": "all"}, "config.scope", "chain or user"),
    "no key": ("MEMORY", {"operation": "read"}, "config.key", "config.key is missing"),
    "no value": ("MEMORY", {"operation": "append", "key": "k"}, "config.value", "say what to append"),
    "a value to read": ("MEMORY", {"operation": "read", "key": "k", "value": 1}, "config.value", "means nothing"),
    "an expiry": (
        "MEMORY",
        {"operation": "write", "key": "k", "value": 1, "ttlSeconds": "5"},
        "config.ttlSeconds",
        "a whole number of seconds",
    ),
    "no expiry": (
        "MEMORY",
        {"operation": "write", "key": "k", "value": 1, "ttlSeconds": 0},
        "config.ttlSeconds",
        "is 1 to",
    ),
}


@pytest.mark.parametrize(("type", "config", "path", "says"), CONFIGS.values(), ids=CONFIGS)
async def test_the_config_of_each_type_is_checked(prompts, type, config, path, says):
    """What a type needs is there and of its kind; the host of a call is nothing that data could choose."""
    listed = await found(prompts, step(0, type, name="a", config=config))
    assert [one[:3] for one in listed] == [("error", "a", f"$.steps[0].{path}")]
    assert says in listed[0][3]


async def test_the_output_is_read_after_all_steps(prompts):
    """It may read what any step wrote, and nothing else; the problem is the chain's own."""
    assert await found(prompts, step(9, outputKey="last"), output="{{last}}") == []
    listed = await found(prompts, step(9), output={"x": "{{lost}}"})
    assert [one[:3] for one in listed] == [("error", None, "$.output")]


async def test_a_ceiling_needs_steps_whose_cost_can_be_foreseen(prompts):
    """A prompt without max_tokens is a warning where the chain has a maxCost, and only there."""
    asks = step(0, "PROMPT", name="a", prompt="answer")
    listed = await found(prompts, asks, maxCost="0.05")
    assert [one[:3] for one in listed] == [("warning", "a", "$.steps[0].params")]
    assert await found(prompts, {**asks, "params": {"max_tokens": 9}}, maxCost="0.05") == []
    assert await found(prompts, asks) == []


async def test_inputs_that_nothing_declares_cannot_be_proved(prompts):
    """Without requiredInputs, or with one that is open, reading an input is a warning."""
    for inputs in (None, {"type": "object", "additionalProperties": True}):
        listed = await found(prompts, reads(0, "review", name="a"), inputs=inputs)
        assert [one[:3] for one in listed] == [("warning", "a", "$.steps[0].config.template")]
    listed = await found(prompts, step(0), inputs={"properties": {"secret": {}}})
    assert [one[:3] for one in listed] == [("error", None, "$.requiredInputs")]


async def test_errors_keep_a_draft_from_becoming_a_version(prompts):
    """All problems are listed, errors first; freezing names the first and counts the others; warnings let it pass."""
    chains = prompts[1]
    made = await chains.create(ADA, name="proof", required_inputs=INPUTS)
    await chains.add_step(ADA, made.id, reads(0, "hint", name="first"))
    await chains.add_step(ADA, made.id, reads(2, "lost", name="second"))
    await chains.add_step(ADA, made.id, step(3, "PROMPT", name="third", prompt="nobody"))

    listed = await chains.validate(ADA, "proof")
    assert [(one.severity, one.step) for one in listed] == [
        (Severity.ERROR, "second"),
        (Severity.ERROR, "third"),
        (Severity.WARNING, "first"),
    ]
    for ask in (lambda: chains.create_version(ADA, made.id), lambda: chains.resolve(ADA, chain_id=made.id)):
        with pytest.raises(
            InvalidInput, match=r"^Step 2 \(second\): lost: .*\(and 1 more: see validateChain\)$"
        ) as error:
            await ask()
        assert error.value.path == "$.steps[1].config.template"
    document = chain_document.read({"steps": [step(0, "PROMPT", prompt="nobody")]})
    with pytest.raises(InvalidInput, match="no prompt 'nobody'"):
        await chains.create_version(ADA, made.id, document)
    assert len((await chains.get(ADA, made.id)).draft.steps) == 3
    await chains.remove_step(ADA, made.id, "second")
    await chains.remove_step(ADA, made.id, "third")
    assert (await chains.create_version(ADA, made.id)).number == 1


_PLACES = st.sampled_from(["review", "a", "b", "c", "input.review", "a.x[0]", "lost"])


@st.composite
def documents(draw):
    """Small chains whose steps read, write and wait for each other in every way."""
    steps = []
    for _ in range(draw(st.integers(1, 6))):
        order = draw(st.integers(0, 4))
        fields = {
            "outputKey": draw(st.sampled_from([None, "a", "b", "c"])),
            "tags": draw(st.sampled_from([[], ["yes"], ["no"]])),
        }
        place = draw(_PLACES)
        match draw(st.sampled_from(["template", "condition", "merge", "expression"])):
            case "template":
                steps.append(reads(order, place, **fields))
            case "condition":
                steps.append({**decides(order, condition=f"{place} != null"), **fields})
            case "merge":
                steps.append(step(order, "MERGE", config={"strategy": "first", "from": [place, "review"]}, **fields))
            case _:
                steps.append(step(order, config={"expression": place}, **fields))
    return {"requiredInputs": INPUTS, "steps": steps}


@given(documents(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_chain_without_problems_reads_nothing_that_is_not_there(raw, negative):
    """Run on any input, a document without errors and warnings never fails for a reference that leads nowhere."""
    document = chain_document.read(raw)
    if any("no later step waits" not in one.message for one in problems(document, {})):
        return
    running = Plan(document).run({"review": "x" if negative else {"x": [1]}, "tone": "kind"})
    try:
        wave = next(running)
        while True:
            wave = running.send([ready.evaluate() for ready in wave.ready])
    except StopIteration as end:
        ending = end.value
    assert ending.error is None or "the context has no" not in ending.error


_FIELDS = """name order type prompt promptId version params config inputMapping outputKey tags when timeoutMs retries
onError steps output requiredInputs maxCost condition from url headers operation key template mapping expression trueTag
x"""
_NAMES = st.sampled_from(_FIELDS.split())
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([*"abc", "{{a}}", "{{input.b[0]}}", "{{", "a == 1", "PROMPT", "10", 10**30, "\ud800", "\x00"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)


@st.composite
def rubbish(draw):
    """Documents that are nearly right, or not at all."""
    steps = [
        {
            "type": draw(st.sampled_from(["PROMPT", "CONDITION", "TRANSFORM", "MERGE", "API_CALL", "MEMORY"])),
            **draw(st.dictionaries(_NAMES, _ANYTHING, max_size=4)),
        }
        for _ in range(draw(st.integers(0, 3)))
    ]
    return {**draw(st.dictionaries(_NAMES, _ANYTHING, max_size=2)), "steps": steps}


@given(rubbish() | _ANYTHING)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_comes_is_refused_or_proved_in_sentences(prompts, raw):
    """No document, however wrong, is more than an InvalidInput or a list of problems; what passes can be planned."""
    try:
        document = chain_document.read(raw)
    except InvalidInput:
        return
    found = await prompts[1].validate(ADA, document=document)
    assert all(problem.message and problem.path.startswith("$") for problem in found)
    if not any(problem.severity is Severity.ERROR for problem in found):
        Plan(document)


def test_what_is_too_deep_is_refused():
    """Nesting is counted before anything recurses."""
    deep: object = "x"
    for _ in range(5_000):
        deep = [deep]
    for raw in (deep, {"output": deep}, {"steps": [{"config": deep}]}, {"steps": deep}):
        with pytest.raises(InvalidInput, match="nested deeper than 64 levels"):
            chain_document.read(raw)
    with pytest.raises(InvalidInput, match="nested deeper than 64 levels"):
        chain_document.read_step({"config": deep})


_TEXTS = st.text("{}[]()a.' =&|@\\0", max_size=8)


@given(
    st.sampled_from(["template", "mapping", "expression", "condition", "from", "when", "inputMapping", "output"]),
    _TEXTS,
)
@settings(max_examples=500, deadline=None)
def test_what_the_plan_refuses_is_a_problem(where, text):
    """Whatever passes validation is compiled when the chain runs."""
    raw: dict = {"steps": [reads(0)]}
    match where:
        case "condition":
            raw["steps"] = [step(0, "CONDITION", config={"condition": text})]
        case "from":
            raw["steps"] = [step(0, "MERGE", config={"from": [text]})]
        case "when":
            raw["steps"] = [step(0, when=text)]
        case "inputMapping":
            raw["steps"] = [step(0, inputMapping={"a": [text]})]
        case "output":
            raw["output"] = {"a": text}
        case _:
            raw["steps"] = [step(0, config={where: text})]
    document = chain_document.read(raw)
    try:
        Plan(document)
    except InvalidInput:
        assert any(problem.severity is Severity.ERROR for problem in problems(document, {}))
