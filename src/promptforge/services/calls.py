"""Calls: accepting one, opening its record, and starting its run.

What is wrong with the input itself is recorded as an execution of its own; what cannot be resolved at all is an error.
A call is made for its own sake or as the step of a chain, which has decided its version and its id already.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.altered import altered
from promptforge.core.definition import check_roles
from promptforge.core.errors import Conflict, ForgeError, InvalidInput, TooMany
from promptforge.core.execution import Attempt, Content, ErrorType, Execution, Json, PromptRef, Status, StepRef
from promptforge.core.model import Delta
from promptforge.core.ports import Claim, Clock, PriceBook, Record
from promptforge.core.prompt import Message, PromptVersion
from promptforge.core.retention import Retention, retained
from promptforge.core.usage import usage
from promptforge.engine import retry
from promptforge.language.prompt import fill, render
from promptforge.services.ending import json_hash, refused
from promptforge.services.guard import most_output
from promptforge.services.prompts import Prompts
from promptforge.services.providers import Providers
from promptforge.services.retention import Retentions
from promptforge.services.run import Run, accepted
from promptforge.services.tags import short, tags_of
from promptforge.services.ways import Candidate, Candidates, Way

MAX_DEADLINE_MS = 15 * 60 * 1000
MAX_QUEUED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a caller asks for: a prompt by id or name (and version or label), or content for a model as it is.

    Content with ``variables`` is a template. ``deadline_ms`` defaults to the setting; ``wait`` false returns at once.
    """

    prompt_id: str | None = None
    name: str | None = None
    version: int | None = None
    label: str | None = None
    content: str | None = None
    messages: Sequence[Message] | None = None
    variables: Mapping[str, Json] = field(default_factory=dict[str, Json])
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    provider: str | None = None
    tags: Mapping[str, Json] | Sequence[str] = field(default_factory=dict[str, Json])
    metadata: Json = None
    end_user: str | None = None
    session_id: str | None = None
    idempotency_key: str | None = None
    wait: bool = True
    deadline_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a chain execution a call stands, and what the chain has decided about it.

    ``bits`` are those of its id, the same whenever it is asked for. ``earlier`` is the execution that was opened for it
    and never closed; ``open_again`` keeps it with the attempt that was interrupted. ``close`` gets the closed execution
    and what of it may be kept. ``why_stopped`` is asked when the chain stops the call; None leaves it open.
    """

    ref: StepRef
    bits: int
    prompt: PromptRef
    version: PromptVersion
    open_again: Callable[[Execution], Awaitable[None]]
    close: Callable[[Execution, Execution], Awaitable[None]]
    why_stopped: Callable[[], ErrorType | None]
    earlier: Execution | None = None
    attempts: int | None = None


Started = tuple[Run, "asyncio.Task[Execution]"]


class Calls:
    """Starts calls, and knows those that run."""

    def __init__(
        self,
        record: Record,
        prompts: Prompts,
        providers: Providers,
        prices: PriceBook,
        clock: Clock,
        retentions: Retentions,
        *,
        secret: bytes,
        deadline_ms: int = 120_000,
    ) -> None:
        self._record = record
        self._prompts = prompts
        self._candidates = Candidates(providers, prices)
        self._prices = prices
        self._clock = clock
        self._secret = secret
        self._deadline_ms = deadline_ms
        self._retentions = retentions
        self._running: dict[str, Started] = {}
        self._open = Counter[str]()

    def running(self, actor: Actor, execution_id: str) -> Started | None:
        """The run of an open execution of the actor's workspace."""
        entry = self._running.get(execution_id)
        return entry if entry is not None and entry[0].execution.workspace == actor.workspace else None

    async def drain(self, actor: Actor, seconds: float) -> None:
        """Let what runs finish for *seconds*, then close the rest as interrupted."""
        actor.require(Permission.ADMIN)
        tasks = [task for _, task in self._running.values()]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def finish(self, actor: Actor, call: Call, place: Place) -> Execution:
        """Run the call of a chain's step to its end; it ends with whoever asked for it."""
        accepting = asyncio.ensure_future(self._accept(actor, call, None, place))
        try:
            begun = await asyncio.shield(accepting)
            return begun if isinstance(begun, Execution) else await asyncio.shield(begun[1])
        except asyncio.CancelledError:
            with suppress(ForgeError):
                begun = await accepting  # what was opened must be ended, too
                if not isinstance(begun, Execution):
                    await _stopped(*begun, place.why_stopped())
            raise

    async def bound(self, actor: Actor, call: Call, version: PromptVersion) -> int | None:
        """The most that an attempt at each of its models can cost, in 10^-12 dollars; None when nobody can say.

        A token is at least one byte, so the request as it is sent has at least as many bytes as tokens; for the output
        ``max_tokens`` must be given. InvalidInput when the call could not be sent.
        """
        models, messages = await self._models_of(actor, call, version), _messages(call, version)
        bounds = [self._bound(actor, model.way(messages, stream=False, remaining=MAX_DEADLINE_MS)) for model in models]
        known = [bound for bound in bounds if bound is not None]
        return sum(known) if len(known) == len(bounds) else None

    def _bound(self, actor: Actor, way: Way) -> int | None:
        model, provider = way.request.model, way.provider
        body = provider.body(way.request)
        most = most_output(body)
        if most is None:
            return None
        several = body.get("n")
        used = usage(
            input=len(json.dumps(body, ensure_ascii=False).encode()),
            output=most * (several if isinstance(several, int) else 1),
        )
        lines = self._prices.lines(actor.workspace, provider.priced_as, model, used, self._clock.now())
        return None if lines is None else sum(line.amount for line in lines)

    async def planned(self, actor: Actor, call: Call) -> tuple[PromptRef | None, Way]:
        """What would be asked first, of which version; InvalidInput when the call could not be made."""
        ref, version = await self._resolve(actor, call)
        first = (await self._models_of(actor, call, version))[0]
        return ref, first.way(_messages(call, version), stream=False, remaining=self._deadline(call) / 1000)

    async def accept(
        self, actor: Actor, call: Call, *, listener: Callable[[Delta], None] | None = None
    ) -> Execution | Started:
        """Check, open the record, start the run; an Execution when there is nothing to start.

        The output is streamed when somebody listens.
        """
        return await accepted(self._accept(actor, call, listener, None))

    async def _accept(
        self, actor: Actor, call: Call, listener: Callable[[Delta], None] | None, place: Place | None
    ) -> Execution | Started:
        actor.require(Permission.RUN)
        if self._open[actor.workspace] >= MAX_QUEUED:
            raise TooMany(f"{MAX_QUEUED} executions are running or waiting already; try again", retry_after=1)
        ref, version = (place.prompt, place.version) if place else await self._resolve(actor, call)
        models = await self._models_of(actor, call, version)
        remaining = self._deadline(call) / 1000
        pending = self._pending(actor, call, ref, models[0].provider.name, models[0].name, place)
        retention = await self._retentions.of(actor)
        try:
            messages = _messages(call, version)
            ways = [model.way(messages, stream=listener is not None, remaining=remaining) for model in models]
            body = ways[0].provider.body(ways[0].request)
        except InvalidInput as error:
            return await self._refused(pending, error, retention, place)
        content = pending.content or Content()
        pending = altered(pending, streamed=listener is not None, content=altered(content, request=body))
        if place is None or place.earlier is None:
            opened = await self._record.open(retained(retention, pending), self._claim(call))
            if opened != pending.id:
                return await self._repeated(actor, opened, wait=call.wait)
        else:
            await place.open_again(retained(retention, pending))
        return self._start(actor, pending, ways, retention, listener, place)

    def _start(
        self,
        actor: Actor,
        pending: Execution,
        ways: Sequence[Way],
        retention: Retention,
        listener: Callable[[Delta], None] | None,
        place: Place | None,
    ) -> Started:
        request, provider = ways[0].request, ways[0].provider
        run = Run(
            pending,
            request,
            provider,
            fallbacks=[(way.request, way.provider) for way in ways[1:]],
            record=self._record,
            prices=self._prices,
            clock=self._clock,
            secret=self._secret,
            keep=lambda closed: retained(self._retentions.now(actor, retention), closed),
            close=place.close if place else None,
            most=(place.attempts if place else None) or retry.MAX_ATTEMPTS,
            listener=listener,
        )
        task = asyncio.create_task(run.drive(provider.turn(request)), name=pending.id)
        self._running[pending.id] = run, task
        self._open[pending.workspace] += 1
        task.add_done_callback(lambda done: self._finished(pending, done))
        return run, task

    async def _refused(
        self, pending: Execution, error: InvalidInput, retention: Retention, place: Place | None
    ) -> Execution:
        """Record a call that was refused before any provider was asked."""
        closed = refused(pending, error, ErrorType.VALIDATION)
        kept = retained(retention, closed)
        if place is None:
            await self._record.record([kept])
        else:
            await place.close(closed, kept)
        return closed

    def _finished(self, pending: Execution, task: asyncio.Task[Execution]) -> None:
        self._running.pop(pending.id, None)
        self._open[pending.workspace] -= 1
        if not task.cancelled():
            task.exception()  # whoever waits sees it; nobody waiting is not a second error

    async def _repeated(self, actor: Actor, execution_id: str, *, wait: bool) -> Execution:
        entry = self._running.get(execution_id)
        if entry is not None and wait:
            return await asyncio.shield(entry[1])
        found = await self._record.get(actor.workspace, execution_id)
        if found is None:
            raise Conflict("the execution of this idempotency key is no longer there; use a new key")
        return found

    async def _resolve(self, actor: Actor, call: Call) -> tuple[PromptRef | None, PromptVersion | None]:
        given = [call.prompt_id or call.name, call.content, call.messages]
        if sum(item is not None for item in given) != 1:
            raise InvalidInput("give one of: a prompt (promptId or name), content, or messages", path="$.input")
        if given[0] is None:
            return None, None
        prompt, version = await self._prompts.resolve(
            actor, prompt_id=call.prompt_id, name=call.name, version=call.version, label=call.label
        )
        ref = PromptRef(
            prompt_id=prompt.id,
            prompt_name=prompt.name,
            version_id=version.id,
            version=version.number,
            label=call.label,
        )
        return ref, version

    async def _models_of(self, actor: Actor, call: Call, version: PromptVersion | None) -> Sequence[Candidate]:
        params = {**(version.params if version else {}), **call.params}
        named = call.provider
        if named is None and version is not None and not call.params.keys() & {"model", "provider"}:
            named = version.provider
        return await self._candidates.of(actor, params, named)

    def _pending(
        self, actor: Actor, call: Call, ref: PromptRef | None, provider: str, model: str, place: Place | None
    ) -> Execution:
        if place is not None and place.earlier is not None:
            return _again(place.earlier, provider, model, self._clock)
        now = self._clock.now()
        given = _given(call)
        return Execution(
            id=ids.made(ids.EXECUTION, now, place.bits if place else self._clock.bits()),
            workspace=actor.workspace,
            created_at=now,
            status=Status.PENDING,
            source=actor.source,
            model=model,
            provider=provider,
            prompt=ref,
            step=place.ref if place else None,
            user_id=actor.user_id,
            key_id=actor.key_id,
            service=actor.service,
            end_user=short(call.end_user, "endUser"),
            session_id=short(call.session_id, "sessionId"),
            tags=tags_of(call.tags),
            input_hash=json_hash(self._secret, given),
            input_chars=sum(len(str(v)) for v in given.values()) if isinstance(given, dict) else len(str(given)),
            content=Content(input=given, metadata=call.metadata),
        )

    def _deadline(self, call: Call) -> int:
        wanted = self._deadline_ms if call.deadline_ms is None else call.deadline_ms
        if not 1 <= wanted <= MAX_DEADLINE_MS:
            raise InvalidInput(f"deadlineMs must be 1 to {MAX_DEADLINE_MS}, not {wanted}", path="$.deadlineMs")
        return wanted

    def _claim(self, call: Call) -> Claim | None:
        if call.idempotency_key is None:
            return None
        key = short(call.idempotency_key, "idempotencyKey")
        asked = [call.prompt_id, call.name, call.version, call.label, call.provider, _given(call), dict(call.params)]
        return Claim(key or "", f"{json_hash(self._secret, asked):016x}")


async def _stopped(run: Run, task: asyncio.Task[Execution], reason: ErrorType | None) -> None:
    """Stop a run, or leave it open when there is no reason to close it."""
    run.stop_reason = reason
    run.left_open = reason is None
    await asyncio.sleep(0)  # a task that is cancelled before its first step would never close its record
    task.cancel()
    await asyncio.wait([task])


def _again(earlier: Execution, provider: str, model: str, clock: Clock) -> Execution:
    """An execution that an earlier process opened and nobody closed, with the attempt that was interrupted."""
    attempt = Attempt(
        number=len(earlier.attempts) + 1,
        provider=provider,
        model=model,
        offset_ms=0,
        latency_ms=max(0, round((clock.now() - earlier.created_at).total_seconds() * 1000)),
        status=Status.ERROR,
        error_type=ErrorType.INTERRUPTED,
    )
    content = earlier.content or Content()
    errors = (*content.attempt_errors, "Interrupted: Prompt Forge stopped before the answer came")
    return replace(earlier, attempts=(*earlier.attempts, attempt), content=replace(content, attempt_errors=errors))


def _given(call: Call) -> dict[str, Json] | list[Json]:
    if call.content is None and call.messages is None:
        return dict(call.variables)
    turns: list[Json] = [{"role": m.role, "content": m.content} for m in call.messages or ()]
    said: dict[str, Json] = {"content": call.content} if call.messages is None else {"messages": turns}
    if call.variables:
        return {**said, "variables": dict(call.variables)}
    return said if call.messages is None else turns


def _messages(call: Call, version: PromptVersion | None) -> tuple[Message, ...]:
    if version is not None:
        return render(version, call.variables)
    turns = (Message(role="user", content=call.content or ""),) if call.messages is None else tuple(call.messages)
    check_roles(turns)
    return fill(turns, call.variables) if call.variables else turns
