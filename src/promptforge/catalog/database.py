"""The engine, the thread it lives on, and everything that differs between SQLite and PostgreSQL.

One decision: all SQL runs on one thread of its own, so the event loop never waits for a disk, and a caller that is
cancelled meanwhile goes on only when it is known whether its work happened.
"""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    URL,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    LargeBinary,
    String,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from promptforge.core.errors import Unavailable

T = TypeVar("T")
_log = logging.getLogger(__name__)
_BUSY_SECONDS = 5


class Moment(TypeDecorator[datetime]):
    """An aware UTC time; SQLite has no zones, so there it is stored as UTC without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Any aware time in, UTC stored."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware UTC out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def sqlite(path: Path) -> URL:
    """The address of an SQLite file."""
    return URL.create("sqlite", database=str(path))


def column_types(connection: Connection) -> dict[str, str]:
    """The names that the dialect gives to the column types, for the statements of migrations."""
    kinds = {"moment": Moment(), "bytes": LargeBinary(), "json": JSON(), "text": String(), "big": BigInteger()}
    return {name: kind.compile(connection.dialect) for name, kind in kinds.items()}


def concerns(error: IntegrityError, column: str) -> bool:
    """Whether the violated constraint has *column* in it; both databases name the columns of a unique index."""
    return column in str(error.orig)


class Database:
    """Runs work in transactions, one at a time, on a thread of its own."""

    def __init__(self, url: URL) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalog")
        self._closed = False
        self._engine = _engine(url)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Give *work* one consistent view; it must not write."""
        return await self._on_thread(lambda: self._within(work, write=False))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run *work* in a transaction: all of it is on disk when this returns, or nothing is when it raises."""
        return await self._on_thread(lambda: self._within(work, write=True))

    async def rewrite(self) -> None:
        """Write the file anew and empty its log: nothing is left in them of what was removed. Not for a server."""
        if self._engine.dialect.name == "sqlite":
            await self._on_thread(self._rewrite)

    async def close(self) -> None:
        """Close after what was begun; a second close does nothing."""
        if self._closed:
            return
        closing = self._on_thread(self._engine.dispose)
        self._closed = True
        await closing
        self._executor.shutdown()

    async def _on_thread(self, work: Callable[[], T]) -> T:
        try:
            job = self._executor.submit(work)
        except RuntimeError:
            raise Unavailable("the catalog is closed") from None
        result = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            # What has begun cannot be stopped: whoever cancelled must not go on as if it had not happened.
            while not job.done() and not job.cancel():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([result])
            if result.done() and not result.cancelled():
                result.exception()
            raise

    def _within(self, work: Callable[[Connection], T], *, write: bool) -> T:
        try:
            with self._engine.connect() as connection, connection.execution_options(writes=write).begin():
                return work(connection)
        except IntegrityError:
            raise
        except DBAPIError as error:
            _log.error("catalog: %s", error.orig)
            raise Unavailable("the catalog cannot be read or written at the moment; try again") from error

    def _rewrite(self) -> None:
        connection = self._engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                found = connection.execute(statement).fetchone()
            if found[0]:
                raise Unavailable("the catalog's log is being read, so what was removed is still in it; try again")
        except sqlite3.Error as error:
            raise Unavailable(f"the catalog could not be written anew ({error}); try again") from error
        finally:
            connection.close()


def _engine(url: URL) -> Engine:
    """An engine that never shows parameters in errors or logs: hashes of secrets are among them."""
    arguments: dict[str, Any] = {"timeout": _BUSY_SECONDS} if url.get_backend_name() == "sqlite" else {}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, json_serializer=_json)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing on its own: we do
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once where a write is meant: a lock taken later can fail half way."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
