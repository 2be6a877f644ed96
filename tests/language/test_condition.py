"""Conditions: what they mean, what binds tighter, what is refused and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.language.condition import MAX_CONDITION, MAX_NESTED, compile_condition
from promptforge.language.expression import (
    FUNCTIONS,
    MAX_STEPS,
    Called,
    Compared,
    Constant,
    Evaluation,
    Joined,
    Listed,
    Negated,
    Read,
    written,
)
from promptforge.language.reference import Reference

CONTEXT = {
    "sentiment": {"sentiment": "Negative", "confidence": 0.9, "keyPhrases": ["late", "rude"]},
    "items": [{"price": 5}],
    "rating": "5",
    "rough": " 4.50\n",
    "word": "five",
    "said": "true",
    "yes": True,
    "no": False,
    "none": None,
    "in": 1,
    "length": 7,
}


def holds(text, context=None):
    return compile_condition(text).holds(CONTEXT if context is None else context)


@pytest.mark.parametrize(
    "text",
    [
        "{{sentiment.sentiment}} == 'Negative'",
        'sentiment.sentiment == "Negative"',
        "{{sentiment.confidence}} >= 0.8 && {{items[0].price}} <= 5",
        "{{ items[0].price }} == 5.0 && items[0].price < 5e1 && -1 < 0",
        "sentiment['confidence'] == 0.9",
        "yes",
        "!no",
        "!!yes",
        "yes == true && no == false && none == null",
        "nothing == null && nothing.at.all == null && sentiment[4] == null",
        "!nothing",
        "nothing != 0 && nothing != '' && nothing != false && nothing != [] && null != 'null'",
        "sentiment.keyPhrases == ['late', 'rude']",
        "'late' in sentiment.keyPhrases && 'confidence' in sentiment && 'gat' in sentiment.sentiment",
        "items[0].price in [1, 5] && !('x' in nothing) && !(null in 'text')",
        "contains(sentiment.keyPhrases, 'rude') && contains('abc', 'b') && !contains(nothing, 1)",
        "length(sentiment.keyPhrases) == 2 && length('four') == 4 && length(sentiment) == 3 && length(nothing) == 0",
        "matches(sentiment.sentiment, '^Neg') && matches('a1', '\\d') && !matches(nothing, '.')",
        "lower(sentiment.sentiment) == 'negative' && trim(rough) == '4.50' && lower(nothing) == null",
        "number(rating) == 5 && number(word) == null && number(5) == 5 && number(rough) == 4.5",
        "in == 1 && 1 in [in] && length == 7 && length (word) == 4",
        r"'it\'s' == " + '"it\'s"' + r" && '\\' == " + '"\\\\"',
        "(\n  yes\n  &&\n  (yes)\n)",
        "'a' < 'b' && '10' < '9' && 'B' < 'a'",
        "[] == [] && [[1]] == [[1.0]]",
    ],
)
def test_what_is_true(text):
    """Every operator, operand and function, in a condition that holds."""
    assert holds(text) is True
    assert holds(str(compile_condition(text))) is True


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("rating == 5", True),
        ("5 == rating", True),
        ("rating > 4", True),
        ("rough < 5", True),
        ("rough == 4.5", True),
        ("rating == '5'", True),
        ("rating == '5.0'", False),
        ("rating in [1, 5]", True),
        ("word == 5", False),
        ("word != 5", True),
        ("said", True),
        ("said == true", True),
        ("said == 'true'", True),
        ("'True' == true", False),
        ("'1' == true", False),
        ("1 == true", False),
        ("0 == false", False),
        ("'' == null", False),
        ("'' == 0", False),
        ("9007199254740993 == 9007199254740992.0", False),
        ("[1] == ['1']", True),
        ("nothing < 1", False),
        ("nothing >= 1", False),
        ("1 > nothing", False),
        ("nothing <= null", False),
    ],
)
def test_text_counts_as_what_it_reads_as_and_null_as_nothing(text, value):
    """The one coercion: a text against a number or a boolean. Null is equal to null and not in any order."""
    assert holds(text) is value


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("word > 5", "column 6", "'>' compares two numbers or two texts, not a string and a number"),
        ("yes && sentiment < 1", "column 18", "not an object and a number"),
        ("true < 2", "column 6", "not a boolean and a number"),
        ("sentiment.sentiment", "column 1", "true or false is needed here, not a string: compare it"),
        ("yes && 1", "column 8", "true or false is needed here, not a number"),
        ("!items", "column 2", "not an array"),
        ("1 in 5", "column 3", "not for a number in a number"),
        ("5 in '5'", "column 3", "not for a number in a string"),
        ("yes ||\nlower(5) == ''", None, None),
        ("no ||\nlower(5) == ''", "line 2, column 1", "lower(…) takes a text, not a number"),
        ("length(yes) == 1", "column 1", "length(…) takes a text, an array or an object, not a boolean"),
    ],
)
def test_values_without_a_meaning_are_refused_where_they_stand(text, place, says):
    """Nothing is guessed: the error has the column, what the operator takes, and the types that came."""
    if place is None:
        assert holds(text)
        return
    with pytest.raises(InvalidInput) as raised:
        holds(text)
    assert str(raised.value).startswith(f"Condition, {place}: ")
    assert says in str(raised.value)
    assert raised.value.path == "$.config.condition"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", "column 1", "expected a value, found the end"),
        ("a ==", "column 5", "expected a value, found the end"),
        ("a == == b", "column 6", "expected a value, found '='"),
        ("a = 5", "column 3", "equality is written '=='"),
        ("a === 5", "column 5", "equality is written '=='"),
        ("a and b", "column 3", "write '&&'"),
        ("a || b or c", "column 8", "write '||'"),
        ("not a", "column 5", "write '!'"),
        ("(a == 1", "column 8", "expected ')', found the end"),
        ("a == 1)", "column 7", "found ')'"),
        ("a == 'x", "column 6", "never closed"),
        ("a == “x”", "column 6", "straight quotes"),
        ("{a} == 1", "column 1", "{{name}}"),
        ("{{a b}} == 1", "column 1", "is not a reference"),
        ("a + 1 == 2", "column 3", "no arithmetic"),
        ("1 < 2 < 3", "column 7", "expected '&&' or '||' or the end"),
        ("a in (1, 2)", "column 8", "found ','"),
        ("[1,]", "column 4", "expected a value, found ']'"),
        ("007 == 7", "column 1", "found '007'"),
        ("1e999 > 1", "column 1", "too large"),
        ("size(a) > 1", "column 1", "there is no function 'size', only length, contains"),
        ("a\n&& contains(a)", "line 2, column 4", "write contains(value, part)"),
        ("matches(a, b)", "column 12", "a text in quotes"),
        ("matches(a, '(')", "column 12", "no regular expression"),
        (r"matches(a, '(a)\1')", "column 12", "no back references"),
        ("__import__('os')", "column 1", "there is no function"),
        ("a.b()", "column 4", "found '('"),
        ("a; b", "column 2", "found ';'"),
    ],
)
def test_what_is_malformed_is_refused_at_its_column(text, place, says):
    """The column from 1, what was expected, and for common slips what to write."""
    with pytest.raises(InvalidInput) as raised:
        compile_condition(text)
    assert str(raised.value).startswith(f"Condition, {place}: ")
    assert says in str(raised.value)


def test_what_it_reads_comes_in_order_and_once():
    """References in braces and bare, also those that are never looked at."""
    condition = compile_condition("{{b.x}} == 1 || contains([a, 'x'], {{b.x}}) && !c[0]")
    assert [str(reference) for reference in condition.references] == ["b.x", "a", "c[0]"]


# ── trees ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PLACES = st.builds(
    lambda root, steps: Read(Reference((root, *steps)), 0),
    st.sampled_from(["a", "in", "null", "length", "x-y", "ünder_"]),
    st.lists(st.sampled_from(["b", 0, 12, "any key", "it's", 'say "no"']), max_size=3),
)
CONSTANTS = st.builds(
    Constant,
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    st.just(0),
)  # fmt: skip


def _calls(inner):
    plain = [name for name in FUNCTIONS if name != "matches"]
    return st.sampled_from(plain).flatmap(
        lambda name: st.builds(Called, st.just(name), st.tuples(*[inner] * len(FUNCTIONS[name].takes)), st.just(0))
    ) | st.builds(
        lambda text, pattern: Called("matches", (text, Constant(pattern, 0)), 0),
        inner,
        st.sampled_from(["a+", r"\d", r"\\", "'\""]),
    )


TREES = st.recursive(
    PLACES | CONSTANTS,
    lambda inner: (
        st.builds(Listed, st.lists(inner, max_size=3).map(tuple), st.just(0))
        | st.builds(
            Compared, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in"]), st.tuples(inner, inner), st.just(0)
        )
        | _calls(inner)
        | st.builds(Negated, st.tuples(inner), st.just(0))
        | st.builds(
            Joined, st.sampled_from(["&&", "||"]), st.lists(inner, min_size=2, max_size=3).map(tuple), st.just(0)
        )
    ),
    max_leaves=10,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "1", "true", " 2 "]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)


@given(TREES)
def test_a_tree_is_read_as_it_is_written(tree):
    """Printing and parsing come back to the same tree: precedence, quotes and parentheses are right."""
    text = written(tree)
    if len(text) <= MAX_CONDITION:
        assert compile_condition(text).root == tree


@given(TREES, st.dictionaries(st.sampled_from(["a", "in", "length"]), VALUES))
def test_every_tree_is_true_false_or_refused(tree, context):
    """No context makes an evaluation fail in another way."""
    try:
        assert compile_condition(written(tree)).holds(context) in {True, False}
    except InvalidInput as error:
        assert error.path == "$.config.condition"


@given(
    st.text(alphabet="ab1.'\"\\[](){}=!<>&| \n,-ein")
    | st.text()
    | st.lists(
        st.sampled_from(["a", "{{a}}", "1", "'x'", "null", "in", "==", "<", "&&", "||", "!", "(", ")", "[", "]", ","])
    ).map(" ".join)
)
def test_every_text_is_a_condition_or_refused(text):
    """No text makes the parser fail in another way, and every error has its column."""
    try:
        condition = compile_condition(text)
    except InvalidInput as error:
        assert str(error).startswith("Condition, ")
        return
    assert compile_condition(str(condition)).root == condition.root


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_and_binds_tighter_than_or_and_not_tighter_than_both(values):
    """The precedence that every language of this look has."""
    a, b, c = values
    context = {"a": a, "b": b, "c": c}
    assert holds("a || b && c", context) == (a or (b and c))
    assert holds("a && b || c", context) == ((a and b) or c)
    assert holds("!a && b", context) == ((not a) and b)
    assert holds("!(a && b) || c", context) == (not (a and b) or c)
    assert holds("a == b && c", context) == ((a == b) and c)


@given(VALUES, VALUES)
def test_comparisons_agree_with_each_other(left, right):
    """``!=`` is not ``==``; equality has no sides; ``<`` read from the other side is ``>``."""
    context = {"a": left, "b": right}
    assert holds("a == b", context) == holds("b == a", context) == (not holds("a != b", context))
    assert holds("a == a", context)
    try:
        less = holds("a < b", context)
    except InvalidInput:
        return
    assert less == holds("b > a", context)
    if left is not None and right is not None:
        assert less == (not holds("a >= b", context))


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_right_side_is_looked_at_only_when_it_matters():
    """Short circuit: what would be refused is never reached, and costs no step."""
    assert holds("no && 1 < 'x' || yes || 1 < 'x'") is True
    wide = Evaluation({"yes": True, "wide": list(range(10_000))})
    assert wide.truth(compile_condition("yes || 5 in wide && wide == wide").root) is True
    assert wide.steps < 10


@pytest.mark.parametrize(
    "text",
    [
        "!" * (MAX_NESTED + 1) + "a",
        "[" * (MAX_NESTED + 1) + "]" * (MAX_NESTED + 1) + " == a",
        "lower(" * (MAX_NESTED + 1) + "a" + ")" * (MAX_NESTED + 1) + " == 'a'",
        "!" * (MAX_CONDITION - 1) + "a",
    ],
)
def test_nesting_is_bounded(text):
    """Deep trees are refused, at the place where they get too deep."""
    with pytest.raises(InvalidInput, match=f"nested deeper than {MAX_NESTED} levels"):
        compile_condition(text)


def test_what_is_only_long_is_not_deep():
    """Many parts side by side, or many parentheses, are no nesting."""
    assert holds(" && ".join(["yes"] * 500))
    assert holds("(" * 1500 + "yes" + ")" * 1500)


def test_the_length_is_bounded():
    """One character more than allowed is refused before it is parsed."""
    assert compile_condition("yes" + " " * (MAX_CONDITION - 3))
    with pytest.raises(InvalidInput, match=str(MAX_CONDITION)):
        compile_condition("yes" + " " * (MAX_CONDITION - 2))


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("[" + ", ".join(["a == b"] * 100) + "] == []", {"a": [0] * 50_000, "b": [0] * 50_000}),
        (" || ".join(["5 in a"] * 100), {"a": [0] * 50_000}),
        (" || ".join(["contains(a, 'b')"] * 100), {"a": "a" * 8_000_000}),
        (" || ".join(["lower(a) == 'b'"] * 100), {"a": "a" * 8_000_000}),
        (" || ".join(["matches(a, 'b')"] * 100), {"a": "a" * 8_000_000}),
    ],
    ids=["equality", "membership", "text", "lower", "matches"],
)
def test_work_is_bounded_by_steps(text, context):
    """Large values compared again and again end in an error, after a counted amount of work."""
    run = Evaluation(context)
    with pytest.raises(InvalidInput, match=f"more than {MAX_STEPS} steps"):
        run.truth(compile_condition(text).root)
    assert run.steps <= MAX_STEPS + 8_001


def test_endless_values_are_refused():
    """Even a context that holds itself ends."""
    endless = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="nested deeper"):
        holds("a == b", {"a": endless, "b": [endless]})
