"""Cells of our own CSV, which a spreadsheet cannot take for formulas, written and read back exactly.

A cell that begins as a formula may (``=``, ``+``, ``-``, ``@``, a tab or an end of line) gets an apostrophe before it,
and so does one that begins with an apostrophe: reading takes one away.
"""

import json

from promptforge.core.filter import as_json
from promptforge.core.json import Json

_FORMULA = frozenset("=+-@\t\r\n'")


def guarded(text: str) -> str:
    """The text as a cell that is no formula."""
    return f"'{text}" if text[:1] in _FORMULA and text else text


def bare(cell: str) -> str:
    """The text back."""
    return cell[1:] if cell[:1] == "'" else cell


def json_cell(value: Json) -> str:
    """A JSON value as a cell: a text as it is, unless it reads as JSON itself; anything else as JSON."""
    if isinstance(value, str) and value and not _parsed(value)[0]:
        return guarded(value)
    return guarded(as_json(value))


def json_of(cell: str) -> Json:
    """The JSON value back."""
    text = bare(cell)
    found, value = _parsed(text)
    return value if found else text


def _parsed(text: str) -> tuple[bool, Json]:
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        return False, None
