"""What every Record counts: received = stored + rejected + duplicate, by road, whatever happens at once."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.executions import NOON, closed, done, pending
from kit.record import history, store, workspace
from promptforge.core.errors import Conflict, InvalidInput
from promptforge.core.execution import Source
from promptforge.core.ports import Claim
from promptforge.core.query import Counts, Problem
from promptforge.record.counters import MOST_SERVICES

__all__ = ["history", "store", "workspace"]


async def test_each_offer_is_counted_by_its_road_with_its_outcome(store, workspace):
    """Opened, claimed again, in conflict, unfit, from outside twice, refused before: all are received, each once, in
    their own workspace."""
    run = pending(workspace)
    await store.open(run, Claim("k", "a"))
    await store.open(run)
    await store.open(pending(workspace), Claim("k", "a"))
    with pytest.raises(Conflict):
        await store.open(pending(workspace), Claim("k", "b"))
    with pytest.raises(InvalidInput):
        await store.open(replace(pending(workspace), id="exec_wrong"))
    await store.close(closed(run))
    await store.close(closed(run))
    outside = done(workspace, source=Source.IMPORT)
    late = done(workspace, NOON + timedelta(days=2), source=Source.IMPORT)
    await store.record([outside, outside, late, done(workspace, source=Source.OTLP)])

    store.refused(workspace, Source.OTLP, 4)
    mine = {
        Source.API: Counts(received=5, stored=1, duplicate=2, rejected=2),
        Source.IMPORT: Counts(received=3, stored=1, duplicate=1, rejected=1),
        Source.OTLP: Counts(received=5, stored=1, rejected=4),
    }
    assert store.counters() == mine
    await store.record([done(f"{workspace}-other", source=Source.OTLP)])
    assert store.counters(workspace) == mine
    assert store.counters(f"{workspace}-other") == {Source.OTLP: Counts(received=1, stored=1)}
    assert store.counters() == {**mine, Source.OTLP: Counts(received=6, stored=2, rejected=4)}


async def test_who_leaves_before_the_answer_is_counted_all_the_same(store, workspace):
    """A cancelled offer is kept or not, and counted as what it became."""
    task = asyncio.create_task(store.open(pending(workspace)))
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await store.record([done(workspace)])

    assert store.counters()[Source.API] == Counts(received=2, stored=2)
    assert store.health().open == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=8), min_size=1, max_size=6))
async def test_the_sum_holds_at_every_moment(store, workspace, batches):
    """While batches that overlap arrive at once, every look finds the sum whole, and at the end nothing is missing."""
    roads = [Source.IMPORT, Source.OTLP]
    runs = [done(workspace, NOON + timedelta(days=2 * (n % 5 == 0)), source=roads[n % 2]) for n in range(31)]
    before = {s: c.received for s, c in store.counters().items()}
    stop = asyncio.Event()

    async def look():
        while not stop.is_set():
            for counts in store.counters().values():
                assert counts.received == counts.stored + counts.duplicate + counts.rejected
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    answers = await asyncio.gather(*(store.record([runs[n] for n in batch]) for batch in batches))
    stop.set()
    await looking

    offered = [runs[n].source for batch in batches for n in batch]
    after = store.counters()
    for road in set(offered):
        assert after[road].received - before.get(road, 0) == offered.count(road)
    assert sum(a.stored for a in answers) == len({n for batch in batches for n in batch if n % 5})


async def test_refusals_are_told_apart_by_service_with_the_last_reason(store, workspace):
    """What cannot be kept, what is in conflict and what was refused before count for the service that sent it, in its
    own workspace; what said no service, for none."""
    late = done(workspace, NOON + timedelta(days=2), service="shop")
    await store.record([late, done(workspace, service="shop"), replace(late, id="exec_wrong", created_at=NOON)])
    with pytest.raises(InvalidInput):
        await store.open(replace(pending(workspace), id="exec_wrong"))
    store.refused(workspace, Source.OTLP, 3, service="bot", why="first")
    store.refused(workspace, Source.OTLP, 2, service="bot", why="second")
    store.refused(workspace, Source.OTLP, 1, service="bot")

    found = store.refusals(workspace)

    assert {service: refused.count for service, refused in found.items()} == {"shop": 2, None: 1, "bot": 6}
    assert found["bot"].last == Problem(at=NOON, text="second")
    assert "exec_wrong" in found["shop"].last.text
    assert sum(refused.count for refused in found.values()) == sum(
        c.rejected for c in store.counters(workspace).values()
    )
    assert store.refusals(f"{workspace}-other") == {}


async def test_names_without_end_take_no_memory_without_end(store, workspace):
    """Whoever invents a service for each offer fills a table of a fixed size, and nothing goes uncounted."""
    for n in range(MOST_SERVICES + 50):
        store.refused(workspace, Source.API, 1, service=f"service-{n}", why="x" * 10_000)

    found = store.refusals(workspace)

    assert len(found) <= MOST_SERVICES + 1
    assert found[None].count >= 50
    assert sum(refused.count for refused in found.values()) == MOST_SERVICES + 50
    assert all(len(refused.last.text) < 1_000 for refused in found.values())
