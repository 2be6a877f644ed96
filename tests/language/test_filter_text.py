"""The filter as text: what it means, that every tree can be written, and what is refused and where."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.filter import EVERYTHING, FIELDS, OPERATORS, All, Any, Kind, Not, Operator, Test
from promptforge.language.filter_text import MAX_FILTER, MAX_NESTED, parse, written

IN, LIKE, EXISTS, WORDS = Operator.IN, Operator.LIKE, Operator.EXISTS, Operator.WORDS
AT_LEAST, AT_MOST, BELOW = Operator.AT_LEAST, Operator.AT_MOST, Operator.BELOW
CENT = 10**10


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", EVERYTHING),
        ("  ", EVERYTHING),
        ("status:error", Test("status", IN, ("error",))),
        ("status=error", Test("status", IN, ("error",))),
        ("status:error,pending", Test("status", IN, ("error", "pending"))),
        ("status: error , pending", Test("status", IN, ("error", "pending"))),
        ("status!=error", Not(Test("status", IN, ("error",)))),
        ("status!:error", Not(Test("status", IN, ("error",)))),
        ("-status:error", Not(Test("status", IN, ("error",)))),
        ("not status:error", Not(Test("status", IN, ("error",)))),
        ("model:claude*", Test("model", LIKE, ("claude*",))),
        ("model:claude*,gpt-4o", Any((Test("model", IN, ("gpt-4o",)), Test("model", LIKE, ("claude*",))))),
        (r'model:"a\*b"', Test("model", IN, ("a*b",))),
        (r"model:a\*b", Test("model", IN, ("a*b",))),
        ("endUser:*", Test("end_user", EXISTS)),
        ("cost>0.01", Test("cost", AT_LEAST, (CENT + 1,))),
        ("cost>=$0.01", Test("cost", AT_LEAST, (CENT,))),
        ("cost<0.01", Test("cost", BELOW, (CENT,))),
        ("cost:0.01", All((Test("cost", AT_LEAST, (CENT,)), Test("cost", AT_MOST, (CENT,))))),
        ("tokens>1000", Test("tokens", AT_LEAST, (1001,))),
        ("version:3,4", Test("version", IN, (3, 4))),
        ("latency>=1.5s", Test("latency_ms", AT_LEAST, (1500,))),
        ("latency<=2m", Test("latency_ms", AT_MOST, (120_000,))),
        ("created>=2026-01-31", Test("created_at", AT_LEAST, (datetime(2026, 1, 31, tzinfo=UTC),))),
        ("created<2026-01-31T12:00:00+02:00", Test("created_at", BELOW, (datetime(2026, 1, 31, 10, tzinfo=UTC),))),
        ("tag.env:prod", Test("tag", IN, ("prod",), key="env")),
        ('tag."a b":"c d",e', Test("tag", IN, ("c d", "e"), key="a b")),
        ("tag.env:*", Test("tag", EXISTS, key="env")),
        ("cached:true", Test("cached", EXISTS)),
        ("cached:false", Not(Test("cached", EXISTS))),
        ("refund", Test("text", WORDS, ("refund",))),
        ('"late refund"', Test("text", WORDS, ("late refund",))),
        ("text:refund", Test("text", WORDS, ("refund",))),
        ("or", Test("text", WORDS, ("or",))),
    ],
)
def test_a_text_means_its_tree(text, tree):
    """Each form of a test means what the documentation says."""
    assert parse(text) == tree


def test_and_binds_tighter_than_or_and_parentheses_tighter_than_both():
    """``a b or c`` is ``(a b) or c``; not binds only what follows it."""
    a, b, c = (Test("text", WORDS, (word,)) for word in "abc")
    assert parse("a b or c") == parse("(a b) OR (c)") == Any((All((a, b)), c))
    assert parse("a (b or c)") == All((a, Any((b, c))))
    assert parse("-a b") == All((Not(a), b))
    assert parse("not (a b)") == Not(All((a, b)))
    assert parse("a or b or c") == Any((a, b, c))


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("statsu:error", 1, "did you mean 'status'"),
        ("http://example.com", 1, "there is no field 'http'"),
        ("status:eror", 8, "there is no status 'eror', only pending, success, error"),
        ("status>error", 1, "is no number"),
        ("cost>abc", 6, "not an amount"),
        ("cost>1,2", 1, "takes one value"),
        ("tokens>1.5", 8, "not a whole number"),
        ("latency>soon", 9, "is not a time"),
        ("latency>0.0001s", 9, "is not a time"),
        ("latency>0.5ms", 9, "finer than a millisecond"),
        ("created:2026-01-31", 9, "a time is compared"),
        ("created>=yesterday", 10, "is not a time"),
        ("tag:env", 1, "tag.NAME:VALUE"),
        ("status.x:error", 1, "has no parts"),
        ("tag.env:p*", 9, "asks whether the tag is there"),
        ("cached:maybe", 8, "cached:true"),
        ("status:", 8, "the value of a field is missing"),
        ("a (b", 5, "never closed"),
        ("a)", 2, "never opened"),
        ('x "', 3, "the quote is never closed"),
        ("a , b", 3, "a comma stands between"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text, at, says):
    """An error names the text, the column and what to do."""
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert f"at column {at}: " in str(refused.value)
    assert says in str(refused.value)
    assert refused.value.path == "$.filter.where"


def test_long_and_deep_texts_are_refused():
    """A filter is bounded in length and depth, and the largest that is allowed is read."""
    for text in ("a" * (MAX_FILTER + 1), "(" * (MAX_NESTED + 1) + "a" + ")" * (MAX_NESTED + 1)):
        with pytest.raises(InvalidInput, match="at most"):
            parse(text)
    assert parse("(" * MAX_NESTED + "a" + ")" * MAX_NESTED) == parse("a")
    parse("-" * (MAX_FILTER - 1) + "a")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
names = st.one_of(texts, st.sampled_from(["claude-3", "or", "not", "-x", "a*b", '"', "\\", "a,b", "(", "x:y", "*"]))


CHOSEN = {"status": "error", "error_type": "timeout", "cost_state": "priced", "source": "api"}


@st.composite
def comparisons(draw):
    field = draw(st.sampled_from(sorted(FIELDS)))
    kind = FIELDS[field].kind
    operator = draw(st.sampled_from(sorted(OPERATORS[kind])))
    key = draw(texts) if kind is Kind.TAG else None
    if operator is EXISTS:
        return Test(field, operator, key=key)
    one = {
        Kind.NAME: names,
        Kind.TAG: names,
        Kind.TEXT: names,
        Kind.NUMBER: st.integers(-(10**15), 10**15) if field != "latency_ms" else st.integers(0, 10**9),
        Kind.MONEY: st.integers(-(10**15), 10**15),
        Kind.TIME: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    }[kind]
    if field in CHOSEN:
        one = st.sampled_from(
            {"status": ["error"], "error_type": ["timeout"], "cost_state": ["priced"]}.get(field, ["api"])
        )
    values = draw(st.lists(one, min_size=1, max_size=3 if operator is IN else 1))
    if operator is LIKE:
        values = [f"{draw(st.sampled_from(['claude', '', 'x y']))}*{values[0].replace('*', '')}"]
    return Test(field, operator, tuple(values), key=key)


trees = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda of: All(tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: Any(tuple(of))),
        inner.map(Not),
    ),
    max_leaves=6,
)


def plain(tree):
    """The tree without joints of one part, which the text does not keep."""
    match tree:
        case All(of) | Any(of):
            parts = tuple(plain(part) for part in of)
            return parts[0] if len(parts) == 1 else type(tree)(parts)
        case Not(of):
            return Not(plain(of))
        case _:
            return tree


def without_everything(tree):
    """An All loses the parts that hold for everything; elsewhere they are written as a search for no words."""
    match tree:
        case All(of):
            parts = tuple(part for part in (without_everything(each) for each in of) if part != EVERYTHING)
            return parts[0] if len(parts) == 1 else All(parts)
        case Any(of):
            return Any(tuple(without_everything(part) for part in of))
        case Not(of):
            return Not(without_everything(of))
        case _:
            return tree


def has_everything(tree):
    match tree:
        case All(of):
            return not of or any(map(has_everything, of))
        case Any(of):
            return any(map(has_everything, of))
        case Not(of):
            return has_everything(of)
        case _:
            return False


@given(trees)
def test_every_tree_can_be_written_and_read_again(tree):
    """Writing a tree and parsing the text gives the tree, whatever its names hold."""
    text = written(tree)
    if len(text) > MAX_FILTER or has_everything(tree):
        return
    assert plain(parse(text)) == plain(without_everything(tree)), text


@given(st.text(max_size=60) | st.lists(st.sampled_from([*'ab:"(),*-<>=\\ ', "status", " or ", " not "])).map("".join))
def test_any_text_is_read_or_refused(text):
    """Whatever is typed gives a tree or an InvalidInput, never another error."""
    try:
        tree = parse(text)
    except InvalidInput:
        return
    assert plain(parse(written(tree))) == plain(without_everything(tree))
