"""What people and programs see: Rich on a terminal, tab-separated lines in a pipe, JSON when asked for.

Recorded text is hostile: on a terminal, and in every table, control characters (escape sequences, direction marks)
are shown as what they are instead of being obeyed. Markup in recorded text is never interpreted. Answers go to
stdout, everything else to stderr.
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import click

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = {"\n": "\\n", "\t": "\\t"}
_STYLES = {"success": "green", "error": "red", "pending": "yellow"}


@dataclass(frozen=True, slots=True)
class Column:
    """``right`` for numbers; *key* is never cut short; on a narrow terminal those with the lowest *spare* go first."""

    name: str
    right: bool = False
    key: bool = False
    spare: int = 0


def shown(text: str) -> str:
    """The text with control characters made visible; line breaks and tabs stay."""
    return _CONTROL.sub(lambda found: _escape(found[0]), text)


def cell(value: object) -> str:
    """One value on one line; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _when(value) if sys.stdout.isatty() else _iso(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in cast("Sequence[object]", value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "".join(_BREAKS.get(letter, letter) for letter in shown(text))


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> dict[int, int]:
    """The columns that a terminal has room for: their places, and how wide they must be at least."""
    full = [max(len(column.name), *(len(row[n]) for row in cells), 0) for n, column in enumerate(columns)]
    needed = [w if c.key or c.right else min(w, 12) for w, c in zip(full, columns, strict=True)]
    kept = dict(enumerate(needed))
    for n in sorted((n for n in kept if columns[n].spare), key=lambda n: columns[n].spare):
        if sum(kept.values()) + 2 * len(kept) - 2 > width:
            del kept[n]
    return kept


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _when(moment: datetime) -> str:
    """As short as it is clear, in the reader's zone."""
    local, today = moment.astimezone(), datetime.now().astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%b %d %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d}"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(text: str) -> None:
    # Not click.echo, which takes escape sequences out of a pipe: there the text belongs to a program.
    sys.stdout.write(text)
    sys.stdout.flush()


class Output:
    """Where a command's answer goes. With *as_json* the methods for people do nothing, and the other way round."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.terminal = sys.stdout.isatty()

    def value(self, raw: object, *, line: bool = False) -> None:
        """Print JSON; *line* for one object a line."""
        if self.as_json:
            # On a terminal everything beyond ASCII is escaped too, so that nothing in it is obeyed.
            indent = None if line else 2
            _write(json.dumps(raw, ensure_ascii=self.terminal, indent=indent, default=str) + "\n")

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[object]], *, header: bool = True) -> None:
        """Print rows under their names."""
        if self.as_json:
            return
        cells = [[cell(value) for value in row] for row in rows]
        if not self.terminal:
            lines = [[column.name for column in columns], *cells] if header else cells
            for line in lines:
                _write("\t".join(line) + "\n")
            return
        from rich.table import Table
        from rich.text import Text

        kept = _fitting(columns, cells, shutil.get_terminal_size().columns)
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=header, header_style="bold")
        for n, needed in kept.items():
            column = columns[n]
            table.add_column(
                Text(column.name),
                min_width=needed if header else None,
                justify="right" if column.right else "left",
                no_wrap=header or column.key,
                overflow="ellipsis" if header else "fold",
            )
        for row in cells:
            table.add_row(*(Text(row[n], style=_STYLES.get(row[n], "")) for n in kept))
        self._rich(table)

    def fields(self, values: Mapping[str, object]) -> None:
        """Print names and values, one a line, without those that are unknown."""
        known = [(name, value) for name, value in values.items() if value not in (None, "", [], (), {})]
        self.table((Column("", key=True), Column("")), known, header=False)

    def block(self, title: str, text: object) -> None:
        """Print a longer text under its title."""
        if self.as_json or text is None:
            return
        written = text if isinstance(text, str) else json.dumps(text, ensure_ascii=False, indent=2, default=str)
        if self.terminal:
            from rich.text import Text

            self._rich(Text.assemble("\n", (title, "bold"), "\n", shown(written)))
        else:
            _write(f"\n{title}\n{written}\n")

    def text(self, text: str, *, end: str = "") -> None:
        """Print recorded text: byte for byte in a pipe, with control characters shown on a terminal."""
        if not self.as_json:
            _write((shown(text) if self.terminal else text) + end)

    def note(self, text: str) -> None:
        """Say something that is not the answer."""
        click.echo(shown(text), err=True)

    def _rich(self, what: Any) -> None:
        from rich.console import Console

        Console(markup=False, highlight=False, emoji=False, soft_wrap=False).print(what)
