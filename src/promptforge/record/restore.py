"""Making a home of a backup: every file is looked at first, every row after; what fails leaves the home empty.

While it goes on, a mark stands in the home, so that a restore that was killed is never taken for a home.
"""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from promptforge.core.backup import Written
from promptforge.core.errors import SettingsError
from promptforge.record.backup import CATALOG, FORMAT, HISTORY, JOURNAL, MANIFEST, Backup, described, sums, synced
from promptforge.record.history import ClickHouseHistory
from promptforge.record.home import LOCK, RESTORING, take
from promptforge.record.migration import newer
from promptforge.record.schema import CHANGES, TABLES

_NAME = re.compile(r"journal\.db|catalog\.db|promptforge\.toml|[\w-]+\.key|history/[a-z_]+-\d+\.native", re.ASCII)


def restore(folder: Path, home: Path) -> Written:
    """Fill *home*, which must be empty or not there; SettingsError says what is wrong with the backup or the home."""
    manifest = _checked(folder)
    _require_empty(home)
    taken = take(home, restoring=True)
    home = taken.path
    try:
        _require_empty(home)
        _clear(home)
        (home / RESTORING).touch(0o600)
        synced(home)
        try:
            _fill(folder, home, manifest)
        except BaseException:
            _clear(home)
            raise
        (home / RESTORING).unlink()
        synced(home)
    finally:
        taken.release()
    files, totals = manifest["files"], manifest["totals"]
    return Written(
        files=len(files),
        bytes=sum(each["bytes"] for each in files.values()),
        executions=int(totals["executions"]),
        cost_usd=totals["costUsd"],
        done=True,
    )


def _require_empty(home: Path) -> None:
    if not home.exists() or (home / RESTORING).exists():
        return
    if not home.is_dir() or any(path.name != LOCK for path in home.iterdir()):
        raise SettingsError(f"the home {home} is not empty; choose a folder that is, or that is not there, with --home")


def _clear(home: Path) -> None:
    """Take away what a restore has put there, its mark last."""
    for path in sorted(home.iterdir(), key=lambda path: path.name == RESTORING):
        if path.name != LOCK:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _fill(folder: Path, home: Path, manifest: dict[str, Any]) -> None:
    new = Backup(folder, home)  # the same care with files, the other way round
    for name in ("journal", HISTORY):
        (home / name).mkdir(mode=0o700)
    for name in manifest["files"]:
        if not name.startswith(f"{HISTORY}/"):
            new.write(f"journal/{name}" if name == JOURNAL else name, (folder / name).read_bytes())
    for path in (home / "journal" / JOURNAL, home / CATALOG):
        with closing(sqlite3.connect(path)) as connection:
            if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise SettingsError(f"the backup's {path.name} is damaged, and was when it was written")
    _load(folder, home, manifest)
    synced(home / "journal")


def _load(folder: Path, home: Path, manifest: dict[str, Any]) -> None:
    history = ClickHouseHistory(home / HISTORY, lambda: datetime.now(UTC).date())
    try:
        copies = history.copies()
        for table in TABLES:
            for name in sorted(name for name in manifest["files"] if name.startswith(f"{HISTORY}/{table}-")):
                copies.take_in(table, (folder / name).read_bytes())
        for table, said in manifest["tables"].items():
            found = sums(copies.spans(table, said["columns"], manifest["upto"]))
            if found != {"rows": said["rows"], "sum": said["sum"]}:
                raise SettingsError(f"the restored table {table} is not what was saved; nothing was restored")
        if copies.totals(manifest["upto"]) != manifest["totals"]:
            raise SettingsError("the restored history does not add up to what was saved; nothing was restored")
        copies.taken_from(manifest["changes"])
        history.own(_owner(home / "journal" / JOURNAL))
    finally:
        history.close()


def _owner(journal: Path) -> str:
    with closing(sqlite3.connect(journal)) as connection:
        return str(connection.execute("SELECT value FROM about WHERE name = 'home'").fetchone()[0])


def _checked(folder: Path) -> dict[str, Any]:
    """The manifest, when every file is as it says."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        raise SettingsError(f"{folder} is no complete backup: it has no readable {MANIFEST}") from None
    if manifest.get("format") != FORMAT:
        raise SettingsError(
            f"the backup in {folder} has the format {manifest.get('format')}, and this Prompt Forge reads {FORMAT}: "
            f"use the release that wrote it ({manifest.get('version')}) or a later one"
        )
    if manifest["changes"] > len(CHANGES):
        raise SettingsError(newer("backup", manifest["changes"], len(CHANGES)))
    for name, said in manifest["files"].items():
        if not _NAME.fullmatch(name):
            raise SettingsError(f"the backup in {folder} has a file that no backup has: '{name[:60]}'")
        path = folder / name
        if not path.is_file() or described(path) != said:
            raise SettingsError(f"the backup's file {path} is missing or not as it was written; use another backup")
    return manifest
