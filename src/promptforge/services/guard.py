"""What stands before a provider: the turn of a call within the limits, and the breaker that spares a broken one.

One for each workspace and provider, so that what waits at one holds up nothing at another. A call that is not let
through fails as refused: nothing was used, and another provider may be asked instead.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from promptforge.core.execution import ErrorType, Json
from promptforge.core.json import is_object
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.ports import Clock, ModelProvider
from promptforge.core.provider import BreakerState, Limits, ProviderState
from promptforge.core.usage import Usage
from promptforge.engine.breaker import PAUSE, THRESHOLD, Breaker, at_fault
from promptforge.engine.limit import Grant, Limit

#: Calls that may wait for their turn at one provider, for one workspace.
MAX_WAITING = 5_000
#: What bounds the output of a call, by the names of the providers.
MOST_TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "num_predict")
_CHARACTERS = 4


@dataclass(slots=True, eq=False)
class Ticket:
    """A call that was let through; it is given back once."""

    grant: Grant
    entered: int
    began: float


@dataclass(slots=True, eq=False)
class _Waiting:
    tokens: int
    turn: "asyncio.Future[Grant | None]"
    """None: it is not let through any more."""


class Guard:
    """Lets calls through to one provider, in the order in which they came."""

    def __init__(self, name: str, clock: Clock, *, threshold: int = THRESHOLD, pause: float = PAUSE) -> None:
        self._name = name
        self._clock = clock
        self._limit = Limit(Limits())
        self._breaker = Breaker(threshold, pause)
        self._waiting: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._opened: tuple[datetime, int, str] | None = None

    def state(self) -> ProviderState:
        """What goes on at this moment."""
        breaker, state = self._breaker, BreakerState.CLOSED
        if breaker.retry_at is not None:
            state = BreakerState.OPEN if breaker.blocked(self._clock.monotonic()) else BreakerState.HALF_OPEN
            state = BreakerState.HALF_OPEN if breaker.probing else state
        return ProviderState(
            running=self._limit.running,
            waiting=len(self._waiting),
            breaker=state,
            failures=breaker.failures,
            open_since=self._opened[0] if self._opened and breaker.retry_at is not None else None,
            retry_at=self._retry_at(),
        )

    async def enter(self, limits: Limits, tokens: int, patience: float) -> Ticket:
        """Wait for the turn of a call of about *tokens*, for *patience* seconds at most; ModelFailure without it."""
        self._limit.limits = limits
        self._require_closed()
        got = self._limit.take(self._clock.monotonic(), tokens) if not self._waiting else None
        grant = got if isinstance(got, Grant) else await self._turn(limits, tokens, patience)
        entered = None if grant is None else self._breaker.enter(self._clock.monotonic())
        if grant is None or entered is None:
            if grant is not None:
                self._limit.undo(grant)
                self._go_on()
            raise self._broken()
        return Ticket(grant, entered, self._clock.monotonic())

    def undo(self, ticket: Ticket) -> None:
        """The call was not made."""
        self._limit.undo(ticket.grant)
        self._breaker.left(ticket.entered)
        self._go_on()

    def leave(self, ticket: Ticket, *, failure: ModelFailure | None, usage: Usage | None, ended: bool) -> None:
        """The call has ended, or nobody waited for its end."""
        now = self._clock.monotonic()
        used = 0 if failure is not None and failure.refused else usage and usage.token_in + usage.token_out
        self._limit.give_back(ticket.grant, used)
        if not ended:
            self._breaker.left(ticket.entered)
        elif failure is None or not at_fault(failure, now - ticket.began):
            self._breaker.answered(ticket.entered)
        elif self._breaker.failed(ticket.entered, now):
            since = self._opened[0] if self._opened and self._breaker.failures > self._breaker.threshold else None
            self._opened = since or self._clock.now(), self._breaker.failures, str(failure)
            self._dismiss()
        self._go_on()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _turn(self, limits: Limits, tokens: int, patience: float) -> Grant | None:
        if len(self._waiting) >= MAX_WAITING:
            raise _refused(f"{MAX_WAITING:,} calls wait for provider '{self._name}' already: {_words(limits)}")
        mine = _Waiting(tokens, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        self._go_on()
        try:
            await asyncio.wait([mine.turn], timeout=patience)
        except asyncio.CancelledError:
            if not mine.turn.done():
                self._waiting.remove(mine)
            elif (grant := mine.turn.result()) is not None:
                self._limit.undo(grant)
            self._go_on()
            raise
        if mine.turn.done():
            return mine.turn.result()
        self._waiting.remove(mine)
        self._go_on()
        raise _refused(f"No turn at provider '{self._name}' within {patience:.3g} s: {_words(limits)}")

    def _go_on(self) -> None:
        """Let go whoever is next and may; else come back when the limit says so."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            got = self._limit.take(self._clock.monotonic(), self._waiting[0].tokens)
            if not isinstance(got, Grant):
                if got != float("inf"):
                    self._timer = asyncio.get_running_loop().call_later(got, self._go_on)
                return
            self._waiting.popleft().turn.set_result(got)

    def _dismiss(self) -> None:
        """Whoever waits hears at once that nothing goes any more."""
        while self._waiting:
            self._waiting.popleft().turn.set_result(None)

    def _require_closed(self) -> None:
        if self._breaker.blocked(self._clock.monotonic()):
            raise self._broken()

    def _broken(self) -> ModelFailure:
        since, failures, last = self._opened or (self._clock.now(), self._breaker.failures, "")
        again, retry_at = "a call tries it at this moment", self._retry_at()
        if retry_at is not None and not self._breaker.probing:
            again = f"it is tried again at {retry_at:%H:%M:%S} UTC"
        return ModelFailure(
            f"Provider '{self._name}' is not called since {since:%H:%M:%S} UTC, because {failures} calls in a row "
            f"failed; {again}. The last failure: {last}",
            ErrorType.PROVIDER,
            refused=True,
        )

    def _retry_at(self) -> datetime | None:
        at = self._breaker.retry_at
        return None if at is None else self._clock.now() + timedelta(seconds=at - self._clock.monotonic())


class Guarded:
    """The ModelProvider of one run: the provider behind its guard."""

    def __init__(self, provider: ModelProvider, guard: Guard, limits: Limits) -> None:
        self.name = provider.name
        self.priced_as = provider.priced_as
        self._provider = provider
        self._guard = guard
        self._limits = limits
        self._first: Ticket | ModelFailure | None = None

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON that would be sent."""
        return self._provider.body(request)

    @asynccontextmanager
    async def turn(self, request: ModelRequest) -> AsyncGenerator[None]:
        """Wait until the first attempt may go, and hold its place. What keeps it back is told by the attempt itself."""
        try:
            self._first = await self._enter(request)
        except ModelFailure as failure:
            self._first = failure
        try:
            yield
        finally:
            if isinstance(self._first, Ticket):
                self._guard.undo(self._first)

    async def send(self, request: ModelRequest) -> AsyncGenerator[Delta | Reply, None]:
        """Call the model once, when it is the call's turn."""
        first, self._first = self._first, None
        if isinstance(first, ModelFailure):
            raise first
        ticket = first or await self._enter(request)
        failure, usage, ended = None, None, False
        try:
            async with aclosing(self._provider.send(request)) as answer:
                async for item in answer:
                    if isinstance(item, Reply):
                        usage, ended = item.usage, True
                    yield item
        except ModelFailure as error:
            failure, usage, ended = error, error.usage, True
            raise
        finally:
            self._guard.leave(ticket, failure=failure, usage=usage, ended=ended)

    async def close(self) -> None:
        """Nothing: the connections belong to others."""

    async def _enter(self, request: ModelRequest) -> Ticket:
        tokens = 0 if self._limits.tokens_per_minute is None else _estimate(self._provider.body(request))
        return await self._guard.enter(self._limits, tokens, request.remaining)


def with_default(limits: Limits, at_once: int) -> Limits:
    """The limits, with a bound on what goes at once where there is none."""
    return limits if limits.at_once is not None else replace(limits, at_once=at_once)


def _estimate(body: Mapping[str, Json]) -> int:
    """About how many tokens a call will count for: its text, and the most that it may answer where it says so."""
    return len(json.dumps(body, ensure_ascii=False)) // _CHARACTERS + (most_output(body) or 0)


def most_output(body: Mapping[str, Json]) -> int | None:
    """The most tokens that a request lets the model answer with, in whatever format; None where it does not say."""
    for place in ("", "generationConfig", "options"):
        within = body.get(place) if place else body
        for name in MOST_TOKENS:
            if is_object(within) and isinstance(most := within.get(name), int) and most > 0:
                return most
    return None


def _refused(sentence: str) -> ModelFailure:
    return ModelFailure(sentence, ErrorType.RATE_LIMIT, refused=True)


def _words(limits: Limits) -> str:
    given = (
        (limits.at_once, "calls at once"),
        (limits.requests_per_minute, "requests a minute"),
        (limits.tokens_per_minute, "tokens a minute"),
    )
    parts = [f"{most:,} {what}" for most, what in given if most is not None]
    return f"its limits in this workspace are {' and '.join(parts)}"
