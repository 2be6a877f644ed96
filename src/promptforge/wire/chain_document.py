"""A chain's document as JSON, in both directions: the names of the API, defaults left out.

Where the documented pages disagree, both forms are read and one is kept: a PROMPT's settings stand in ``config`` or
beside it, a prompt is ``prompt`` or ``promptId``, parameters are ``params`` or ``overrideParams``. Here only shapes are
checked; what a document may hold is in ``core/chain_definition.py``.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar, cast

from promptforge.core import money
from promptforge.core.chain import DEADLINE_MS, ChainDocument, OnError, Step, StepType
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, bounded, is_array, is_object, kind

Choice = TypeVar("Choice", bound=StrEnum)
#: Other names that the documented pages use.
_ALIASES = {"promptId": "prompt", "overrideParams": "params"}
#: What may stand in ``config`` too, and is kept beside it.
_BESIDE = {
    StepType.PROMPT: ("prompt", "promptId", "version", "label", "params", "overrideParams"),
    StepType.API_CALL: ("timeoutMs", "retries"),
}
_SHOWN = 40


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read(given: Json) -> ChainDocument:
    """A document without ids; InvalidInput names the step and what is not of the right shape.

    The steps stay as they stand. One without ``order`` comes after the one before it, one without a name is called
    after what it writes.
    """
    bounded(given, "$")
    fields = _object(given, "$", "a chain")
    _refuse_unknown(fields, _DOCUMENT, "$", "a chain")
    steps: list[Step] = []
    for n, raw in enumerate(_list(fields.get("steps"), "$.steps")):
        where = f"$.steps[{n}]"
        one = canonical(raw, where)
        after = steps[-1].order + 1 if steps else 0
        steps.append(read_step({**one, "order": one.get("order", after)}, where))
    deadline = _whole(fields.get("deadlineMs"), "$.deadlineMs", "deadlineMs")
    return ChainDocument(
        steps=named(steps),
        required_inputs=None
        if fields.get("requiredInputs") is None
        else _object(fields["requiredInputs"], "$.requiredInputs", "requiredInputs"),
        output=fields.get("output"),
        deadline_ms=DEADLINE_MS if deadline is None else deadline,
        max_cost=_dollars(fields.get("maxCost")),
    )


def canonical(given: Json, where: str = "$") -> dict[str, Json]:
    """The fields of a step under their one name, each where it is kept; null means not given."""
    bounded(given, where)
    fields = {name: value for name, value in _object(given, where, "a step").items() if value is not None}
    config = _object(fields.get("config", {}), f"{where}.config", "config")
    try:
        beside = _BESIDE.get(StepType(str(fields.get("type")).upper()), ())
    except ValueError:
        beside = ()
    inside = {name: value for name, value in config.items() if name in beside and value is not None}
    made: dict[str, Json] = {}
    for name, value in (*fields.items(), *inside.items()):
        kept = _ALIASES.get(name, name)
        if kept in made and made[kept] != value:
            raise InvalidInput(f"{kept} is given twice, with two values", path=f"{where}.{name}")
        made[kept] = value
    if "config" in made:
        made["config"] = {name: value for name, value in config.items() if name not in beside}
    return made


def read_step(given: Json, where: str = "$") -> Step:
    """One step without an id; its name is empty where none is given (see ``named``)."""
    fields = canonical(given, where)
    said = _text(fields.get("name"), f"{where}.name", "name") or ""
    called = f"step '{said[:_SHOWN]}'" if said else "a step"
    _refuse_unknown(fields, _STEP, where, called)
    for needed in ("type", "order"):
        if needed not in fields:
            raise InvalidInput(f"{called} has no {needed}", path=f"{where}.{needed}")
    values = {
        field: take(fields[name], f"{where}.{name}", f"{name} of {called}")
        for name, (field, take) in _STEP.items()
        if name in fields
    }
    return Step(id="", **cast("dict[str, Any]", {"name": "", **values}))


def changed(step: Step, changes: Mapping[str, Json]) -> Step:
    """The step with the given fields in place of its own; null takes a field away, and a name cannot be."""
    gone = {_ALIASES.get(name, name) for name, value in changes.items() if value is None} - {"name"}
    _refuse_unknown(gone, _STEP, "$", "a step")
    fields = {**write_step(step), **canonical({"type": step.type, **changes})}
    return replace(read_step({name: value for name, value in fields.items() if name not in gone}), id=step.id)


def named(steps: Sequence[Step], taken: Iterable[str] = ()) -> tuple[Step, ...]:
    """The steps, those without a name called after what they write, else after type and order."""
    known = {*taken, *(step.name for step in steps)}
    made: list[Step] = []
    for step in steps:
        if step.name:
            made.append(step)
            continue
        plain = f"{step.type.lower().replace('_', '-')}-{step.order}"
        names = (step.output_key, plain, *(f"{plain}-{n}" for n in range(2, len(steps) + len(known) + 3)))
        name = next(name for name in names if name and name not in known)
        known.add(name)
        made.append(replace(step, name=name))
    return tuple(made)


def _object(value: Json, where: str, called: str) -> Mapping[str, Json]:
    if not is_object(value):
        raise InvalidInput(f"{called} must be an object, not {kind(value)}", path=where)
    return cast("Mapping[str, Json]", _plain(value))


def _plain(value: Json) -> Json:
    """A copy in the types that a store gives back."""
    if is_object(value):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if is_array(value) else value


def _list(value: Json, where: str) -> Sequence[Json]:
    if value is None:
        return ()
    if not is_array(value):
        raise InvalidInput(f"{where[2:]} must be a list, not {kind(value)}", path=where)
    return value


def _text(value: Json, where: str, called: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise InvalidInput(f"{called} must be a text, not {kind(value)}", path=where)


def _texts(value: Json, where: str, called: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not is_array(texts) or not all(isinstance(text, str) for text in texts):
        raise InvalidInput(f"{called} must be a list of texts", path=where)
    return tuple(dict.fromkeys(cast("Sequence[str]", texts)))


def _whole(value: Json, where: str, called: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise InvalidInput(f"{called} must be a whole number, not {_fraction(value)}", path=where)


def _fraction(value: Json) -> str:
    return "a fraction" if isinstance(value, float) else kind(value)


def _dollars(value: Json) -> int | None:
    """Money is read from text, since a number of JSON is no exact amount; a whole number is."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidInput('maxCost is an amount in US dollars as a text, such as "0.05"', path="$.maxCost")
    try:
        return money.parse_usd(str(value))
    except InvalidInput as error:
        raise InvalidInput(f"maxCost: {error}", path="$.maxCost") from None


def _one_of(choices: type[Choice], spelled: Callable[[str], str]) -> Callable[[Json, str, str], Choice]:
    def take(value: Json, where: str, called: str) -> Choice:
        try:
            return choices(spelled(str(value)))
        except ValueError:
            known = ", ".join(choices)
            raise InvalidInput(f"{called} is '{str(value)[:_SHOWN]}', which is none of {known}", path=where) from None

    return take


def _refuse_unknown(fields: Iterable[str], known: Iterable[str], where: str, called: str) -> None:
    for name in fields:
        if name not in known:
            raise InvalidInput(
                f"{called} has no field '{name[:_SHOWN]}': it takes {', '.join(known)}", path=f"{where}.{name[:_SHOWN]}"
            )


#: The fields of a step in JSON, in the order in which they are written: the core's name, and how a value is taken.
_STEP: dict[str, tuple[str, Callable[[Json, str, str], Any]]] = {
    "name": ("name", _text),
    "order": ("order", _whole),
    "type": ("type", _one_of(StepType, str.upper)),
    "prompt": ("prompt", _text),
    "version": ("version", _whole),
    "label": ("label", _text),
    "params": ("params", _object),
    "config": ("config", _object),
    "inputMapping": ("input_mapping", _object),
    "outputKey": ("output_key", _text),
    "tags": ("tags", _texts),
    "when": ("when", _text),
    "timeoutMs": ("timeout_ms", _whole),
    "retries": ("retries", _whole),
    "onError": ("on_error", _one_of(OnError, str.lower)),
}
_DOCUMENT = ("requiredInputs", "deadlineMs", "maxCost", "steps", "output")


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def write(document: ChainDocument) -> dict[str, Json]:
    """The document as ``read`` takes it; what is as it would be anyway is left out, ids too."""
    made: dict[str, Json] = {}
    if document.required_inputs is not None:
        made["requiredInputs"] = _plain(document.required_inputs)
    if document.deadline_ms != DEADLINE_MS:
        made["deadlineMs"] = document.deadline_ms
    if document.max_cost is not None:
        made["maxCost"] = money.exact(document.max_cost)
    made["steps"] = [write_step(step) for step in document.steps]
    if document.output is not None:
        made["output"] = _plain(document.output)
    return made


def write_step(step: Step) -> dict[str, Json]:
    """One step as ``read_step`` takes it."""
    made: dict[str, Json] = {}
    for name, (field, _) in _STEP.items():
        value = getattr(step, field)
        if value is None or value in ((), OnError.FAIL) or (value == {} and field != "input_mapping"):
            continue
        made[name] = str(value) if isinstance(value, StrEnum) else _plain(value)
    return made


def same(one: ChainDocument, other: ChainDocument) -> bool:
    """Whether both say the same: ids aside, and 1, 1.0 and true told apart."""
    return _said(one) == _said(other)


def _said(document: ChainDocument) -> str:
    return json.dumps(write(document), sort_keys=True)
