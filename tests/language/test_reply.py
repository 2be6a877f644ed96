"""Replies: which are parsed and which stay the text they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.language.reply import MAX_REPLY, read_reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("abc\n`{", max_size=5), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
PARSED = {"mood": "good", "scores": [1, 2.5]}
BLOCK = json.dumps(PARSED, indent=1)


@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        f"\n\t{BLOCK}\r\n",
        f"```json\n{BLOCK}\n```",
        f"```\n{BLOCK}\n```",
        f"``` JSON\r\n{BLOCK}\r\n```\r\n",
        f"Here you are:\n\n  ```json\n{BLOCK}\n  ```\nAnything else?",
    ],
)
def test_an_object_is_found(text):
    """The whole reply, or the one block that is marked as JSON or not at all."""
    assert read_reply(text) == PARSED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "true",
        "null",
        '"text"',
        "007",
        " Negative\n",
        f"Result: {BLOCK}",
        f"{BLOCK} as asked",
        f"{BLOCK}\n{BLOCK}",
        f"```json\n{BLOCK}\n```\n```json\n{BLOCK}\n```",
        f"```python\n{BLOCK}\n```",
        f"```json\n{BLOCK}",
        f"```json\n{BLOCK}\n```json",
        "```json\n42\n```",
        "{'mood': 'good'}",
        '{"mood": "good",}',
        '{"cut": "o',
        '{"a": NaN}',
        "[Infinity]",
        "[1e999]",
        "[" + "9" * 5000 + "]",
        '["\\u0000"]',
        '["\\ud800"]',
        "[" * 100 + "]" * 100,
        "[" * 1_000_000 + "]" * 1_000_000,
        '{"a":' * 500_000,
        "[" + "0," * 200_000 + "0]",
        "[" + " " * MAX_REPLY + "]",
        '{"' + "k" * 300 + '": 1}',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_everything_else_stays_text(text):
    """Scalars, prose, several blocks, broken JSON, what is too large or cannot be stored: to the last character."""
    assert read_reply(text) == text


@given(JSON)
def test_what_was_written_as_json_is_read_as_that(value):
    """Objects and arrays come back as they were, alone and in a block; scalars stay text."""
    text = json.dumps(value, ensure_ascii=False)
    wanted = value if isinstance(value, dict | list) else text
    assert read_reply(text) == wanted
    if wanted is value:
        assert read_reply(f"So:\n```json\n{json.dumps(value, indent=1)}\n```") == value


@given(st.text(alphabet='`json\n{}[]",: 1\\'))
def test_every_reply_is_read(text):
    """No text is an error: it is an object, an array or itself."""
    found = read_reply(text)
    assert found == text or isinstance(found, dict | list)


@pytest.mark.parametrize(
    "text", ["``` " + " " * 1_000_000 + "x y", "```\n" * 500_000, " " * 1_000_000, "`" * 1_000_000]
)
def test_long_texts_take_linear_work(text):
    """A million of anything that looks like a fence is text like any other."""
    assert read_reply(text) == text
