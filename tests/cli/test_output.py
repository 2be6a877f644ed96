"""What is printed: hostile text, pipes, terminals, JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.cli import output
from promptforge.cli.figures import duration
from promptforge.cli.output import Column, Output, cell, shown

HOSTILE = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202egnp.exe\r\x00[bold]not bold[/bold]"


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    """Whatever was recorded, a shown text has no control or direction character but breaks and tabs, a cell none."""
    assert not output._CONTROL.search(shown(text))
    assert not set(cell(text)) & set("\n\t\r\x1b\x9b")


def test_printable_text_is_left_alone() -> None:
    """Letters of every script and emoji are shown as they are."""
    for text in ("Grüezi", "日本語", "שלום", "👍🏽", "a\tb\nc"):
        assert shown(text) == text


def test_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe a table is tab-separated at full width, without colours, one line a row whatever is in it."""
    Output().table((Column("NAME"), Column("TEXT")), [("a", HOSTILE), ("b", "x" * 500 + "\n\ty"), ("c", None)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.count("\t") == 1 for line in lines)
    assert lines[2].endswith("x\\n\\ty")
    assert "\x1b" not in "".join(lines)


def test_terminal_shows_hostile_text_as_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal neither escape sequences nor markup of recorded text are obeyed, in tables, blocks and outputs."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    out = Output()
    assert out.terminal
    out.table((Column("NAME"),), [(HOSTILE,)])
    out.block("Output", HOSTILE)
    out.text(HOSTILE, end="\n")
    out.fields({"Name": HOSTILE})
    told = capsys.readouterr().out
    assert "".join(told.split()).count("[bold]notbold[/bold]") == 4
    assert not any(letter in told for letter in "\x1b\x07\x9b\u202e\r\x00")


def test_output_in_a_pipe_is_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    """A model's output in a pipe is what the model said."""
    Output().text(HOSTILE)
    assert capsys.readouterr().out == HOSTILE


def test_json_is_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json only JSON goes to stdout, and hostile text comes back whole."""
    out = Output(as_json=True)
    out.table((Column("NAME"),), [("a",)])
    out.block("Output", "x")
    out.text("x")
    out.fields({"a": 1})
    out.value({"text": HOSTILE})
    out.note("a message")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"text": HOSTILE}
    assert captured.err == "a message\n"


def test_durations_as_people_read_them() -> None:
    """Milliseconds below a second, seconds below a minute, then minutes."""
    assert [duration(ms) for ms in (None, 0, 840, 3240, 125_000)] == ["", "0 ms", "840 ms", "3.2 s", "2 min 5 s"]
