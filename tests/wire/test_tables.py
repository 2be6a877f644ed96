"""Tables: rows come out as the file has them, however it is cut, and a bad line costs itself only."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.wire.tables import PRESETS, Table, columns


def read(data: bytes, size=7, format="csv", *mapping):
    """Every row, fed by pieces."""
    table = Table(format, columns(mapping))
    rows = [row for n in range(0, len(data), size) for row in table.feed(data[n : n + size])]
    return [*rows, *table.end()]


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n",'), min_size=1, max_size=8)


@given(st.lists(st.tuples(CELL, CELL), max_size=6), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_any_cut(rows, size, end):
    """Whatever is in the cells and wherever the pieces end, the cells come out unchanged, and with a mark before."""
    file = io.StringIO()
    csv.writer(file, lineterminator=end).writerows([("a", "b"), *rows])
    data = b"\xef\xbb\xbf" + file.getvalue().encode()
    assert [(row.fields["a"], row.fields["b"]) for row in read(data, size)] == rows


def test_lines_are_counted():
    """A row has the number of its first line, quoted line breaks counted."""
    assert [(row.line, row.fields["a"]) for row in read(b'a,b\n"x\ny",1\n\nz,2')] == [(2, "x\ny"), (5, "z")]


def test_bad_lines_of_csv():
    """A bad line is told by number and reason, those around it are kept."""
    rows = read(b'a,b\n1,2\n1,2,3\n"x"y,1\n3,\xff\n4,5\n"open,1\n6,7\n')
    assert [row.line for row in rows if row.fields] == [2, 6, 8]
    assert [(row.line, row.problem) for row in rows if not row.fields] == [
        (3, "it has 3 cells, and the header has 2"),
        (4, "',' expected after '\"'"),
        (5, "it is not UTF-8"),
        (7, "a quote is opened and not closed"),
    ]


def test_bad_lines_of_jsonl():
    """The same of JSONL, where empty lines are nothing."""
    rows = read(b'{"a": 1}\r\n\n{"a"\n[1]\n{"a": 2}', 3, "jsonl")
    assert [(row.line, row.fields) for row in rows if row.fields] == [(1, {"a": 1}), (5, {"a": 2})]
    assert [row.line for row in rows if row.problem] == [3, 4]


def test_mapping():
    """Fields come from columns, nested ones too, and constants from the mapping; empty cells are nothing."""
    mapping = ("tokenIn=n", "tags.env=e", "provider:=openai")
    assert read(b"n,e,x\n5,prod,1\n,,2\n", 7, "csv", *mapping)[0].fields == {
        "tokenIn": "5",
        "tags": {"env": "prod"},
        "provider": "openai",
    }
    assert read(b"n,e,x\n,,2\n", 7, "csv", *mapping)[0].fields == {"provider": "openai"}
    with pytest.raises(InvalidInput, match="no column 'n'; it has: a"):
        read(b"a\n1\n", 7, "csv", *mapping)
    with pytest.raises(InvalidInput, match="not a mapping"):
        columns(["tokenIn"])


def test_presets():
    """Every preset is a mapping that can be read; OpenAI's answers keep their output and counts."""
    for preset in PRESETS.values():
        assert Table(preset.format, columns(preset.columns))
    line = (
        b'{"id":"c1","created":1700000000,"model":"gpt-4o","choices":[{"message":{"content":"hi"}}],'
        b'"usage":{"prompt_tokens":3}}'
    )
    assert read(line, 50, "jsonl", *PRESETS["openai-jsonl"].columns)[0].fields == {
        "externalId": "c1",
        "externalSource": "openai",
        "createdAt": 1700000000,
        "model": "gpt-4o",
        "provider": "openai",
        "tokenIn": 3,
        "output": "hi",
    }
