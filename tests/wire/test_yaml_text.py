"""YAML as chains are written in it: plain values, lines in every error, and nothing clever."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.json import storable
from promptforge.wire import yaml_text


def storable_text(text: str) -> bool:
    """Whether a store can keep it."""
    try:
        storable(text, "$")
    except InvalidInput:
        return False
    return True


ODD = [
    *("yes", "null", "~", "true", "0123", "1_000", "1e5", "-1", "a: b", "# x", " x", "x ", "{{x}}", "- a", "&a", "*a"),
    *("!a", "%a", "---", "...", "<<", "'", '"', "é☃𝄞", "a # b", "[a", "a]"),
]
BROKEN = ["a\nb", "a\n\n", "\n", "\t", "a\r\nb", "a\u2028b", "a\x85b", "  a\n b", "a\n b", "\ufeff", "\x7f"]
TEXTS = st.text(max_size=12).filter(storable_text) | st.sampled_from([*ODD, *BROKEN])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def exactly(value):
    """The value with its types beside it: 1, 1.0 and true are three."""
    if isinstance(value, dict):
        return {name: exactly(part) for name, part in value.items()}
    return [exactly(part) for part in value] if isinstance(value, list) else (type(value), value)


@given(VALUES)
@settings(max_examples=500, deadline=None)
def test_what_is_written_reads_back_the_same(value):
    """Any JSON value, types and order of names included."""
    text = yaml_text.write(value)
    found = yaml_text.read(text).value

    assert exactly(found) == exactly(value)
    if isinstance(value, dict):
        assert list(found) == list(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("~", None),
        ("null", None),
        ("[true, False, TRUE]", [True, False, True]),
        ("[yes, no, on, off, y]", ["yes", "no", "on", "off", "y"]),
        ("[0, -5, 1.5, 1e3, -0.0]", [0, -5, 1.5, 1000.0, -0.0]),
        (
            "[0123, +5, 0x1F, 0o17, 1_000, .5, 5., .inf, .nan]",
            ["0123", "+5", "0x1F", "0o17", "1_000", ".5", "5.", ".inf", ".nan"],
        ),
        ("2024-01-31", "2024-01-31"),
        ("12:30:45", "12:30:45"),
        ("'5'", "5"),
        ('"a\\u00e9\\n"', "aé\n"),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ("1: a\ntrue: b\n'': c", {"1": "a", "true": "b", "": "c"}),
        ("'<<': 1", {"<<": 1}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("a:\nb:", {"a": None, "b": None}),
    ],
)
def test_scalars_mean_what_json_means(text, value):
    """Only null, true, false and numbers as JSON writes them are not text; keys always are."""
    assert exactly(yaml_text.read(text).value) == exactly(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: &x 2", "line 2, column 4: anchors and aliases"),
        ("a: &x 1\nb: *x", "line 1, column 4: anchors and aliases"),
        ("a: 1\n&k b: 2", "line 2, column 1: anchors and aliases"),
        ("a: !!python/object:os.system x", "line 1, column 4: tags ('tag:yaml.org,2002:python/object"),
        ("a: !!str 5", "line 1, column 4: tags"),
        ("<<: {a: 1}", "line 1, column 1: merge keys"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is here twice"),
        ("x:\n  'a': 1\n  a: 3", "line 3, column 3: the key 'a' is here twice"),
        ("? [a]\n: 1", "line 1, column 3: a key must be a text"),
        (
            "a: {{x}} == 'y'",
            "line 1, column 5: a key must be a text; and a value that begins with '{' stands in quotes",
        ),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document begins here"),
        ("a: [1, 2", "column 1: this is not YAML: did not find expected"),
        ("a: 'x", "this is not YAML"),
        ("a: 1\n\tb: 2", "line 2, column"),
        ("a: 1e999", "line 1, column 4: the number 1e999 is too large"),
        ("a: 1\x00", "the NUL character"),
        ("a: \x07", "not allowed"),
        ("a: \ud800", "broken characters"),
        ("[" * 65 + "]" * 65, "nested deeper than 64 levels"),
        ("[" * 5_000, "column 1001: this is not YAML: exceeded maximum nesting depth"),
        ("- " * 5_000, "nested deeper than 64 levels"),
        ("x" * 500_001, "more than 500000 characters"),
        ("[" + "1," * 100_001 + "1]", "more than 100000 values"),
    ],
    ids=range(23),
)
def test_what_is_clever_broken_or_too_much_is_refused(text, says):
    """With the line and column of the place, and no object is ever made of a tag."""
    with pytest.raises(InvalidInput) as error:
        yaml_text.read(text)
    assert says in str(error.value)


def test_every_value_knows_its_line():
    """By its JSON path; what is not there is looked for where it would stand."""
    found = yaml_text.read("name: x\nsteps:\n  - order: 0\n    config:\n      url: y\n  - order: 1\n")

    lines = {"$": 1, "$.name": 1, "$.steps": 2, "$.steps[0]": 3, "$.steps[0].config.url": 5, "$.steps[1].order": 6}
    assert {path: found.line(path) for path in lines} == lines
    assert found.line("$.steps[1].prompt") == 6
    assert found.line("$.steps[9].prompt") == 2
    assert found.line("nowhere") is None
    located = found.located(InvalidInput("wrong", path="$.steps[0].config"))
    assert (str(located), located.path) == ("line 4: wrong", "$.steps[0].config")


def test_only_json_is_written():
    """What JSON does not have is refused before anything is written."""
    for value in ({1: 2}, object(), {"a": (1, object())}):
        with pytest.raises(InvalidInput):
            yaml_text.write(value)
    assert math.isclose(yaml_text.read(yaml_text.write({"a": 0.1})).value["a"], 0.1)
