"""One run of a model, from its first attempt to its closed record.

The run is a task of its own: whoever asked for it may leave, and it is still finished and recorded, since the
provider bills it either way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from promptforge.core.altered import altered
from promptforge.core.execution import Attempt, ErrorType, Execution, Status
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.ports import Clock, ModelProvider, PriceBook, Record
from promptforge.engine import retry
from promptforge.services.ending import Outcome, Spent, closed, filtered

T = TypeVar("T")
#: Seconds after the deadline that a provider has to say what had come by then; only then is it cut off unheard.
GRACE = 1.0


class Run:
    """Drives one accepted execution; ``finished`` resolves to the closed execution."""

    def __init__(
        self,
        execution: Execution,
        request: ModelRequest,
        provider: ModelProvider,
        *,
        record: Record,
        prices: PriceBook,
        clock: Clock,
        secret: bytes,
        keep: Callable[[Execution], Execution],
        close: Callable[[Execution, Execution], Awaitable[None]] | None = None,
        most: int = retry.MAX_ATTEMPTS,
        fallbacks: Sequence[tuple[ModelRequest, ModelProvider]] = (),
        listener: Callable[[Delta], None] | None = None,
    ) -> None:
        """*keep* says what of the closed execution may be written down; whoever asked gets all of it.

        *close*, where given, takes both and makes the second durable. *most* is how many attempts it may make at a
        model, beside those that the execution brings along; *fallbacks* are asked in turn where one cannot answer.
        """
        self.opened = self.execution = execution
        """As it was opened, and as it is."""
        self._request, self._provider = request, provider
        self._fallbacks = fallbacks
        self._fell_back = False
        self._spent: list[Spent] = []
        self._record = record
        self._prices = prices
        self._clock = clock
        self._secret = secret
        self._keep = keep
        self._listener = listener
        self._close_with = close
        self._most = most
        self._attempts = list(execution.attempts)
        self._attempt_errors = list(execution.content.attempt_errors) if execution.content else []
        self._parts: list[str] = []
        self._first_token: float | None = None
        self._began = 0.0
        self.stop_reason: ErrorType | None = None
        """Set before the task is cancelled: ``cancelled`` by a caller, ``interrupted`` by a shutdown."""
        self.left_open = False
        """Set before the task is cancelled, when the next process is to go on with it."""

    async def drive(self, turn: AbstractAsyncContextManager[None]) -> Execution:
        """Wait for the run's turn, call the provider, close the record; never raises for what a provider did."""
        outcome: Outcome
        try:
            async with turn:
                self.execution = altered(self.execution, started_at=self._clock.now())
                self._began = self._clock.monotonic()
                outcome = await self._attempt_until_done()
        except asyncio.CancelledError:
            if self.left_open:
                raise
            reason = self.stop_reason or ErrorType.INTERRUPTED
            outcome = Outcome(failure=self._stopped(reason), text="".join(self._parts))
        except Exception as error:
            outcome = Outcome(failure=_defect(error), text="".join(self._parts))
        self.execution = closed(
            self._as_answered(),
            outcome,
            latency_ms=_ms(self._clock.monotonic() - self._began) if self._began else 0,
            first_token_ms=None if self._first_token is None else _ms(self._first_token - self._began),
            attempts=self._attempts,
            attempt_errors=self._attempt_errors,
            prices=self._prices,
            secret=self._secret,
            priced_as=self._provider.priced_as,
            earlier=[spent for spent in self._spent if spent.attempt < len(self._attempts)],
        )
        await self._close()
        return self.execution

    def _as_answered(self) -> Execution:
        """The execution with the model that was asked last, which its figures count for."""
        request, provider = self._request, self._provider
        if not self._fell_back:
            return self.execution
        content = self.execution.content
        if content is not None and content.request is not None:
            content = altered(content, request=provider.body(request))
        return altered(self.execution, model=request.model, provider=provider.name, content=content)

    async def _close(self) -> None:
        """Close the record; a cancellation that arrives now must not leave it open."""
        kept = self._keep(self.execution)
        self.execution = altered(self.execution, expires_on=kept.expires_on)
        close = self._close_with
        closing = asyncio.ensure_future(close(self.execution, kept) if close else self._record.close(kept))
        while not closing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([closing])
        closing.result()

    # ── attempts ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _attempt_until_done(self) -> Outcome:
        deadline = self._began + self._request.remaining
        outcome = await self._attempts_at(deadline)
        for request, provider in self._fallbacks:
            remaining = deadline - self._clock.monotonic()
            failure = outcome.failure
            if failure is None or not retry.elsewhere(failure, delivered=bool(self._parts), remaining=remaining):
                break
            self._request, self._provider, self._fell_back = request, provider, True
            outcome = await self._attempts_at(deadline)
        return outcome

    async def _attempts_at(self, deadline: float) -> Outcome:
        """What came of the attempts at one model."""
        for number in range(1, self._most + 1):
            started = self._clock.monotonic()
            try:
                async with asyncio.timeout(max(0.0, deadline - started) + GRACE):
                    reply = await self._attempt(replace(self._request, remaining=deadline - started))
            except TimeoutError:
                failure = self._timed_out()
            except ModelFailure as error:
                failure = error
            else:
                failure = None if not reply.filtered else filtered(self._provider.name, reply)
                self._note(started, failure, reply)
                return Outcome(reply=reply, failure=failure)
            self._note(started, failure, None)
            delay = retry.delay_before_next(
                failure,
                number,
                delivered=bool(self._parts),
                remaining=deadline - self._clock.monotonic(),
                jitter=self._clock.bits(),
                most=self._most,
            )
            if delay is None:
                return Outcome(failure=failure, text="".join(self._parts))
            await asyncio.sleep(delay)
        raise AssertionError("the retry policy grants no attempt beyond the last")

    async def _attempt(self, request: ModelRequest) -> Reply:
        async with aclosing(self._provider.send(request)) as answer:
            async for item in answer:
                if isinstance(item, Reply):
                    return item
                if self._first_token is None:
                    self._first_token = self._clock.monotonic()
                self._parts.append(item.text)
                if self._listener is not None:
                    self._listener(item)
        raise ModelFailure(
            f"Provider '{self._provider.name}' ended its answer without completing it", ErrorType.PROVIDER
        )

    def _note(self, started: float, failure: ModelFailure | None, reply: Reply | None) -> None:
        request, provider, number = self._request, self._provider, len(self._attempts) + 1
        if failure is not None and (failure.usage is not None or not failure.refused):
            self._spent.append(
                Spent(attempt=number, model=request.model, priced_as=provider.priced_as, usage=failure.usage)
            )
        self._attempts.append(
            Attempt(
                number=number,
                provider=provider.name,
                model=(reply.model if reply else None) or request.model,
                offset_ms=_ms(started - self._began),
                latency_ms=_ms(self._clock.monotonic() - started),
                status=Status.ERROR if failure else Status.SUCCESS,
                error_type=failure.error_type if failure else None,
                http_status=failure.http_status if failure else None,
                request_id=failure.request_id if failure else reply.request_id if reply else None,
            )
        )
        self._attempt_errors.append(str(failure) if failure else "")

    def _timed_out(self) -> ModelFailure:
        seconds = Decimal(str(self._request.remaining)).normalize()
        return ModelFailure(
            f"Execution exceeded its maximum time of {seconds:f} s at provider '{self._provider.name}'",
            ErrorType.TIMEOUT,
            text="".join(self._parts),
        )

    def _stopped(self, reason: ErrorType) -> ModelFailure:
        sentence = {
            ErrorType.CANCELLED: "Execution was cancelled before it finished",
            ErrorType.INTERRUPTED: "Execution was interrupted: the server stopped before it finished",
        }[reason]
        untouched = self._began == 0.0
        return ModelFailure(sentence, reason, text="".join(self._parts), refused=untouched)


async def accepted(work: "Coroutine[Any, Any, T]") -> T:
    """What an acceptance comes to. Whoever asked may leave meanwhile: it is finished all the same, for what was opened
    must be started, or it would stay open."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be there to see it
    return await asyncio.shield(task)


def _defect(error: Exception) -> ModelFailure:
    failure = ModelFailure(f"Internal error: {type(error).__name__}", ErrorType.INTERNAL)
    failure.__cause__ = error
    return failure


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
