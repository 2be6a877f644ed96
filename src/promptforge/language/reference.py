"""References: where a value is found in a context, such as ``sentiment.confidence`` or ``items[0].price``.

The whole grammar: a name (a letter or ``_``, then letters, digits, ``_`` or ``-``), then any number of ``.name``,
``[0]`` (counted from 0) and ``["any key"]`` or ``['any key']`` (no quote of the same kind, backslash or brace inside).

A context holds what a step can read: the chain's inputs by their names, the outputs of steps by their ``outputKey``,
and under ``input`` all inputs once more, so that ``{{topic}}`` and ``{{input.topic}}`` both say what the caller gave.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object, kind

MAX_REFERENCE = 200
#: The name that reads all inputs; no step may write it.
INPUT = "input"

_NAME = re.compile(r"[^\W\d][\w-]*")
#: The grammar as a pattern, for the languages that it is a part of.
PATTERN = r"""[^\W\d][\w-]*(?:\.[^\W\d][\w-]*|\[[0-9]{1,6}\]|\["[^"\\{}]*"\]|\['[^'\\{}]*'\])*"""
_WHOLE = re.compile(PATTERN)
_STEP = re.compile(
    r"""(?P<name>[^\W\d][\w-]*)|\[(?P<index>[0-9]+)\]|\["(?P<double>[^"]*)"\]|\['(?P<single>[^']*)'\]""",
)
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a value is found: names into objects, numbers into arrays; the first is a name of the context."""

    steps: tuple[str | int, ...]

    @property
    def root(self) -> str:
        """The name in the context that it starts from."""
        return str(self.steps[0])

    def __str__(self) -> str:
        return "".join(_written(step) for step in self.steps).removeprefix(".")


def _written(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _NAME.fullmatch(step):
        return f".{step}"
    return f"['{step}']" if '"' in step else f'["{step}"]'


class Missing(InvalidInput):
    """``at`` is the shortest beginning of the reference that leads nowhere, ``reason`` what is there instead."""

    def __init__(self, reference: Reference, at: Reference, reason: str) -> None:
        super().__init__(f"nothing at '{reference}': {reason}", path=f"$.{at}")
        self.reference = reference
        self.at = at
        self.reason = reason


def parse(text: str) -> Reference:
    """Read a reference; InvalidInput for a text that is none."""
    if len(text) > MAX_REFERENCE or not _WHOLE.fullmatch(text):
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        raise InvalidInput(
            f"'{shown}' is not a reference: write a name such as customer.name, items[0].price or data[\"any key\"], "
            f"of at most {MAX_REFERENCE} characters"
        )
    return Reference(tuple(_step(found) for found in _STEP.finditer(text)))


def _step(found: re.Match[str]) -> str | int:
    value = found[found.lastgroup or 0]
    return int(value) if found.lastgroup == "index" else value


def find(context: Mapping[str, Json], reference: Reference) -> Json:
    """The value at the reference; Missing, which says what part of it is not there."""
    value: Json = context
    for n, step in enumerate(reference.steps):
        if isinstance(step, str) and is_object(value) and step in value:  # noqa: SIM114  one type each
            value = value[step]
        elif isinstance(step, int) and is_array(value) and step < len(value):
            value = value[step]
        else:
            raise Missing(reference, Reference(reference.steps[: n + 1]), _instead(reference, n, value))
    return value


def _instead(reference: Reference, n: int, value: Json) -> str:
    """Say what is there in place of the step *n*."""
    if n == 0:
        return f"the context has no '{reference.root}'"
    owner, step = Reference(reference.steps[:n]), reference.steps[n]
    if is_object(value) and isinstance(step, str):
        return f"'{owner}' has no '{step}'"
    if is_array(value) and isinstance(step, int):
        entries = "1 entry" if len(value) == 1 else f"{len(value)} entries"
        return f"'{owner}' has {entries}, counted from 0"
    wanted = "an array" if isinstance(step, int) else "an object"
    return f"'{owner}' must be {wanted}, not {kind(value)}"


def opening(inputs: Mapping[str, Json]) -> dict[str, Json]:
    """The context that a chain starts with; an input of its own named ``input`` is read as that."""
    return {INPUT: dict(inputs), **inputs}
