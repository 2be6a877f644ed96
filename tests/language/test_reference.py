"""References: what they look like, where they lead, and what is said when they lead nowhere."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.language.reference import MAX_REFERENCE, Missing, Reference, find, opening, parse

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
KEYS = st.text(max_size=8).filter(lambda key: not set(key) & set("'\\{}")) | st.just("it's")
REFERENCES = st.builds(
    lambda root, steps: Reference((root, *steps)), NAMES, st.lists(NAMES | KEYS | st.integers(0, 999_999), max_size=5)
)
CONTEXT = {"a": {"b": [{"c": 1}, None], "key with space": True, 'say "no"': 2}, "text": "x", "empty": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("text", "x"),
        ("a.b[0].c", 1),
        ("a.b[1]", None),
        ('a["key with space"]', True),
        ("a['key with space']", True),
        ("a['say \"no\"']", 2),
        ('a["b"][0]["c"]', 1),
        ("empty", None),
    ],
)
def test_a_reference_leads_to_its_value(text, value):
    """Names, indexes and quoted keys, in any order; a null that is there is found."""
    assert find(CONTEXT, parse(text)) == value


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("b.c", "b", "the context has no 'b'"),
        ("a.x.y", "a.x", "'a' has no 'x'"),
        ("a.b[2].c", "a.b[2]", "'a.b' has 2 entries, counted from 0"),
        ("text.size", "text.size", "'text' must be an object, not a string"),
        ("text[0]", "text[0]", "'text' must be an array, not a string"),
        ("empty.x", "empty.x", "'empty' must be an object, not null"),
    ],
)
def test_what_is_missing_is_named(text, at, reason):
    """The error says which part leads nowhere and what is there instead."""
    with pytest.raises(Missing) as raised:
        find(CONTEXT, parse(text))
    assert (str(raised.value.at), raised.value.reason) == (at, reason)
    assert str(raised.value) == f"nothing at '{text}': {reason}"


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "a.", ".a", "a..b", "a[", "a[]", "a[-1]", "a[1.5]", "a[b]", "1a", "a b", "['a']", "a['b]"]
)
def test_what_is_no_reference_is_refused(text):
    """Whatever is outside the grammar is named, with an example of what is inside."""
    with pytest.raises(InvalidInput, match="is not a reference: write a name such as"):
        parse(text)


@given(REFERENCES)
def test_a_reference_reads_as_it_is_written(reference):
    """Printing and parsing come back to the same reference."""
    if len(str(reference)) <= MAX_REFERENCE:
        assert parse(str(reference)) == reference


@given(st.text(alphabet="ab.[]0'\" \\{}\n"))
def test_every_text_is_a_reference_or_refused(text):
    """No text makes the parser fail in another way, and what it accepts is found or missing."""
    with suppress(InvalidInput):
        reference = parse(text)
        assert parse(str(reference)) == reference
        find(CONTEXT, reference)


def test_a_long_reference_is_refused():
    """The length is bounded, and with it the steps; the error does not repeat the whole."""
    with pytest.raises(InvalidInput) as raised:
        parse("a" + "[0]" * 1_000_000)
    assert len(str(raised.value)) < 300


def test_inputs_are_read_with_and_without_their_prefix():
    """``topic`` and ``input.topic`` are the same value; an input that is itself named input is read as that."""
    context = opening({"topic": "tides"})
    assert find(context, parse("topic")) == find(context, parse("input.topic")) == "tides"
    assert find(opening({"input": "text"}), parse("input")) == "text"
