"""What a condition is made of, and what it means: values, comparisons, and how true they are.

The one rule to know: nothing is coerced, but for a text that is compared with a number or a boolean. If the text reads
as one (``5``, `` 0.9 ``, ``true``), it counts as that, because models answer in text. A place that leads nowhere is
null; null equals null only, and is neither less nor more than anything.

Evaluation is a walk over a tree of bounded depth, and every value that is looked at costs a step of a bounded number.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal as Choice
from typing import TypeGuard

from promptforge.core.errors import InvalidInput
from promptforge.core.json import MAX_DEPTH, Json, is_array, is_object, kind
from promptforge.language.pattern import searcher
from promptforge.language.reference import Missing, Reference, find

#: Values looked at, or thousands of characters, in one evaluation.
MAX_STEPS = 300_000

NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(NUMBER)
_LONGEST_NUMBER = 100


# ── the tree; ``at`` is where in the text a part stands ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool | int | float | str | None
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Read:
    reference: Reference
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """An array literal."""

    parts: "tuple[Node, ...]"
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """Two values and ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` or ``in``."""

    operator: str
    parts: "tuple[Node, Node]"
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Called:
    function: str
    parts: "tuple[Node, ...]"
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Negated:
    parts: "tuple[Node]"
    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """Two or more conditions, of which all (``&&``) or one (``||``) must hold."""

    operator: Choice["&&", "||"]
    parts: "tuple[Node, ...]"
    at: int = field(compare=False)


Node = Constant | Read | Listed | Compared | Called | Negated | Joined


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every part with its depth, the outermost first and the text's order kept."""
    waiting = [(node, 1)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth
        if not isinstance(part, Constant | Read):
            waiting += [(inner, depth + 1) for inner in reversed(part.parts)]


# ── written out ───────────────────────────────────────────────────────────────────────────────────────────────────

_BINDING: dict[type, int] = {Joined: 1, Compared: 3, Negated: 4}
_BINDING_AND = 2
_ATOM = 5


def written(node: Node) -> str:
    """The text of a tree; parsing it gives the tree again."""
    match node:
        case Constant(str(value)):
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case Constant(value):
            return json.dumps(value)
        case Read(reference):
            return f"{{{{{reference}}}}}"
        case Listed(parts):
            return f"[{', '.join(map(written, parts))}]"
        case Called(function, parts):
            return f"{function}({', '.join(map(written, parts))})"
        case Negated((part,)):
            return f"!{_within(part, _BINDING[Negated])}"
        case Compared(operator, (left, right)):
            return f"{_within(left, _BINDING[Negated])} {operator} {_within(right, _BINDING[Negated])}"
        case Joined(operator, parts):
            return f" {operator} ".join(_within(part, _binding(node) + 1) for part in parts)


def _within(node: Node, least: int) -> str:
    return written(node) if _binding(node) >= least else f"({written(node)})"


def _binding(node: Node) -> int:
    if isinstance(node, Joined) and node.operator == "&&":
        return _BINDING_AND
    return _BINDING.get(type(node), _ATOM)


# ── what it means ─────────────────────────────────────────────────────────────────────────────────────────────────


class Unfit(InvalidInput):
    """Values that a part of the condition has no meaning for; ``at`` is where it stands."""

    def __init__(self, at: int, says: str) -> None:
        super().__init__(says)
        self.at = at


@dataclass(slots=True)
class Evaluation:
    """One walk over a tree, over one context."""

    context: Mapping[str, Json]
    steps: int = 0

    def truth(self, node: Node) -> bool:
        """Whether it holds; null does not, and a text may say ``true`` or ``false``."""
        value = self.value(node)
        if isinstance(value, str) and len(value) < _LONGEST_NUMBER:
            value = _BOOLEANS.get(value.strip(), value)
        if value is None or isinstance(value, bool):
            return value is True
        raise Unfit(
            node.at, f"true or false is needed here, not {kind(value)}: compare it with something, such as != null"
        )

    def value(self, node: Node) -> Json:
        """What a part stands for; the right side of ``&&`` and ``||`` is looked at only when it matters."""
        self.spend(1)
        match node:
            case Constant(value):
                return value
            case Read(reference):
                try:
                    return find(self.context, reference)
                except Missing:
                    return None
            case Listed(parts):
                return [self.value(part) for part in parts]
            case Called(function, parts):
                return FUNCTIONS[function].apply(self, node.at, [self.value(part) for part in parts])
            case Negated((part,)):
                return not self.truth(part)
            case Joined("&&", parts):
                return all(self.truth(part) for part in parts)
            case Joined(_, parts):
                return any(self.truth(part) for part in parts)
            case Compared(operator, (left, right)):
                return self._compared(operator, self.value(left), self.value(right), node.at)

    def spend(self, steps: int) -> None:
        """Count work; Unfit when there was too much of it."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise Unfit(0, f"it takes more than {MAX_STEPS} steps: compare smaller values")

    def _compared(self, operator: str, left: Json, right: Json, at: int) -> bool:
        match operator:
            case "==":
                return self.same(left, right)
            case "!=":
                return not self.same(left, right)
            case "in":
                return self.contains(right, left, at)
            case _:
                return self._ordered(operator, left, right, at)

    def same(self, left: Json, right: Json, depth: int = 0) -> bool:
        """Whether two values are equal: by the same rule at every depth, numbers by what they are worth."""
        left, right = _aligned(left, right)
        self.spend(1)
        if depth > MAX_DEPTH:
            raise Unfit(0, f"it compares values that are nested deeper than {MAX_DEPTH} levels")
        if is_array(left) and is_array(right):
            return len(left) == len(right) and all(
                self.same(one, other, depth + 1) for one, other in zip(left, right, strict=True)
            )
        if is_object(left) and is_object(right):
            return left.keys() == right.keys() and all(
                self.same(value, right[name], depth + 1) for name, value in left.items()
            )
        if isinstance(left, str) and isinstance(right, str):
            self.spend(min(len(left), len(right)) // 1000)
        return kind(left) == kind(right) and left == right

    def contains(self, whole: Json, part: Json, at: int) -> bool:
        """Whether an array has an entry, a text a part, or an object a name; null contains nothing."""
        if whole is None:
            return False
        if is_array(whole):
            return any(self.same(part, entry) for entry in whole)
        if isinstance(whole, str) and isinstance(part, str):
            self.spend(len(whole) // 1000)
            return part in whole
        if is_object(whole) and isinstance(part, str):
            return part in whole
        if part is None and (isinstance(whole, str) or is_object(whole)):
            return False
        raise Unfit(
            at,
            "this looks for an entry in an array, a text in a text, or a name in an object, "
            f"not for {kind(part)} in {kind(whole)}",
        )

    def _ordered(self, operator: str, left: Json, right: Json, at: int) -> bool:
        if left is None or right is None:
            return False
        one, other = _aligned(left, right)
        if isinstance(one, str) and isinstance(other, str):
            self.spend(min(len(one), len(other)) // 1000)
            return _ordering(operator, (one > other) - (one < other))
        if _is_number(one) and _is_number(other):
            return _ordering(operator, (one > other) - (one < other))
        says = f"'{operator}' compares two numbers or two texts, not {kind(left)} and {kind(right)}"
        mixed = {kind(left), kind(right)} == {"a string", "a number"}
        raise Unfit(at, says + (": the text does not read as a number" if mixed else ""))


def _ordering(operator: str, sign: int) -> bool:
    return {"<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[operator]


_BOOLEANS = {"true": True, "false": False}


def _is_number(value: Json) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _aligned(left: Json, right: Json) -> tuple[Json, Json]:
    """Both values, a text taken for a number or a boolean where the other is one and the text reads as one."""
    if isinstance(left, str) and isinstance(right, int | float):
        return _read(left, right), right
    if isinstance(right, str) and isinstance(left, int | float):
        return left, _read(right, left)
    return left, right


def _read(text: str, like: float) -> Json:
    if isinstance(like, bool):
        return _BOOLEANS.get(text.strip(), text) if len(text) < _LONGEST_NUMBER else text
    found = number(text)
    return text if found is None else found


def number(text: str) -> int | float | None:
    """The number that a text reads as, white space around it left aside."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text.strip()):
        return None
    return json.loads(text.strip())


# ── functions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Function:
    takes: tuple[str, ...]
    apply: Callable[[Evaluation, int, Sequence[Json]], Json]


def _length(_run: Evaluation, at: int, values: Sequence[Json]) -> Json:
    value = values[0]
    if value is None:
        return 0
    if isinstance(value, str) or is_array(value) or is_object(value):
        return len(value)
    raise _unfit(at, "length", "a text, an array or an object", value)


def _contains(run: Evaluation, at: int, values: Sequence[Json]) -> Json:
    return run.contains(values[0], values[1], at)


def _matches(run: Evaluation, at: int, values: Sequence[Json]) -> Json:
    text = _text(run, at, "matches", values)
    return text is not None and searcher(str(values[1]))(text)


def _lower(run: Evaluation, at: int, values: Sequence[Json]) -> Json:
    text = _text(run, at, "lower", values)
    return None if text is None else text.lower()


def _trim(run: Evaluation, at: int, values: Sequence[Json]) -> Json:
    text = _text(run, at, "trim", values)
    return None if text is None else text.strip()


def _number(run: Evaluation, at: int, values: Sequence[Json]) -> Json:
    if _is_number(values[0]):
        return values[0]
    text = _text(run, at, "number", values)
    return None if text is None else number(text)


def _text(run: Evaluation, at: int, function: str, values: Sequence[Json]) -> str | None:
    """The first value, a text or null."""
    value = values[0]
    if value is not None and not isinstance(value, str):
        raise _unfit(at, function, "a text", value)
    run.spend(len(value or "") // 1000)
    return value


def _unfit(at: int, function: str, takes: str, value: Json) -> Unfit:
    return Unfit(at, f"{function}(…) takes {takes}, not {kind(value)}")


FUNCTIONS = {
    "length": Function(("value",), _length),
    "contains": Function(("value", "part"), _contains),
    "matches": Function(("text", "'pattern'"), _matches),
    "lower": Function(("text",), _lower),
    "trim": Function(("text",), _trim),
    "number": Function(("text",), _number),
}
