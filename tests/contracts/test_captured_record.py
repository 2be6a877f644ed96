"""What every ChainRecord promises of captured traces: their ids, and how calls and roots become chain executions."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import ended, opened
from kit.clock import FixedClock
from kit.executions import NOON, done
from kit.record import PATIENCE, history, store, workspace
from promptforge.core.chain_execution import ChainContent
from promptforge.core.errors import Unavailable
from promptforge.core.execution import Source, Status, StepRef
from promptforge.core.query import Breakdown, Page
from promptforge.record import open_record

__all__ = ["history", "store", "workspace"]


def open_trace(workspace, **changes):
    """The chain execution of a trace whose root has not come."""
    return opened(workspace, source=Source.OTLP, chain=None, content=None, **changes)


def root_of(chain, **changes):
    """The same with its root."""
    return ended(chain, source=Source.OTLP, content=ChainContent(input="in", output="out"), **changes)


def call_of(chain, **changes):
    """A finished call of a trace."""
    ref = StepRef(chain_execution_id=chain.id, step="chat")
    return done(chain.workspace, chain.created_at, source=Source.OTLP, step=ref, **changes)


async def chains(store, workspace):
    """Those on the page."""
    return list((await store.chain_page(Page(workspace=workspace))).items)


async def test_a_trace_keeps_the_id_that_it_was_given_first(store, workspace):
    """Whatever is wanted later; another workspace has ids of its own, and no trace is forgotten for another."""
    assert await store.trace_ids(workspace, {"a": "chex_1", "b": "chex_2"}) == {"a": "chex_1", "b": "chex_2"}
    assert await store.trace_ids(workspace, {"b": "chex_3", "c": "chex_4"}) == {"b": "chex_2", "c": "chex_4"}
    assert await store.trace_ids(f"{workspace}-2", {"a": "chex_5"}) == {"a": "chex_5"}


async def test_the_id_of_a_trace_is_known_for_seven_days(tmp_path, history, workspace):
    """Then it may be given anew, and an end of the process between changes nothing of that."""
    clock = FixedClock(NOON)
    for days, known in ((0, True), (6, True), (2, False)):
        clock.advance(days * 86_400)
        store = await open_record(tmp_path, clock, history=history, min_free_mb=0)
        await store.record([done(workspace)])  # a journal that knows no id at all promises nothing
        for _ in range(3):
            await asyncio.to_thread(store._journal.tidy)
        wanted = {"a": f"chex_{days}"}
        while await store.trace_ids(workspace, wanted) != wanted and not known:
            await asyncio.to_thread(store._journal.tidy)  # the shipper's thread keeps house as well
        assert (await store.trace_ids(workspace, wanted) == wanted) is (days != 6)
        await store.shutdown()


@pytest.mark.parametrize("first", ["call", "root"])
async def test_call_and_root_are_joined_in_any_order(store, workspace, first):
    """Open with the first call, closed with both, each told once; a root alone is in no answer and counts nowhere."""
    told, watching = [], store.watch_chains(workspace)
    chain = open_trace(workspace)
    whole, call = root_of(chain), call_of(chain)
    if first == "call":
        assert (await store.capture([call], [chain])).stored == 1
        assert await chains(store, workspace) == [chain]
        assert list(store.unfinished(workspace)) == [chain]
        await store.capture([], [whole])
        told += [await anext(watching), await anext(watching)]
    else:
        assert (await store.capture([], [whole])).stored == 0
        assert (await chains(store, workspace), await store.get_chain(workspace, chain.id)) == ([], None)
        assert (list(store.roots(workspace)), store.roots("another")) == ([whole], [])
        await store.capture([call], [chain])
        told += [await anext(watching)]
    assert told == ([chain] if first == "call" else []) + [whole]
    assert await chains(store, workspace) == [whole]
    assert await store.get_chain(workspace, chain.id) == whole
    assert (list(store.unfinished(workspace)), list(store.roots(workspace))) == ([], [])
    figures = (await store.figures(Breakdown(workspace=workspace))).items[0].figures
    assert (figures.runs, figures.calls, figures.success, figures.pending) == (1, 1, 1, 0)


async def test_it_is_written_once(store, workspace):
    """Neither a repeat, nor another root, nor a later call changes what was closed; only what is new is stored."""
    chain = open_trace(workspace)
    whole, call = root_of(chain), call_of(chain)
    await store.capture([call], [whole])
    again = await store.capture([call, call_of(chain)], [replace(whole, latency_ms=1)])
    assert (again.stored, again.duplicate) == (1, 1)
    await store.capture([call_of(chain)], [chain])
    await store.capture([], [replace(whole, status=Status.ERROR)])
    assert (await chains(store, workspace), list(store.roots(workspace))) == ([whole], [])
    assert store.counters(workspace)[Source.OTLP].stored == 3


async def test_a_root_can_be_let_go(store, workspace):
    """A trace without calls leaves nothing; a call that comes later waits for a root."""
    chain = open_trace(workspace)
    await store.capture([], [root_of(chain)])
    await store.forget_roots(store.roots(workspace))
    assert list(store.roots(workspace)) == []
    await store.capture([call_of(chain)], [chain])
    assert [one.status for one in await chains(store, workspace)] == [Status.PENDING]


async def test_all_or_nothing(store, workspace, monkeypatch):
    """A commit that breaks between call and chain execution leaves neither, and a repeat brings both."""
    chain = open_trace(workspace)
    call = call_of(chain)

    def broken(*_):
        raise sqlite3.OperationalError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr("promptforge.record.traces.events.insert_opened", broken)
        with pytest.raises(Unavailable):
            await store.capture([call], [chain])
    assert (await store.get(workspace, call.id), await chains(store, workspace)) == (None, [])
    assert (await store.capture([call], [chain])).stored == 1
    assert await chains(store, workspace) == [chain]


async def test_what_waits_survives_the_process(tmp_path, history, workspace):
    """Open chain executions are open after a start, not interrupted, and roots still wait."""
    store = await open_record(tmp_path, FixedClock(NOON), history=history, min_free_mb=0)
    first, second = open_trace(workspace), open_trace(workspace)
    await store.capture([call_of(first)], [first, root_of(second)])
    await store.shutdown()
    store = await open_record(tmp_path, FixedClock(NOON), history=history, min_free_mb=0)
    store.patience = PATIENCE
    assert (list(store.unfinished()), list(store.roots())) == ([first], [root_of(second)])
    await store.capture([call_of(second)], [second, root_of(first)])
    assert {one.id: one.status for one in await chains(store, workspace)} == {first.id: "success", second.id: "success"}
    await store.shutdown()


async def test_what_was_pruned_can_be_taken_in_again(store, workspace):
    """Pruning forgets traces as it forgets ids, but for those that wait still."""
    old, waiting = open_trace(workspace), open_trace(workspace)
    await store.trace_ids(workspace, {"old": old.id, "waiting": waiting.id})
    await store.capture([call_of(old)], [root_of(old), root_of(waiting)])
    await chains(store, workspace)
    await store.prune(workspace, NOON + timedelta(days=1), dry=False)
    found = await store.trace_ids(workspace, {"old": "chex_new", "waiting": "chex_other"})
    assert found == {"old": "chex_new", "waiting": waiting.id}
