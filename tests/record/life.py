"""A process that keeps a record, for tests that end it: ``python life.py HOME COMMAND [ARGUMENT]``.

It prints an id per line once it is acknowledged. ``crash POINT`` kills itself with SIGKILL at a point of the shipper;
``hold`` says that it is open and waits; ``look`` prints what the record holds as JSON.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.executions import NOON, closed, done, pending
from promptforge.core.errors import ForgeError
from promptforge.core.query import Breakdown, Page
from promptforge.record import open_record

WORKSPACE = "life"


class Clock:
    """The real time."""

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return 0.0

    def bits(self) -> int:
        return int.from_bytes(os.urandom(10))


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def die(*_: object, **__: object) -> None:
    """As a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(store, point: str) -> None:
    """Make the shipper's thread die at *point*."""
    engine, journal = store._history._engine, store._journal
    insert, finish, write = engine.insert, journal.outgoing.finish, journal._writer.write_and_wait
    if point == "bounds stored":
        engine.insert = die
    elif point == "content inserted":
        engine.insert = lambda table, block: die() if table == "facts" else insert(table, block)
    elif point == "figures inserted":
        journal.outgoing.finish = die
    elif point == "half removed":
        calls = iter(range(100))
        # the first write removes a part of the batch from the journal
        journal._writer.write_and_wait = lambda run: die() if next(calls) > 1 else write(run)
    elif point == "removed":
        journal.outgoing.finish = lambda batch, problems: die(finish(batch, problems))


async def crash(home: Path, point: str) -> None:
    """Acknowledge executions over three weeks of content and some open runs, then die on the way to history."""
    store = await open_record(home, Clock())
    arm(store, point)
    for n in range(3):
        run = pending(WORKSPACE, NOON + timedelta(seconds=n))
        await store.open(run)
        say(run.id)
    runs = [done(WORKSPACE, NOON + timedelta(minutes=n)) for n in range(5_000)]
    weeks = [(NOON + timedelta(days=30 + 7 * (n % 3))).date() for n in range(len(runs))]
    runs = [closed(run, expires_on=week) for run, week in zip(runs, weeks, strict=True)]
    runs = [run for run in runs if run.created_at < Clock().now() + timedelta(hours=24)]
    await store.record(runs)
    say("\n".join(run.id for run in runs))
    await store.page(Page(workspace=WORKSPACE))
    await asyncio.sleep(30)


async def look(home: Path) -> None:
    """Everything that the record holds, when nothing is behind any more."""
    store = await open_record(home, Clock())
    await store._shipper.reach(store._journal.last, 30)
    found, after = [], None
    while items := (await store.page(Page(workspace=WORKSPACE, limit=500, after=after))).items:
        found += items
        after = items[-1].id
    figures = (await store.figures(Breakdown(workspace=WORKSPACE))).items
    rows = store._history._engine.ask("SELECT count() FROM payloads", {})[0][0]
    say(
        json.dumps(
            {
                "ids": [run.id for run in found],
                "without_content": sum(run.content is None for run in found),
                "interrupted": sum(run.error_type == "interrupted" for run in found),
                "pending": sum(run.pending for run in found),
                "calls": figures[0].figures.calls if figures else 0,
                "payloads": rows,
                "journaled": store._journal.outgoing.next_batch() is not None,
            }
        )
    )
    await store.shutdown()


async def hold(home: Path) -> None:
    """Keep the home until standard input ends."""
    store = await open_record(home, Clock())
    say("open")
    await asyncio.to_thread(sys.stdin.read)
    await store.shutdown()


async def main() -> None:
    """Do as told; an error of ours is printed and ends with status 3."""
    home, command, *rest = sys.argv[1:]
    try:
        await {"crash": crash, "look": look, "hold": hold}[command](Path(home), *rest)
    except ForgeError as error:
        say(str(error))
        raise SystemExit(3) from None


if __name__ == "__main__":
    asyncio.run(main())
