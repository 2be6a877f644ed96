"""Breakdowns over a large record, by one and two dimensions, as the record answers them.

On a home that ``bench record --home`` has filled. Each question is asked several times with another start each time,
the engine's condition cache off, and while nothing is cached of the answers themselves.
"""

import argparse
import asyncio
import random
import statistics
import time
from datetime import timedelta
from pathlib import Path

from bench.record import DAYS, END, WORKSPACE, calibration
from bench.record import _Clock as Clock

from promptforge.core.query import Breakdown, Dimension, Metric, Tag
from promptforge.record import RecordStore, open_record

D = Dimension
QUESTIONS: dict[str, tuple[Dimension | Tag, ...]] = {
    "day": (D.DAY,),
    "hour": (D.HOUR,),
    "hour of week": (D.HOUR_OF_WEEK,),
    "day, model": (D.DAY, D.MODEL),
    "hour, model": (D.HOUR, D.MODEL),
    "week, prompt": (D.WEEK, D.PROMPT),
    "day, service": (D.DAY, D.SERVICE),
    "prompt, model": (D.PROMPT, D.MODEL),
    "version, model": (D.VERSION_ID, D.MODEL),
    "account, service": (D.USER, D.SERVICE),
    "status, finish reason": (D.STATUS, D.FINISH_REASON),
    "tag env, model": (Tag("env"), D.MODEL),
    "day, tag release": (D.DAY, Tag("release")),
    "tag tenant": (Tag("tenant"),),
    "end user": (D.END_USER,),
    "end user, model": (D.END_USER, D.MODEL),
    "session": (D.SESSION,),
}


async def ask(home: Path, times: int, only: str) -> None:
    """Print median and worst of each, over all of the time and over the last 7 days."""
    store = await open_record(home, Clock(), engine_settings={"use_query_condition_cache": 0})
    pick = random.Random(3)
    try:
        print(f"calibration {calibration():.1f} ms")
        print(f"{'by':24} {'90 days':>9} {'max':>8} {'7 days':>9} {'max':>8} ms")
        for name, by in QUESTIONS.items():
            if only in name:
                spans = [await _taken(store, by, days, times, pick) for days in (DAYS, 7)]
                shown = " ".join(f"{statistics.median(taken):9.1f} {max(taken):8.1f}" for taken in spans)
                print(f"{name:24} {shown}", flush=True)
        print(f"calibration {calibration():.1f} ms")
    finally:
        await store.shutdown()


async def _taken(
    store: RecordStore, by: tuple[Dimension | Tag, ...], days: int, times: int, pick: random.Random
) -> list[float]:
    """Milliseconds of each time; the first is not counted."""
    taken: list[float] = []
    for _ in range(times + 1):
        start = END - timedelta(days=days, milliseconds=-pick.randrange(60_000))
        query = Breakdown(
            workspace=WORKSPACE,
            start=start,
            end=END,
            by=by,
            zone="Europe/Zurich",
            rank=Metric.COST,
            limit=100,
            rest=True,
        )
        began = time.perf_counter()
        await store.figures(query)
        taken.append((time.perf_counter() - began) * 1000)
    return taken[1:]


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench breakdown --home DIR [--times 5] [--only NAME]``."""
    parser = argparse.ArgumentParser(prog="bench breakdown", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    asyncio.run(ask(options.home, options.times, options.only))
