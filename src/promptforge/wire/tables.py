"""Tables: CSV and JSONL as they come, in pieces of bytes, to rows with their line numbers.

A line that cannot be read is a row with a problem; those after it are read all the same. A mapping says which column
becomes which field, so that a file goes in as it is.
"""

import codecs
import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_object
from promptforge.wire.cells import bare, json_of

MAX_RECORD = 8 << 20
OBJECTS = frozenset({"tags", "usage", "metadata"})
JSON = OBJECTS | {"input"}
"""What our own exports write as JSON."""
csv.field_size_limit(MAX_RECORD)  # the module's own limit of 128 kB is below a long prompt


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of a line, or what is wrong with it."""

    line: int
    fields: Mapping[str, Json] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """*field* (a path for nested ones) is taken from *column*, or is *constant* in every row."""

    field: tuple[str, ...]
    column: str = ""
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """How a known kind of file is read."""

    format: str
    columns: tuple[str, ...]
    ours: bool = False


#: What an export and an arrival both have; docs/record.md says what becomes of the rest.
_OURS = (
    *("id", "createdAt", "status", "errorType", "provider", "model", "promptName", "version", "service", "endUser"),
    *("sessionId", "latencyMs", "firstTokenMs", "tokenIn", "tokenOut", "usage", "usageSource", "costUsd"),
    *("finishReason", "tags", "input", "output", "error", "stackTrace", "metadata"),
)

PRESETS = {
    "export": Preset("jsonl", tuple(f"{name}={name}" for name in _OURS), ours=True),
    "azure-llm": Preset("csv", ("createdAt=TIMESTAMP", "tokenIn=ContextTokens", "tokenOut=GeneratedTokens")),
    "openai-jsonl": Preset(
        "jsonl",
        (
            *("externalId=id", "externalSource:=openai", "createdAt=created", "model=model", "provider:=openai"),
            *("tokenIn=usage.prompt_tokens", "tokenOut=usage.completion_tokens"),
            *("output=choices.0.message.content", "finishReason=choices.0.finish_reason"),
        ),
    ),
}


def columns(texts: Sequence[str]) -> tuple[Column, ...]:
    """Read a mapping: ``field=column``, nested ``tags.env=column``, or a constant ``provider:=openai``."""
    made: list[Column] = []
    for text in texts:
        name, equals, value = text.partition("=")
        constant = name.endswith(":")
        name = name.removesuffix(":").strip()
        if not equals or not name or not value:
            raise InvalidInput(f"'{text[:60]}' is not a mapping: write field=column, or field:=constant", path="$.map")
        path = tuple(name.split(".", 1))
        made.append(Column(path, constant=value) if constant else Column(path, value))
    return tuple(made)


class Table:
    """Reads pieces of one file; *mapping* empty means that the columns are the fields.

    In one of *ours* cells are guarded (see ``wire/cells.py``), and any column may be missing.
    """

    def __init__(self, format: str, mapping: Sequence[Column] = (), *, ours: bool = False) -> None:
        if format not in ("csv", "jsonl"):
            raise InvalidInput(f"'{format[:20]}' is not a format: give csv or jsonl", path="$.format")
        self._csv = format == "csv"
        self._mapping = tuple(mapping)
        self._ours = ours
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._rest: list[str] = []
        self._line = 0
        self._skipping = False
        self._header: list[str] | None = None
        self._take: Callable[[list[str]], dict[str, Json]] | None = None

    def feed(self, piece: bytes) -> Iterator[Row]:
        """The rows that are complete with this piece."""
        text = self._decoder.decode(piece)
        if "\n" not in text:
            self._rest.append(text)
            if sum(map(len, self._rest)) > MAX_RECORD:
                yield from self._too_long()
            return
        whole, _, rest = text.rpartition("\n")
        text, self._rest = "".join([*self._rest, whole]), [rest]
        yield from self._lines(text.split("\n"), last=False)

    def end(self) -> Iterator[Row]:
        """The rows of the last line, which may have no end."""
        text = "".join(self._rest) + self._decoder.decode(b"", final=True)
        self._rest = []
        if text:
            yield from self._lines(text.split("\n"), last=True)

    def _too_long(self) -> Iterator[Row]:
        """A record that does not end: told once, and left out to the end of its line."""
        lines = "".join(self._rest).split("\n", 1)
        self._rest = lines[1:]
        if not self._skipping:
            self._line += 1
            yield Row(self._line, None, f"it does not end within {MAX_RECORD >> 20} MB: is a quote left open?")
        self._skipping = len(lines) == 1

    def _lines(self, lines: list[str], *, last: bool) -> Iterator[Row]:
        if self._skipping:
            self._skipping = False
            del lines[0]
        if not self._csv:
            for line in lines:
                self._line += 1
                if line.strip():
                    yield self._object(line)
            return
        yield from self._records([line + "\n" for line in lines], last=last)

    # ── CSV ──

    def _records(self, lines: list[str], *, last: bool) -> Iterator[Row]:
        at = 0
        while at < len(lines):
            reader = csv.reader(iter(lines[at:] if at else lines), strict=True)
            begun = 0
            try:
                for cells in reader:
                    begin, begun = begun, reader.line_num
                    if cells:
                        row = self._row(self._line + begin + 1, cells)
                        if row is not None:
                            yield row
                self._line += begun
                return
            except csv.Error as error:
                open_ = "unexpected end" in str(error)
                self._line += begun
                at += begun
                if open_ and not last and sum(map(len, lines[at:])) <= MAX_RECORD:
                    self._rest = ["".join(lines[at:]), *self._rest]
                    return
                gone = 1 if open_ else reader.line_num - begun
                why = "a quote is opened and not closed" if open_ else str(error)
                yield Row(self._line + 1, None, why)
                self._line += gone
                at += gone

    def _row(self, line: int, cells: list[str]) -> Row | None:
        if self._header is None or self._take is None:
            self._header, self._take = cells, self._taker(cells)
            return None
        if len(cells) != len(self._header):
            return Row(line, None, f"it has {len(cells)} cells, and the header has {len(self._header)}")
        if any(not cell.isascii() and _broken(cell) for cell in cells):
            return Row(line, None, "it is not UTF-8")
        try:
            return Row(line, self._take(cells))
        except ValueError as error:
            return Row(line, None, str(error))

    def _taker(self, header: list[str]) -> Callable[[list[str]], dict[str, Json]]:
        """What makes fields of the cells of a row."""
        mapping = self._mapping or tuple(Column(tuple(name.split(".", 1)), name) for name in header)
        if self._ours:
            mapping = tuple(c for c in mapping if c.constant is not None or c.column in header)
        missing = [c.column for c in mapping if c.constant is None and c.column not in header]
        if missing:
            raise InvalidInput(
                f"the file has no column '{missing[0][:60]}'; it has: {', '.join(header)[:300]}", path="$.map"
            )
        reads = dict.fromkeys(JSON, json_of) if self._ours else dict.fromkeys(OBJECTS, _object_of)
        as_it_is = bare if self._ours else None
        plain = [
            (c.field[0], header.index(c.column), reads.get(c.field[0], as_it_is))
            for c in mapping
            if c.constant is None and len(c.field) == 1
        ]
        nested = [(c.field, header.index(c.column)) for c in mapping if c.constant is None and len(c.field) > 1]
        fixed = [(c.field, c.constant) for c in mapping if c.constant is not None]

        def take(cells: list[str]) -> dict[str, Json]:
            made: dict[str, Json] = {
                name: read(cells[place]) if read else cells[place] for name, place, read in plain if cells[place]
            }
            for path, place in nested:
                if cells[place]:
                    _put(made, path, cells[place])
            for path, value in fixed:
                _put(made, path, value)
            return made

        return take

    # ── JSONL ──

    def _object(self, line: str) -> Row:
        if not line.isascii() and _broken(line):
            return Row(self._line, None, "it is not UTF-8")
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            return Row(self._line, None, f"it is not JSON: {error}")
        if not is_object(value):
            return Row(self._line, None, "it is not a JSON object")
        if not self._mapping:
            return Row(self._line, value)
        made: dict[str, Json] = {}
        for column in self._mapping:
            found = _found(value, column.column) if column.constant is None else column.constant
            if found is not None:
                _put(made, column.field, found)
        return Row(self._line, made)


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _object_of(text: str) -> Json:
    """A cell that may hold an object."""
    if text[0] not in "{[":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("a cell that begins as JSON is not JSON") from None


def _put(made: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    if len(path) == 1:
        made[path[0]] = value
        return
    inner = made.setdefault(path[0], {})
    if not isinstance(inner, dict):
        raise ValueError(f"{path[0]} has a value of its own beside {'.'.join(path)}")  # noqa: TRY004  a bad line
    cast("dict[str, Json]", inner)[path[1]] = value


def _found(value: Json, path: str) -> Json:
    """What stands at a path of a JSON value (``choices.0.text``); the whole name first, None where there is nothing."""
    if is_object(value) and path in value:
        return value[path]
    for part in path.split("."):
        if is_object(value):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(cast("list[Json]", value)):
            value = cast("list[Json]", value)[int(part)]
        else:
            return None
    return value
