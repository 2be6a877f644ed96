"""How a chain runs: waves, tags, errors, and that the same results always lead to the same end."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.chain import PURE, ChainDocument, OnError, Step, StepType
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType, Status
from promptforge.engine.plan import Ending, Plan, Ready, Result, Wave


def step(name: str, order: int, type: StepType = StepType.PROMPT, **more) -> Step:
    """A step of a document, short to write."""
    prompt = "greet" if type is StepType.PROMPT else None
    return Step(id=f"step_{name}", name=name, order=order, type=type, **{"prompt": prompt, "output_key": name, **more})


def run(
    document: ChainDocument, inputs: Mapping[str, object], replies: Mapping[str, object]
) -> tuple[list[Wave], Ending]:
    """Run a document to its end; calls are answered by name, with an output or a Result."""
    waves: list[Wave] = []
    running = Plan(document).run(inputs)
    try:
        wave = next(running)
        while True:
            waves.append(wave)
            wave = running.send([answer(ready, replies) for ready in wave.ready])
    except StopIteration as end:
        return waves, end.value


def answer(ready: Ready, replies: Mapping[str, object]) -> Result:
    """What a step comes to."""
    if ready.problem is not None or ready.step.type in PURE:
        return ready.evaluate()
    reply = replies[ready.step.name]
    return reply if isinstance(reply, Result) else Result(output=reply)


def names(waves: Sequence[Wave]) -> list[list[str]]:
    """The steps that ran, wave by wave."""
    return [[ready.step.name for ready in wave.ready] for wave in waves]


SENTIMENT = ChainDocument(
    steps=(
        step("analyse", 0, input_mapping={"text": "{{text}}"}, output_key="sentiment"),
        step(
            "which",
            1,
            StepType.CONDITION,
            output_key=None,
            config={
                "condition": "{{sentiment.sentiment}} == 'Negative'",
                "trueTag": "negative_path",
                "falseTag": "positive_path",
            },
        ),
        step("apologise", 2, tags=("negative_path",), output_key="response"),
        step("thank", 3, tags=("positive_path",), output_key="response"),
    )
)


@pytest.mark.parametrize(
    ("mood", "ran", "left_out"), [("Negative", "apologise", "thank"), ("Positive", "thank", "apologise")]
)
def test_one_of_two_branches_runs(mood, ran, left_out):
    """The example of the interface: a condition activates one tag, and the step of the other one is skipped."""
    replies = {"analyse": {"sentiment": mood, "confidence": 0.9}, "apologise": "Sorry.", "thank": "Thanks."}

    waves, ending = run(SENTIMENT, {"text": "It broke."}, replies)

    assert [name for wave in names(waves) for name in wave] == ["analyse", "which", ran]
    assert [skipped.name for wave in waves for skipped in wave.skipped] == [left_out]
    assert "was not activated" in next(skipped for wave in waves for skipped in wave.skipped).reason
    assert ending == Ending(output=replies[ran])
    assert waves[0].ready[0].input == {"text": "It broke."}


def test_a_reference_alone_keeps_its_type_and_within_text_becomes_text():
    """A mapping reaches into earlier outputs, nested and indexed."""
    document = ChainDocument(
        steps=(
            step("find", 0),
            step(
                "tell", 1, input_mapping={"price": "{{find.items[0].price}}", "line": "It is {{find.items[0].price}}."}
            ),
        )
    )

    waves, _ = run(document, {}, {"find": {"items": [{"price": 4.5}]}, "tell": "ok"})

    assert waves[1].ready[0].input == {"price": 4.5, "line": "It is 4.5."}


def test_steps_of_one_order_run_together_and_see_nothing_of_each_other():
    """A wave is given at once, with the context as it was before; its outputs come by key."""
    document = ChainDocument(
        steps=(step("left", 0), step("right", 0, input_mapping={"x": "{{left}}"}), step("both", 1, output_key=None)),
    )

    waves, ending = run(document, {}, {"left": 1, "both": "end"})

    assert names(waves) == [["left", "right"]]
    assert ending.failed is not None
    assert ending.failed.name == "right"
    assert ending.error_type is ErrorType.VALIDATION
    assert ending.error is not None
    assert ending.error.startswith("Step 0 (right): ")
    assert "left" in ending.error


def test_a_failed_step_ends_the_chain_and_names_itself():
    """The error of a chain says which step failed, in the step's own words."""
    failure = Result(
        status=Status.ERROR, error="Invalid API key for provider 'anthropic'", error_type=ErrorType.AUTHENTICATION
    )

    waves, ending = run(
        ChainDocument(steps=(step("first", 0), step("classify", 2), step("last", 3))),
        {},
        {
            "first": "a",
            "classify": failure,
        },
    )

    assert names(waves) == [["first"], ["classify"]]
    assert ending.error == "Step 2 (classify): Invalid API key for provider 'anthropic'"
    assert ending.error_type is ErrorType.AUTHENTICATION


def test_a_step_may_fail_and_the_chain_go_on():
    """``onError: continue`` leaves null under the key."""
    failure = Result(status=Status.ERROR, error="no", error_type=ErrorType.PROVIDER)
    document = ChainDocument(
        steps=(step("try", 0, on_error=OnError.CONTINUE), step("then", 1, input_mapping={"x": "{{try}}"}))
    )

    waves, ending = run(document, {}, {"try": failure, "then": "fine"})

    assert waves[1].ready[0].input == {"x": None}
    assert ending == Ending(output="fine")


def test_when_decides_on_its_own():
    """A step whose ``when`` does not hold is skipped, and says so."""
    document = ChainDocument(steps=(step("a", 0), step("b", 1, when="{{a}} > 3")))

    waves, ending = run(document, {}, {"a": 2})

    assert names(waves) == [["a"], []]
    assert waves[1].skipped[0].reason == "its condition does not hold: {{a}} > 3"
    assert ending == Ending(output=2)


@pytest.mark.parametrize(
    ("config", "merged"),
    [
        ({"from": ["a", "b", "never"]}, {"a": "x", "b": None}),
        ({"strategy": "list", "from": ["{{a}}", "b"]}, ["x", None]),
        ({"strategy": "text", "from": ["a", "b", "c"], "separator": " + "}, 'x + {"n":1}'),
        ({"strategy": "first", "from": ["b", "c"]}, {"n": 1}),
    ],
)
def test_merging(config, merged):
    """Each strategy, with a value that is null and one that no branch wrote."""
    document = ChainDocument(
        steps=(step("a", 0), step("b", 0), step("c", 0), step("m", 1, StepType.MERGE, config=config))
    )

    _, ending = run(document, {}, {"a": "x", "b": None, "c": {"n": 1}})

    assert ending == Ending(output=merged)


def test_the_output_may_be_put_together():
    """A document's ``output`` is a mapping over what is there at the end; what is missing fails the chain."""
    steps = (step("a", 0), step("b", 1))

    _, ending = run(ChainDocument(steps=steps, output={"both": ["{{a}}", "{{b}}"]}), {}, {"a": 1, "b": 2})
    _, failed = run(ChainDocument(steps=steps, output={"x": "{{nowhere}}"}), {}, {"a": 1, "b": 2})

    assert ending == Ending(output={"both": [1, 2]})
    assert failed.error_type is ErrorType.VALIDATION
    assert failed.error is not None
    assert "nowhere" in failed.error


def test_what_cannot_be_compiled_names_its_step():
    """A bad expression is found before anything runs."""
    bad = step("which", 4, StepType.CONDITION, config={"condition": "1 ==", "trueTag": "t"})

    with pytest.raises(InvalidInput, match=r"Step 4 \(which\): "):
        Plan(ChainDocument(steps=(bad,)))


def test_secrets_are_marks_and_only_in_api_calls():
    """The text of a header gets the mark; the same reference in a prompt's mapping leads nowhere."""
    call = step(
        "call", 0, StepType.API_CALL, config={"url": "https://example.com", "headers": {"x": "Bearer {{secret.KEY}}"}}
    )
    plan = Plan(ChainDocument(steps=(call, step("tell", 1, input_mapping={"x": "{{secret.KEY}}"}))))
    running = plan.run({}, {"KEY": "<mark>"})

    first = next(running)
    second = running.send([Result(output=None)])

    assert plan.secrets == {"KEY"}
    assert first.ready[0].input == {"url": "https://example.com", "headers": {"x": "Bearer <mark>"}}
    assert second.ready[0].problem is not None


@st.composite
def documents(draw):
    """Steps in waves, each reading some that came before."""
    orders = sorted(draw(st.lists(st.integers(0, 5), min_size=1, max_size=12)))
    made: list[Step] = []
    for n, order in enumerate(orders):
        before = [each.name for each in made if each.order < order]
        read = draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
        mapping = {f"v{i}": f"{{{{{name}}}}}" for i, name in enumerate(read)}
        made.append(step(f"s{n}", order, input_mapping=mapping, on_error=draw(st.sampled_from(OnError))))
    return ChainDocument(steps=tuple(made))


RESULTS = st.one_of(
    st.integers().map(lambda n: Result(output=n)),
    st.just(Result(status=Status.ERROR, error="no", error_type=ErrorType.PROVIDER)),
)


@given(documents(), st.data())
def test_the_same_results_lead_to_the_same_end(document, data):
    """Whatever is kept of a run, going through the plan again with it asks for the same next steps."""
    replies = {each.name: data.draw(RESULTS) for each in document.steps}

    waves, ending = run(document, {}, replies)
    again, same = run(document, {}, replies)

    assert names(again) == names(waves)
    assert same == ending
    order = [ready.step.order for wave in waves for ready in wave.ready]
    assert order == sorted(order)
    failed = [each for each in document.steps if replies[each.name].status is Status.ERROR]
    fatal = [each.order for each in failed if each.on_error is OnError.FAIL]
    assert (ending.failed is not None) == bool(fatal)
    if fatal:
        assert order[-1] == min(fatal)
