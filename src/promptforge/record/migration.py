"""Bringing the history's tables up to date: changes in order, each noted in ``applied`` once all of it is done."""

from collections.abc import Callable, Sequence

from promptforge.core.errors import SettingsError
from promptforge.record.engine import Engine
from promptforge.record.schema import CHANGES, Run

_TABLE = """CREATE TABLE IF NOT EXISTS applied (number UInt32) ENGINE = MergeTree ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"""
APPLIED = "INSERT INTO applied SELECT {number:UInt32}"


def migrate(engine: Engine, changes: Sequence[Callable[[Run], None]] = CHANGES) -> None:
    """Do what was not done, from where an earlier start was cut short; SettingsError for tables of a newer release."""
    engine.command(_TABLE)
    done = applied(engine)
    if done > len(changes):
        raise SettingsError(newer("history", done, len(changes)))
    for number, change in enumerate(changes[done:], done + 1):
        change(engine.command)
        engine.command(APPLIED, {"number": number})


def applied(engine: Engine) -> int:
    """The last change that was done."""
    return engine.ask("SELECT max(number) FROM applied", {})[0][0]


def newer(store: str, done: int, known: int) -> str:
    """Say that a store is of a later release."""
    return (
        f"the {store} was written by a newer Prompt Forge (its tables are at {done}, this one knows {known}): "
        "start the newer one, or give another home"
    )
