"""From a version and variables to the messages that are sent: defaults, checks, then the templates."""

from collections.abc import Mapping

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_object
from promptforge.core.prompt import Message, PromptVersion
from promptforge.language.schema import check_schema, checked
from promptforge.language.template import parse


def variables_of(version: PromptVersion) -> tuple[str, ...]:
    """The names that the version's templates use, in order and once each."""
    return tuple(dict.fromkeys(name for turn in version.turns for name in parse(turn.content).variables))


def check(version: PromptVersion) -> None:
    """InvalidInput, with its JSON path, when the version could never be rendered."""
    for n, turn in enumerate(version.turns):
        try:
            parse(turn.content)
        except InvalidInput as error:
            where = "$.content" if version.messages is None else f"$.messages[{n}].content"
            raise InvalidInput(str(error), path=where) from None
    if version.input_schema is not None:
        check_schema(version.input_schema)


def render(version: PromptVersion, variables: Mapping[str, Json]) -> tuple[Message, ...]:
    """The version's turns with the variables in their places.

    InvalidInput for a variable that is missing, unknown (neither in the schema nor in a template, unless the schema
    says ``additionalProperties``) or of the wrong type, with its JSON path.
    """
    used = variables_of(version)
    schema = version.input_schema
    properties = schema.get("properties") if schema is not None else None
    known = {*used, *(properties if is_object(properties) else ())}
    if schema is None or "additionalProperties" not in schema:
        for name in variables:
            if name not in known:
                raise InvalidInput(
                    f"unknown variable '{name[:60]}' ($.variables.{name[:60]}): this version takes "
                    f"{', '.join(sorted(known)) or 'none'}",
                    path=f"$.variables.{name}",
                )
    values = dict(variables) if schema is None else checked(schema, variables)
    try:
        return tuple(Message(role=turn.role, content=parse(turn.content).render(values)) for turn in version.turns)
    except InvalidInput as error:
        raise InvalidInput(f"{error} ({error.path})" if error.path else str(error), path=error.path) from None
