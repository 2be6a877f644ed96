"""Transforms: what each form makes, what it reads, and that it ends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.language.jmespath import MAX_EXPRESSION, MAX_STEPS, Interpreter, compile_expression
from promptforge.language.transform import compile_transform

CONTEXT = {"name": "Ada", "items": [{"price": 5, "tag": "b"}, {"price": 2, "tag": "a"}], "none": None, "word": "x"}


def made(config, context=None):
    return compile_transform(config).apply(CONTEXT if context is None else context)


@pytest.mark.parametrize(
    ("config", "result"),
    [
        ({"template": "{{items[0].price}}"}, "5"),
        ({"template": "Dear {{name}}"}, "Dear Ada"),
        ({"mapping": {"first": "{{items[0]}}", "n": ["{{name}}!"]}}, {"first": CONTEXT["items"][0], "n": ["Ada!"]}),
        ({"mapping": "{{items}}"}, CONTEXT["items"]),
        ({"expression": "items[?price > `3`].tag"}, ["b"]),
        ({"expression": "sort_by(items, &price)[*].{p: price, t: tag}"}, [{"p": 2, "t": "a"}, {"p": 5, "t": "b"}]),
        ({"expression": "sum(items[*].price)"}, 7),
        ({"expression": "join(', ', items[].tag)"}, "b, a"),
        ({"expression": "nothing.at.all"}, None),
        ({"expression": "map(&to_string(price), items)"}, ["5", "2"]),
    ],
)
def test_each_form(config, result):
    """A template makes text, a mapping keeps types, an expression selects and computes."""
    assert made(config) == result


@pytest.mark.parametrize(
    ("config", "path", "says"),
    [
        (None, "$.config", "exactly one of template, mapping, expression"),
        ({}, "$.config", "exactly one"),
        ({"template": "", "mapping": {}}, "$.config", "exactly one"),
        ({"template": 5}, "$.config.template", "must be a text"),
        ({"template": "{{"}, "$.config.template", "line 1, column 1"),
        ({"mapping": {"a": "{{x y}}"}}, "$.config.mapping.a", "line 1, column 1"),
        ({"expression": ""}, "$.config.expression", "no JMESPath"),
        ({"expression": "items[*"}, "$.config.expression", "column 8"),
        ({"expression": "a b"}, "$.config.expression", "column 3: no JMESPath at 'b'"),
        ({"expression": "a #"}, "$.config.expression", "column 3"),
        ({"expression": "exec(a)"}, "$.config.expression", "no function 'exec'"),
        ({"expression": "(" * 1900 + "a" + ")" * 1900}, "$.config.expression", "nested deeper"),
        ({"expression": "!" * 100 + "a"}, "$.config.expression", "nested deeper"),
        ({"expression": "`" + "[" * 1900 + "]" * 1900 + "`"}, "$.config.expression", "nested deeper"),
        ({"expression": "a" * (MAX_EXPRESSION + 1)}, "$.config.expression", "characters"),
    ],
)
def test_what_could_never_be_applied_is_refused(config, path, says):
    """Compiling finds what is malformed, deep or long, and where."""
    with pytest.raises(InvalidInput) as raised:
        compile_transform(config)
    assert raised.value.path == path
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("config", "path", "says"),
    [
        ({"template": "{{nobody}}"}, "$.config.template", "nothing at 'nobody'"),
        ({"mapping": [{"a": "{{nobody}}"}]}, "$.config.mapping[0].a", "nothing at 'nobody'"),
        ({"expression": "length(none)"}, "$.config.expression", "length() takes string or array or object, not null"),
        ({"expression": "abs()"}, "$.config.expression", "Expected 1 argument for function abs()"),
        ({"expression": "items[0].price > word && word < `1`"}, "$.config.expression", "do not go together"),
        ({"expression": "to_number('1e999')"}, "$.config.expression", "NaN and Infinity"),
        ({"expression": "floor(to_number('1e999'))"}, "$.config.expression", "do not go together"),
        ({"expression": "&name"}, "$.config.expression", "not a JSON value"),
        ({"expression": "items[::0]"}, "$.config.expression", "do not go together"),
    ],
)
def test_what_has_no_meaning_is_refused(config, path, says):
    """Applying names the form and what does not fit; values are not repeated."""
    with pytest.raises(InvalidInput) as raised:
        made(config)
    assert raised.value.path == path
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a.b | c", ["a"]),
        ("a[?b > c].d", ["a"]),
        ("{x: a.b, y: c[0]} | x", ["a", "c"]),
        ("sort_by(a, &b)[*].c", ["a"]),
        ("!a && b == c || length(d.e)", ["a", "b", "c", "d"]),
        ("a[1:2].b[]", ["a"]),
        ("@", []),
    ],
)
def test_what_an_expression_reads(expression, names):
    """Only what it starts from counts; what is read inside that may be missing."""
    transform = compile_transform({"expression": expression})
    assert [str(reference) for reference in transform.references] == names


@pytest.mark.parametrize(
    ("expression", "context"),
    [
        ("|".join(["[@,@]"] * 60), {}),
        ("|".join(["{a: @, b: @}"] * 60), {}),
        ("word|" + "|".join(["join('', [@, @])"] * 60), {"word": "x" * 100}),
        ("|".join(["[to_string(@), to_string(@)]"] * 60), {}),
        ("join(glue, texts)", {"glue": "x" * 1_000_000, "texts": ["y"] * 1_000}),
        (" || ".join(["a == b"] * 20), {"a": [0] * 50_000, "b": [0] * 50_000 + [1]}),
        ("a[*].[@, @, @, @]", {"a": [0] * 90_000}),
    ],
)
def test_what_multiplies_is_stopped_by_its_steps(expression, context):
    """Whatever grows is refused after a counted amount of work, before it is there."""
    tree = compile_expression(expression, "$.config.expression").tree
    interpreter = Interpreter()
    with pytest.raises(InvalidInput, match=f"more than {MAX_STEPS} steps"):
        interpreter.visit(tree, context)
    assert interpreter.steps <= MAX_STEPS


PIECES = st.sampled_from(
    ["a", "b", ".", "*", "[*]", "[]", "[0]", "[?", "]", "[", "|", "||", "&&", "!", "==", "<", "@", "&", "(", ")", ","]
) | st.sampled_from(
    ["{", "}", ":", "'x'", "`1`", "`[1]`", "length(", "sort_by(", "map(&", "join(", "merge(", "to_number(", "max("]
)


@given(st.lists(PIECES, max_size=15).map("".join) | st.text())
def test_every_text_is_an_expression_or_refused(text):
    """No text makes compiling or applying fail in another way, and what comes out is JSON."""
    try:
        result = made({"expression": text}, {"a": [{"b": 1}, {"b": "x"}], "b": {"a": [1, 2]}})
    except InvalidInput as error:
        assert error.path == "$.config.expression"
        return
    json.dumps(result, allow_nan=False)
