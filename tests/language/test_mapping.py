"""Mappings: a reference keeps its type or becomes text, and what leads nowhere is named with its entry."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.language.mapping import MAX_MAPPING, compile_form, compile_mapping
from promptforge.language.size import MAX_TEXT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
CONTEXT = {
    "sentiment": {"sentiment": "Negative", "confidence": 0.9, "keyPhrases": ["late", "rude"]},
    "items": [{"price": 5}],
    "name": "Ada",
    "none": None,
}


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("{{name}}", "Ada"),
        ("{{ sentiment.confidence }}", 0.9),
        ("{{sentiment.keyPhrases}}", ["late", "rude"]),
        ("{{none}}", None),
        ("{{items[0].price}}", 5),
        ("{{name}} says {{sentiment.keyPhrases}}", 'Ada says ["late","rude"]'),
        (" {{items[0].price}}", " 5"),
        (r"\{{name}}", "{{name}}"),
        ("plain", "plain"),
        (5, 5),
        (None, None),
        ({"deep": [{"er": "{{name}}!"}, "{{none}}"]}, {"deep": [{"er": "Ada!"}, None]}),
        ({"{{name}}": True}, {"{{name}}": True}),
    ],
)
def test_each_form_of_an_entry(given, becomes):
    """One whole reference keeps its type, within text it is written out, and all else stays, names included."""
    assert compile_mapping({"entry": given}).apply(CONTEXT) == {"entry": becomes}


def test_names_and_references_come_in_order_and_once():
    """What a mapping gives and what it reads can be known before it runs."""
    mapping = compile_mapping({"b": "{{x.y}} {{z}}", "a": ["{{z}}", {"c": "{{w[0]}}"}], "static": 1})
    assert mapping.names == ("b", "a", "static")
    assert [str(reference) for reference in mapping.references] == ["x.y", "z", "w[0]"]


def test_what_leads_nowhere_is_named_with_its_entry():
    """The error has the entry's JSON path, the reference and the part that is not there."""
    mapping = compile_mapping({"ok": "{{name}}", "list": ["{{name}}", {"x": "{{sentiment.mood.kind}}"}]})
    with pytest.raises(InvalidInput) as raised:
        mapping.apply(CONTEXT)
    assert raised.value.path == "$.inputMapping.list[1].x"
    assert str(raised.value) == "inputMapping.list[1].x: nothing at 'sentiment.mood.kind': 'sentiment' has no 'mood'"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("{{name}}", "$.inputMapping"),
        (None, "$.inputMapping"),
        ({"a": {"b": "{{"}}, "$.inputMapping.a.b"),
        ({"a": ["{{x y}}"]}, "$.inputMapping.a[0]"),
        ({"a": float("nan")}, "$.inputMapping"),
        ({"a": "x" * MAX_MAPPING}, "$.inputMapping"),
        ({"a": ["{{x}} "] * 501}, "$.inputMapping"),
    ],
)
def test_what_could_never_be_applied_is_refused(given, path):
    """Compiling finds what is malformed or too large, and where."""
    with pytest.raises(InvalidInput) as raised:
        compile_mapping(given)
    assert raised.value.path == path


@pytest.mark.parametrize("entry", ["{{long}}", "{{long}}!"])
def test_the_result_is_bounded(entry):
    """A long value in many places is refused, as itself and within text."""
    mapping = compile_mapping({str(n): entry for n in range(100)})
    with pytest.raises(InvalidInput, match="characters"):
        mapping.apply({"long": "x" * (MAX_TEXT // 50)})


def test_a_wide_value_in_many_places_is_refused():
    """Parts that are shared count in each place, so that nothing grows when it is written out."""
    mapping = compile_mapping({str(n): "{{wide}}" for n in range(100)})
    with pytest.raises(InvalidInput, match="values"):
        mapping.apply({"wide": [0] * 2000})


def test_deep_json_is_refused():
    """Nesting is bounded before anything recurses."""
    deep = "{{name}}"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidInput, match="deeper"):
        compile_mapping({"deep": deep})


@given(JSON)
def test_static_values_pass(value):
    """JSON without braces is its own result."""
    if "{{" not in json.dumps(value):
        assert compile_form(value, "$.value").apply({}) == value


@given(JSON)
def test_one_whole_reference_is_the_value(value):
    """Whatever the value, alone it is itself, and within text strings are as they are and the rest is JSON."""
    assert compile_form("{{x}}", "$.value").apply({"x": value}) == value
    text = compile_form("<{{x}}>", "$.value").apply({"x": value})[1:-1]
    assert text == value if isinstance(value, str) else json.loads(text) == value


@given(JSON | st.text(alphabet="{}\\ a.[0]").map(lambda text: {"a": [text]}))
def test_every_value_is_a_mapping_or_refused(value):
    """No JSON makes compiling or applying fail in another way."""
    try:
        compile_mapping(value).apply({"a": [0]})
    except InvalidInput as error:
        assert error.path
