"""JSON values, and the questions asked of them most."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard, cast

from promptforge.core.errors import InvalidInput

MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_NAME = 200
#: What a store keeps as a number.
_INTEGERS = range(-(2**63), 2**64)
#: The escape of a NUL as JSON has it; after an odd number of backslashes it would be text.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

Json = object
"""Any JSON value: None, bool, int, float, str, list or dict of these."""


def is_object(value: object) -> TypeGuard[Mapping[str, Json]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[Sequence[Json]]:
    """Whether it is a JSON array."""
    return isinstance(value, list | tuple)


def kind(value: Json) -> str:
    """What a JSON value is, in words: ``a string``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if is_array(value) else "an object"


def bounded(value: Json, path: str) -> None:
    """InvalidInput unless this is a JSON value of a size that can be worked with."""
    waiting: list[tuple[Json, int]] = [(value, 0)]
    count = 0
    while waiting:
        part, depth = waiting.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise InvalidInput(f"nested deeper than {MAX_DEPTH} levels", path=path)
        if count + len(waiting) > MAX_VALUES:
            raise InvalidInput(f"more than {MAX_VALUES} values", path=path)
        if is_object(part):
            for name in cast("Mapping[object, Json]", part):
                if not isinstance(name, str) or len(name) > MAX_NAME:
                    raise InvalidInput(f"a name is a text of at most {MAX_NAME} characters", path=path)
            waiting += [(inner, depth + 1) for inner in part.values()]
        elif is_array(part):
            waiting += [(inner, depth + 1) for inner in part]
        elif part is not None and not isinstance(part, str | bool | int | float):
            raise InvalidInput(f"{type(part).__name__} is not a JSON value", path=path)


def storable(value: Json, path: str) -> None:
    """InvalidInput for what no store can keep: broken characters, the NUL character, numbers that are none."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):  # broken characters are a UnicodeEncodeError, a ValueError
        raise InvalidInput("this is not JSON: it holds broken characters, NaN or Infinity", path=path) from None
    if _NUL.search(text):
        raise InvalidInput("this holds the NUL character, which cannot be kept", path=path)


def keepable(value: Json, levels: int = MAX_DEPTH) -> Json:
    """JSON that was read, as a store can keep it: longer integers are texts, what is nested deeper is three dots."""
    if isinstance(value, int) and value not in _INTEGERS:
        return str(value)
    if is_object(value):
        return {name: keepable(inner, levels - 1) for name, inner in value.items()} if levels else "…"
    if is_array(value):
        return [keepable(inner, levels - 1) for inner in value] if levels else "…"
    return value
