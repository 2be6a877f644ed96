"""Templates: what is a place, what is text, and that values stay values."""

import json
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.language.template import MAX_RENDERED, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("Hello {{name}}!", "Hello Ada!"),
        ("{{ name }}{{\n name\t}}", "AdaAda"),
        ("{{customer.name}} pays {{items[0].price}}", "Bo pays 1.5"),
        ("{{grid[1][0]}}", "3"),
        ("{{customer}}", '{"name":"Bo"}'),
        ("{{grid}}", "[[1,2],[3,4]]"),
        ("{{yes}} {{none}} {{snow}}", "true null ☃"),
        (r"\{{name}}", "{{name}}"),
        (r"\\{{name}}", r"\Ada"),
        (r"\\\{{name}}", r"\{{name}}"),
        (r"a \ b \{ c \n", r"a \ b \{ c \n"),
        ('{"a":{"b":1}}', '{"a":{"b":1}}'),
        ('{"a":{{grid}}}', '{"a":[[1,2],[3,4]]}'),
        (r"\frac{{{name}}}{2}", r"\frac{Ada}{2}"),
        ("}} { } {a}", "}} { } {a}"),
        ("", ""),
    ],
)
def test_the_grammar_as_it_is_written_down(text, rendered):
    """Each form of the grammar, and the text that looks like it and is not."""
    variables = {
        "name": "Ada",
        "customer": {"name": "Bo"},
        "items": [{"price": 1.5}],
        "grid": [[1, 2], [3, 4]],
        "yes": True,
        "none": None,
        "snow": "☃",
    }
    assert parse(text).render(variables) == rendered


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{{", "line 1, column 1"),
        ("a {{b", "line 1, column 3"),
        ("a\n b {{}}", "line 2, column 4"),
        ("{{a b}}", "line 1, column 1"),
        ("x\n\n{{a..b}}", "line 3, column 1"),
        ("{{1a}}", "line 1, column 1"),
        ("{{a[b]}}", "line 1, column 1"),
        ("{{a[-1]}}", "line 1, column 1"),
        ("{{ {{a}} }}", "line 1, column 1"),
        ("{{a}} {{{ ", "line 1, column 8"),
    ],
)
def test_malformed_braces_say_where_they_are(text, place):
    """An error has line and column, both from 1, and says how to mean the braces as text."""
    with pytest.raises(InvalidInput, match=place) as raised:
        parse(text)
    assert "backslash" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "variables", "path"),
    [
        ("{{a}}", {}, "$.variables.a"),
        ("{{a.b}}", {"a": {}}, "$.variables.a.b"),
        ("{{a.b.c}}", {"a": {"b": "text"}}, "$.variables.a.b.c"),
        ("{{a[2]}}", {"a": [1]}, "$.variables.a[2]"),
        ("{{a[0]}}", {"a": {"0": 1}}, "$.variables.a[0]"),
        ("{{a[0].b}}", {"a": [None]}, "$.variables.a[0].b"),
        ("{{a}}", {"a": float("nan")}, "$.variables.a"),
    ],
)
def test_what_is_missing_is_named_by_its_path(text, variables, path):
    """The path leads to the first step that is not there."""
    with pytest.raises(InvalidInput) as raised:
        parse(text).render(variables)
    assert raised.value.path == path


def test_what_it_asks_for_comes_in_order_and_once():
    """Names of variables for those who give them, whole paths for those who look closer."""
    template = parse("{{b.x}} {{a}} {{b.y[0]}} {{a}}")
    assert template.variables == ("b", "a")
    assert template.paths == ("b.x", "a", "b.y[0]")


def test_the_rendered_text_is_bounded():
    """A long value in many places is refused before the memory is full."""
    with pytest.raises(InvalidInput, match="characters"):
        parse("{{a}}" * 1000).render({"a": "x" * (MAX_RENDERED // 999)})


@given(st.text())
def test_text_without_double_braces_is_itself(text):
    """Nothing but ``{{`` means anything."""
    text = text.replace("{{", "")
    if "{{" not in text:
        assert parse(text).render({}) == text


@given(st.text())
def test_any_text_can_be_written(text):
    """Escaped as the grammar says, every text comes out as it is."""
    escaped = ""
    for n, part in enumerate(text.split("{{")):
        if n:
            slashes = len(escaped) - len(escaped.rstrip("\\"))
            escaped += "\\" * slashes + "\\{{"
        escaped += part
    if "{{{" not in text:
        assert parse(escaped).render({}) == text


@given(st.text(alphabet=string.printable), NAMES)
def test_inserted_values_are_never_read_again(value, name):
    """A value that looks like a template is put in as it is, whatever else is given."""
    hostile = f"{{{{secret}}}}{value}{{{{{name}}}}}"
    rendered = parse(f"[{{{{{name}}}}}]").render({"secret": "x", name: hostile})
    assert rendered == f"[{hostile}]"


@given(VALUES, st.lists(NAMES | st.integers(0, 3), max_size=5), NAMES)
def test_a_path_leads_to_its_value(value, steps, root):
    """Whatever the path, the value at its end is what is put in: strings as they are, others as JSON."""
    path, data = root, value
    for step in reversed(steps):
        data = [None] * step + [data] if isinstance(step, int) else {step: data}
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    rendered = parse(f"{{{{{path}}}}}").render({root: data})
    assert rendered == value if isinstance(value, str) else json.loads(rendered) == value


@given(st.text(alphabet="{}\\ a.[0]\n"))
def test_every_text_is_parsed_or_refused(text):
    """No input makes the parser fail in another way, and what it accepts renders when all is given."""
    try:
        template = parse(text)
    except InvalidInput:
        return
    if not template.variables:
        template.render({})


@pytest.mark.parametrize("text", ["{" * 1_000_000, "\\" * 1_000_000, "{{a}}" * 1000, "}}" * 500_000, "{ { " * 250_000])
def test_long_texts_take_linear_work(text):
    """A million characters of braces or backslashes are parsed or refused like any other text."""
    with suppress(InvalidInput):
        parse(text)
