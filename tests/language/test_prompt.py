"""Rendering a version: every rule about variables, before anything is called."""

from datetime import UTC, datetime

import pytest

from promptforge.core.errors import InvalidInput
from promptforge.core.prompt import Message, PromptVersion
from promptforge.language.prompt import check, render, variables_of


def version(content=None, schema=None, messages=None):
    """A version of that text and schema."""
    return PromptVersion(
        id="ver_1",
        prompt_id="prompt_1",
        number=1,
        content=content,
        messages=messages,
        params={"model": "m"},
        provider=None,
        input_schema=schema,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_by="user_1",
    )


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tone": {"type": "string", "default": "dry"}, "unused": {}},
    "required": ["name"],
}
GREETING = version("Hi {{name}}, {{tone}}", SCHEMA)


def test_defaults_and_values_are_put_in():
    """A version with content is one user turn."""
    assert render(GREETING, {"name": "Ada"}) == (Message(role="user", content="Hi Ada, dry"),)


def test_every_turn_is_a_template():
    """Roles and order stay; variables come in order of first use."""
    turns = (Message(role="system", content="You are {{who}}"), Message(role="user", content="{{q}} {{who}}"))
    made = version(messages=turns)
    assert variables_of(made) == ("who", "q")
    assert render(made, {"who": "B", "q": "Why?"}) == (
        Message(role="system", content="You are B"),
        Message(role="user", content="Why? B"),
    )


@pytest.mark.parametrize(
    ("made", "variables", "path", "says"),
    [
        (GREETING, {}, "$.variables.name", "missing variable 'name'"),
        (GREETING, {"name": 1}, "$.variables.name", "must be a string, not a number"),
        (GREETING, {"name": "x", "nmae": "y"}, "$.variables.nmae", "did you mean 'name'"),
        (GREETING, {"name": "x", "zzz": "y"}, "$.variables.zzz", "this version takes name, tone, unused"),
        (version("Hi {{a.b}}"), {"a": {"c": 1}}, "$.variables.a.b", "missing variable 'a.b'"),
        (version("Hi"), {"a": 1}, "$.variables.a", "this version takes none"),
        (version("Hi {{x}}", SCHEMA), {"name": "n"}, "$.variables.x", "missing variable 'x'"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path(made, variables, path, says):
    """Missing, unknown, of the wrong type: sentence and path, and the path in the sentence for the record."""
    with pytest.raises(InvalidInput) as raised:
        render(made, variables)
    assert raised.value.path == path
    assert says in str(raised.value)
    assert f"({path})" in str(raised.value)


def test_further_variables_come_in_where_the_schema_says_so():
    """With additionalProperties they are checked by it, and not refused as unknown."""
    made = version("Hi", {"type": "object", "additionalProperties": {"type": "number"}})
    assert render(made, {"anything": 1})[0].content == "Hi"
    with pytest.raises(InvalidInput):
        render(made, {"anything": "text"})


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (version("{{"), "$.content"),
        (
            version(messages=(Message(role="user", content="ok"), Message(role="user", content="{{"))),
            "$.messages[1].content",
        ),
        (version("x", {"type": "array"}), "$.inputSchema.type"),
        (version("{{x}}", {"properties": {}, "additionalProperties": False}), "$.inputSchema.properties"),
    ],
)
def test_what_could_never_run_is_refused_when_defined(made, path):
    """Malformed templates and schemas, and a template that its own schema would always refuse."""
    with pytest.raises(InvalidInput) as raised:
        check(made)
    assert raised.value.path == path
    check(GREETING)
