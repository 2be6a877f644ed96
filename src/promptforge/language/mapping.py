"""Mappings: JSON with ``{{references}}`` in its strings, from which a step gets its input.

A string that is one reference and nothing else becomes the value itself, whatever its type. A reference within other
text is written into it by the rule of templates: strings as they are, every other value as compact JSON. All else,
names included, stays what it is.
"""

import json
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Object
from dataclasses import dataclass
from typing import cast

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object
from promptforge.language.problem import json_path
from promptforge.language.reference import Reference
from promptforge.language.size import MAX_TEXT, limited
from promptforge.language.template import MAX_PLACES, Template, parse

MAX_MAPPING = 64_000


@dataclass(frozen=True, slots=True)
class Form:
    """JSON with parsed templates in place of the strings that hold references; *where* is its JSON path."""

    value: Json
    where: str

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads, in order and once each."""
        return tuple(dict.fromkeys(place for template in _templates(self.value) for place in template.references))

    def apply(self, context: Object[str, Json]) -> Json:
        """The value, filled from the context; InvalidInput names the entry and the reference that leads nowhere."""
        left = MAX_TEXT

        def filled(part: Json, where: str) -> Json:
            nonlocal left
            if not isinstance(part, Template):
                return part
            try:
                value = part.fill(context, left)
            except InvalidInput as error:
                raise InvalidInput(f"{where[2:]}: {error}", path=where) from None
            left -= len(value) if isinstance(value, str) else 0
            return value

        return limited(_rebuilt(self.value, self.where, filled), self.where)


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a step reads from the context, by the names it knows it under."""

    form: Form

    @property
    def names(self) -> tuple[str, ...]:
        """What it gives, in order."""
        return tuple(cast("Object[str, Json]", self.form.value))

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads, in order and once each."""
        return self.form.references

    def apply(self, context: Object[str, Json]) -> dict[str, Json]:
        """The names with their values; InvalidInput names the entry and the reference that leads nowhere."""
        return cast("dict[str, Json]", self.form.apply(context))


def compile_mapping(value: Json, where: str = "$.inputMapping") -> Mapping:
    """Read an inputMapping; InvalidInput, with its JSON path, for one that could never be applied."""
    if not is_object(value):
        raise InvalidInput(f'{where[2:]} must be an object such as {{"text": "{{{{input.text}}}}"}}', path=where)
    return Mapping(compile_form(value, where))


def compile_form(value: Json, where: str) -> Form:
    """Read any JSON value with references; InvalidInput, with its JSON path, for one that could never be applied."""
    limited(value, where)
    if len(json.dumps(value)) > MAX_MAPPING:
        raise InvalidInput(f"{where[2:]} takes at most {MAX_MAPPING} characters as JSON", path=where)

    def parsed(part: Json, where: str) -> Json:
        if not isinstance(part, str):
            return part
        try:
            template = parse(part)
        except InvalidInput as error:
            raise InvalidInput(f"{where[2:]}: {error}", path=where) from None
        return template if template.references else template.render({})

    form = Form(_rebuilt(value, where, parsed), where)
    if sum(len(template.parts) for template in _templates(form.value)) > MAX_PLACES:
        raise InvalidInput(f"{where[2:]} takes at most {MAX_PLACES} references", path=where)
    return form


def _rebuilt(value: Json, where: str, change: Callable[[Json, str], Json]) -> Json:
    """A copy with *change* made to whatever is neither object nor array; nesting is bounded beforehand."""
    if is_object(value):
        return {name: _rebuilt(part, json_path([name], where), change) for name, part in value.items()}
    if is_array(value):
        return [_rebuilt(part, json_path([n], where), change) for n, part in enumerate(value)]
    return change(value, where)


def _templates(value: Json) -> Iterator[Template]:
    if isinstance(value, Template):
        yield value
    for part in value.values() if is_object(value) else value if is_array(value) else ():
        yield from _templates(part)
