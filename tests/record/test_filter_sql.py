"""The two compilers of the filter agree: SQL on stored rows, Python on the same executions."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kit.chains import opened, step
from kit.executions import NOON, done
from kit.record import history
from promptforge.core.chain import ChainRef
from promptforge.core.chain_execution import ChainContent
from promptforge.core.execution import Content, CostState, ErrorType, PromptRef, Source, Status, StepRef
from promptforge.core.filter import FIELDS, All, Any, Kind, Not, Operator, Test, matches
from promptforge.core.query import Breakdown, Page
from promptforge.core.redaction import Redactor
from promptforge.core.stats import Figures
from promptforge.record.intake import chain_taken_in, taken_in

__all__ = ["history"]

WORKSPACE = "filters"
NAMES = (
    "a",
    "A",
    "ab",
    "it's",
    "100%",
    "x_y",
    "xzy",
    "back\\slash",
    "tab\tline\nend",
    "ünï",
    "{curly}",
    "a*b",
    "[ab]?",
    "\0",
)
WORDS = (
    "alpha",
    "Beta",
    "ÜBER",
    "über",
    "x1",
    "don't",
    "snake_case",
    "naïve",
    "日本",
    "null",
    "true",
    "n",
    "1e+20",
    "-5",
)
NUMBERS = (0, 1, 2, 3, 255, 2**31, 2**53 + 1)
AMOUNTS = (0, 1, -1, 10**6, 10**12, 10**18)
TIMES = tuple(NOON - timedelta(milliseconds=ms) for ms in (0, 1, 1000, 86_400_000 * 3, 86_400_000 * 90))


def made(count: int):
    """Executions from few values, so that comparisons often hold."""
    draw = random.Random(11)

    def maybe(values):
        return draw.choice([None, *values])

    def text():
        return draw.choice([" ", "\n", ",", "-", "\\n", '"']).join(draw.choices(WORDS, k=draw.randint(0, 3)))

    def given():
        kind = draw.randrange(5)
        return (None, text(), {text(): text(), "k": [1e20, True, None, 5]}, [text(), {"x": text()}], 12345)[kind]

    for _ in range(count):
        content = maybe([Content(input=given(), output=maybe([text(), ""]), error=maybe([text()]))])
        yield done(
            WORKSPACE,
            draw.choice(TIMES),
            status=draw.choice([Status.SUCCESS, Status.ERROR]),
            source=draw.choice(list(Source)),
            model=draw.choice([*NAMES, ""]),
            provider=draw.choice(NAMES),
            prompt=maybe(
                [
                    PromptRef(
                        prompt_id=draw.choice(NAMES),
                        prompt_name=draw.choice(NAMES),
                        version_id=draw.choice(NAMES),
                        version=draw.choice(NUMBERS[1:5]),
                        label=maybe([*NAMES, ""]),
                    )
                ]
            ),
            step=maybe(
                [
                    StepRef(
                        chain_execution_id=draw.choice(NAMES),
                        chain_id=maybe([*NAMES, ""]),
                        chain_name=maybe(NAMES),
                        chain_version=maybe(NUMBERS[1:5]),
                    )
                ]
            ),
            user_id=maybe([*NAMES, ""]),
            key_id=maybe(NAMES),
            service=maybe(NAMES),
            end_user=maybe([*NAMES, ""]),
            session_id=maybe(NAMES),
            error_type=maybe(list(ErrorType)),
            latency_ms=maybe(NUMBERS),
            token_in=maybe(NUMBERS),
            token_out=maybe(NUMBERS),
            cost=maybe(AMOUNTS),
            cost_state=draw.choice(list(CostState)),
            cached=draw.random() < 0.5,
            tags={draw.choice(NAMES): draw.choice([*NAMES, ""]) for _ in range(draw.randint(0, 2))},
            expires_on=maybe([NOON.date(), NOON.date() + timedelta(1)]),
            content=content,
        )


class Runs(list):
    """Those that a test asks about; short to print, for the sake of the examples that fail."""

    def __repr__(self):
        return f"<{len(self)} runs>"


def chains():
    """A chain execution for every other of them, with what both have taken from it."""
    draw = random.Random(12)
    shared = ("status", "source", "user_id", "key_id", "service", "end_user", "session_id", "error_type", "latency_ms")
    for run in made(400):
        if draw.random() < 0.5:
            continue
        given = run.content
        content = given and ChainContent(
            input=given.input, output=draw.choice([given.output, given.input, {"out": given.input}]), error=given.error
        )
        ref = ChainRef(
            chain_id=draw.choice(NAMES),
            chain_name=draw.choice(NAMES),
            version_id=draw.choice(NAMES),
            version=draw.choice(NUMBERS[1:5]),
            label=draw.choice([None, "", *NAMES]),
        )
        states = draw.sample([CostState.PRICED, CostState.UNPRICED, CostState.UNKNOWN], draw.randint(0, 3))
        steps = [step(f"s{order}", order, cost_state=state) for order, state in enumerate(states)]
        chain = replace(opened(WORKSPACE, run.created_at), **{name: getattr(run, name) for name in shared})
        yield replace(
            chain,
            tags=run.tags,
            expires_on=run.expires_on,
            steps=tuple(steps),
            content=content,
            chain=draw.choice([None, ref, ref]),
        )


@pytest.fixture(scope="module")
def runs(history):
    """400 executions and some 200 chain executions in the history, as a reader should see them."""
    calls = [taken_in(run, Redactor()) for run in made(400)]
    kept = [*calls, *(chain_taken_in(chain, Redactor()) for chain in chains())]
    random.Random(13).shuffle(kept)
    history.insert(1, list(enumerate(kept, 1)), doubt=False)
    gone = NOON.date()
    return Runs(replace(run, content=None) if run.expires_on and run.expires_on <= gone else run for run in kept)


names = st.sampled_from(
    [*NAMES, "", "nothing", "pending", *list(Status), *list(Source), *list(ErrorType), *list(CostState)]
)
globs = st.lists(st.sampled_from(["*", "a", "A", "%", "_", "\\", "[", "?", "é", "\n", "success"]), max_size=4).map(
    "".join
)
numbers = st.sampled_from([n + d for n in NUMBERS for d in (-1, 0, 1)] + [2**80, -(2**80)])
amounts = st.sampled_from([n + d for n in AMOUNTS for d in (-1, 0, 1)] + [10**45, -(10**45)])
times = st.builds(
    lambda at, us: at + timedelta(microseconds=us), st.sampled_from(TIMES), st.sampled_from([-1, 0, 1, 999, 1000])
) | st.sampled_from([datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)])
searches = st.lists(st.sampled_from([*WORDS, "ALPHA", "?", "e", "u00e9", "k"]), max_size=3).map(" ".join)
ONE = {Operator.AT_LEAST, Operator.AT_MOST, Operator.BELOW}


@st.composite
def comparisons(draw):
    """Any single comparison that is allowed."""
    field = FIELDS[draw(st.sampled_from(sorted(FIELDS)))]
    key = draw(names) if field.kind is Kind.TAG else None
    operators = {
        Kind.NAME: [Operator.IN, Operator.LIKE, Operator.EXISTS],
        Kind.NUMBER: [Operator.IN, *ONE, Operator.EXISTS],
        Kind.MONEY: [*ONE, Operator.EXISTS],
        Kind.TIME: [*ONE],
        Kind.TAG: [Operator.IN, Operator.EXISTS],
        Kind.TEXT: [Operator.WORDS],
        Kind.FLAG: [Operator.EXISTS],
    }[field.kind]
    operator = draw(st.sampled_from(operators))
    values = {Kind.NUMBER: numbers, Kind.MONEY: amounts, Kind.TIME: times, Kind.TEXT: searches}.get(field.kind, names)
    if operator is Operator.EXISTS:
        return Test(field.name, operator, (), key)
    if operator is Operator.IN:
        return Test(field.name, operator, tuple(draw(st.lists(values, max_size=4))), key)
    return Test(field.name, operator, (draw(globs if operator is Operator.LIKE else values),), key)


trees = st.recursive(
    comparisons(),
    lambda inner: (
        st.builds(All, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Any, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)


@given(tree=trees)
@example(tree=Not(Test("tokens", Operator.AT_LEAST, (1,))))
@example(tree=All((Test("text", Operator.WORDS, ("?",)),)))
@example(tree=Not(Test("text", Operator.WORDS, ("alpha",))))
@example(tree=Any((Test("text", Operator.WORDS, ("ÜBER x1",)), Test("version", Operator.IN, ()))))
def test_both_compilers_choose_the_same(history, runs, tree):
    """Both lists and the figures by SQL hold exactly what ``matches`` holds for, whatever is asked."""
    expected = {run.id for run in runs if matches(tree, run)}
    query = Page(workspace=WORKSPACE, filter=tree, limit=500, content=False)
    calls, chains = history.page(query), history.chain_page(query)
    assert {run.id for run in (*calls, *chains)} == expected
    groups = history.figures(Breakdown(workspace=WORKSPACE, filter=tree))
    figures = groups[0].figures if groups else Figures()
    assert figures.calls == len(calls)
    assert figures.runs == len(chains) + sum(run.step is None for run in calls)
