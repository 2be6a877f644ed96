r"""Templates: text with ``{{variables}}``.

The whole grammar::

    {{name}}  {{ customer.name }}  {{items[0].price}}    a place; white space inside the braces means nothing
    \{{                                                  the two braces themselves
    \\{{name}}                                           a backslash, then a place

A name is a letter or ``_``, then letters, digits, ``_`` or ``-``. Backslashes count only directly before ``{{``: each
pair of them stands for one, an odd one makes the braces text. In a run of three or more opening braces the last two
open and the others are text, so ``\frac{{{x}}}{2}`` and ``{"a":{{x}}}`` mean what they look like. A ``}}`` that closes
nothing is text, as are single braces, so JSON needs no escaping.

Strings go in as they are, every other value as compact JSON. What was put in is never read as a template again.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object

MAX_PLACES = 1_000
MAX_PATH = 200
#: In characters: a long value in many places must not fill the memory.
MAX_RENDERED = 8_000_000

_PATH = re.compile(r"[^\W\d][\w-]*(?:\.[^\W\d][\w-]*|\[\d{1,6}\])*")
_STEP = re.compile(r"[^\W\d][\w-]*|\d+")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value is found: names into objects, numbers into arrays; the first is a variable's name."""

    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.steps)[1:]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: text and places in turn."""

    parts: tuple[str | Path, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """What it asks for, in order and once each: ``customer.name``, ``items[0].price``."""
        return tuple(dict.fromkeys(str(part) for part in self.parts if isinstance(part, Path)))

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables it needs, in order and once each: ``customer``, ``items``."""
        return tuple(dict.fromkeys(str(part.steps[0]) for part in self.parts if isinstance(part, Path)))

    def render(self, variables: Mapping[str, Json]) -> str:
        """Put the values in their places; InvalidInput, with its path, for one that is missing."""
        made: list[str] = []
        size = 0
        for part in self.parts:
            text = part if isinstance(part, str) else _shown(_found(variables, part), part)
            size += len(text)
            if size > MAX_RENDERED:
                raise InvalidInput(f"the rendered text passes {MAX_RENDERED} characters: give shorter variables")
            made.append(text)
        return "".join(made)


@lru_cache(maxsize=256)
def parse(text: str) -> Template:
    """Read a template; InvalidInput, with line and column, where braces are not as they must be."""
    return Template(tuple(part for part in _parts(text) if part != ""))


def _parts(text: str) -> Iterator[str | Path]:
    position = places = 0
    while (start := text.find("{{", position)) >= 0:
        opened = start
        while text.startswith("{", opened):
            opened += 1
        slashes = start
        while slashes > position and text[slashes - 1] == "\\":
            slashes -= 1
        kept, escaped = divmod(start - slashes, 2)
        yield text[position:slashes] + "\\" * kept
        if escaped:
            yield text[start:opened]
            position = opened
            continue
        yield text[start : opened - 2]
        places += 1
        if places > MAX_PLACES:
            raise InvalidInput(f"a template takes at most {MAX_PLACES} variables")
        end = text.find("}}", opened)
        if end < 0:
            raise _malformed(text, opened - 2, "is never closed: end it with '}}'")
        yield _path(text, opened, end)
        position = end + 2
    yield text[position:]


def _path(text: str, opened: int, end: int) -> Path:
    inner = text[opened:end].strip()
    if len(inner) > MAX_PATH or not _PATH.fullmatch(inner):
        shown = inner if len(inner) <= _SHOWN else inner[:_SHOWN] + "…"
        says = f"holds '{shown}', which is not a variable" if inner else "is empty"
        raise _malformed(text, opened - 2, f"{says}: write a name such as {{{{customer.name}}}}")
    return Path(tuple(int(step) if step.isdecimal() else step for step in _STEP.findall(inner)))


def _malformed(text: str, at: int, says: str) -> InvalidInput:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return InvalidInput(
        f"'{{{{' at line {line}, column {column} {says}, or put a backslash before the braces to mean them as text"
    )


def _found(variables: Mapping[str, Json], path: Path) -> Json:
    value: Json = variables
    for n, step in enumerate(path.steps):
        where = Path(path.steps[: n + 1])
        if isinstance(step, str) and is_object(value) and step in value:  # noqa: SIM114  one type each
            value = value[step]
        elif isinstance(step, int) and is_array(value) and step < len(value):
            value = value[step]
        else:
            raise InvalidInput(_missing(path, n, value), path=f"$.variables.{where}")
    return value


def _missing(path: Path, n: int, value: Json) -> str:
    """Say what is missing, and what is there instead."""
    if n == 0:
        return f"missing variable '{path.steps[0]}'"
    owner, step = Path(path.steps[:n]), path.steps[n]
    if is_object(value) and isinstance(step, str):
        return f"missing variable '{path}': '{owner}' has no '{step}'"
    if is_array(value) and isinstance(step, int):
        entries = "1 entry" if len(value) == 1 else f"{len(value)} entries"
        return f"missing variable '{path}': '{owner}' has {entries}, counted from 0"
    wanted = "an array" if isinstance(step, int) else "an object"
    return f"missing variable '{path}': '{owner}' must be {wanted}, not {kind(value)}"


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


def _shown(value: Json, path: Path) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(f"variable '{path}' is not a JSON value", path=f"$.variables.{path}") from None
