"""Transforms: what a TRANSFORM step makes of what it reads, by one of three forms.

``{"template": "text with {{references}}"}`` makes a text, ``{"mapping": JSON with references}`` an object or array,
``{"expression": "JMESPath"}`` whatever the expression selects or computes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_object
from promptforge.language.jmespath import Expression, compile_expression
from promptforge.language.mapping import Form, compile_form
from promptforge.language.reference import Reference
from promptforge.language.template import Template, parse

FORMS = ("template", "mapping", "expression")


@dataclass(frozen=True, slots=True)
class Transform:
    """A parsed transform; *where* is the JSON path of its form."""

    form: Template | Form | Expression
    where: str

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads, in order and once each; of an expression, the names in the context that it starts from."""
        if isinstance(self.form, Expression):
            return tuple(Reference((name,)) for name in self.form.roots)
        return self.form.references

    @property
    def optional(self) -> bool:
        """Whether what it reads may be missing, and is null then: so it is in JMESPath."""
        return isinstance(self.form, Expression)

    def apply(self, context: Mapping[str, Json]) -> Json:
        """What it makes of the context; InvalidInput, with its JSON path, where it cannot."""
        if not isinstance(self.form, Template):
            return self.form.apply(context)
        try:
            return self.form.text(context)
        except InvalidInput as error:
            raise InvalidInput(f"{self.where[2:]}: {error}", path=self.where) from None


def compile_transform(config: Json, where: str = "$.config") -> Transform:
    """Read a TRANSFORM step's config; InvalidInput, with its JSON path, for one that could never be applied."""
    given = [form for form in FORMS if is_object(config) and form in config]
    if not is_object(config) or len(given) != 1:
        raise InvalidInput(f"{where[2:]} needs exactly one of {', '.join(FORMS)}", path=where)
    form, value = given[0], config[given[0]]
    path = f"{where}.{form}"
    if form == "mapping":
        return Transform(compile_form(value, path), path)
    if not isinstance(value, str):
        raise InvalidInput(f"{path[2:]} must be a text", path=path)
    if form == "expression":
        return Transform(compile_expression(value, path), path)
    try:
        return Transform(parse(value), path)
    except InvalidInput as error:
        raise InvalidInput(f"{path[2:]}: {error}", path=path) from None
