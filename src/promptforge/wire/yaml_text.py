"""YAML as people write it, to JSON values and back: the plain part of YAML 1.2, nothing that does more than it says.

A scalar is null, true or false, a number as JSON writes it, or else text: ``no``, ``0123``, ``1_000`` and dates are
text. Refused are anchors and aliases, tags, merge keys, the same key twice, several documents, and what is too large or
too deep. Every error says its line, and where a value stood is kept, for errors that are found later.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import yaml

from promptforge.core.errors import InvalidInput
from promptforge.core.json import MAX_DEPTH, MAX_VALUES, Json, bounded, storable

MAX_TEXT = 500_000
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = re.compile(r"(?P<true>true|True|TRUE)|false|False|FALSE")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?P<part>(?:\.[0-9]{1,99})?(?:[eE][+-]?[0-9]{1,9})?)")
_YAML = cast("Any", yaml)
#: libyaml where it is there: ten times as fast, and the same events.
_LOADER: Any = getattr(_YAML, "CSafeLoader", _YAML.SafeLoader)
#: What YAML 1.1, which parsers still read, takes for the end of a line; and what it cannot hold as it is.
_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHOWN = 60


class Misread(InvalidInput):
    """An error in a text; ``line`` counts from 1, ``says`` is the sentence without it."""

    def __init__(self, says: str, *, path: str | None, line: int, column: int | None = None) -> None:
        super().__init__(f"line {line}{f', column {column}' if column else ''}: {says}", path=path)
        self.line = line
        self.says = says


@dataclass(frozen=True, slots=True)
class YamlText:
    """What a text says; ``lines`` has the line of every value, counted from 1, by its JSON path."""

    value: Json
    lines: Mapping[str, int]

    def line(self, path: str | None) -> int | None:
        """The line of the value at a path, or of the nearest one that it would stand in."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return None

    def located(self, error: InvalidInput) -> InvalidInput:
        """The error with its line before it."""
        line = self.line(error.path)
        return error if line is None else Misread(str(error), path=error.path, line=line)


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read(text: str) -> YamlText:
    """Read one document; InvalidInput, with line and column, for a text that is none."""
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"the text takes more than {MAX_TEXT} characters", path="$")
    storable(text, "$")
    try:
        return _Reading(iter(_YAML.parse(text, Loader=_LOADER))).whole()
    except yaml.YAMLError as error:
        found: Any = error
        mark, says = getattr(found, "problem_mark", None), getattr(found, "problem", None) or str(found)
        raise _wrong(mark, f"this is not YAML: {says}") from None


class _Reading:
    """Takes the events of a parser one by one; nesting is bounded, so it may recurse."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._lines: dict[str, int] = {}

    def whole(self) -> YamlText:
        """The one document."""
        value: Json = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _wrong(event.start_mark, "a second document begins here: give one")
                value = self._node(next(self._events), "$", 1)
        return YamlText(value, self._lines)

    def _node(self, event: Any, path: str, depth: int) -> Json:
        self._lines.setdefault(path, event.start_mark.line + 1)
        _refuse_cleverness(event)
        if depth > MAX_DEPTH:
            raise _wrong(event.start_mark, f"nested deeper than {MAX_DEPTH} levels")
        if len(self._lines) > MAX_VALUES:
            raise _wrong(event.start_mark, f"more than {MAX_VALUES} values")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _sequence(self, path: str, depth: int) -> Json:
        made: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            made.append(self._node(event, f"{path}[{len(made)}]", depth + 1))
        return made

    def _mapping(self, path: str, depth: int) -> Json:
        made: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key: Any = event
            _refuse_cleverness(key)
            if not isinstance(key, yaml.ScalarEvent):
                raise _wrong(key.start_mark, "a key must be a text; and a value that begins with '{' stands in quotes")
            name, mark = str(key.value), key.start_mark
            if name == "<<" and _is_plain(key):
                raise _wrong(mark, "merge keys ('<<') are not read: write out what they stand for")
            if name in made:
                raise _wrong(mark, f"the key '{name[:_SHOWN]}' is here twice")
            inside = f"{path}.{name}"
            self._lines.setdefault(inside, mark.line + 1)
            made[name] = self._node(next(self._events), inside, depth + 1)
        return made


def _refuse_cleverness(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise _wrong(event.start_mark, "anchors and aliases ('&', '*') are not read: write out what they stand for")
    if getattr(event, "tag", None) is not None:
        raise _wrong(event.start_mark, f"tags ('{str(event.tag)[:_SHOWN]}') are not read: put texts in quotes instead")


def _is_plain(event: Any) -> bool:
    return bool(event.implicit[0])


def _scalar(event: Any) -> Json:
    text: str = event.value
    if not _is_plain(event):
        return text
    if _NULL.fullmatch(text):
        return None
    if truth := _BOOLEAN.fullmatch(text):
        return truth["true"] is not None
    if number := _NUMBER.fullmatch(text):
        value = float(text) if number["part"] else int(text)
        if not math.isfinite(value):
            raise _wrong(event.start_mark, f"the number {text[:_SHOWN]} is too large")
        return value
    return text


def _wrong(mark: Any, says: str) -> InvalidInput:
    if mark is None:
        return InvalidInput(says, path="$")
    return Misread(says, path="$", line=mark.line + 1, column=mark.column + 1)


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def write(value: Json) -> str:
    """A text that ``read`` gives the value back from; texts of several lines stand as blocks."""
    bounded(value, "$")
    return cast("str", _YAML.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100))


class _Dumper(_YAML.SafeDumper):
    """Quotes what ``read`` would take for something else than text, and repeats instead of referring back."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}

    def ignore_aliases(self, data: object) -> bool:
        """Always."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        """Indent lists below their key, as people do."""
        del indentless
        emitter: Any = super()
        return emitter.increase_indent(flow, indentless=False)


def _text(dumper: Any, text: str) -> Any:
    style = '"' if _BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _number(dumper: Any, value: float) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:float", json.dumps(value))


for _tag, _pattern in (("null", _NULL), ("bool", _BOOLEAN), ("float", _NUMBER), ("merge", re.compile("<<"))):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern.pattern})\Z"), None)
for _type, _represent in ((str, _text), (int, _number), (float, _number)):
    _Dumper.add_representer(_type, _represent)
