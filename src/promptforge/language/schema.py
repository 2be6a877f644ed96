"""Checking variables against a JSON Schema: defaults applied, the first problem named by its JSON path.

Draft 2020-12. A schema never fetches another one, its size is bounded, and ``pattern`` runs on RE2, whose time is
linear in the text, because both schema and text come from outside.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema
import re2
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import NoSuchResource, Unresolvable

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object

MAX_SCHEMA = 64_000
MAX_DEPTH = 40
_SHOWN = 80


def _nowhere(uri: str) -> Any:
    raise NoSuchResource(ref=uri)


#: Two libraries whose annotations are incomplete.
_RE2: Any = re2
_JSONSCHEMA: Any = jsonschema
_REGISTRY: Any = Registry(retrieve=_nowhere)  # type: ignore[call-arg]


def check_schema(schema: Mapping[str, Json]) -> None:
    """InvalidInput unless *schema* is a JSON Schema of an object that can be used."""
    text = json.dumps(schema, sort_keys=True)
    if len(text) > MAX_SCHEMA:
        raise InvalidInput(f"inputSchema takes at most {MAX_SCHEMA} characters as JSON", path="$.inputSchema")
    if schema.get("type", "object") != "object":
        raise InvalidInput('inputSchema must describe an object: {"type": "object", …}', path="$.inputSchema.type")
    _walk(schema, "$.inputSchema", 0)
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        where = "$.inputSchema" + _path(error.absolute_path)
        raise InvalidInput(f"inputSchema is not a JSON Schema: {_short(error.message)}", path=where) from None


def _walk(value: Json, where: str, depth: int) -> None:
    """Refuse what cannot be bounded or resolved: depth, references to elsewhere, patterns that RE2 does not know."""
    if depth > MAX_DEPTH:
        raise InvalidInput(f"inputSchema is nested deeper than {MAX_DEPTH}", path=where)
    if is_object(value):
        reference = value.get("$ref", value.get("$dynamicRef"))
        if isinstance(reference, str) and not reference.startswith("#"):
            raise InvalidInput(f"inputSchema may refer to its own parts only, not to '{_short(reference)}'", path=where)
        for pattern in (value.get("pattern"), *_keys(value.get("patternProperties"))):
            if isinstance(pattern, str):
                _compiled(pattern, where)
        for key, item in value.items():
            _walk(item, f"{where}.{key}", depth + 1)
    elif is_array(value):
        for n, item in enumerate(value):
            _walk(item, f"{where}[{n}]", depth + 1)


def _keys(value: Json) -> tuple[str, ...]:
    return tuple(value) if is_object(value) else ()


@lru_cache(maxsize=512)
def _compiled(pattern: str, where: str = "$.inputSchema") -> Any:
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return _RE2.compile(pattern, options)
    except _RE2.error:
        raise InvalidInput(
            f"the pattern '{_short(pattern)}' is no regular expression that runs in bounded time (RE2 syntax: "
            "no look-around, no back references)",
            path=where,
        ) from None


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"'{_short(instance)}' does not match '{pattern}'")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not is_object(instance):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if _compiled(pattern).search(key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


_Validator: Any = _JSONSCHEMA.validators.extend(
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)


def checked(schema: Mapping[str, Json], variables: Mapping[str, Json]) -> dict[str, Json]:
    """*variables* with defaults filled in; InvalidInput names the first thing that does not fit, and where."""
    filled: dict[str, Json] = _filled(schema, variables, 0)
    try:
        error: ValidationError | None = _JSONSCHEMA.exceptions.best_match(
            _Validator(dict(schema), registry=_REGISTRY).iter_errors(filled)
        )
    except Unresolvable as missing:
        raise InvalidInput(f"inputSchema refers to a part it does not have: {_short(str(missing))}") from None
    except RecursionError:
        raise InvalidInput("inputSchema refers to itself without end") from None
    if error is not None:
        raise _invalid(error)
    return filled


def _filled(schema: Json, value: Json, depth: int) -> Any:
    """A copy of *value* in which each missing property has its schema's default."""
    if not is_object(schema) or depth > MAX_DEPTH:
        return value
    if is_object(value):
        made = dict(value)
        properties = schema.get("properties")
        for name, part in properties.items() if is_object(properties) else ():
            if name not in made and is_object(part) and "default" in part:
                made[name] = copy.deepcopy(part["default"])
            if name in made:
                made[name] = _filled(part, made[name], depth + 1)
        return made
    if is_array(value) and is_object(schema.get("items")):
        return [_filled(schema["items"], item, depth + 1) for item in value]
    return value


def _invalid(error: ValidationError) -> InvalidInput:
    where = "$.variables" + _path(error.absolute_path)
    value: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "required":
        missing = next(name for name in value if name not in instance)
        return InvalidInput(f"missing variable '{missing}' ({where}.{missing})", path=f"{where}.{missing}")
    if error.validator == "additionalProperties" and value is False and is_object(error.schema):
        known = error.schema.get("properties")
        extra = next((name for name in instance if not is_object(known) or name not in known), "")
        return InvalidInput(f"unknown variable '{extra}' ({where}.{extra})", path=f"{where}.{extra}")
    if error.validator == "type":
        wanted = " or ".join(map(str, value)) if is_array(value) else str(value)
        return InvalidInput(f"{where} must be of type {wanted}, but is {_short(json.dumps(instance))}", path=where)
    return InvalidInput(f"{where}: {_short(error.message)}", path=where)


def _path(steps: Any) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
