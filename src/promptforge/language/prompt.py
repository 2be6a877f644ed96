"""From a version and variables to the messages that are sent: defaults, checks, then the templates."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, bounded
from promptforge.core.prompt import Message, PromptVersion
from promptforge.language.schema import check_schema, checked, defaulted, names, required
from promptforge.language.template import parse

_SHOWN = 60


def variables_of(version: PromptVersion) -> tuple[str, ...]:
    """The names that the version's templates use, in order and once each."""
    return tuple(dict.fromkeys(name for turn in version.turns for name in parse(turn.content).variables))


def needed(version: PromptVersion) -> tuple[str, ...]:
    """The variables without which it cannot be rendered, in order and once each."""
    filled = defaulted(version.input_schema)
    asked = (*variables_of(version), *required(version.input_schema))
    return tuple(name for name in dict.fromkeys(asked) if name not in filled)


def accepted(version: PromptVersion) -> frozenset[str] | None:
    """The variables that it takes; None when its schema lets in others."""
    named = names(version.input_schema)
    return None if named is None else named.union(variables_of(version))


def check(version: PromptVersion) -> None:
    """InvalidInput, with its JSON path, when the version could never be rendered."""
    for n, turn in enumerate(version.turns):
        try:
            parse(turn.content)
        except InvalidInput as error:
            where = "$.content" if version.messages is None else f"$.messages[{n}].content"
            raise InvalidInput(str(error), path=where) from None
    schema = version.input_schema
    if schema is None:
        return
    check_schema(schema)
    if schema.get("additionalProperties") is not False:
        return
    known = names(schema) or frozenset()
    for name in variables_of(version):
        if name not in known:
            raise InvalidInput(
                f"the template uses '{name}', which inputSchema refuses: name it in the properties",
                path="$.inputSchema.properties",
            )


def render(version: PromptVersion, variables: Mapping[str, Json]) -> tuple[Message, ...]:
    """The version's turns with the variables in their places.

    InvalidInput for a variable that is missing, unknown (neither in the schema nor in a template, unless the schema
    lets in ``additionalProperties``) or of the wrong type, with its JSON path.
    """
    return _rendered(version.turns, version.input_schema, accepted(version), variables)


def fill(turns: Sequence[Message], variables: Mapping[str, Json]) -> tuple[Message, ...]:
    """Turns of no version, filled as those of a version without a schema are; InvalidInput likewise."""
    known = frozenset(name for turn in turns for name in parse(turn.content).variables)
    return _rendered(turns, None, known, variables)


def _rendered(
    turns: Sequence[Message],
    schema: Mapping[str, Json] | None,
    known: frozenset[str] | None,
    variables: Mapping[str, Json],
) -> tuple[Message, ...]:
    try:
        _refuse_unknown(known, variables)
        if schema is None:
            bounded(variables, "$.variables")
            values: Mapping[str, Json] = variables
        else:
            values = checked(schema, variables)
        return tuple(Message(role=turn.role, content=parse(turn.content).render(values)) for turn in turns)
    except InvalidInput as error:
        # The path is said too, for where only the sentence is kept.
        raise InvalidInput(f"{error} ({error.path})" if error.path else str(error), path=error.path) from None


def _refuse_unknown(known: frozenset[str] | None, variables: Mapping[str, Json]) -> None:
    if known is None:
        return
    for name in variables:
        if name not in known:
            shown = str(name)[:_SHOWN]
            near = get_close_matches(shown, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"this version takes {_listed(sorted(known))}"
            raise InvalidInput(f"unknown variable '{shown}': {hint}", path=f"$.variables.{shown}")


def _listed(known: Sequence[str]) -> str:
    return ", ".join(known[:20]) + (", …" if len(known) > 20 else "") if known else "none"
