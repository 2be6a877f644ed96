"""Records chain executions in a home: ``chaining.py HOME``; prints their ids, the open one last."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.chains import opened, recorded, step
from kit.clock import FixedClock
from promptforge.record import open_record

WORKSPACE = "default"


async def main() -> None:
    """Two that have ended, and one with a step that is done."""
    now = datetime.now(UTC).replace(microsecond=0)
    store = await open_record(Path(sys.argv[1]), FixedClock(now), min_free_mb=0)
    ended = [await recorded(store, WORKSPACE, now) for _ in range(2)]
    going = opened(WORKSPACE, now)
    await store.open_chain(going)
    await store.advance(WORKSPACE, going.id, step("a"))
    await store.shutdown()
    sys.stdout.write("\n".join(chain.id for chain in (*ended, going)) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
