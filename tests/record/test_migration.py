"""How the stores' tables change from one release to the next."""

import sqlite3
from contextlib import closing

import pytest

from promptforge.core.errors import SettingsError
from promptforge.record.journal_tables import CHANGES, prepare


def test_a_journal_of_a_newer_release_is_refused_and_not_touched(tmp_path):
    """What a later release wrote is not opened by this one, and stays as it is."""
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection)
        connection.execute("INSERT INTO applied (number) VALUES (?)", (len(CHANGES) + 1,))
        before = connection.execute("SELECT * FROM sqlite_schema").fetchall()
        with pytest.raises(SettingsError, match="the journal was written by a newer Prompt Forge"):
            prepare(connection)
        assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before


def test_a_change_of_the_journal_happens_whole_or_not_at_all(tmp_path, monkeypatch):
    """Cut short in the middle, a change leaves nothing behind, and the next start does it."""
    path = tmp_path / "journal.db"

    def half(connection):
        connection.execute("CREATE TABLE later (id TEXT)")
        raise OSError("the process ends here")

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        monkeypatch.setattr("promptforge.record.journal_tables.CHANGES", (*CHANGES, half))
        with pytest.raises(OSError, match="ends here"):
            prepare(connection)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        whole = (*CHANGES, lambda c: c.execute("CREATE TABLE later (id TEXT)"))
        monkeypatch.setattr("promptforge.record.journal_tables.CHANGES", whole)
        prepare(connection)
        assert connection.execute("SELECT count(*) FROM applied").fetchone() == (len(whole),)
