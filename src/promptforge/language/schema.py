"""JSON Schema for variables: Draft 2020-12, applied to what a caller gives.

A schema comes from outside, so it may not reach outside (no remote references), may not be large, and validating
costs a bounded number of steps however it refers to itself. Left out for that reason: ``$dynamicRef``, nested ``$id``,
``unevaluated…``. ``format`` is a remark, as the draft has it. ``pattern`` runs on RE2 and ``uniqueItems`` is linear, so
that no single step can take long either.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import jsonschema
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from referencing import Registry

from promptforge.core.errors import InvalidInput
from promptforge.core.json import MAX_DEPTH, Json, bounded, is_array, is_object
from promptforge.language.pattern import searcher
from promptforge.language.problem import culprit, json_path, sentence

MAX_SCHEMA = 64_000
MAX_SCHEMAS = 2_000
MAX_STEPS = 30_000

_WHERE = "$.inputSchema"
_ROOT_ONLY = ("$id", "$schema")
_REFUSED = (
    *("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor", "$vocabulary"),
    *("unevaluatedProperties", "unevaluatedItems"),
)
_IN_PLACE = ("allOf", "anyOf", "oneOf")
_LISTS = (*_IN_PLACE, "prefixItems")
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_SINGLE = ("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_ENOUGH = 100

Schema = Mapping[str, Json]


# ── defining ──────────────────────────────────────────────────────────────────────────────────────────────────────


def check_schema(schema: Schema) -> None:
    """InvalidInput, with the path of what is wrong, unless *schema* describes an object and can be used."""
    bounded(schema, _WHERE)
    if len(json.dumps(schema)) > MAX_SCHEMA:
        raise InvalidInput(f"inputSchema takes at most {MAX_SCHEMA} characters as JSON", path=_WHERE)
    if schema.get("type", "object") != "object":
        raise InvalidInput('inputSchema must describe an object: {"type": "object", …}', path=f"{_WHERE}.type")
    root = _rooted(schema)
    nodes = list(islice(_nodes(root), MAX_SCHEMAS + 1))
    if len(nodes) > MAX_SCHEMAS:
        raise InvalidInput(f"inputSchema takes at most {MAX_SCHEMAS} schemas inside", path=_WHERE)
    for node, where in nodes:
        _check_keywords(node, where)
    try:
        Draft202012Validator.check_schema(root)
    except SchemaError as error:
        where = json_path(error.absolute_path, _WHERE)
        raise InvalidInput(f"inputSchema is not a JSON Schema: {error.message[:200]}", path=where) from None
    known = {id(node) for node, _ in nodes}
    for node, where in nodes:
        _check_reference(root, node, where, known)
    budget = _Budget()
    _first_problem(root, root, _Filling(root, budget).fill(root, {}), budget)  # ends, whatever it finds
    for node, where in nodes:
        _check_default(root, node, where, budget)


def _check_keywords(node: Schema, where: str) -> None:
    for keyword in (*_REFUSED, *_ROOT_ONLY):
        if keyword in node:
            raise InvalidInput(f"'{keyword}' is not supported here", path=f"{where}.{keyword}")
    reference = node.get("$ref")
    if reference is not None and not _is_local(reference):
        raise InvalidInput(
            f"inputSchema may refer to its own parts only ('#/$defs/name'), not to '{str(reference)[:80]}'",
            path=f"{where}.$ref",
        )
    one, many = node.get("pattern"), node.get("patternProperties")
    for pattern in (one, *(many if is_object(many) else ())):
        if isinstance(pattern, str):
            try:
                searcher(pattern)
            except InvalidInput as error:
                keyword = "pattern" if pattern is one else "patternProperties"
                raise InvalidInput(str(error), path=f"{where}.{keyword}") from None


def _is_local(reference: Json) -> bool:
    return isinstance(reference, str) and (reference == "#" or reference.startswith("#/")) and "%" not in reference


def _check_reference(root: Schema, node: Schema, where: str, known: set[int]) -> None:
    """It points at a schema; whether it leads back to itself without end is for the budget to find out."""
    reference = node.get("$ref")
    if isinstance(reference, str):
        found = _target(root, reference)
        if not isinstance(found, bool) and id(found) not in known:
            raise InvalidInput(f"'{reference[:80]}' points at no schema in inputSchema", path=f"{where}.$ref")


def _check_default(root: Schema, node: Schema, where: str, budget: "_Budget") -> None:
    if "default" in node:
        problem = _first_problem(root, node, _Filling(root, budget).fill(node, node["default"]), budget)
        if problem is not None:
            raise InvalidInput(
                f"a default does not fit its own schema: {sentence(problem, 'it')}", path=f"{where}.default"
            )


def _rooted(schema: Schema) -> Schema:
    """The schema without its own address and dialect, which would make references look elsewhere."""
    return {name: value for name, value in schema.items() if name not in _ROOT_ONLY}


def _nodes(root: Schema) -> Iterator[tuple[Schema, str]]:
    """Every schema inside, with its path, the outermost first."""
    waiting: list[tuple[Json, str]] = [(root, _WHERE)]
    while waiting:
        node, where = waiting.pop()
        if not is_object(node):
            continue
        yield node, where
        waiting += [(node.get(keyword), f"{where}.{keyword}") for keyword in _SINGLE]
        for keyword in _LISTS:
            inner = node.get(keyword)
            waiting += [(part, f"{where}.{keyword}[{n}]") for n, part in enumerate(inner if is_array(inner) else ())]
        for keyword in _MAPS:
            inner = node.get(keyword)
            waiting += [(part, f"{where}.{keyword}.{name}") for name, part in inner.items()] if is_object(inner) else []


def _target(root: Schema, reference: str) -> Json:
    """What a local reference points at; None when there is nothing."""
    value: Json = root
    for raw in reference.split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if is_object(value):
            value = value.get(step)
        elif is_array(value) and step.isdecimal() and int(step[:7]) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


# ── using ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def checked(schema: Schema, variables: Mapping[str, Json]) -> dict[str, Json]:
    """The variables with defaults filled in; InvalidInput names the first that does not fit, and where it is."""
    bounded(variables, "$.variables")
    root = _rooted(schema)
    budget = _Budget()
    filled = cast("dict[str, Json]", _Filling(root, budget).fill(root, dict(variables)))
    problem = _first_problem(root, root, filled, budget)
    if problem is not None:
        path = json_path([*problem.absolute_path, *culprit(problem)], "$.variables")
        raise InvalidInput(sentence(problem), path=path)
    return filled


def names(schema: Schema | None) -> frozenset[str] | None:
    """The variables that a schema speaks of; None when it lets in others by ``additionalProperties`` or a pattern."""
    known = set[str]()
    for node in _in_place(_rooted(schema or {})):
        if node.get("additionalProperties", False) is not False or node.get("patternProperties"):
            return None
        properties = node.get("properties")
        known.update(properties if is_object(properties) else ())
    return frozenset(known)


def required(schema: Schema | None) -> tuple[str, ...]:
    """The variables that a schema asks for at its top."""
    asked = (schema or {}).get("required")
    return tuple(name for name in asked if isinstance(name, str)) if is_array(asked) else ()


def defaulted(schema: Schema | None) -> frozenset[str]:
    """The variables that have a default, wherever in the schema."""
    known = set[str]()
    for node in _in_place(_rooted(schema or {})):
        properties = node.get("properties")
        for name, part in properties.items() if is_object(properties) else ():
            if is_object(part) and "default" in part:
                known.add(name)
    return frozenset(known)


def _in_place(root: Schema) -> Iterator[Schema]:
    """The root and every schema inside that applies to the same value, each once."""
    waiting: list[Json] = [root]
    seen = set[int]()
    while waiting:
        node = waiting.pop()
        if not is_object(node) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        reference, dependent = node.get("$ref"), node.get("dependentSchemas")
        waiting.append(_target(root, reference) if isinstance(reference, str) else None)
        waiting += dependent.values() if is_object(dependent) else ()
        waiting += [node.get(keyword) for keyword in ("if", "then", "else")]
        for keyword in _IN_PLACE:
            inner = node.get(keyword)
            waiting += inner if is_array(inner) else ()


@dataclass(slots=True)
class _Budget:
    """Counts the steps of one check."""

    left: int = MAX_STEPS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise InvalidInput(f"checking against inputSchema takes more than {MAX_STEPS} steps", path=_WHERE)


@dataclass(slots=True)
class _Filling:
    """Puts in the defaults of properties, through arrays, ``$ref`` and ``allOf``; *root* is where references start."""

    root: Schema
    budget: _Budget

    def fill(self, schema: Json, value: Json, depth: int = 0) -> Json:
        """A copy of *value* with the defaults in it; what is there already stays."""
        self.budget.spend()
        if depth > MAX_DEPTH:
            raise InvalidInput("the defaults of inputSchema never end", path=_WHERE)
        if not is_object(schema):
            return value
        reference, branches = schema.get("$ref"), schema.get("allOf")
        if isinstance(reference, str):
            value = self.fill(_target(self.root, reference), value, depth + 1)
        for branch in branches if is_array(branches) else ():
            value = self.fill(branch, value, depth + 1)
        if is_object(value):
            return self._object(schema.get("properties"), value, depth)
        items = schema.get("items")
        if is_array(value) and is_object(items):
            return [self.fill(items, entry, depth + 1) for entry in value]
        return value

    def _object(self, properties: Json, value: Mapping[str, Json], depth: int) -> Json:
        filled = dict(value)
        for name, part in properties.items() if is_object(properties) else ():
            if name not in filled and is_object(part) and "default" in part:
                filled[name] = copy.deepcopy(part["default"])
            if name in filled:
                filled[name] = self.fill(part, filled[name], depth + 1)
        return filled


# ── validating with a budget ──────────────────────────────────────────────────────────────────────────────────────

Keyword = Callable[[Any, Any, Any, Any], Any]
_BUDGET: ContextVar[_Budget] = ContextVar("budget")


def _paid(check: Keyword) -> Keyword:
    """The keyword, with each use of it counted."""

    def paid(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        _BUDGET.get().spend()
        return check(validator, value, instance, schema)

    return paid


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not searcher(pattern)(instance):
        yield ValidationError("does not match")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    for pattern, part in patterns.items() if is_object(instance) else ():
        matches = searcher(pattern)
        for name, value in instance.items():
            if matches(name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, extra: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not is_object(instance):
        return
    searchers = [searcher(pattern) for pattern in schema.get("patternProperties", ())]
    for name, value in instance.items():
        if name not in schema.get("properties", ()) and not any(matches(name) for matches in searchers):
            if extra is False:
                yield ValidationError(name)
            else:
                yield from validator.descend(value, extra, path=name)


def _unique_items(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if wanted and is_array(instance) and len({_comparable(entry) for entry in instance}) < len(instance):
        yield ValidationError("repeats")


def _comparable(value: Json) -> object:
    """Equal and hashable where JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return "boolean", value
    if is_object(value):
        return frozenset((name, _comparable(part)) for name, part in value.items())
    return tuple(_comparable(part) for part in value) if is_array(value) else value


_KEYWORDS: dict[str, Keyword] = {
    **cast("Mapping[str, Keyword]", Draft202012Validator.VALIDATORS),
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
    "format": lambda _validator, _value, _instance, _schema: (),
}
_JSONSCHEMA: Any = jsonschema  # its annotations are incomplete
_Validator: Any = _JSONSCHEMA.validators.extend(
    Draft202012Validator, {name: _paid(check) for name, check in _KEYWORDS.items()}
)


def _first_problem(root: Schema, schema: Schema, value: Json, budget: _Budget) -> ValidationError | None:
    """The first problem in the order of the schema, those further out first."""
    validator = _Validator(root, registry=Registry[Any]()).evolve(schema=schema)
    token = _BUDGET.set(budget)
    try:
        errors: list[ValidationError] = list(islice(validator.iter_errors(value), _ENOUGH))
    except RecursionError:
        raise InvalidInput("inputSchema refers to itself without end", path=_WHERE) from None
    finally:
        _BUDGET.reset(token)
    return min(errors, key=lambda error: len(error.absolute_path), default=None)
