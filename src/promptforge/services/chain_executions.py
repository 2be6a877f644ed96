"""Chain executions: accepting them, going on with them after a crash, running them again from a step.

Order of an acceptance: permission, version, the prompt version of every step, the input, then the opened record on
disk, then the first step. What is wrong with the input is recorded; what cannot be resolved at all is an error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from promptforge.core import ids
from promptforge.core.access import Actor, Permission, system
from promptforge.core.chain import ChainDocument, ChainRef, Step, StepType
from promptforge.core.chain_execution import ChainContent, ChainExecution, ChainPlan, StepRun
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.errors import Conflict, ForgeError, InvalidInput, NotFound, TooMany
from promptforge.core.execution import ErrorType, PromptRef, Source, Status
from promptforge.core.json import Json, is_object
from promptforge.core.ports import Claim, Clock
from promptforge.core.prompt import Prompt, PromptVersion
from promptforge.core.retention import retained_chain, retained_step
from promptforge.engine.overrides import overridden, taken_over
from promptforge.engine.plan import Plan
from promptforge.language.schema import checked
from promptforge.services.chain_run import ChainRun, Keep
from promptforge.services.chain_steps import ChainSteps
from promptforge.services.chains import Chains
from promptforge.services.ending import json_hash, trace_of
from promptforge.services.prompts import Prompts
from promptforge.services.retention import Retentions
from promptforge.services.run import accepted
from promptforge.services.tags import short, tags_of

MAX_RUNNING = 1_000
MAX_DEADLINE_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCall:
    """What a caller asks for: a chain by id or name (and version or label), and its input.

    ``deadline_ms`` and ``max_cost`` (10^-12 dollars) narrow those of the version; ``overrides`` changes steps for this
    run alone: ``{"classify": {"version": 4, "params": {"temperature": 0}}}``.
    """

    chain_id: str | None = None
    name: str | None = None
    version: int | None = None
    label: str | None = None
    input: Mapping[str, Json] = field(default_factory=dict[str, Json])
    overrides: Mapping[str, Json] = field(default_factory=dict[str, Json])
    tags: Mapping[str, Json] | Sequence[str] = field(default_factory=dict[str, Json])
    metadata: Json = None
    end_user: str | None = None
    session_id: str | None = None
    idempotency_key: str | None = None
    wait: bool = True
    deadline_ms: int | None = None
    max_cost: int | None = None


Frozen = Mapping[str, tuple[PromptRef, PromptVersion]]
"""What each PROMPT step calls, by its name."""
_Started = tuple[ChainRun, "asyncio.Task[ChainExecution]"]


class ChainExecutions:
    """Runs chains, and knows those that run."""

    def __init__(
        self,
        record: ChainRecord,
        chains: Chains,
        prompts: Prompts,
        steps: ChainSteps,
        retentions: Retentions,
        clock: Clock,
        *,
        secret: bytes,
    ) -> None:
        self._record = record
        self._chains = chains
        self._prompts = prompts
        self._steps = steps
        self._retentions = retentions
        self._clock = clock
        self._secret = secret
        self._running: dict[str, _Started] = {}

    async def execute(self, actor: Actor, call: ChainCall) -> ChainExecution:
        """Run a chain and return the closed execution, or the pending one with ``wait=False``.

        A step that fails, or an input that does not fit, is an execution in state error, not an exception.
        """
        return await self._answer(await accepted(self._accept(actor, call)), wait=call.wait)

    async def stream(self, actor: Actor, call: ChainCall) -> AsyncIterator[ChainExecution | StepRun]:
        """The pending execution, then each step as it begins and as it ends, then the closed execution.

        Whoever stops listening does not stop the run; ``cancel`` does.
        """
        arrived: asyncio.Queue[StepRun | None] = asyncio.Queue()
        begun = await accepted(self._accept(actor, call, listener=arrived.put_nowait))
        if isinstance(begun, ChainExecution):
            yield begun
            return
        run, task = begun
        task.add_done_callback(lambda _: arrived.put_nowait(None))
        yield run.opened
        while (item := await arrived.get()) is not None:
            yield item
        yield await asyncio.shield(task)

    async def fork(
        self,
        actor: Actor,
        execution_id: str,
        from_step: str,
        *,
        version: int | None = None,
        label: str | None = None,
        overrides: Mapping[str, Json] | None = None,
        wait: bool = True,
    ) -> ChainExecution:
        """Run a finished chain again from a step: what succeeded before it is taken over at cost 0.

        *version* is the chain's, that of the run itself when left out; *overrides* as in ChainCall. Conflict when the
        run is not finished, or its content is not kept any more.
        """
        actor.require(Permission.RUN)
        actor.require(Permission.CONTENT)
        found = await self._known(actor, execution_id)
        content, ref = found.content, found.chain
        if found.pending:
            raise Conflict("this chain execution still runs: fork it when it has ended")
        if ref is None or not ref.chain_id:
            raise InvalidInput("this chain execution was captured, not run here: it cannot be forked")
        if content is None or any(step.content is None for step in found.steps):
            raise Conflict("the content of this chain execution is not kept any more, so no step can be taken over")
        call = ChainCall(
            chain_id=ref.chain_id,
            version=ref.version if version is None and label is None else version,
            label=label,
            input=content.input if is_object(content.input) else {},
            overrides=overrides or {},
            tags=found.tags,
            metadata=content.metadata,
            end_user=found.end_user,
            session_id=found.session_id,
        )
        return await self._answer(await accepted(self._accept(actor, call, fork=(found, from_step))), wait=wait)

    async def cancel(self, actor: Actor, execution_id: str) -> ChainExecution:
        """Stop a running chain; it is closed as an error of type *cancelled*. A finished one stays as it is."""
        actor.require(Permission.RUN)
        entry = self._running.get(execution_id)
        if entry is None or entry[0].execution.workspace != actor.workspace:
            return await self._known(actor, execution_id)
        run, task = entry
        run.stop_reason = ErrorType.CANCELLED
        await asyncio.sleep(0)  # a task that is cancelled before its first step would never close its record
        task.cancel()
        return await asyncio.shield(task)

    async def resume(self, actor: Actor) -> int:
        """Go on with what an earlier process left open, in the background; how many there are.

        What cannot go on (its content was not kept, its version is gone) is closed as interrupted.
        """
        actor.require(Permission.ADMIN)
        unfinished = [one for one in self._record.unfinished() if one.source is not Source.OTLP]  # for ``Traces``
        found = [one for one in unfinished if one.id not in self._running]
        for execution in found:
            await self._go_on(execution)
        return len(found)

    async def drain(self, actor: Actor, seconds: float) -> None:
        """Let what runs finish for *seconds*; the rest stays open, and the next process goes on with it."""
        actor.require(Permission.ADMIN)
        tasks = [task for _, task in self._running.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    # ── acceptance ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _accept(
        self,
        actor: Actor,
        call: ChainCall,
        *,
        fork: tuple[ChainExecution, str] | None = None,
        listener: Callable[[StepRun], None] | None = None,
    ) -> ChainExecution | _Started:
        """Freeze everything, open the record, start the run; a ChainExecution when there is nothing to start."""
        actor.require(Permission.RUN)
        if len(self._running) >= MAX_RUNNING:
            raise TooMany(f"{MAX_RUNNING} chains are running already; try again", retry_after=1)
        ref, version = await self._chains.resolve(
            actor, chain_id=call.chain_id, name=call.name, version=call.version, label=call.label
        )
        document = overridden(version.document, call.overrides)
        frozen = await self._frozen(actor, document)
        prompts = _prompts(frozen)
        pending = replace(self._pending(actor, call, ref), plan=_plan(call, document, frozen))
        if fork is not None:
            source, from_step = fork
            steps = taken_over(source.steps, document, from_step, source.id)
            pending = replace(pending, steps=steps, forked_from=source.id)
        plan = Plan(document)
        retention = await self._retentions.of(actor)
        try:
            given = call.input if document.required_inputs is None else checked(document.required_inputs, call.input)
        except InvalidInput as error:
            closed = _failed(pending, error, ErrorType.VALIDATION)
            await self._record.close_chain(retained_chain(retention, closed, prompts))
            return closed
        content = ChainContent(input=dict(given), metadata=call.metadata)
        pending = replace(pending, content=content)
        opened = await self._record.open_chain(retained_chain(retention, pending, prompts), self._claim(call))
        if opened != pending.id:
            return await self._repeated(actor, opened, wait=call.wait)
        return await self._start(actor, pending, plan, frozen, listener)

    async def _start(
        self,
        actor: Actor,
        execution: ChainExecution,
        plan: Plan,
        frozen: Frozen,
        listener: Callable[[StepRun], None] | None = None,
    ) -> _Started:
        retention, prompts = await self._retentions.of(actor), _prompts(frozen)
        token = f"{self._clock.bits():020x}"
        run = ChainRun(
            actor,
            execution,
            plan,
            self._steps,
            record=self._record,
            clock=self._clock,
            secret=self._secret,
            # nobody can write a mark beforehand, so no text can ask for a secret; a URL leaves it as it is
            marks={name: f"~{token}.{n}~" for n, name in enumerate(sorted(plan.secrets))},
            keep=Keep(
                chain=lambda closed: retained_chain(self._retentions.now(actor, retention), closed, prompts),
                step=lambda step: retained_step(self._retentions.now(actor, retention), execution, step, prompts),
            ),
            frozen=frozen,
            earlier=self._record.calls_of(execution.workspace, execution.id),
            listener=listener,
        )
        task = asyncio.create_task(run.drive(), name=execution.id)
        self._running[execution.id] = run, task
        task.add_done_callback(lambda done: self._finished(execution.id, done))
        return run, task

    async def _go_on(self, execution: ChainExecution) -> None:
        actor = replace(
            system(execution.workspace),
            user_id=execution.user_id,
            key_id=execution.key_id,
            service=execution.service,
            source=execution.source,
        )
        try:
            if execution.chain is None or execution.content is None:
                raise Conflict("its input was not kept")
            version = await self._chains.version_by_id(actor, execution.chain.version_id)
            plan = Plan(overridden(version.document, execution.plan.overrides))
            await self._start(actor, execution, plan, await self._thawed(actor, execution.plan, plan.document))
        except ForgeError as error:
            sentence = f"Interrupted: Prompt Forge stopped before the chain finished, and it cannot go on: {error}"
            await self._record.close_chain(_failed(execution, Conflict(sentence), ErrorType.INTERRUPTED))

    def _finished(self, execution_id: str, task: "asyncio.Task[ChainExecution]") -> None:
        self._running.pop(execution_id, None)
        if not task.cancelled():
            task.exception()  # whoever waits sees it; nobody waiting is not a second error

    async def _answer(self, begun: ChainExecution | _Started, *, wait: bool) -> ChainExecution:
        if isinstance(begun, ChainExecution):
            return begun
        run, task = begun
        return await asyncio.shield(task) if wait else run.opened

    async def _repeated(self, actor: Actor, execution_id: str, *, wait: bool) -> ChainExecution:
        entry = self._running.get(execution_id)
        if entry is not None and wait:
            return await asyncio.shield(entry[1])
        found = await self._record.get_chain(actor.workspace, execution_id)
        if found is None:
            raise Conflict("the chain execution of this idempotency key is no longer there; use a new key")
        return found

    async def _known(self, actor: Actor, execution_id: str) -> ChainExecution:
        number = ids.parse(ids.CHAIN_EXECUTION, execution_id)
        shown = None if number is None else ids.text(ids.CHAIN_EXECUTION, number)
        found = await self._record.get_chain(actor.workspace, shown) if shown else None
        if found is None:
            raise NotFound(f"there is no chain execution '{execution_id[:60]}' in this workspace")
        return found

    async def _frozen(self, actor: Actor, document: ChainDocument) -> Frozen:
        """What each PROMPT step means now; NotFound and Conflict name the step."""
        found: dict[str, tuple[PromptRef, PromptVersion]] = {}
        for step in document.steps:
            if step.type is not StepType.PROMPT:
                continue
            try:
                prompt, version = await self._prompts.resolve(
                    actor, prompt_id=step.prompt, version=step.version, label=step.label
                )
            except (InvalidInput, NotFound, Conflict) as error:
                raise type(error)(f"Step {step.order} ({step.name}): {error}") from None
            found[step.name] = _ref(prompt, version, step), version
        return found

    async def _thawed(self, actor: Actor, plan: ChainPlan, document: ChainDocument) -> Frozen:
        """What an earlier process froze."""
        found: dict[str, tuple[PromptRef, PromptVersion]] = {}
        for step in document.steps:
            if step.name in plan.versions:
                version = await self._prompts.version_by_id(actor, plan.versions[step.name])
                prompt = await self._prompts.get(actor, version.prompt_id)
                found[step.name] = _ref(prompt, version, step), version
        return found

    def _pending(self, actor: Actor, call: ChainCall, ref: ChainRef) -> ChainExecution:
        now = self._clock.now()
        return ChainExecution(
            id=ids.made(ids.CHAIN_EXECUTION, now, self._clock.bits()),
            workspace=actor.workspace,
            created_at=now,
            started_at=now,
            status=Status.PENDING,
            source=actor.source,
            chain=ref,
            user_id=actor.user_id,
            key_id=actor.key_id,
            service=actor.service,
            end_user=short(call.end_user, "endUser"),
            session_id=short(call.session_id, "sessionId"),
            tags=tags_of(call.tags),
            input_hash=json_hash(self._secret, dict(call.input)),
            content=ChainContent(input=dict(call.input), metadata=call.metadata),
        )

    def _claim(self, call: ChainCall) -> Claim | None:
        if call.idempotency_key is None:
            return None
        key = short(call.idempotency_key, "idempotencyKey")
        asked = [call.chain_id, call.name, call.version, call.label, dict(call.input), dict(call.overrides)]
        return Claim(key or "", f"{json_hash(self._secret, asked):016x}")


def _ref(prompt: Prompt, version: PromptVersion, step: Step) -> PromptRef:
    return PromptRef(
        prompt_id=prompt.id,
        prompt_name=prompt.name,
        version_id=version.id,
        version=version.number,
        label=step.label,
    )


def _prompts(frozen: Frozen) -> Mapping[str, str]:
    """The ids of the prompts, by step."""
    return {step: ref.prompt_id for step, (ref, _) in frozen.items()}


def _plan(call: ChainCall, document: ChainDocument, frozen: Frozen) -> ChainPlan:
    """What this run is bound to."""
    wanted = document.deadline_ms if call.deadline_ms is None else call.deadline_ms
    if not 1 <= wanted <= MAX_DEADLINE_MS:
        raise InvalidInput(f"deadlineMs must be 1 to {MAX_DEADLINE_MS}, not {wanted}", path="$.deadlineMs")
    ceilings = [amount for amount in (call.max_cost, document.max_cost) if amount is not None]
    return ChainPlan(
        versions={step: version.id for step, (_, version) in frozen.items()},
        overrides=call.overrides,
        deadline_ms=min(wanted, document.deadline_ms),
        max_cost=min(ceilings, default=None),
    )


def _failed(execution: ChainExecution, error: ForgeError, error_type: ErrorType) -> ChainExecution:
    """A chain execution closed before any step could run, or go on."""
    content = replace(execution.content or ChainContent(), error=str(error), stack_trace=trace_of(error))
    return replace(
        execution,
        status=Status.ERROR,
        error_type=error_type,
        latency_ms=execution.latency_ms or 0,
        content=content,
    )
