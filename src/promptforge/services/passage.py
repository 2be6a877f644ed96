"""One call on its way through: from its open record to the last byte of the answer.

The caller gets every byte at once but for the end of the answer, which waits until the closed record is on disk: who
has seen the end of an answer finds it in the record.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from promptforge.core.altered import altered
from promptforge.core.errors import Unavailable
from promptforge.core.execution import Attempt, ErrorType, Execution, Status
from promptforge.core.model import ModelFailure
from promptforge.core.ports import Clock, PriceBook, Record, Upstream
from promptforge.core.upstream import Header, UpstreamReply, UpstreamRequest
from promptforge.services.ending import Outcome, closed, filtered
from promptforge.wire.answer import Answer, answer_of
from promptforge.wire.estimate import estimated
from promptforge.wire.exchange import Asked, Exchange
from promptforge.wire.responses import RUNNING

#: Nothing takes longer than this to pass.
MAX_SECONDS = 15 * 60
_READ = ("content-type", "content-encoding", "retry-after", "retry-after-ms", "date")
_HUNG_UP = "The caller hung up before the answer was complete"


class Caller(Protocol):
    """Who asked, at the other end of the connection."""

    @property
    def gone(self) -> bool:
        """Whether the connection is closed."""
        ...

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """Send the head of the answer."""
        ...

    async def send(self, chunk: bytes) -> None:
        """Send bytes of the body at once; nothing when the caller is gone."""
        ...

    async def end(self, chunk: bytes) -> None:
        """Send the last bytes of the body, and end the answer."""
        ...

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Call *tell* once, when the caller goes; at once when it is gone."""
        ...

    def cut(self) -> None:
        """Break the connection off: the answer is not complete."""
        ...


async def relay(reply: UpstreamReply, caller: Caller) -> None:
    """Let an answer pass that nobody records; ModelFailure when it breaks off."""
    await caller.start(reply.status, reply.headers)
    try:
        async for chunk in reply.chunks():
            await caller.send(chunk)
    finally:
        reply.close()
    await caller.end(b"")


class Passage:
    """Drives one call."""

    def __init__(
        self,
        opened: Execution,
        exchange: Exchange,
        asked: Asked,
        caller: Caller,
        *,
        record: Record,
        prices: PriceBook,
        clock: Clock,
        secret: bytes,
        keep: Callable[[Execution], Execution],
    ) -> None:
        """*keep* says what of the closed execution may be written down."""
        self._opened = opened
        self._exchange = exchange
        self._asked = asked
        self._caller = caller
        self._record = record
        self._prices = prices
        self._clock = clock
        self._secret = secret
        self._keep = keep
        self._began = clock.monotonic()
        self._first_token: float | None = None
        self._status: int | None = None
        self._request_id: str | None = None
        self._answer: Answer | None = None
        self._started = False
        self._closed = False
        self.hung_up = False
        """Set before the task is cancelled because the caller is gone."""

    async def drive(self, upstream: Upstream, request: UpstreamRequest) -> None:
        """Pass the request on and its answer back, and close the record; ModelFailure when no answer came at all."""
        try:
            async with asyncio.timeout(MAX_SECONDS):
                await self._pass(upstream, request)
        except ModelFailure as failure:
            await self._close(self._failed(failure))
            if not self._started:
                raise
            self._caller.cut()
        except TimeoutError:
            late = ModelFailure(
                f"Provider '{self._opened.provider}' did not finish its answer within {MAX_SECONDS} s",
                ErrorType.TIMEOUT,
            )
            await self._close(self._failed(late))
            if not self._started:
                raise late from None
            self._caller.cut()
        except asyncio.CancelledError:
            if self.hung_up:
                if task := asyncio.current_task():
                    task.uncancel()
                await self._close(self._left())
                return
            stopped = ModelFailure(
                "Execution was interrupted: the server stopped before it finished", ErrorType.INTERRUPTED
            )
            await self._close(self._failed(stopped))
            raise
        except Exception as error:
            # a defect of ours, or an answer that the server cannot send: the call must not stay open
            await self._close(self._failed(ModelFailure(f"Internal error: {type(error).__name__}", ErrorType.INTERNAL)))
            raise

    async def _pass(self, upstream: Upstream, request: UpstreamRequest) -> None:
        reply = await upstream.send(request)
        try:
            answer = self._read(reply)
            await (self._pass_stream(reply, answer) if answer.streamed else self._pass_whole(reply, answer))
        finally:
            reply.close()

    async def _pass_stream(self, reply: UpstreamReply, answer: Answer) -> None:
        """Every piece as it comes, but for the one that says that it is the last."""
        await self._start(reply)
        async for chunk in reply.chunks():
            answer.feed(chunk)
            if self._first_token is None and answer.text:
                self._first_token = self._clock.monotonic()
            if answer.closed:
                await self._close(self._outcome())
            await self._caller.send(chunk)
        await self._close(self._outcome())
        await self._caller.end(b"")

    async def _pass_whole(self, reply: UpstreamReply, answer: Answer) -> None:
        """Each piece when the next is there; the head with the first, so that a short answer is one write."""
        held: bytes | None = None
        async for chunk in reply.chunks():
            answer.feed(chunk)
            if held is not None:
                if not self._started:
                    await self._start(reply)
                await self._caller.send(held)
            held = chunk
        await self._close(self._outcome())
        if not self._started:
            await self._start(reply)
        await self._caller.end(held or b"")

    async def _start(self, reply: UpstreamReply) -> None:
        self._started = True
        await self._caller.start(reply.status, [*reply.headers, (b"x-promptforge-execution", self._opened.id.encode())])

    def _read(self, reply: UpstreamReply) -> Answer:
        self._status = reply.status
        self._request_id = reply.named(self._exchange.request_id_header) or None
        headers = {name: value for name in _READ if (value := reply.named(name))}
        self._answer = answer_of(self._opened.provider, self._exchange, reply.status, headers, self._request_id)
        return self._answer

    # ── what it came to ──

    def _outcome(self) -> Outcome:
        """What came of it, when all bytes that matter have come."""
        answer = self._answer
        if answer is None:
            raise AssertionError("an outcome needs an answer")
        try:
            reply = answer.reply()
        except ModelFailure as failure:
            return self._failed(failure)
        reply = altered(reply, request_id=self._request_id)
        failure = filtered(self._opened.provider, reply) if reply.filtered else None
        if self._caller.gone:
            failure = ModelFailure(_HUNG_UP, ErrorType.CANCELLED, text=reply.text)
        guess = None
        if reply.usage is None and reply.finish_reason not in RUNNING:  # what runs on has not used all of it yet
            guess = estimated(self._asked, reply.text, answer.usage_so_far)
        return Outcome(reply=reply, failure=failure, estimated=guess)

    def _failed(self, failure: ModelFailure) -> Outcome:
        answer = self._answer
        if answer is not None:
            failure.text, failure.usage = failure.text or answer.text, failure.usage or answer.usage
            failure.usage_raw = failure.usage_raw or answer.usage_raw
            failure.http_status = failure.http_status or self._status
            failure.request_id = failure.request_id or self._request_id
        return Outcome(failure=failure)

    def _left(self) -> Outcome:
        """The caller went and the provider was cut off: what it had done by then is billed, and nobody says it."""
        outcome = self._failed(ModelFailure(_HUNG_UP, ErrorType.CANCELLED))
        answer = self._answer
        guess = estimated(self._asked, answer.text, answer.usage_so_far) if answer else estimated(self._asked, "")
        return replace(outcome, estimated=guess)

    async def _close(self, outcome: Outcome) -> None:
        """Close the record, once; a cancellation that arrives now must not leave it open."""
        if self._closed:
            return
        self._closed = True
        failure, now = outcome.failure, self._clock.monotonic()
        latency = _ms(now - self._began)
        attempt = Attempt(
            number=1,
            provider=self._opened.provider,
            model=(outcome.reply and outcome.reply.model) or self._opened.model,
            offset_ms=0,
            latency_ms=latency,
            status=Status.ERROR if failure else Status.SUCCESS,
            error_type=failure.error_type if failure else None,
            http_status=self._status,
            request_id=self._request_id,
        )
        ended = closed(
            self._opened,
            outcome,
            latency_ms=latency,
            first_token_ms=None if self._first_token is None else _ms(self._first_token - self._began),
            attempts=(attempt,),
            attempt_errors=(str(failure),) if failure else ("",),
            prices=self._prices,
            secret=self._secret,
        )
        # what cannot be kept now is kept by the record as soon as that can be done; the caller has waited long enough
        with suppress(Unavailable):
            await _to_the_end(self._record.close(self._keep(ended)))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    closing = asyncio.ensure_future(work)
    cancelled = False
    while not closing.done():
        try:
            await asyncio.wait([closing])
        except asyncio.CancelledError:
            cancelled = True
    closing.result()
    if cancelled:
        raise asyncio.CancelledError


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
