"""The engine of the history: chDB inside this process, through the client library that also speaks to a server.

A handle does one thing at a time, so there is one for writing and a few for reading. Reads are limited in memory and
threads, and at most two heavy ones run at once: the engine has no limits of its own here.
"""

import contextlib
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from queue import LifoQueue
from typing import Any

from promptforge.core.errors import Unavailable

READERS = 6
HEAVY = 2
REST_SECONDS = 1.0
OLD_PARTS_SECONDS = 20.0
LOOK_SECONDS = 0.05
_LIMITS: Mapping[str, Any] = {
    "max_memory_usage": 400_000_000,
    "max_bytes_before_external_group_by": 150_000_000,
    "max_bytes_before_external_sort": 150_000_000,
    "max_threads": 2,
    # the engine would move its own top-k filter into PREWHERE and leave ours out
    "use_top_k_dynamic_filtering": 0,
    "read_in_order_use_buffering": 0,
    # an IN of a few values prunes by the key; of many it would take longer than it saves
    "use_index_for_in_with_subqueries_max_values": 10_000,
}

Client = Any
"""A handle; the library types it only in part."""


class Engine:
    """The handles on one folder."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._heavy = threading.BoundedSemaphore(HEAVY)
        self._swollen = False
        self._used_at = time.monotonic()
        self._writer = self._connect({"max_partitions_per_insert_block": 0})
        self._write_lock = threading.RLock()
        self._clients = [self._connect({**_LIMITS, **settings}) for _ in range(READERS)]
        self._readers: LifoQueue[Client] = LifoQueue()
        for client in self._clients:
            self._readers.put(client)

    def ask(
        self, sql: str, values: Mapping[str, Any], *, heavy: bool = False, threads: int = 0
    ) -> Sequence[Sequence[Any]]:
        """The rows that a question gives, values bound by name."""
        self._used_at = time.monotonic()
        settings = {"max_threads": threads} if threads else None
        with self._heavy if heavy else contextlib.nullcontext():
            client = self._readers.get()
            try:
                with _reported():
                    found = client.query(
                        sql, parameters=dict(values), settings=settings, column_formats={"shown": "bytes"}
                    )
                    return found.result_rows
            finally:
                self._readers.put(client)
                self._swollen = self._swollen or heavy

    def block(self, sql: str, values: Mapping[str, Any]) -> bytes:
        """The rows that a question gives, as a Native block."""
        client = self._readers.get()
        try:
            with _reported():
                return client.raw_query(sql, parameters=dict(values), fmt="Native")
        finally:
            self._readers.put(client)

    @contextlib.contextmanager
    def writing(self) -> Generator[None]:
        """Hold the writing handle for several steps."""
        with self._write_lock:
            yield

    def command(self, sql: str, values: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Change something."""
        with self._write_lock, _reported():
            self._writer.command(sql, parameters=dict(values or {}), settings=settings or None)

    def insert(self, table: str, block: bytes) -> None:
        """Store a Native block."""
        with self._write_lock, _reported():
            self._writer.raw_insert(table, insert_block=block, fmt="Native")

    def let_go(self, tables: Sequence[str]) -> None:
        """Take off the disk what a change left there: the parts as they were. Unavailable while they are read."""
        end = time.monotonic() + OLD_PARTS_SECONDS
        while True:
            for table in tables:
                # a partition that is not there: after any drop the engine removes old parts at once, not in minutes
                self.command(f"ALTER TABLE {table} DROP PARTITION ID 'none'")
            sql = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active"
            if not self.ask(sql, {})[0][0]:
                return
            if time.monotonic() > end:
                raise Unavailable(
                    "what was removed is in no answer any more, but its old files are still being read; do it once more"
                )
            time.sleep(LOOK_SECONDS)

    def rest(self) -> None:
        """Give memory back when nothing was asked for a moment after something heavy."""
        if self._swollen and time.monotonic() - self._used_at > REST_SECONDS:
            self._swollen = False
            self.command("SYSTEM JEMALLOC PURGE")

    def close(self) -> None:
        """Close every handle; the last one closes the engine."""
        for client in (*self._clients, self._writer):
            client.close()

    def _connect(self, settings: Mapping[str, Any]) -> Client:
        driver: Any = import_module("clickhouse_connect")  # slow to import, so not before it is used
        with _reported():
            return driver.get_client(interface="chdb", path=str(self._folder), tz_mode="aware", settings=dict(settings))


@contextlib.contextmanager
def _reported() -> Generator[None]:
    """Turn what the engine says into an error of ours."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as error:
        said = str(error).strip().splitlines()
        raise Unavailable(f"the history could not be reached: {said[0][:300] if said else 'no answer'}") from error
