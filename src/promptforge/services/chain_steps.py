"""One step of a running chain: called, timed, and kept before the chain goes on.

A PROMPT step is an execution of its own, closed in one commit with its checkpoint. A step that was in flight when an
earlier process ended is called again: its execution gains an *interrupted* attempt, and the provider may bill twice.
That is the one case in which it may.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from promptforge.core import ids
from promptforge.core.access import Actor
from promptforge.core.chain import PURE, Step, StepType
from promptforge.core.chain_execution import ChainExecution, StepContent, StepRun
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.errors import ForgeError, InvalidInput, TooMany, Unavailable
from promptforge.core.execution import Attempt, Content, ErrorType, Execution, Json, PromptRef, Status, StepRef
from promptforge.core.json import is_object
from promptforge.core.outbound import OutboundFailure
from promptforge.core.ports import Clock
from promptforge.core.prompt import PromptVersion
from promptforge.engine.plan import Ready, Result
from promptforge.language.prompt import variables_of
from promptforge.language.reply import read_reply
from promptforge.services.api_call import ApiCalls, with_names
from promptforge.services.calls import MAX_DEADLINE_MS, Call, Calls, Place
from promptforge.services.ending import trace_of
from promptforge.services.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a step needs of its chain: the execution, who asked for it, when it began, and when it must have ended."""

    actor: Actor
    execution: ChainExecution
    began: float
    deadline: float
    marks: Mapping[str, str]
    """By name, what stands for each secret in the input of a step until it is sent."""
    frozen: Mapping[str, tuple[PromptRef, PromptVersion]]
    """What each PROMPT step calls, decided at acceptance."""
    earlier: Mapping[str, Execution]
    """Open calls by step: what was in flight when an earlier process ended."""
    keep: Callable[[StepRun], StepRun]
    """What of a step may be written down."""
    why_stopped: Callable[[], ErrorType | None]
    """Asked when a step is cancelled: how to close its call; None leaves the call open."""

    def time_for(self, step: Step, now: float) -> int:
        """Milliseconds that the step may take."""
        left = min(MAX_DEADLINE_MS, max(1, _ms(self.deadline - now)))
        return left if step.timeout_ms is None else min(step.timeout_ms, left)


class ChainSteps:
    """Runs single steps."""

    def __init__(
        self,
        record: ChainRecord,
        calls: Calls,
        memory: Memory,
        api_calls: ApiCalls,
        clock: Clock,
        *,
        secret: bytes,
    ) -> None:
        self._record = record
        self._calls = calls
        self._memory = memory
        self._api_calls = api_calls
        self._clock = clock
        self._secret = secret

    async def run(self, chain: Running, ready: Ready) -> StepRun:
        """Run the step to its end; what failed is a StepRun in state error, and it is kept when this returns.

        A step that needs nothing but its input is kept with the chain only: it is worked out again after a crash.
        """
        began = self._clock.monotonic()
        made = self.begun(chain, ready)
        if ready.problem is None and ready.step.type in PURE:
            return ended_with(made, await asyncio.to_thread(ready.evaluate), self._clock.monotonic() - began)
        if ready.problem is None and ready.step.type is StepType.PROMPT:
            return await self._prompt(chain, ready, made, began)
        attempts: list[Attempt] = []
        result = ready.evaluate() if ready.problem else await self._caught(lambda: self._work(chain, ready, attempts))
        return await self._kept(chain, replace(made, attempts=tuple(attempts)), result, began)

    def begun(self, chain: Running, ready: Ready) -> StepRun:
        """The step as it begins now."""
        step = ready.step
        return StepRun(
            name=step.name,
            order=step.order,
            type=step.type,
            status=Status.PENDING,
            offset_ms=_ms(self._clock.monotonic() - chain.began),
            content=StepContent(input=with_names(ready.input, chain.marks)),
        )

    async def bound(self, chain: Running, ready: Ready) -> int | None:
        """The most that the step can cost, in 10^-12 dollars; None when nobody can say."""
        if ready.problem is not None or ready.step.type is not StepType.PROMPT:
            return 0
        try:
            ref, version = chain.frozen[ready.step.name]
            return await self._calls.bound(chain.actor, self._call(chain, ready, ref, version), version)
        except InvalidInput:
            return 0  # it will fail before anybody is asked

    async def _kept(self, chain: Running, made: StepRun, result: Result, began: float) -> StepRun:
        ended = ended_with(made, result, self._clock.monotonic() - began)
        await self._record.advance(chain.execution.workspace, chain.execution.id, chain.keep(ended))
        return ended

    async def _work(self, chain: Running, ready: Ready, attempts: list[Attempt]) -> Result:
        if ready.step.type is StepType.MEMORY:
            return Result(output=await self._memory.use(chain.actor, chain.execution, ready))
        seconds = chain.time_for(ready.step, self._clock.monotonic()) / 1000
        return Result(output=await self._api_calls.call(chain.actor, ready, chain.marks, seconds, attempts))

    async def _caught(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """What the work gives, or the failure that ended it."""
        try:
            return await work()
        except OutboundFailure as error:
            return _failed(error, error.error_type)
        except Unavailable as error:
            return _failed(error, ErrorType.INTERNAL)
        except TooMany as error:
            return _failed(error, ErrorType.RATE_LIMIT)
        except ForgeError as error:
            return _failed(error, ErrorType.VALIDATION)

    # ── PROMPT ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _prompt(self, chain: Running, ready: Ready, made: StepRun, began: float) -> StepRun:
        ended: list[StepRun] = []

        async def close(call: Execution, kept: Execution) -> None:
            step = of_call(made, call, self._clock.monotonic() - began)
            await self._record.close_step(kept, chain.keep(step))
            ended.append(step)

        async def work() -> Result:
            ref, version = chain.frozen[ready.step.name]
            place = self._place(chain, ready.step, ref, version, close)
            await self._calls.finish(chain.actor, self._call(chain, ready, ref, version), place)
            return Result()

        result = await self._caught(work)
        # without an end there is no execution: nothing could be sent
        return ended[-1] if ended else await self._kept(chain, made, result, began)

    def _place(
        self,
        chain: Running,
        step: Step,
        ref: PromptRef,
        version: PromptVersion,
        close: Callable[[Execution, Execution], Awaitable[None]],
    ) -> Place:
        execution = chain.execution
        return Place(
            ref=StepRef(
                chain_execution_id=execution.id,
                chain_id=execution.chain.chain_id if execution.chain else None,
                chain_name=execution.chain.chain_name if execution.chain else None,
                chain_version=execution.chain.version if execution.chain else None,
                step=step.name,
                order=step.order,
            ),
            bits=ids.derived_bits(self._secret, execution.workspace, execution.id, step.name, "0"),
            prompt=ref,
            version=version,
            earlier=chain.earlier.get(step.name),
            attempts=None if step.retries is None else step.retries + 1,
            open_again=self._record.open_again,
            close=close,
            why_stopped=chain.why_stopped,
        )

    def _call(self, chain: Running, ready: Ready, ref: PromptRef, version: PromptVersion) -> Call:
        execution, step = chain.execution, ready.step
        return Call(
            prompt_id=ref.prompt_id,
            variables=_variables(version, ready),
            params=step.params,
            tags=execution.tags,
            end_user=execution.end_user,
            session_id=execution.session_id,
            deadline_ms=chain.time_for(step, self._clock.monotonic()),
        )


def of_call(made: StepRun, call: Execution, seconds: float) -> StepRun:
    """The step that a closed call was; its cost is not known where the call's is not."""
    content = call.content or Content()
    failed = content.output is None or call.status is Status.ERROR
    return replace(
        made,
        status=call.status,
        latency_ms=_ms(seconds),
        error_type=call.error_type,
        execution_id=call.id,
        cost=call.cost,
        cost_state=call.cost_state,
        token_in=call.token_in,
        token_out=call.token_out,
        content=StepContent(
            input=content.input,
            output=None if failed else read_reply(content.output or ""),
            error=content.error,
            stack_trace=content.stack_trace,
        ),
    )


def ended_with(made: StepRun, result: Result, seconds: float) -> StepRun:
    """The step that came to this result."""
    content = StepContent(
        input=made.content.input if made.content else None,
        output=result.output,
        error=result.error,
        stack_trace=result.stack_trace,
    )
    return replace(
        made,
        status=result.status,
        latency_ms=_ms(seconds),
        error_type=result.error_type,
        tag=result.tag,
        content=content,
    )


def _failed(error: Exception, error_type: ErrorType) -> Result:
    return Result(status=Status.ERROR, error=str(error), error_type=error_type, stack_trace=trace_of(error))


def _variables(version: PromptVersion, ready: Ready) -> Mapping[str, Json]:
    """What the mapping gives; without one, what the context has under the names of the prompt's variables."""
    if is_object(ready.input):
        return ready.input
    properties = (version.input_schema or {}).get("properties")
    names = [*variables_of(version), *(properties if is_object(properties) else ())]
    return {name: ready.context[name] for name in dict.fromkeys(names) if name in ready.context}


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
