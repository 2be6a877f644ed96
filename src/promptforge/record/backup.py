"""Writing a backup of a home, as of one batch of the record, while the record goes on.

The journal is copied while no batch is on its way, so that journal and history agree on what has left; the history's
rows up to there never change and are copied afterwards. ``manifest.json`` is written last: without it a folder is no
backup.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from promptforge import __version__
from promptforge.core.backup import Copies, Portion, Written, request_file
from promptforge.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from promptforge.record.schema import TABLES

MANIFEST = "manifest.json"
FORMAT = 1
JOURNAL, CATALOG, HISTORY = "journal.db", "catalog.db", "history"
TRIES = 3


def kept_files(home: Path) -> list[Path]:
    """What a home has besides its stores: keys, the secret that ids are derived with, settings."""
    return [*sorted(home.glob("*.key")), *(path for path in (home / "promptforge.toml",) if path.is_file())]


def asked_for(home: Path, request: str) -> Path:
    """The folder that a request names. It is read from the home, never from the network: who cannot write into the
    home cannot choose where its secrets are copied to."""
    path = request_file(home, request)
    try:
        folder = Path(json.loads(path.read_bytes())["folder"])
        path.unlink()
    except FileNotFoundError:
        raise NotFound(
            f"there is no request for a backup in {home}; run `promptforge backup` on the server's machine"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"the request for a backup in {path} cannot be read ({error})") from None
    if not folder.is_absolute():
        raise InvalidInput(f"the folder of a backup is an absolute path, not '{folder}'")
    return folder.resolve()


@dataclass(slots=True)
class Backup:
    """A folder that is being filled."""

    home: Path
    folder: Path
    files: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def begin(self) -> None:
        """Make the folder; Conflict when there is something in it."""
        if self.folder.is_relative_to(self.home):
            raise InvalidInput(f"the folder {self.folder} is inside the home {self.home}; give one outside of it")
        try:
            if not self.folder.exists():
                self.folder.mkdir(mode=0o700, parents=True)
            if any(self.folder.iterdir()):
                raise Conflict(f"the folder {self.folder} is not empty; give one that is, or that is not there yet")
            (self.folder / HISTORY).mkdir(mode=0o700)
        except OSError as error:
            raise InvalidInput(f"the folder {self.folder} cannot be written ({error.strerror})") from None

    def abandon(self) -> None:
        """Leave the folder as empty as it was."""
        shutil.rmtree(self.folder / HISTORY, ignore_errors=True)
        for path in self.folder.iterdir():
            path.unlink(missing_ok=True)

    def journal(self) -> int:
        """Copy the journal; the last batch that has left it whole."""
        self._sqlite(self.home / "journal" / "journal.db", JOURNAL)
        with contextlib.closing(sqlite3.connect(self.folder / JOURNAL)) as copy:
            begun = copy.execute("SELECT min(number) FROM batches").fetchone()[0]
            row = copy.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
        return begun - 1 if begun else row[0] if row else 0

    def small(self) -> None:
        """Copy the catalog (after the journal: then it has every prompt that an execution names) and what else is
        needed to go on as the same home."""
        self._sqlite(self.home / "catalog.db", CATALOG)
        for path in kept_files(self.home):
            self.write(path.name, path.read_bytes())

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, for its owner only, on the disk when this returns."""
        with os.fdopen(os.open(self.folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def forget(self, beginning: str) -> None:
        """Take the files whose names begin so away again."""
        for name in [name for name in self.files if name.startswith(beginning)]:
            (self.folder / name).unlink()
            del self.files[name]

    def finish(self, manifest: dict[str, Any]) -> None:
        """Say that it is whole."""
        synced(self.folder / HISTORY)
        self.write(f".{MANIFEST}", json.dumps(manifest | {"files": dict(self.files)}, indent=2).encode())
        del self.files[f".{MANIFEST}"]
        (self.folder / f".{MANIFEST}").replace(self.folder / MANIFEST)
        synced(self.folder)

    def written(self, **known: Any) -> Written:
        """How far it is."""
        return Written(files=len(self.files), bytes=sum(each["bytes"] for each in self.files.values()), **known)

    def _sqlite(self, source: Path, name: str) -> None:
        target = self.folder / name
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with (
            contextlib.closing(sqlite3.connect(source, timeout=10)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE").fetchall()
        self.files[name] = described(target)


def write(backup: Backup, copies: Copies, still: AbstractContextManager[Any], now: datetime) -> Generator[Written]:
    """Fill the backup's folder and say how far it is; whatever fails leaves the folder empty.

    While *still* is held, no batch moves from the journal to the history.
    """
    backup.begin()
    try:
        with still:
            upto = backup.journal()
        backup.small()
        tables: dict[str, Any] = {}
        for table in TABLES:
            tables[table] = yield from _rows(backup, copies, table, upto)
        totals = copies.totals(upto)
        about = {"format": FORMAT, "version": __version__, "at": now.isoformat(), "upto": upto}
        backup.finish(about | {"changes": copies.changes(), "tables": tables, "totals": totals})
    except BaseException as error:
        backup.abandon()
        if isinstance(error, (OSError, sqlite3.Error)):
            raise Unavailable(f"the backup could not be written ({error}); nothing of it is left") from error
        raise
    yield backup.written(executions=int(totals["executions"]), cost_usd=totals["costUsd"], done=True)


def _rows(backup: Backup, copies: Copies, table: str, upto: int) -> Generator[Written, None, dict[str, Any]]:
    """Copy a table, again when rows were erased or expired meanwhile; what it adds up to."""
    columns = copies.columns(table)
    spans = copies.spans(table, columns, upto)
    for _ in range(TRIES):
        number = 0
        for span in spans:
            for piece in copies.pieces(table, columns, span):
                number += 1
                backup.write(f"{HISTORY}/{table}-{number:06d}.native", piece)
                yield backup.written()
        before, spans = spans, copies.spans(table, columns, upto)
        if spans == before:
            return {"columns": columns, **sums(spans)}
        backup.forget(f"{HISTORY}/{table}-")
    raise Conflict("rows were erased all the time while the backup was written; nothing of it is left; try again later")


def sums(spans: Sequence[Portion]) -> dict[str, str]:
    """What rows add up to, to be compared."""
    return {"rows": str(sum(span.rows for span in spans)), "sum": str(sum(span.sum for span in spans) % (1 << 64))}


def described(path: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def synced(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
