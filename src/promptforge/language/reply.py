"""Replies: whether what a model wrote is text, or JSON whose parts later steps can read.

An object or an array is parsed; everything else stays the text it is, to the last character: a bare ``42``, ``true`` or
``"yes"`` is more often meant as text, and a condition compares it as what it looks like anyway. Found is

- the whole reply, or
- the one block between lines of three backticks, when the reply has exactly one, marked ``json`` or not at all;
  what stands before and after it is left out.

Nothing is repaired. What is cut off, larger than can be handed on, or holds what no store can keep stays text.
"""

import json
import re
from itertools import islice

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object, storable
from promptforge.language.size import limited

#: In characters: a longer reply stays text.
MAX_REPLY = 4_000_000

_FENCE = re.compile(r"^[ \t]*```(.*)$", re.MULTILINE)


def read_reply(text: str) -> Json:
    """The object or array that the reply is, else the reply itself; never an error."""
    if len(text) > MAX_REPLY:
        return text
    found = _parsed(text)
    if found is None:
        block = _block(text)
        found = None if block is None else _parsed(block)
    return text if found is None else found


def _block(text: str) -> str | None:
    fences = list(islice(_FENCE.finditer(text), 3))
    if len(fences) != 2:
        return None
    first, last = fences
    marked = first[1].strip().lower() in {"json", ""} and not last[1].strip()
    return text[first.end() : last.start()] if marked else None


def _parsed(text: str) -> Json:
    """The object or array that all of the text is; None for everything else."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value: Json = json.loads(text)
        limited(value, "$")
        storable(value, "$")
    except (InvalidInput, ValueError, RecursionError):
        return None
    return value if is_object(value) or is_array(value) else None
