"""Exports as text: whatever was recorded comes back, and no spreadsheet takes it for a formula."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from kit.executions import done
from promptforge.core.execution import Content
from promptforge.wire.cells import bare, guarded, json_cell, json_of
from promptforge.wire.export import Csv, Jsonl, columns
from promptforge.wire.tables import PRESETS, Table
from promptforge.wire.tables import columns as mapping

FORMULA = tuple("=+-@\t\r\n")
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00") | st.sampled_from("=+-@\t\r\n'\"[{1,")
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def read(data: bytes, format: str):
    """The fields of each row, as an import reads them."""
    preset = PRESETS["export"]
    table = Table(format, mapping(preset.columns), ours=preset.ours)
    rows = [*table.feed(data[: len(data) // 2]), *table.feed(data[len(data) // 2 :]), *table.end()]
    assert [row.problem for row in rows if row.fields is None] == []
    return [row.fields for row in rows]


def written(writer, executions):
    """The bytes of a file."""
    return writer.begin() + writer.rows(executions) + writer.end()


@given(TEXT)
def test_a_cell_is_no_formula_and_comes_back(text):
    """No text begins as a formula does in its cell, and reading gives back every one."""
    assert not guarded(text).startswith(FORMULA)
    assert bare(guarded(text)) == text


@given(JSON)
def test_a_json_cell_is_no_formula_and_comes_back(value):
    """Neither does a JSON value, and its type is not lost: the text "5" is not the number 5."""
    assert not json_cell(value).startswith(FORMULA)
    assert json_of(json_cell(value)) == value


@given(st.lists(st.tuples(TEXT, JSON, st.dictionaries(TEXT.filter(bool), TEXT, max_size=2)), max_size=5))
def test_rows_come_back(given_rows):
    """Content and tags of both text formats are read back as they were, whatever is in them."""
    executions = [
        done("w", end_user=text or None, tags=tags, content=Content(input=value, output=text, metadata=value))
        for text, value, tags in given_rows
    ]
    known = [
        {"input": value, "output": text, "endUser": text, "tags": tags, "metadata": value}
        for text, value, tags in given_rows
    ]
    for format, writer in (("csv", Csv), ("jsonl", Jsonl)):
        found = read(written(writer(columns(content=True)), executions), format)
        assert [row["id"] for row in found] == [one.id for one in executions]
        for row, one in zip(found, known, strict=True):
            for name, value in one.items():
                empty = value in ("", {}) and not isinstance(value, bool)
                assert row.get(name, None if value is None or not empty else value) == value, (format, name)


def test_the_columns_of_the_text_formats():
    """Money is exact text, times are UTC, what is not known is left out or empty, content only where it is wanted."""
    one = done("w", cost=4_500_000_000_001, latency_ms=None)
    line = json.loads(written(Jsonl(columns(content=False)), [one]))
    assert (line["costUsd"], line["createdAt"], line["usage"]) == (
        "4.500000000001",
        "2026-11-24T12:00:00.000Z",
        {"input": 500, "output": 200},
    )
    assert not {"latencyMs", "output", "input", "error"} & set(line)
    header, cells = csv.reader(io.StringIO(written(Csv(columns(content=True)), [one]).decode()))
    row = dict(zip(header, cells, strict=True))
    assert (row["costUsd"], row["latencyMs"], row["output"]) == ("4.500000000001", "", "Good morning")
    assert json.loads(row["input"]) == {"name": "Ada"}
