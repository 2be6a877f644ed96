"""MERGE steps: several values of the context become one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array
from promptforge.language.reference import Missing, Reference, find, parse
from promptforge.language.size import limited

_BRACES = "{} "


class Strategy(StrEnum):
    """``object`` by the last name of each reference, ``list`` in order, ``text`` joined, ``first`` that is not null."""

    OBJECT = "object"
    LIST = "list"
    TEXT = "text"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Merge:
    """What a branch that did not run would have written is left out."""

    strategy: Strategy
    references: tuple[Reference, ...]
    separator: str = "\n\n"

    def apply(self, context: Mapping[str, Json]) -> Json:
        """The merged value; InvalidInput when it is too large, or when nothing of it is there."""
        found: list[tuple[str, Json]] = []
        for reference in self.references:
            try:
                found.append((str(reference.steps[-1]), find(context, reference)))
            except Missing:
                continue
        if not found:
            raise InvalidInput(f"nothing to merge: none of {', '.join(map(str, self.references))} is there")
        return limited(self._merged(found), "$.output")

    def _merged(self, found: Sequence[tuple[str, Json]]) -> Json:
        values = [value for _, value in found]
        match self.strategy:
            case Strategy.OBJECT:
                return dict(found)
            case Strategy.LIST:
                return values
            case Strategy.TEXT:
                return self.separator.join(_as_text(value) for value in values if value is not None)
            case Strategy.FIRST:
                return next((value for value in values if value is not None), None)


def compile_merge(config: Mapping[str, Json]) -> Merge:
    """Read the configuration of a MERGE step: ``strategy`` (object), ``from`` (references), ``separator``."""
    given = config.get("strategy", Strategy.OBJECT)
    if given not in [strategy.value for strategy in Strategy]:
        raise InvalidInput("strategy must be object, list, text or first", path="$.config.strategy")
    sources = config.get("from")
    if not is_array(sources) or not sources or not all(isinstance(source, str) for source in sources):
        raise InvalidInput('from must list what to merge, such as ["summary", "score"]', path="$.config.from")
    separator = config.get("separator", "\n\n")
    if not isinstance(separator, str):
        raise InvalidInput("separator must be a text", path="$.config.separator")
    references = tuple(parse(str(source).strip(_BRACES)) for source in sources)
    return Merge(Strategy(str(given)), references, separator)


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
