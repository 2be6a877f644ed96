"""The filter: one tree that every list, total and tail understands.

A leaf compares one field with a value; All, Any and Not combine. It has two compilers, ``matches`` here for open
runs in memory and the SQL one in ``record/``; a property test holds them equal. Logic has two values: a
comparison with something unknown is false, and Not turns it true. What a chain execution does not have (a prompt, a
model, tokens, a cost) is unknown of it.
"""

import json
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import translate

from promptforge.core.chain_execution import AnyExecution, ChainExecution
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Execution
from promptforge.core.json import Json, is_object

MAX_VALUES = 200
MAX_WORDS = 20


class Operator(StrEnum):
    """``like`` is a glob with ``*``, case kept; ``words`` asks that every word occurs in the content."""

    IN = "in"
    LIKE = "like"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BELOW = "below"
    WORDS = "words"
    EXISTS = "exists"


class Kind(StrEnum):
    """What kind of value a field holds; it decides the operators."""

    NAME = "name"
    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    TAG = "tag"
    TEXT = "text"
    FLAG = "flag"


OPERATORS: Mapping[Kind, Set[Operator]] = {
    Kind.NAME: {Operator.IN, Operator.LIKE, Operator.EXISTS},
    Kind.NUMBER: {Operator.IN, Operator.AT_LEAST, Operator.AT_MOST, Operator.BELOW, Operator.EXISTS},
    Kind.MONEY: {Operator.AT_LEAST, Operator.AT_MOST, Operator.BELOW, Operator.EXISTS},
    Kind.TIME: {Operator.AT_LEAST, Operator.AT_MOST, Operator.BELOW},
    Kind.TAG: {Operator.IN, Operator.EXISTS},
    Kind.TEXT: {Operator.WORDS},
    Kind.FLAG: {Operator.EXISTS},
}
"""By what a field of a kind can be compared."""


@dataclass(frozen=True, slots=True)
class Field:
    """A thing that can be asked for; ``call`` and ``chain`` give its value in either kind, None when unknown."""

    name: str
    kind: Kind
    call: Callable[[Execution], object]
    chain: Callable[[ChainExecution], object]

    def read(self, execution: AnyExecution) -> object:
        """Its value in an execution or chain execution."""
        return self.chain(execution) if isinstance(execution, ChainExecution) else self.call(execution)


def _both(name: str, kind: Kind, read: Callable[[AnyExecution], object]) -> Field:
    return Field(name, kind, read, read)


def _call(name: str, kind: Kind, read: Callable[[Execution], object]) -> Field:
    return Field(name, kind, read, lambda _: None)


def _step(name: str) -> Callable[[Execution], object]:
    return lambda e: getattr(e.step, name) if e.step else None


def _chain(name: str) -> Callable[[ChainExecution], object]:
    # what is captured has a name and no chain of ours
    return lambda e: (getattr(e.chain, name) or None) if e.chain else None


def _tokens(execution: Execution) -> int | None:
    if execution.token_in is None or execution.token_out is None:
        return None
    return execution.token_in + execution.token_out


#: Every field of the filter; the SQL compiler has a column for each.
FIELDS: Mapping[str, Field] = {
    f.name: f
    for f in (
        _both("status", Kind.NAME, lambda e: e.status.value),
        _call("prompt_id", Kind.NAME, lambda e: e.prompt.prompt_id if e.prompt else None),
        _call("prompt_name", Kind.NAME, lambda e: e.prompt.prompt_name if e.prompt else None),
        _call("version_id", Kind.NAME, lambda e: e.prompt.version_id if e.prompt else None),
        _call("version", Kind.NUMBER, lambda e: e.prompt.version if e.prompt else None),
        Field("label", Kind.NAME, lambda e: e.prompt.label if e.prompt else None, _chain("label")),
        # never unknown, so a chain execution has the empty one
        Field("model", Kind.NAME, lambda e: e.model, lambda _: ""),
        Field("provider", Kind.NAME, lambda e: e.provider, lambda _: ""),
        _both("user_id", Kind.NAME, lambda e: e.user_id),
        _both("key_id", Kind.NAME, lambda e: e.key_id),
        _both("end_user", Kind.NAME, lambda e: e.end_user),
        _both("session_id", Kind.NAME, lambda e: e.session_id),
        _both("service", Kind.NAME, lambda e: e.service),
        _both("source", Kind.NAME, lambda e: e.source.value),
        _both("error_type", Kind.NAME, lambda e: e.error_type.value if e.error_type else None),
        _both("cost_state", Kind.NAME, lambda e: e.cost_state.value),
        _call("chain_execution_id", Kind.NAME, _step("chain_execution_id")),
        Field("chain_id", Kind.NAME, _step("chain_id"), _chain("chain_id")),
        Field("chain_name", Kind.NAME, _step("chain_name"), _chain("chain_name")),
        Field("chain_version", Kind.NUMBER, _step("chain_version"), _chain("version")),
        _both("created_at", Kind.TIME, lambda e: e.created_at),
        _both("latency_ms", Kind.NUMBER, lambda e: e.latency_ms),
        _call("token_in", Kind.NUMBER, lambda e: e.token_in),
        _call("token_out", Kind.NUMBER, lambda e: e.token_out),
        _call("tokens", Kind.NUMBER, _tokens),
        _call("cost", Kind.MONEY, lambda e: e.cost),
        _call("cached", Kind.FLAG, lambda e: e.cached or None),
        _both("tag", Kind.TAG, lambda e: e.tags),
        _both("text", Kind.TEXT, lambda e: e.content),
    )
}

CHAIN_FIELDS = frozenset(
    {
        *("status", "chain_id", "chain_name", "chain_version", "label", "user_id", "key_id", "end_user", "session_id"),
        *("service", "source", "error_type", "cost_state", "created_at", "latency_ms", "tag", "text"),
    }
)
"""What a list of chain executions may be filtered by."""


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison.

    ``values`` holds strings for names (``like`` takes one), integers for numbers, 10^-12 dollars for money, one
    aware datetime for times, one string for text; for a tag, ``key`` names it and ``values`` are the values
    wanted. ``exists`` takes no value.
    """

    field: str
    operator: Operator
    values: tuple[str | int | datetime, ...] = ()
    key: str | None = None

    def __post_init__(self) -> None:
        known = FIELDS.get(self.field)
        if known is None:
            raise InvalidInput(f"there is no field '{self.field}' to filter by; there are: {', '.join(FIELDS)}")
        if self.operator not in OPERATORS[known.kind]:
            raise InvalidInput(f"'{self.field}' cannot be compared with '{self.operator}'")
        if len(self.values) > MAX_VALUES:
            raise InvalidInput(f"'{self.field}' takes at most {MAX_VALUES} values at once")
        if (known.kind is Kind.TAG) != (self.key is not None):
            raise InvalidInput("a tag is asked for by key, and only a tag is")
        if self.operator not in {Operator.IN, Operator.EXISTS} and len(self.values) != 1:
            raise InvalidInput(f"'{self.operator}' on '{self.field}' takes one value")
        if self.operator is Operator.WORDS and len(words(str(self.values[0]))) > MAX_WORDS:
            raise InvalidInput(f"a text search takes at most {MAX_WORDS} words")


@dataclass(frozen=True, slots=True)
class All:
    """Every one holds; ``All(())`` holds for everything."""

    of: tuple["Filter", ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """At least one holds; ``Any(())`` holds for nothing."""

    of: tuple["Filter", ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The other does not hold."""

    of: "Filter"


Filter = Test | All | Any | Not

EVERYTHING = All(())
TOP_LEVEL = Not(Test("chain_execution_id", Operator.EXISTS))
"""Executions outside chains: with the chain executions, these are the *runs*."""

_WORD = re.compile("[0-9a-z\u0080-\U0010ffff]+")


def words(text: str) -> frozenset[str]:
    """The words of a text as the search sees them: runs of ASCII letters and digits or of anything beyond ASCII.

    Only ASCII letters are folded to lower case, because both compilers must fold alike.
    """
    folded = text.translate(_FOLD)
    return frozenset(_WORD.findall(folded))


_FOLD = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def searched(execution: AnyExecution) -> tuple[str, ...]:
    """The texts that a ``text`` test looks into: input as JSON text, output, error."""
    content = execution.content
    if content is None:
        return ()
    given = None if content.input is None else _without_escapes(content.input)
    return tuple(t for t in (given, output_text(content.output), content.error) if t)


def output_text(output: Json) -> str | None:
    """An output as the search sees it: a text as it is, anything else as JSON text."""
    return output if output is None or isinstance(output, str) else _without_escapes(output)


def _without_escapes(value: Json) -> str:
    return _ESCAPE.sub(" ", as_json(value))


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")


def as_json(value: object) -> str:
    """JSON text as the record keeps it and the search reads it: compact, characters beyond ASCII as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def searches(tree: Filter) -> bool:
    """Whether *tree* looks into content: who may not see content could find it out word by word."""
    match tree:
        case All(of) | Any(of):
            return any(searches(item) for item in of)
        case Not(of):
            return searches(of)
        case Test():
            return FIELDS[tree.field].kind is Kind.TEXT


def matches(tree: Filter, execution: AnyExecution) -> bool:
    """Whether *execution* passes *tree*."""
    match tree:
        case All(of):
            return all(matches(item, execution) for item in of)
        case Any(of):
            return any(matches(item, execution) for item in of)
        case Not(of):
            return not matches(of, execution)
        case Test():
            return _holds(tree, execution)


def _holds(test: Test, execution: AnyExecution) -> bool:
    if test.operator is Operator.WORDS and not words(str(test.values[0])):
        return True  # nothing was asked for
    value = FIELDS[test.field].read(execution)
    if test.key is not None:
        value = value.get(test.key) if is_object(value) else None
    if value is None:
        return False
    match test.operator:
        case Operator.EXISTS:
            return True
        case Operator.IN:
            return value in test.values
        case Operator.LIKE:
            return re.fullmatch(_glob(str(test.values[0])), str(value), re.DOTALL) is not None
        case Operator.WORDS:
            found = words(" ".join(searched(execution)))
            return words(str(test.values[0])) <= found
        case Operator.AT_LEAST:
            return value >= test.values[0]  # type: ignore[operator]
        case Operator.AT_MOST:
            return value <= test.values[0]  # type: ignore[operator]
        case Operator.BELOW:
            return value < test.values[0]  # type: ignore[operator]


def _glob(pattern: str) -> str:
    """Only ``*`` is special, so that a name with brackets or a question mark means itself."""
    return translate(re.sub(r"([\[?])", r"[\1]", pattern))
