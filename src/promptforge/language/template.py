r"""Templates: text with ``{{variables}}``.

The whole grammar::

    {{name}}  {{ customer.name }}  {{items[0].price}}    a place; white space inside the braces means nothing
    \{{                                                  the two braces themselves
    \\{{name}}                                           a backslash, then a place

What is between the braces is a reference (``reference.py``). Backslashes count only directly before ``{{``: each pair
of them stands for one, an odd one makes the braces text. In a run of three or more opening braces the last two
open and the others are text, so ``\frac{{{x}}}{2}`` and ``{"a":{{x}}}`` mean what they look like. A ``}}`` that closes
nothing is text, as are single braces, so JSON needs no escaping.

Strings go in as they are, every other value as compact JSON. What was put in is never read as a template again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json
from promptforge.language import reference
from promptforge.language.reference import Missing, Reference, find
from promptforge.language.size import MAX_TEXT

MAX_PLACES = 1_000
#: In characters: a long value in many places must not fill the memory.
MAX_RENDERED = MAX_TEXT

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: text and places in turn."""

    parts: tuple[str | Reference, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """Its places, in order and once each."""
        return tuple(dict.fromkeys(part for part in self.parts if isinstance(part, Reference)))

    @property
    def whole(self) -> Reference | None:
        """The one reference that is all of the text, so that its value can keep its type; None when there is more."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Reference) else None

    @property
    def paths(self) -> tuple[str, ...]:
        """What it asks for, in order and once each: ``customer.name``, ``items[0].price``."""
        return tuple(str(reference) for reference in self.references)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables it needs, in order and once each: ``customer``, ``items``."""
        return tuple(dict.fromkeys(reference.root for reference in self.references))

    def render(self, variables: Mapping[str, Json]) -> str:
        """Put the values in their places; InvalidInput, with its path, for one that is missing."""
        try:
            return self.text(variables)
        except Missing as error:
            says = f"'{error.reference}': {error.reason}" if len(error.at.steps) > 1 else f"'{error.at}'"
            raise InvalidInput(f"missing variable {says}", path=f"$.variables.{error.at}") from None

    def fill(self, context: Mapping[str, Json], most: int = MAX_RENDERED) -> Json:
        """The value of the one whole reference, its type kept, else the text; Missing for what is not there."""
        return self.text(context, most) if self.whole is None else find(context, self.whole)

    def written(self, value: Json, place: Reference) -> str:
        """A value within text: the one rule for templates, mappings and transforms."""
        if isinstance(value, str):
            return value
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise InvalidInput(f"variable '{place}' is not a JSON value", path=f"$.variables.{place}") from None

    def text(self, context: Mapping[str, Json], most: int = MAX_RENDERED) -> str:
        """The text, of at most so many characters; Missing for what is not there."""
        made: list[str] = []
        size = 0
        for part in self.parts:
            text = part if isinstance(part, str) else self.written(find(context, part), part)
            size += len(text)
            if size > most:
                raise InvalidInput(f"the rendered text passes {MAX_RENDERED} characters: give shorter variables")
            made.append(text)
        return "".join(made)


@lru_cache(maxsize=256)
def parse(text: str) -> Template:
    """Read a template; InvalidInput, with line and column, where braces are not as they must be."""
    return Template(tuple(part for part in _parts(text) if part != ""))


def _parts(text: str) -> Iterator[str | Reference]:
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
        yield _place(text, opened, end)
        position = end + 2
    yield text[position:]


def _place(text: str, opened: int, end: int) -> Reference:
    inner = text[opened:end].strip()
    try:
        return reference.parse(inner)
    except InvalidInput:
        shown = inner if len(inner) <= _SHOWN else inner[:_SHOWN] + "…"
        says = f"holds '{shown}', which is not a variable" if inner else "is empty"
        raise _malformed(text, opened - 2, f"{says}: write a name such as {{{{customer.name}}}}") from None


def _malformed(text: str, at: int, says: str) -> InvalidInput:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return InvalidInput(
        f"'{{{{' at line {line}, column {column} {says}, or put a backslash before the braces to mean them as text"
    )
