"""A file of rows to be run, CSV or JSON lines. It is read anew for each purpose, so its size does not matter."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import click

_FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
#: The most that one cell may hold.
_CELL = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A row, its number from 1, and which occurrence of these very values it is, from 1."""

    number: int
    values: Mapping[str, Any]
    occurrence: int

    def key(self, run: str) -> str:
        """What it is called within a run: the same row of the same run has the same key for ever."""
        return _digest(f"{run}\0{self.occurrence}\0{canonical(self.values)}".encode())[:32]


def canonical(value: Any) -> str:
    """JSON in which equal values are equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_hash(path: Path) -> str:
    """A name for what the file holds."""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def format_of(path: Path, named: str | None) -> str:
    """The format: as named, else as the file's name ends."""
    found = named or _FORMATS.get(path.suffix.lower())
    if found is None:
        raise click.UsageError(f"the name '{path.name}' does not say what it holds; give --format csv or jsonl")
    return found


def read(path: Path, form: str) -> Iterator[Row]:
    """Each row; a usage error names the line that cannot be read."""
    seen: Counter[bytes] = Counter()
    with closing(_csv(path) if form == "csv" else _jsonl(path)) as found:
        for number, values in enumerate(found, 1):
            same = hashlib.blake2b(canonical(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            seen[same] += 1
            yield Row(number, values, seen[same])


def _csv(path: Path) -> Generator[dict[str, Any], None, None]:
    csv.field_size_limit(_CELL)
    with _opened(path) as binary:
        reader = csv.reader(_texts(path, binary), strict=True)
        try:
            names = next(reader, None) or list[str]()
            if len(set(names)) < len(names) or not all(names):
                raise click.UsageError(f"{path}: every column needs a name of its own in the first line")
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(names):
                    raise click.UsageError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells where the first line has {len(names)}"
                    )
                yield dict(zip(names, cells, strict=True))
        except csv.Error as error:
            raise click.UsageError(f"{path}, line {reader.line_num}: {error}") from None


def _jsonl(path: Path) -> Generator[dict[str, Any], None, None]:
    with _opened(path) as binary:
        for number, line in enumerate(_texts(path, binary), 1):
            if not line.strip():
                continue
            try:
                found: Any = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise click.UsageError(f"{path}, line {number} is not JSON: {error}") from None
            if not isinstance(found, dict):
                raise click.UsageError(f"{path}, line {number} must be a JSON object of variables")
            yield cast("dict[str, Any]", found)


def _texts(path: Path, binary: BufferedReader) -> Iterator[str]:
    for number, line in enumerate(binary, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise click.UsageError(f"{path}, line {number} is not UTF-8") from None


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
