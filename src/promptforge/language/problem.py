"""What does not fit a schema, said in a sentence. Values are not repeated: they may be long, or private."""

import json
from collections.abc import Iterable
from typing import Any

from jsonschema import ValidationError

from promptforge.core.json import is_array, kind

_ARTICLE = {"integer": "a whole number", "array": "an array", "object": "an object", "null": "null"}
_LIMITS = {
    "minimum": "must be at least {0}",
    "maximum": "must be at most {0}",
    "exclusiveMinimum": "must be more than {0}",
    "exclusiveMaximum": "must be less than {0}",
    "multipleOf": "must be a multiple of {0}",
    "minLength": "must have at least {0} characters",
    "maxLength": "must have at most {0} characters",
    "minItems": "must have at least {0} entries",
    "maxItems": "must have at most {0} entries",
    "minProperties": "must have at least {0} properties",
    "maxProperties": "must have at most {0} properties",
    "uniqueItems": "must not have the same entry twice",
    "const": "must be {0}",
    "anyOf": "fits none of the forms that the schema allows",
    "oneOf": "must fit exactly one of the forms that the schema allows",
    "not": "has a form that the schema excludes",
    "contains": "has no entry of the form that the schema asks for",
    "propertyNames": "has a name that the schema does not allow",
}
_SHOWN = 200


def json_path(steps: Iterable[str | int], start: str) -> str:
    """A JSON path: ``$.variables.items[0].price``."""
    return start + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def culprit(error: ValidationError) -> list[str]:
    """The names, inside the value that the error is about, of what is missing or too many."""
    instance: Any = error.instance
    if error.validator == "required":
        return [next((str(name) for name in _list(error.validator_value) if name not in instance), "")]
    if error.validator == "additionalProperties":
        return [error.message]
    return []


def sentence(error: ValidationError, named: str | None = None) -> str:
    """What is wrong: ``variable 'age' must be a number, not a string``. *named* is what to call the value."""
    inside = culprit(error)
    path = json_path([*error.absolute_path, *inside], "")[1:]
    subject = named or (f"variable '{path}'" if path else "the variables")
    if error.validator == "required":
        return f"missing variable '{path}'" if named is None else f"{subject} lacks '{path}'"
    if error.validator == "additionalProperties":
        return f"unknown variable '{path}': the schema does not name it" if named is None else f"{subject} has '{path}'"
    return f"{subject} {_rule(error)}"


def _rule(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    if error.validator == "type":
        allowed = " or ".join(_ARTICLE.get(name, f"a {name}") for name in _list(wanted))
        actual = kind(error.instance)
        whole = actual == "a number" and "integer" in _list(wanted)
        return f"must be {allowed}, not {'a fraction' if whole else actual}"
    if error.validator == "enum":
        return f"must be one of {', '.join(_shown(value) for value in _list(wanted))}"[:_SHOWN]
    if error.validator == "pattern":
        return f"must match the pattern '{wanted}'"
    return _LIMITS.get(str(error.validator), "is not what the schema allows").format(_shown(wanted))


def _list(value: Any) -> list[Any]:
    return list(value) if is_array(value) else [value]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:_SHOWN]
