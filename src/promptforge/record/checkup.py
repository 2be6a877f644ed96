"""The record against itself: journal, history and the files of the home. It looks and never changes anything.

What stops a start (a torn journal, a history that is missing or of another home, tables of a newer release) is said by
the start itself; this is about what a home can have and still open.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from promptforge.core import ids
from promptforge.core.doctor import Checkup, Finding
from promptforge.core.record_ports import History
from promptforge.record.backup import CATALOG, JOURNAL, kept_files
from promptforge.record.journal_tables import CLOSED

PAGE = 10_000
_RESTORE = "restore a backup (`promptforge restore`)"


def examined(home: Path, history: History, today: date, since: datetime) -> Checkup:
    """Everything that is wrong with the stores of a home, and what its executions name."""
    found = history.examine(today, since)
    findings = [*_files(home), *_journal(home / "journal" / JOURNAL, history)]
    if found.twice:
        what = "executions are in the history more than once, and count so"
        findings.append(Finding(check="twice", count=found.twice, what=what, do=f"report this, and {_RESTORE}"))
    if found.alone:
        what = "rows of content have lost their figures: no answer shows them"
        findings.append(Finding(check="content-alone", count=found.alone, what=what, do=_RESTORE))
    if found.expired:
        what = "rows of content are past their day; no answer shows them, but they are on the disk"
        do = "let the server run: it drops them within ten minutes"
        findings.append(Finding(check="expired", count=found.expired, what=what, do=do))
    if found.unpriced:
        models = ", ".join(f"{model or 'no model'} ({count:,})" for model, count in found.unpriced[:5])
        findings.append(
            Finding(
                check="prices",
                count=sum(count for _, count in found.unpriced),
                what=f"executions of the last 30 days have no price: {models}",
                do="their cost is not in the sums; see whether a newer release knows these models",
                wrong=False,
            )
        )
    return Checkup(findings=findings, named=found.named)


def hanging(count: int) -> list[Finding]:
    """Executions that should have ended."""
    what = "executions are open for longer than any may run"
    do = "start the server again: it closes them as interrupted"
    return [Finding(check="stuck", count=count, what=what, do=do)] if count else []


def _files(home: Path) -> Iterator[Finding]:
    stores = [("catalog", home / CATALOG), ("journal", home / "journal" / JOURNAL)]
    stores = [(name, path) for name, path in stores if path.exists()]
    # the journal is in a folder of its own, which is closed to others
    private = [home, home / "journal", *(path for name, path in stores if name == "catalog"), *kept_files(home)]
    open_to_others = [path for path in private if path.stat().st_mode & 0o077]
    if open_to_others:
        yield Finding(
            check="permissions",
            count=len(open_to_others),
            what="files with secrets may be read by others",
            do=f"chmod go= {' '.join(str(path) for path in open_to_others)}; then revoke the keys that were in them",
        )
    for name, path in stores:
        problem = _damage(path)
        if problem:
            yield Finding(check=f"{name}-file", count=1, what=f"the {name} {path} is damaged ({problem})", do=_RESTORE)


def _damage(path: Path) -> str:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        return str(error)
    return "" if rows == [("ok",)] else str(rows[0][0])[:200]


def _journal(path: Path, history: History) -> Iterator[Finding]:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            missing = sum(len(page) - len(history.known(workspace, page)) for workspace, page in _left(journal))
            aside = journal.execute("SELECT count(*) FROM poison").fetchone()[0]
            why = journal.execute("SELECT problem FROM poison ORDER BY seq DESC LIMIT 1").fetchone()
            owner = journal.execute("SELECT value FROM about WHERE name = 'home'").fetchone()
    except sqlite3.Error:
        return  # said of the file already
    if missing:
        what = "executions of the last days left the journal and are not in the history"
        yield Finding(check="missing", count=missing, what=what, do=f"{_RESTORE}: the history has lost rows")
    if aside:
        what = f"events could not be read or stored and are set aside in the journal; the last: {why[0][:200]}"
        yield Finding(check="set-aside", count=aside, what=what, do="report this; they stay there as they are")
    if owner is None or owner[0] != history.owner():
        what = "journal and history do not hold the id of the same home"
        yield Finding(check="home", count=1, what=what, do="put back the two folders that belong together")


def _left(journal: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """The ids that left the journal in the time that it remembers, in pages of one workspace each."""
    after = ("", "")
    while True:
        # one statement sees one moment: what is no event any more was in the history before
        rows = journal.execute(
            "SELECT workspace, id, EXISTS (SELECT 1 FROM events e WHERE e.id = s.id AND e.workspace = s.workspace "
            "AND e.kind = ?) OR EXISTS (SELECT 1 FROM poison p WHERE p.id = s.id AND p.workspace = s.workspace) "
            "FROM seen s WHERE (workspace, id) > (?, ?) ORDER BY workspace, id LIMIT ?",
            (CLOSED, *after, PAGE),
        ).fetchall()
        if not rows:
            return
        after = rows[-1][:2]
        pages: dict[str, list[str]] = {}
        for workspace, execution_id, here in rows:
            if not here and ids.parse(execution_id.partition("_")[0], execution_id) is not None:
                pages.setdefault(workspace, []).append(execution_id)
        yield from pages.items()
