"""The guard of a provider: turns in order, nothing held up elsewhere, no trace of who left, a broken one spared."""

import asyncio
from contextlib import aclosing

import pytest

from kit.clock import START, FixedClock
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure, ModelRequest, Reply
from promptforge.core.prompt import Message
from promptforge.core.provider import BreakerState, Limits, ProviderState
from promptforge.core.usage import usage
from promptforge.engine.breaker import PAUSE, THRESHOLD
from promptforge.services import guard as module
from promptforge.services.guard import Guard, Guarded

TURNS = (Message(role="user", content="x"),)
ONE = Limits(at_once=1)
DOWN = ModelFailure("Provider 'x' failed (500)", ErrorType.PROVIDER, retryable=True, http_status=500)


def asking(remaining=5.0):
    return ModelRequest(model="m", messages=TURNS, params={}, stream=False, remaining=remaining)


class Scripted:
    """A provider that answers when it is told to; ``called`` are the calls that came to it."""

    name = priced_as = "x"

    def __init__(self, failure=None):
        self.failure = failure
        self.called = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    def body(self, request):
        return {"model": request.model, "max_tokens": 50}

    async def send(self, request):
        self.called += 1
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        yield Reply(text="", usage=usage(input=10, output=20), model="m")


async def ask(provider, guard, limits=ONE, remaining=5.0):
    """One run's call: its turn, and then its attempt."""
    guarded, request = Guarded(provider, guard, limits), asking(remaining)
    async with guarded.turn(request), aclosing(guarded.send(request)) as answer:
        return [item async for item in answer][-1]


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_calls_go_in_the_order_in_which_they_came():
    """One at a time here; the state says how many run and wait, and at the end nothing does."""
    provider, guard, done = Scripted(), Guard("x", FixedClock()), []
    provider.go_on.clear()

    async def run(number):
        await ask(provider, guard)
        done.append(number)

    tasks = [asyncio.create_task(run(number)) for number in range(4)]
    await settle()
    assert (provider.called, guard.state()) == (1, ProviderState(running=1, waiting=3))
    provider.go_on.set()
    await asyncio.gather(*tasks)
    assert (done, guard.state()) == ([0, 1, 2, 3], ProviderState())


async def test_whoever_leaves_leaves_no_trace():
    """Cancelled while it waits, and cancelled in the moment of its turn: the next one goes, nothing is counted."""
    provider, guard, limits = Scripted(), Guard("x", FixedClock()), Limits(at_once=1, requests_per_minute=3)
    provider.go_on.clear()
    tasks = [asyncio.create_task(ask(provider, guard, limits)) for _ in range(4)]
    await settle()
    tasks[1].cancel()
    await settle()
    assert guard.state().waiting == 2
    provider.go_on.set()
    await tasks[0]
    tasks[2].cancel()  # it has just been given its turn
    await settle()
    await tasks[3]
    assert (provider.called, guard.state().running, guard.state().waiting) == (2, 0, 0)
    await ask(provider, guard, limits)  # the third request of this minute


async def test_a_run_that_ends_before_its_attempt_gives_its_place_back():
    """A place is held from the turn on, and no longer than the run."""
    guard = Guard("x", FixedClock())
    async with Guarded(Scripted(), guard, ONE).turn(asking()):
        assert guard.state().running == 1
    assert guard.state() == ProviderState()


async def test_who_waits_too_long_or_behind_too_many_is_told_the_limits(monkeypatch):
    """Refused before anything was used; the sentence names the provider and what is set."""
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    provider, guard = Scripted(), Guard("x", FixedClock())
    provider.go_on.clear()
    first = asyncio.create_task(ask(provider, guard))
    await settle()
    second = asyncio.create_task(ask(provider, guard, remaining=0.01))
    await settle()
    for waiting, says in (
        (ask(provider, guard), "1 calls wait for provider 'x' already: its limits in this workspace are 1 calls"),
        (second, "No turn at provider 'x' within 0.01 s: its limits in this workspace are 1 calls at once"),
    ):
        with pytest.raises(ModelFailure, match=says) as caught:
            await waiting
        assert (caught.value.error_type, caught.value.refused, caught.value.retryable) == (
            ErrorType.RATE_LIMIT,
            True,
            False,
        )
    provider.go_on.set()
    await first
    assert guard.state() == ProviderState()


async def test_a_minute_that_is_full_is_waited_for():
    """By requests as by tokens; the usage of a call takes the place of what it was thought to use."""
    clock = FixedClock()
    provider, guard = Scripted(), Guard("x", clock)
    limits = Limits(requests_per_minute=2, tokens_per_minute=100)
    await ask(provider, guard, limits)  # counts for 30 now, after 50 and more
    await ask(provider, guard, limits)
    third = asyncio.create_task(ask(provider, guard, limits))
    await settle()
    assert guard.state().waiting == 1
    clock.advance(60.0)
    guard._go_on()  # as its timer does
    await third
    assert provider.called == 3


async def test_a_provider_that_is_down_is_spared_and_tried_again():
    """After failures in a row calls fail at once and say since when and until when; one probe brings it back."""
    clock = FixedClock()
    provider, guard = Scripted(DOWN), Guard("x", clock)
    for _ in range(THRESHOLD):
        with pytest.raises(ModelFailure, match="failed \\(500\\)"):
            await ask(provider, guard)
    with pytest.raises(ModelFailure) as caught:
        await ask(provider, guard)
    assert str(caught.value) == (
        "Provider 'x' is not called since 14:00:00 UTC, because 5 calls in a row failed; "
        "it is tried again at 14:00:30 UTC. The last failure: Provider 'x' failed (500)"
    )
    assert (caught.value.error_type, caught.value.refused) == (ErrorType.PROVIDER, True)
    assert provider.called == THRESHOLD
    state = guard.state()
    assert (state.breaker, state.open_since, state.failures) == (BreakerState.OPEN, START, THRESHOLD)
    clock.advance(PAUSE)
    assert guard.state().breaker is BreakerState.HALF_OPEN
    with pytest.raises(ModelFailure, match="failed \\(500\\)"):
        await ask(provider, guard)
    assert guard.state().open_since == START
    clock.advance(2 * PAUSE)
    provider.failure = None
    await ask(provider, guard)
    assert guard.state() == ProviderState()


async def test_whoever_waits_hears_at_once_that_it_is_down():
    """Nobody waits for a turn at a provider that is not called any more."""
    provider, guard, limits = Scripted(DOWN), Guard("x", FixedClock(), threshold=1), ONE
    provider.go_on.clear()
    tasks = [asyncio.create_task(ask(provider, guard, limits)) for _ in range(5)]
    await settle()
    provider.go_on.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(end).split(" (")[0][:30] for end in ends] == ["Provider 'x' failed"] + 4 * [
        "Provider 'x' is not called sin"
    ]
    assert (provider.called, guard.state().running, guard.state().waiting) == (1, 0, 0)


async def test_one_provider_that_waits_holds_up_no_other():
    """Each has its own turns: a full one beside an idle one."""
    slow, quick = Scripted(), Scripted()
    slow.go_on.clear()
    full = Guard("x", FixedClock())
    tasks = [asyncio.create_task(ask(slow, full)) for _ in range(50)]
    await settle()
    assert isinstance(await ask(quick, Guard("x", FixedClock())), Reply)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert full.state() == ProviderState()
