"""What a request can ask of any model by one name, whoever runs it: the names, checked, and what they hold.

The names are OpenAI's where it has one, as people know them. A dialect says them in its own words, or names them in
``lacks``: then a request that uses one is refused, never sent without it. A name that is not here passes as it is,
since new ones appear daily; so does what is written in the provider's own form.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object

#: How many tokens an effort may think where a format counts them: what Google publishes for the same words.
BUDGETS: Mapping[str, int] = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}


def _number(low: float, high: float) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _whole(low: int, high: int = 2**63) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _text(value: Json) -> bool:
    return isinstance(value, str)


def _texts(value: Json) -> bool:
    return isinstance(value, str) or (is_array(value) and all(isinstance(one, str) for one in value))


def _objects(value: Json) -> bool:
    return is_array(value) and all(is_object(one) for one in value)


def _choice(value: Json) -> bool:
    return isinstance(value, str) or is_object(value)


def _yes(value: Json) -> bool:
    return isinstance(value, bool)


def _reasoning(value: Json) -> bool:
    return is_object(value) and _text(value.get("effort", "")) and _whole(0)(value.get("budget_tokens", 0))


NEUTRAL: Mapping[str, tuple[Callable[[Json], bool], str]] = {
    "max_tokens": (_whole(1), "a whole number from 1"),
    "max_completion_tokens": (_whole(1), "a whole number from 1"),
    "temperature": (_number(0, 2), "a number from 0 to 2"),
    "top_p": (_number(0, 1), "a number from 0 to 1"),
    "top_k": (_whole(0), "a whole number from 0"),
    "stop": (_texts, "a text or a list of texts"),
    "seed": (_whole(-(2**63)), "a whole number"),
    "frequency_penalty": (_number(-2, 2), "a number from -2 to 2"),
    "presence_penalty": (_number(-2, 2), "a number from -2 to 2"),
    "logprobs": (lambda value: isinstance(value, int), "true or false"),
    "top_logprobs": (_whole(0, 20), "a whole number from 0 to 20"),
    "tools": (_objects, "a list of tools, each an object"),
    "tool_choice": (_choice, "'auto', 'none', 'required', or the name of a tool in an object"),
    "parallel_tool_calls": (_yes, "true or false"),
    "response_format": (is_object, 'an object, such as {"type": "json_object"}'),
    "reasoning": (_reasoning, 'an object with "effort" (a text) or "budget_tokens" (a whole number)'),
    "reasoning_effort": (_text, "a text, such as 'low'"),
    "service_tier": (_text, "a text, such as 'flex'"),
    "user": (_text, "a text"),
}
"""By name: whether a value can be one, and what it must be."""


#: Names for one thing, of which a call gives one; the second may be a provider's own.
_TWICE = (
    ("max_tokens", "max_completion_tokens"),
    ("max_tokens", "max_output_tokens"),
    ("reasoning_effort", "reasoning"),
    ("reasoning", "thinking"),
    ("reasoning_effort", "thinking"),
    ("stop", "stop_sequences"),
    ("response_format", "format"),
)


def check(params: Mapping[str, Json], lacks: frozenset[str], title: str) -> dict[str, Json]:
    """The parameters that say something; InvalidInput for a value that none can be, for what a format lacks, and for
    one thing that is said twice by two names.

    *title* is what the format is called in the sentence.
    """
    for name, other in _TWICE:
        if params.get(name) is not None and params.get(other) is not None:
            raise InvalidInput(f"'{name}' and '{other}' say the same: give one of them", path=f"$.params.{name}")
    kept: dict[str, Json] = {}
    for name, value in params.items():
        known = NEUTRAL.get(name)
        if known is None:
            kept[name] = value
            continue
        if value is None:
            continue
        if name in lacks:
            raise InvalidInput(
                f"'{name}' is no parameter of {title}: leave it out, or run it at another provider",
                path=f"$.params.{name}",
            )
        fits, says = known
        if not fits(value):
            raise InvalidInput(f"'{name}' must be {says}", path=f"$.params.{name}")
        kept[name] = value
    return kept


def limit_of(params: dict[str, Json]) -> int | None:
    """Take the most tokens of output out of *params*, by either of its names."""
    found = [params.pop(name, None) for name in ("max_completion_tokens", "max_tokens")]
    return next((cast("int", value) for value in found if value is not None), None)


def stops_of(value: Json) -> Sequence[Json]:
    """What ends the output, as a list."""
    return [value] if isinstance(value, str) else cast("Sequence[Json]", value)


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much to think before answering; either may be missing, ``effort`` "none" and a budget of 0 say not at all."""

    effort: str | None
    budget: int | None

    @property
    def tokens(self) -> int:
        """The budget, or what stands for the effort; InvalidInput for an effort that stands for none."""
        if self.budget is not None:
            return self.budget
        effort = self.effort or ""
        if effort not in BUDGETS:
            raise InvalidInput(
                f"the effort '{effort[:40]}' stands for no number of tokens: give one of "
                f"{', '.join(BUDGETS)}, or budget_tokens",
                path="$.params.reasoning",
            )
        return BUDGETS[effort]

    @property
    def word(self) -> str:
        """The effort, or the least that stands for the budget."""
        if self.effort is not None:
            return self.effort
        words = [word for word, tokens in BUDGETS.items() if tokens >= (self.budget or 0) and word != "minimal"]
        return words[0] if words else "high"


def thinking_of(params: dict[str, Json]) -> Thinking | None:
    """Take out of *params* how much to think, by either of its names; None where nothing is said."""
    effort, told = params.pop("reasoning_effort", None), params.pop("reasoning", None)
    given: Mapping[str, Json] = told if is_object(told) else {}
    word, budget = given.get("effort", effort), given.get("budget_tokens")
    if word is None and budget is None:
        return None
    return Thinking(cast("str | None", word), cast("int | None", budget))


@dataclass(frozen=True, slots=True)
class Function:
    """A tool that the caller runs: what it is called, what it does, and the schema of its arguments."""

    name: str
    description: str | None
    schema: Json
    strict: bool | None

    @property
    def said(self) -> Mapping[str, Json]:
        """What it says beside its name and its schema, by the names that all formats have for it."""
        told: Mapping[str, Json] = {"description": self.description, "strict": self.strict}
        return {name: value for name, value in told.items() if value is not None}


def function_of(tool: Json, position: int) -> Function | None:
    """A tool in OpenAI's form or as plain name, description and parameters; None for one in a provider's own form."""
    given: Mapping[str, Json] = tool if is_object(tool) else {}
    inner = given.get("function")
    if is_object(inner):
        given = inner
    elif given.get("type") not in (None, "function") or "parameters" not in given:
        return None
    name, described = given.get("name"), given.get("description")
    if not isinstance(name, str) or not name:
        raise InvalidInput("a tool has a name", path=f"$.params.tools[{position}]")
    strict = given.get("strict")
    return Function(
        name,
        described if isinstance(described, str) else None,
        given.get("parameters") or {"type": "object", "properties": {}},
        strict if isinstance(strict, bool) else None,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tool to call: ``auto``, ``none``, ``required``, or ``tool`` and its *name*."""

    kind: str
    name: str | None = None


def choice_of(value: Json) -> Choice | None:
    """The choice in OpenAI's form, or as ``{"name": …}``; None for one in a provider's own form."""
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise InvalidInput(
                f"tool_choice '{value[:40]}' is none of auto, none, required; name a tool as "
                '{"type": "function", "function": {"name": "…"}}',
                path="$.params.tool_choice",
            )
        return Choice(value)
    given: Mapping[str, Json] = value if is_object(value) else {}
    inner = given.get("function")
    name = inner.get("name") if is_object(inner) else given.get("name") if given.keys() == {"name"} else None
    return Choice("tool", name) if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class Format:
    """What the output must be: JSON at all (*schema* None), or JSON of a schema."""

    schema: Json
    name: str = "answer"
    strict: bool | None = None


def format_of(value: Json) -> Format | None:
    """A ``response_format`` in OpenAI's form; None for plain text. InvalidInput for another type."""
    given: Mapping[str, Json] = value if is_object(value) else {}
    kind, told = given.get("type"), given.get("json_schema")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format(None)
    if kind != "json_schema" or not is_object(told) or told.get("schema") is None:
        raise InvalidInput(
            'response_format is {"type": "text"}, {"type": "json_object"}, or {"type": "json_schema", "json_schema": '
            '{"name": "…", "schema": {…}}}',
            path="$.params.response_format",
        )
    name, strict = told.get("name"), told.get("strict")
    return Format(
        told["schema"], name if isinstance(name, str) else "answer", strict if isinstance(strict, bool) else None
    )
