"""Traces of which something is missing: ten minutes after their last span they wait no more, whatever happened."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.clock import FixedClock
from kit.executions import NOON
from kit.record import PATIENCE, history, workspace
from kit.spans import trace, under, work
from promptforge.core.access import Actor, Permission, system
from promptforge.core.errors import Forbidden
from promptforge.core.execution import ErrorType, Status
from promptforge.record import open_record
from promptforge.services.chain_reader import ChainReader
from promptforge.services.traces import PATIENCE_SECONDS, Traces

__all__ = ["history", "workspace"]
SECRET = b"for tests only, of no use elsewhere"


class Life:
    """A record of its own with the service on it, and both once more after a restart."""

    def __init__(self, folder, history, forge, workspace) -> None:
        self.clock = FixedClock(NOON)
        self.actor = Actor(workspace=workspace, user_id="user_1", permissions=frozenset(Permission))
        self._made = (folder, history, forge)

    async def begin(self) -> "Life":
        """Open the home."""
        folder, history, forge = self._made
        self.store = await open_record(folder, self.clock, history=history, min_free_mb=0)
        self.store.patience = PATIENCE
        self.traces = Traces(
            self.store, self.store, forge.prompts, forge.price_book, self.clock, forge.retentions, secret=SECRET
        )
        return self

    async def restart(self) -> None:
        """End, and begin again."""
        await self.store.shutdown()
        await self.begin()

    async def take(self, *spans) -> None:
        """Take a request in."""
        await self.traces.take(self.actor, spans)

    async def sweep(self) -> int:
        """Look after what waits."""
        return await self.traces.sweep(system("default"))

    async def chains(self):
        """Every chain execution as it is shown."""
        return (await ChainReader(self.store, self.store).page(self.actor, limit=500)).items

    async def pass_by(self, seconds: float) -> int:
        """Let time pass, and look after what waits."""
        await self.sweep()
        self.clock.advance(seconds)
        return await self.sweep()


@pytest.fixture
async def life(tmp_path, history, forge, workspace):
    """A record that nobody else uses."""
    lived = await Life(tmp_path, history, forge, workspace).begin()
    yield lived
    await lived.store.shutdown()


async def test_a_root_that_never_comes_is_missed(life):
    """The chain execution is closed by what its calls say, and says that its root is missing."""
    root = work(NOON, trace())
    await life.take(under(root, seconds=1, service="shop"))
    await life.take(under(root, seconds=3, failed=True, error_type=ErrorType.TIMEOUT))
    assert await life.pass_by(PATIENCE_SECONDS - 1) == 0
    assert [chain.status for chain in await life.chains()] == [Status.PENDING]
    assert await life.pass_by(1) == 1
    (found,) = await life.chains()
    assert (found.status, found.error_type) == (Status.ERROR, ErrorType.TIMEOUT)
    assert (found.started_at, found.latency_ms) == (NOON + timedelta(seconds=1), 2_500)
    assert (found.content.metadata, found.service, len(found.steps)) == ({"root": "missing"}, "shop", 2)
    await life.take(root)
    assert (await life.chains(), life.store.roots()) == ([found], [])


async def test_each_span_makes_it_wait_anew(life):
    """Ten minutes count from the last span of the trace, also from one that calls no model."""
    root = work(NOON, trace())
    await life.take(under(root))
    for tool in (False, True, False):
        assert await life.pass_by(PATIENCE_SECONDS - 1) == 0
        await life.take(work(NOON, root.trace_id, parent_id=root.span_id) if tool else under(root, seconds=1))
    await life.take(root)
    (found,) = await life.chains()
    assert (found.status, len(found.steps)) == (Status.SUCCESS, 3)


async def test_a_root_without_calls_is_let_go(life):
    """A trace in which no model was called leaves nothing, and a call that comes later waits for a root of its own."""
    root = work(NOON, trace())
    await life.take(root)
    assert len(life.store.roots()) == 1
    assert await life.pass_by(PATIENCE_SECONDS) == 1
    assert (life.store.roots(), await life.chains()) == ([], [])
    await life.take(under(root))
    assert [chain.status for chain in await life.chains()] == [Status.PENDING]


@pytest.mark.parametrize("first", ["root", "call"])
async def test_a_restart_between_root_and_call(life, first):
    """What came before the end of a process and what comes after are one trace."""
    root = work(NOON, trace())
    spans = [root, under(root)]
    await life.take(spans.pop(0 if first == "root" else 1))
    await life.restart()
    assert life.store.health().open == (0 if first == "root" else 1)
    await life.take(*spans)
    (found,) = await life.chains()
    assert (found.status, found.chain.chain_name, found.token_in) == (Status.SUCCESS, root.name, 1_000)


async def test_waiting_goes_on_after_a_restart(life):
    """What waited when a process ended waits its ten minutes anew, and no longer."""
    with_call, alone = work(NOON, trace()), work(NOON, trace())
    await life.take(under(with_call), alone)
    life.clock.advance(PATIENCE_SECONDS - 1)
    await life.restart()
    assert await life.pass_by(PATIENCE_SECONDS - 1) == 0
    assert await life.pass_by(1) == 2
    assert [(chain.status, chain.content.metadata) for chain in await life.chains()] == [
        (Status.SUCCESS, {"root": "missing"})
    ]
    await life.restart()
    assert (life.store.roots(), life.store.unfinished()) == ([], ())


async def test_nothing_is_closed_while_its_calls_cannot_be_asked(life, monkeypatch):
    """While the history is away the end of a trace waits: its calls would not all be counted."""
    root = work(NOON, trace())
    await life.take(under(root))
    fail = lambda *_, **__: (_ for _ in ()).throw(RuntimeError("away"))  # noqa: E731
    life.store.patience = 0.0
    with monkeypatch.context() as away:
        away.setattr(life.store._history, "insert", fail)
        await life.take(under(root, seconds=9))
        while life.store.health().history:
            await asyncio.sleep(0.01)
        assert await life.pass_by(PATIENCE_SECONDS) == 0
    life.store.patience = PATIENCE
    assert await life.sweep() == 1
    (found,) = await life.chains()
    assert (found.latency_ms, len(found.steps)) == (9_500, 2)


async def test_a_trace_is_known_for_seven_days(life):
    """A repeat days later changes nothing, also when ids were forgotten meanwhile; the workspace's end forgets all."""
    root = work(NOON, trace())
    spans = [root, under(root), under(root, seconds=1)]
    await life.take(*spans)
    before = await life.chains()
    for days in (6, 3, 9):
        life.clock.advance(days * 86_400)
        for _ in range(3):
            await asyncio.to_thread(life.store._journal.tidy)
        await life.take(*spans)
        await life.take(spans[2], replace(root, name="again"))
        assert await life.chains() == before
    await life.store.erase(life.actor.workspace)
    await life.take(root)
    assert await life.chains() == []


async def test_the_sweep_needs_an_administrator(life):
    """It is the process's own work."""
    with pytest.raises(Forbidden):
        await life.traces.sweep(replace(life.actor, permissions=frozenset({Permission.INGEST})))
