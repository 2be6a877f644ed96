"""The database under the catalog: its file, its tables, its thread."""

import asyncio
import threading

import pytest
from sqlalchemy import create_engine, inspect, text

from kit.clock import START
from promptforge.catalog import open_catalog
from promptforge.catalog.catalog import FILE
from promptforge.catalog.tables import METADATA
from promptforge.core.access import User, Workspace
from promptforge.core.errors import SettingsError, Unavailable

HERE = Workspace(id="here", name="here", created_at=START)


async def test_only_its_owner_may_read_the_file(tmp_path):
    """The file and the log beside it have mode 0600, also when the file was open to all before."""
    (tmp_path / FILE).touch(mode=0o644)
    catalog = await open_catalog(tmp_path)
    await catalog.access.create_workspace(HERE)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    await catalog.close()
    assert modes[FILE] == "0o600"
    assert set(modes.values()) == {"0o600"}


async def test_what_was_written_is_there_after_a_new_start(tmp_path):
    """A second start applies no migration again and finds everything."""
    for _ in range(2):
        catalog = await open_catalog(tmp_path)
        if await catalog.access.workspace("here") is None:
            await catalog.access.create_workspace(HERE)
        await catalog.close()
    catalog = await open_catalog(tmp_path)
    assert await catalog.access.workspace("here") == HERE
    await catalog.close()


async def test_migrations_lead_to_the_tables_that_the_code_knows(tmp_path):
    """Columns, keys, references and indexes made by the migrations are those of tables.py."""
    await (await open_catalog(tmp_path)).close()
    migrated, wanted = create_engine(f"sqlite:///{tmp_path / FILE}"), create_engine("sqlite://")
    METADATA.create_all(wanted)
    assert _shape(migrated) == _shape(wanted)
    migrated.dispose()
    wanted.dispose()


def _shape(engine):
    found = inspect(engine)
    return {
        table: {
            "columns": {c["name"]: (str(c["type"]), c["nullable"]) for c in found.get_columns(table)},
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "references": sorted(
                (f["constrained_columns"], f["referred_table"], f["referred_columns"])
                for f in found.get_foreign_keys(table)
            ),
            "unique": sorted(u["column_names"] for u in found.get_unique_constraints(table)),
            "indexes": sorted((i["name"], i["column_names"], i["unique"]) for i in found.get_indexes(table)),
        }
        for table in found.get_table_names()
        if table != "migrations"
    }


async def test_a_catalog_from_a_newer_version_is_left_alone(tmp_path):
    """An older program refuses it in a sentence instead of writing into tables that it does not know."""
    await (await open_catalog(tmp_path)).close()
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO migrations (number) VALUES (999)"))
    engine.dispose()
    with pytest.raises(SettingsError, match="newer Prompt Forge"):
        await open_catalog(tmp_path)


async def test_a_home_that_cannot_hold_it_is_refused(tmp_path):
    """A sentence with the path, no trace of the library's error."""
    (tmp_path / FILE).mkdir()
    with pytest.raises(SettingsError, match=FILE):
        await open_catalog(tmp_path)


async def test_a_closed_catalog_says_so(tmp_path):
    """After closing, which may be done twice, each call raises Unavailable."""
    catalog = await open_catalog(tmp_path)
    await catalog.ping()
    await catalog.close()
    await catalog.close()
    with pytest.raises(Unavailable):
        await catalog.ping()


async def test_the_event_loop_never_waits(tmp_path):
    """While a statement runs, the loop goes on: work happens on a thread of its own."""
    catalog = await open_catalog(tmp_path)
    begun, go = threading.Event(), threading.Event()

    def work(_connection):
        begun.set()
        return go.wait(60)

    waiting = asyncio.create_task(catalog.database.read(work))
    assert await asyncio.to_thread(begun.wait, 60)
    go.set()  # only a loop that is free gets here
    assert await waiting
    await catalog.close()


async def test_who_is_cancelled_goes_on_when_it_is_known_what_happened(tmp_path):
    """A write that has begun is finished before the cancellation is seen; one that has not begun never happens."""
    catalog = await open_catalog(tmp_path)
    begun, go = threading.Event(), threading.Event()

    def slow(connection):
        begun.set()
        go.wait(60)
        connection.execute(text("INSERT INTO users VALUES ('user_1', 'Ada', NULL, '2026-01-01 00:00:00.000000')"))

    first = asyncio.create_task(catalog.database.write(slow))
    assert await asyncio.to_thread(begun.wait, 60)
    queued = User(id="user_2", name="Bob", email=None, created_at=START)
    second = asyncio.create_task(catalog.access.create_user(queued))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    first.cancel()
    await asyncio.sleep(0)
    assert not first.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await catalog.access.user("user_1") is not None
    assert await catalog.access.user("user_2") is None
    await catalog.close()


async def test_a_failing_transaction_leaves_nothing(tmp_path):
    """What was written before the failure is taken back."""
    catalog = await open_catalog(tmp_path)

    def work(connection):
        connection.execute(text("INSERT INTO workspaces VALUES ('x', 'x', '2026-01-01 00:00:00.000000')"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await catalog.database.write(work)
    assert await catalog.access.workspace("x") is None
    await catalog.close()


async def test_errors_show_no_values(tmp_path, caplog):
    """What a statement carried (hashes of secrets) is neither in the error nor in the log."""
    catalog = await open_catalog(tmp_path)

    def work(connection):
        connection.execute(text("INSERT INTO nowhere VALUES (:hash)"), {"hash": "canary"})

    with pytest.raises(Unavailable) as raised:
        await catalog.database.write(work)
    assert "canary" not in f"{raised.value} {raised.value.__cause__} {caplog.text}"
    await catalog.close()
