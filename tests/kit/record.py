"""The record in parts and whole, on real stores. One engine serves the process; each test has its own workspace."""

import itertools

import pytest

from kit.clock import FixedClock
from kit.executions import NOON
from promptforge.record import open_record
from promptforge.record.history import ClickHouseHistory
from promptforge.record.journal import SqliteJournal

_numbers = itertools.count(1)
PATIENCE = 30.0
"""Seconds that a read may wait here, so that a busy machine changes no answer."""


@pytest.fixture
def workspace():
    """A name that no other test uses."""
    return f"record-{next(_numbers)}"


@pytest.fixture(scope="session")
def history(home):
    """The history of the process."""
    folder = home / "history"
    folder.mkdir(exist_ok=True)
    opened = ClickHouseHistory(folder, NOON.date)
    yield opened
    opened.close()


@pytest.fixture
async def journal(tmp_path):
    """A journal of its own for the test."""
    opened = SqliteJournal(tmp_path / "journal.db", FixedClock(NOON))
    yield opened
    opened.stop()


@pytest.fixture
async def store(tmp_path, history):
    """A record with a journal of its own, on the history of the process."""
    opened = await open_record(tmp_path / "own", FixedClock(NOON), history=history, min_free_mb=0)
    opened.patience = PATIENCE
    yield opened
    await opened.shutdown()
