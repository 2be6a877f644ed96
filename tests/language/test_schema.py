"""Schemas of variables: what may be one, what fits one, which defaults it fills in."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.json import bounded
from promptforge.language.schema import MAX_SCHEMA, check_schema, checked, names


def of(**properties):
    """The schema of an object with these properties."""
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "given", "path", "says"),
    [
        ({**of(a={}), "required": ["a"]}, {}, "$.variables.a", "missing variable 'a'"),
        (of(a=of(b={}) | {"required": ["b"]}), {"a": {}}, "$.variables.a.b", "missing variable 'a.b'"),
        (of(a={"type": "string"}), {"a": 1}, "$.variables.a", "'a' must be a string, not a number"),
        (of(a={"type": "integer"}), {"a": 1.5}, "$.variables.a", "a whole number, not a fraction"),
        (of(a={"type": ["string", "null"]}), {"a": True}, "$.variables.a", "a string or null, not a boolean"),
        (of(a={"items": {"type": "number"}}), {"a": [1, "x"]}, "$.variables.a[1]", "'a[1]' must be a number"),
        (of(a={"enum": ["x", 1]}), {"a": "y"}, "$.variables.a", 'one of "x", 1'),
        (of(a={"const": 3}), {"a": 4}, "$.variables.a", "must be 3"),
        (of(a={"minimum": 3}), {"a": 2}, "$.variables.a", "at least 3"),
        (of(a={"maxLength": 3}), {"a": "long"}, "$.variables.a", "at most 3 characters"),
        (of(a={"pattern": "^x+$"}), {"a": "y"}, "$.variables.a", "pattern '^x+$'"),
        (of(a={"uniqueItems": True}), {"a": [1, 1.0]}, "$.variables.a", "twice"),
        (of(a={"anyOf": [{"type": "null"}, {"minimum": 5}]}), {"a": 1}, "$.variables.a", "none of the forms"),
        ({**of(a={}), "additionalProperties": False}, {"b": 1}, "$.variables.b", "unknown variable 'b'"),
        ({"patternProperties": {"^n": {"type": "number"}}}, {"n1": "x"}, "$.variables.n1", "a number"),
    ],
)
def test_the_first_problem_is_named_with_its_path(schema, given, path, says):
    """A sentence about the variable, its JSON path, and never its value."""
    check_schema(schema)
    with pytest.raises(InvalidInput) as raised:
        checked(schema, given)
    assert raised.value.path == path
    assert says in str(raised.value)


def test_a_value_is_not_repeated_in_the_sentence():
    """Values can be long or private: the error says what they must be, not what they are."""
    for rule in ({"type": "number"}, {"pattern": "^$"}, {"enum": [1]}, {"maxLength": 1}, {"not": {}}):
        with pytest.raises(InvalidInput) as raised:
            checked(of(a=rule), {"a": "hunter2"})
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "array"}, "$.inputSchema.type"),
        (of(a={"type": "strin"}), "$.inputSchema.properties.a.type"),
        (of(a={"minimum": "3"}), "$.inputSchema.properties.a.minimum"),
        (of(a={"$ref": "https://example.org/x.json"}), "$.inputSchema.properties.a.$ref"),
        (of(a={"$ref": "file:///etc/passwd"}), "$.inputSchema.properties.a.$ref"),
        (of(a={"$ref": "#/$defs/none"}), "$.inputSchema.properties.a.$ref"),
        (of(a={"$ref": "#/type"}), "$.inputSchema.properties.a.$ref"),
        (of(a={"$id": "https://example.org/"}), "$.inputSchema.properties.a.$id"),
        (of(a={"$schema": "http://json-schema.org/draft-04/schema#"}), "$.inputSchema.properties.a.$schema"),
        (of(a={"$dynamicRef": "#x"}), "$.inputSchema.properties.a.$dynamicRef"),
        ({"unevaluatedProperties": False}, "$.inputSchema.unevaluatedProperties"),
        (of(a={"pattern": "("}), "$.inputSchema.properties.a.pattern"),
        (of(a={"pattern": "(?=x)"}), "$.inputSchema.properties.a.pattern"),
        ({"patternProperties": {r"(a)\1": {}}}, "$.inputSchema.patternProperties"),
        (of(a={"type": "integer", "default": "x"}), "$.inputSchema.properties.a.default"),
        (of(a={"description": "x" * MAX_SCHEMA}), "$.inputSchema"),
        ({"$ref": "#"}, "$.inputSchema"),
        (of(a={"$ref": "#", "default": {}}), "$.inputSchema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_defined(schema, path):
    """Wrong types, what lies outside, what would never end, patterns without a bound: each with its path."""
    with pytest.raises(InvalidInput) as raised:
        check_schema(schema)
    assert raised.value.path == path


def test_the_documented_keywords_are_accepted():
    """What the examples use, local and recursive references, a dialect and an address at the root."""
    tree = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.org/tree",
        "$defs": {"node": of(value={"type": "integer", "default": 0}, next={"$ref": "#/$defs/node"})},
        **of(
            pattern={"type": "string", "description": "a name that is a keyword too", "format": "email"},
            level={"type": "number", "enum": [1, 2], "default": 1, "minimum": 1, "maximum": 2},
            root={"$ref": "#/$defs/node"},
        ),
    }
    check_schema(tree)
    assert checked(tree, {"pattern": "x", "root": {"next": {"next": {}}}}) == {
        "pattern": "x",
        "level": 1,
        "root": {"value": 0, "next": {"value": 0, "next": {"value": 0}}},
    }


def test_defaults_are_applied_deep_and_leave_what_is_given():
    """In nested objects, array entries, references and allOf; the schema and the variables stay untouched."""
    schema = {
        "allOf": [of(c={"default": "all"})],
        **of(
            a=of(x={"default": [1]}) | {"default": {}},
            b={"items": of(y={"default": True})},
            n={"default": 1},
            absent=of(z={"default": 1}),
        ),
    }
    given, before = {"b": [{}, {"y": False}], "n": None}, copy.deepcopy(schema)
    filled = checked(schema, given)
    assert filled == {"a": {"x": [1]}, "b": [{"y": True}, {"y": False}], "n": None, "c": "all"}
    filled["a"]["x"].append(2)
    assert schema == before
    assert given == {"b": [{}, {"y": False}], "n": None}


LEAVES = st.sampled_from([{}, {"default": 1}, {"default": "x"}, {"default": []}])
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(lambda properties: {"properties": properties})
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(lambda p: {"properties": p, "default": {}})
        | inner.map(lambda items: {"items": items})
    ),
    max_leaves=10,
)
INSTANCES = st.recursive(
    st.none() | st.integers(),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), SCHEMAS), st.dictionaries(st.sampled_from("abc"), INSTANCES))
def test_applying_defaults_twice_changes_nothing_more(properties, variables):
    """Defaults are idempotent, and what was given is still there afterwards."""
    schema = {"properties": properties}
    once = checked(schema, variables)
    assert checked(schema, once) == once
    assert variables.keys() <= once.keys()


def test_a_schema_cannot_take_for_ever():
    """References that double at each step are stopped by the budget, at use and when they are defined."""
    doubling = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    bomb = {"$defs": {**doubling, "a40": {"type": "string"}}, **of(v={"$ref": "#/$defs/a0"})}
    with pytest.raises(InvalidInput, match="steps"):
        checked(bomb, {"v": 1})
    with pytest.raises(InvalidInput):
        check_schema({"$defs": bomb["$defs"], "$ref": "#/$defs/a0"})


def test_a_hostile_pattern_takes_linear_time():
    """The classic that needs 2^n tries of a backtracking matcher answers at once."""
    with pytest.raises(InvalidInput, match="pattern"):
        checked(of(a={"pattern": "^(a+)+$"}), {"a": "a" * 50_000 + "!"})


def test_many_distinct_objects_are_compared_in_linear_time():
    """uniqueItems over thousands of objects; 1 and true differ, 1 and 1.0 do not."""
    schema = of(a={"uniqueItems": True})
    checked(schema, {"a": [{"x": n} for n in range(20_000)]})
    checked(schema, {"a": [1, True, "1", [1], {"1": 1}]})
    with pytest.raises(InvalidInput):
        checked(schema, {"a": [{"x": [1]}, {"x": [1.0]}]})


def test_what_is_given_is_bounded():
    """Depth, number of values, length of names, and values that JSON does not have."""
    deep = None
    for _ in range(100):
        deep = [deep]
    for value in (deep, list(range(100_001)), {"x" * 201: 1}, {1: 1}, {"a": object()}):
        with pytest.raises(InvalidInput):
            bounded(value, "$.variables")


@pytest.mark.parametrize(
    ("schema", "known"),
    [
        (None, set()),
        ({}, set()),
        (of(a={}), {"a"}),
        ({"$defs": {"d": of(b={})}, "allOf": [{"$ref": "#/$defs/d"}], **of(a={})}, {"a", "b"}),
        ({**of(a={}), "additionalProperties": False}, {"a"}),
        ({**of(a={}), "additionalProperties": True}, None),
        ({**of(a={}), "additionalProperties": {"type": "string"}}, None),
        ({"patternProperties": {"x": {}}}, None),
    ],
)
def test_the_names_that_a_schema_speaks_of(schema, known):
    """Over references and combinations; None where it lets in others."""
    assert names(schema) == (None if known is None else frozenset(known))
