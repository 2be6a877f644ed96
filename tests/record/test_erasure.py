"""Erasing an end user: what is left on the disk, wherever their executions were."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import call_of, ended, opened, step, step_of
from kit.executions import NOON, closed, done, pending, some
from kit.record import history, store, workspace
from kit.traces import traces
from promptforge.core.chain_execution import ChainContent, ChainPlan, StepContent
from promptforge.core.erasure import Erasure, erased
from promptforge.core.errors import InvalidInput, Unavailable
from promptforge.core.execution import Content
from promptforge.core.filter import Operator, Test
from promptforge.core.query import Breakdown, Dimension, Page, Recorded

__all__ = ["history", "store", "workspace"]

PARTS = ("name", "session", "key", "value", "input", "request", "output", "error", "trace", "usage", "meta", "try")


class Canary:
    """An end user whose every trace begins with a word of its own."""

    def __init__(self, workspace: str, home, own) -> None:
        self._word = f"cn{workspace.rpartition('-')[2]}q"
        self._places = (home, own)

    def says(self, part: str) -> str:
        """A word for a part."""
        return f"{self._word}{part}"

    @property
    def name(self) -> str:
        return self.says("name")

    @property
    def who(self) -> dict:
        """What says who it is."""
        return {
            "end_user": self.name,
            "session_id": self.says("session"),
            "tags": {self.says("key"): self.says("value")},
        }

    @property
    def content(self) -> Content:
        return Content(
            input={"text": self.says("input")},
            request=[self.says("request")],
            output=self.says("output"),
            error=self.says("error"),
            stack_trace=self.says("trace"),
            usage_raw=self.says("usage"),
            metadata=self.says("meta"),
            attempt_errors=(self.says("try"),),
        )

    def run(self, workspace: str, at=NOON, **changes):
        """A finished execution of theirs."""
        return done(workspace, at, content=self.content, **self.who, **changes)

    def on_disk(self) -> set[str]:
        """The parts of which there are traces."""
        words = {self.says(part): part for part in PARTS}
        found = [texts for place in self._places for texts in traces(place, *words).values()]
        return {words[text] for texts in found for text in texts}


@pytest.fixture
def canary(workspace, home, tmp_path):
    return Canary(workspace, home, tmp_path)


async def shipped(store):
    assert await store._shipper.reach(store._journal.last, 60)


async def test_nothing_of_an_end_user_is_left_on_the_disk(store, workspace, canary):
    """Shipped in several batches, left in the journal's free pages, waiting there, compressed: no file has a word."""
    # not every build of SQLite overwrites what it deletes
    await store._journal._writer.write(lambda c: c.execute("PRAGMA secure_delete = OFF").fetchall() and None)
    for _ in range(2):
        with store._shipper.lock:
            many = [canary.run(workspace, NOON + timedelta(seconds=n)) for n in range(50)]
            await store.record([*many, done(workspace)])
            await store._journal._writer.rewrite()  # into the file itself
        await shipped(store)
    long = replace(canary.content, output=canary.says("output") * 2_000)
    with store._shipper.lock:
        await store.record([canary.run(workspace), replace(canary.run(workspace), content=long)])
        assert canary.on_disk() == set(PARTS)

    report = await store.erase_end_user(workspace, canary.name)

    assert canary.on_disk() == set()
    assert report == Erasure(executions=102)
    await shipped(store)
    assert canary.on_disk() == set()


async def test_figures_stay_as_they_were(store, workspace, canary):
    """Every figure of every execution, and every sum; what was said and who said it is gone from answers."""
    runs = [canary.run(workspace, NOON + timedelta(minutes=n)) for n in range(4)]
    await store.record([*runs[:2], *some(workspace, 3, end_user="other")])
    await shipped(store)
    by_day = Breakdown(workspace=workspace, by=(Dimension.DAY, Dimension.MODEL))
    before = (await store.figures(by_day)).items
    with store._shipper.lock:
        await store.record(runs[2:])
    more = (await store.figures(by_day)).items

    await store.erase_end_user(workspace, canary.name)

    assert before != more == (await store.figures(by_day)).items
    assert [await store.get(workspace, run.id) for run in runs] == [erased(run) for run in runs]
    theirs = Test("end_user", Operator.IN, (canary.name,))
    assert not (await store.page(Page(workspace=workspace, filter=theirs))).items
    words = Test("text", Operator.WORDS, (canary.says("output"),))
    assert not (await store.page(Page(workspace=workspace, filter=words))).items


async def test_others_are_untouched(store, workspace, canary):
    """Another end user's rows, those without one, and the same name in another workspace stay as they were."""
    there = f"{workspace}-other"
    others = [done(workspace, end_user=canary.name + "2", tags={"a": "b"}), done(workspace), canary.run(there)]
    await store.record([canary.run(workspace), *others])
    await shipped(store)
    with store._shipper.lock:
        waiting = [done(workspace, end_user="zoe", session_id="s"), canary.run(there)]
        await store.record([canary.run(workspace), *waiting])
    await store.erase_end_user(workspace, canary.name)
    for other in (*others, *waiting):
        assert await store.get(other.workspace, other.id) == other


async def test_what_was_erased_and_comes_again_is_a_duplicate(store, workspace, canary):
    """The ids are still known, so a repeat brings nothing back."""
    run, waiting = canary.run(workspace), canary.run(workspace)
    await store.record([run])
    await shipped(store)
    with store._shipper.lock:
        await store.record([waiting])
    await store.erase_end_user(workspace, canary.name)
    assert await store.record([run, waiting]) == Recorded(stored=0, duplicate=2)
    assert canary.on_disk() == set()


async def test_an_open_run_says_no_more_when_it_is_closed(store, workspace, canary):
    """It is blank at once, and its end is recorded with its figures only."""
    run = pending(workspace, content=canary.content, **canary.who)
    await store.open(run)
    report = await store.erase_end_user(workspace, canary.name)
    assert report == Erasure(executions=1)
    assert await store.get(workspace, run.id) == erased(run)
    await store.close(closed(run))
    assert await store.get(workspace, run.id) == erased(closed(run))
    await shipped(store)
    assert canary.on_disk() == set()
    assert await store.get(workspace, run.id) == erased(closed(run))


async def test_chain_executions_are_erased_with_their_steps(store, workspace, canary):
    """Stored, waiting and open ones; a step or a call that an open one makes later says nothing either."""
    content = ChainContent(input=canary.says("input"), metadata=canary.says("meta"))
    spoken = StepContent(input=canary.says("input"), output=canary.says("output"), error=canary.says("error"))
    plan = ChainPlan(overrides={"a": {"params": {"demo": {"text": canary.says("request")}}}})
    first, second, running = (opened(workspace, content=content, plan=plan, **canary.who) for _ in range(3))
    await store.open_chain(first)
    await store.close_chain(ended(first, step("a", content=spoken)))
    await shipped(store)
    await store.open_chain(running)
    await store.advance(workspace, running.id, step("a", content=spoken))
    with store._shipper.lock:
        await store.open_chain(second)
        await store.close_chain(ended(second, step("a", content=spoken)))

    report = await store.erase_end_user(workspace, canary.name)

    assert report == Erasure(chain_executions=3)
    assert canary.on_disk() == set()
    call = call_of(running, "b", 1, content=canary.content, **canary.who)
    await store.open(call)
    await store.close_step(closed(call), step_of(closed(call), content=spoken))
    await store.advance(workspace, running.id, step("c", 2, content=spoken))
    steps = (*(await store.get_chain(workspace, running.id)).steps,)
    assert [(one.name, one.content) for one in steps] == [("a", None), ("b", None), ("c", None)]
    await store.close_chain(ended(running, *steps, content=content))
    await shipped(store)
    assert canary.on_disk() == set()
    assert await store.get_chain(workspace, first.id) == erased(ended(first, step("a")))


async def test_content_that_is_half_on_its_way_is_erased(store, workspace, canary, monkeypatch):
    """A batch whose content is in history without its figures: its content goes, and its figures arrive later."""
    engine, run = store._history._engine, canary.run(workspace)
    insert, cut = engine.insert, asyncio.Event()
    loop = asyncio.get_running_loop()

    def half(table, block):
        if table == "facts":
            loop.call_soon_threadsafe(cut.set)
            raise Unavailable("cut")
        insert(table, block)

    monkeypatch.setattr(engine, "insert", half)
    await store.record([run])
    await cut.wait()
    report = await store.erase_end_user(workspace, canary.name)
    assert canary.on_disk() == set()
    monkeypatch.undo()
    await shipped(store)
    assert report == Erasure(executions=1)
    assert await store.get(workspace, run.id) == erased(run)
    assert canary.on_disk() == set()


async def test_a_damaged_event_is_counted_and_left(store, workspace, canary):
    """Nobody can say whose it is: the report says that it is there."""
    bad = canary.run(workspace)
    with store._shipper.lock:
        await store.record([bad, canary.run(workspace)])
        damage = "UPDATE events SET body = substr(body, 1, 40) WHERE id = ?"
        await store._journal._writer.write(lambda c: c.execute(damage, (bad.id,)) and None)
    assert await store.erase_end_user(workspace, canary.name) == Erasure(executions=1, unreadable=1)


async def test_an_erasure_that_nobody_waits_for_is_done_to_the_end(store, workspace, canary):
    """Whoever asked may leave; the way to history is free afterwards."""
    await store.record([canary.run(workspace)])
    await shipped(store)
    asked = asyncio.create_task(store.erase_end_user(workspace, canary.name))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await store.erase_end_user(workspace, canary.name) == Erasure()
    assert canary.on_disk() == set()
    await store.record([done(workspace)])
    await shipped(store)


async def test_an_empty_name_is_nobody(store, workspace):
    """It would be everybody without a name."""
    run = done(workspace)
    await store.record([run])
    with pytest.raises(InvalidInput, match="name the end user"):
        await store.erase_end_user(workspace, "")
    assert await store.get(workspace, run.id) == run
