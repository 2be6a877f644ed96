"""How large a value may get that steps make or read: what is handed on can always be stored, shown and worked with."""

import math

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, bounded, is_array, is_object

#: Characters of all texts and names inside; the bounds of nesting and of values are the core's.
MAX_TEXT = 8_000_000


def limited(value: Json, path: str) -> Json:
    """The value itself; InvalidInput unless it is JSON of a size that can be handed on.

    A part that occurs in several places counts in each: that is what it takes as text.
    """
    bounded(value, path)
    left = MAX_TEXT
    waiting: list[Json] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            left -= len(part)
        elif is_object(part):
            left -= sum(map(len, part))
            waiting += part.values()
        elif is_array(part):
            waiting += part
        elif isinstance(part, float) and not math.isfinite(part):
            raise InvalidInput("NaN and Infinity are no JSON values", path=path)
        if left < 0:
            raise InvalidInput(f"more than {MAX_TEXT} characters of text", path=path)
    return value
