"""One run of a chain, from its first wave to its closed record.

The plan says what is next, the steps do it, and each finished step is on disk before the next wave begins. A run that
goes on after a crash goes through the plan again with the kept results, so it stands where it stood.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from promptforge.core.access import Actor
from promptforge.core.chain_execution import ChainContent, ChainExecution, SkippedStep, StepContent, StepRun
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.execution import ErrorType, Execution, PromptRef, Status
from promptforge.core.json import is_object
from promptforge.core.money import four
from promptforge.core.ports import Clock
from promptforge.core.prompt import PromptVersion
from promptforge.engine.plan import Ending, Plan, Ready, Result
from promptforge.services.chain_steps import ChainSteps, Running
from promptforge.services.ending import json_hash, trace_of

#: Seconds after the deadline that the calls in flight have to say what had come by then.
GRACE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What may be written down of a closed chain execution, and of one of its steps."""

    chain: Callable[[ChainExecution], ChainExecution]
    step: Callable[[StepRun], StepRun]


class ChainRun:
    """Drives one accepted chain execution; ``execution`` is where it stands."""

    def __init__(
        self,
        actor: Actor,
        execution: ChainExecution,
        plan: Plan,
        steps: ChainSteps,
        *,
        record: ChainRecord,
        clock: Clock,
        secret: bytes,
        marks: Mapping[str, str],
        keep: Keep,
        frozen: Mapping[str, tuple[PromptRef, PromptVersion]],
        earlier: Sequence[Execution] = (),
        listener: Callable[[StepRun], None] | None = None,
    ) -> None:
        """*execution* brings along the steps that are done. *listener* gets each step as it begins and as it ends."""
        self.opened = self.execution = execution
        """As it was opened, and as it is."""
        self._plan = plan
        self._steps = steps
        self._record = record
        self._clock = clock
        self._secret = secret
        self._keep = keep
        self._listener = listener
        self._done = {step.name: step for step in execution.steps}
        self._skipped: list[SkippedStep] = []
        self._bounds: dict[str, int] = {}
        self.stop_reason: ErrorType | None = None
        """Set before the task is cancelled. Without one it is left open, for the next process to go on with."""
        self._broken_off: ErrorType | None = None
        # the latency is that of the whole run; the deadline counts anew where a process goes on with what another began
        now, started = clock.monotonic(), execution.started_at or execution.created_at
        self._began = now - max(0.0, (clock.now() - started).total_seconds())
        self._running = Running(
            actor=actor,
            execution=execution,
            began=self._began,
            deadline=now + execution.plan.deadline_ms / 1000,
            marks=marks,
            frozen=frozen,
            earlier={call.step.step: call for call in earlier if call.step is not None},
            keep=keep.step,
            why_stopped=lambda: self.stop_reason or self._broken_off,
        )

    async def drive(self) -> ChainExecution:
        """Run the plan to its end and close the record; never raises for what a step did."""
        try:
            ending = await self._to_the_end()
        except asyncio.CancelledError:
            if self.stop_reason is None:
                raise
            ending = Ending(error="Chain was cancelled before it finished", error_type=self.stop_reason)
        except TimeoutError:
            seconds = self.execution.plan.deadline_ms / 1000
            ending = Ending(error=f"Chain exceeded its maximum time of {seconds:g} s", error_type=ErrorType.TIMEOUT)
        except Exception as error:
            ending = Ending(
                error=f"Internal error: {type(error).__name__}",
                error_type=ErrorType.INTERNAL,
                stack_trace=trace_of(error),
            )
        self.execution = self._closed(ending)
        await self._close()
        return self.execution

    async def _to_the_end(self) -> Ending:
        given = self.execution.content.input if self.execution.content else None
        waves = self._plan.run(given if is_object(given) else {}, self._running.marks)
        try:
            wave = next(waves)
            while True:
                self._skipped += wave.skipped
                refused = await self._refusal([one for one in wave.ready if one.step.name not in self._done])
                if refused is not None:
                    return refused
                wave = waves.send(await self._wave(wave.ready))
        except StopIteration as end:
            ending: Ending = end.value
            return ending

    async def _wave(self, ready: Sequence[Ready]) -> list[Result]:
        tasks = [asyncio.create_task(self._step(one), name=one.step.name) for one in ready]
        try:
            async with asyncio.timeout(max(0.0, self._running.deadline - self._clock.monotonic()) + GRACE):
                return [await task for task in tasks]
        except TimeoutError:
            self._broken_off = ErrorType.CANCELLED
            raise
        except Exception:
            self._broken_off = ErrorType.INTERRUPTED
            raise
        finally:
            for task in tasks:
                task.cancel()
            # each closes what it has opened before it ends
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _step(self, ready: Ready) -> Result:
        known = self._done.get(ready.step.name)
        if known is None:
            self._tell(self._steps.begun(self._running, ready))
            known = await self._steps.run(self._running, ready)
            self._done[known.name] = known
            self._tell(known)
        content = known.content or StepContent()
        return Result(
            status=known.status,
            output=content.output,
            error=content.error,
            error_type=known.error_type,
            stack_trace=content.stack_trace,
            tag=known.tag,
        )

    def _tell(self, step: StepRun) -> None:
        if self._listener is not None:
            self._listener(step)

    async def _refusal(self, fresh: Sequence[Ready]) -> Ending | None:
        """Why the next wave may not begin: no time is left, or it might cost more than the chain may."""
        if fresh and self._clock.monotonic() >= self._running.deadline:
            return _refused(fresh[0], "the chain's maximum time is over", ErrorType.TIMEOUT)
        ceiling = self.execution.plan.max_cost
        if ceiling is None:
            return None
        spent = sum(self._spent(step) for step in self._done.values())
        for one in fresh:
            most = await self._steps.bound(self._running, one)
            if most is None:
                return _refused(
                    one,
                    "nobody can say what it may cost, and the chain has a ceiling: give it max_tokens and a model that "
                    "has a price, or lift the ceiling",
                    ErrorType.VALIDATION,
                )
            if most and spent + most > ceiling:
                return _refused(
                    one,
                    f"it may cost up to ${four(most)}, and up to ${four(spent)} of the chain's ceiling of "
                    f"${four(ceiling)} is spent: raise maxCostUsd, or lower max_tokens",
                    ErrorType.RATE_LIMIT,
                )
            self._bounds[one.step.name] = most
            spent += most
        return None

    def _spent(self, step: StepRun) -> int:
        """What a finished step cost; the most it may have cost where that is not known."""
        return self._bounds.get(step.name, 0) if step.cost is None else step.cost

    # ── the closed record ─────────────────────────────────────────────────────────────────────────────────────────

    def _closed(self, ending: Ending) -> ChainExecution:
        execution = self.execution
        content = execution.content or ChainContent()
        steps = sorted(self._done.values(), key=lambda step: (step.order, step.offset_ms, step.name))
        return replace(
            execution,
            status=Status.ERROR if ending.error_type else Status.SUCCESS,
            error_type=ending.error_type,
            failed_step=ending.failed.name if ending.failed else None,
            latency_ms=max(0, round((self._clock.monotonic() - self._began) * 1000)),
            steps=tuple(steps),
            skipped=tuple(self._skipped),
            output_hash=0 if ending.output is None else json_hash(self._secret, ending.output),
            content=replace(content, output=ending.output, error=ending.error, stack_trace=ending.stack_trace),
        )

    async def _close(self) -> None:
        """Close the record; a cancellation that arrives now must not leave it open."""
        kept = self._keep.chain(self.execution)
        self.execution = replace(self.execution, expires_on=kept.expires_on)
        closing = asyncio.ensure_future(self._record.close_chain(kept))
        while not closing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([closing])
        closing.result()


def _refused(ready: Ready, sentence: str, error_type: ErrorType) -> Ending:
    step = ready.step
    return Ending(error=f"Step {step.order} ({step.name}): {sentence}", error_type=error_type, failed=step)
