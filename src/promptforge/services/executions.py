"""Executions: accepting a call, running it, and reading what was recorded.

Order of a call: permission, version, provider, input, then the opened record on disk, then the provider. What is
wrong with the input itself is recorded as an execution of its own; what cannot be resolved at all is an error.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.definition import check_roles
from promptforge.core.errors import Conflict, InvalidInput, NotFound, TooMany
from promptforge.core.execution import Content, ErrorType, Execution, Json, PromptRef, Status
from promptforge.core.filter import EVERYTHING, Filter, matches, searches
from promptforge.core.model import Delta, ModelRequest
from promptforge.core.ports import Claim, Clock, ModelProvider, PriceBook, Providers, Record
from promptforge.core.prompt import Message, PromptVersion
from promptforge.core.query import MAX_PAGE, Page
from promptforge.core.query import Executions as PageOfExecutions
from promptforge.core.retention import retained
from promptforge.language.prompt import render
from promptforge.services.prompts import Prompts
from promptforge.services.retention import Retentions
from promptforge.services.run import Run, json_hash, refused

MAX_DEADLINE_MS = 15 * 60 * 1000
MAX_TAGS = 32
MAX_TEXT = 256
MAX_QUEUED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a caller asks for: a prompt by id or name (and version or label), or content for a model as it is.

    ``deadline_ms`` defaults to the setting; ``wait`` false returns the pending execution at once.
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


class Executions:
    """Runs calls and answers questions about them."""

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
        at_once: int = 256,
    ) -> None:
        self._record = record
        self._prompts = prompts
        self._providers = providers
        self._prices = prices
        self._clock = clock
        self._secret = secret
        self._deadline_ms = deadline_ms
        self._retentions = retentions
        self._places = asyncio.Semaphore(at_once)
        self._running: dict[str, tuple[Run, asyncio.Task[Execution]]] = {}

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def execute(self, actor: Actor, call: Call) -> Execution:
        """Run *call* and return the closed execution, or the pending one with ``wait=False``.

        A failure of the provider or of the input is an execution in state error, not an exception.
        """
        accepted = await self._accept(actor, call, stream=None)
        if isinstance(accepted, Execution):
            return accepted
        run, task = accepted
        if not call.wait:
            return run.execution
        return await asyncio.shield(task)

    async def stream(self, actor: Actor, call: Call) -> AsyncIterator[Delta | Execution]:
        """The pending execution, then output as it comes, then the closed execution.

        Whoever stops listening does not stop the run; ``cancel`` does.
        """
        arrived: asyncio.Queue[Delta | None] = asyncio.Queue()
        accepted = await self._accept(actor, call, stream=arrived)
        if isinstance(accepted, Execution):
            yield accepted
            return
        run, task = accepted
        task.add_done_callback(lambda _: arrived.put_nowait(None))
        yield run.execution
        while (item := await arrived.get()) is not None:
            yield item
        yield await asyncio.shield(task)

    async def cancel(self, actor: Actor, execution_id: str) -> Execution:
        """Stop a running execution; it is closed as an error of type *cancelled*. A finished one stays as it is."""
        actor.require(Permission.RUN)
        found = await self.get(actor, execution_id)
        entry = self._running.get(found.id)
        if entry is None:
            return found
        run, task = entry
        run.stop_reason = ErrorType.CANCELLED
        await asyncio.sleep(0)  # a task that is cancelled before its first step would never close its record
        task.cancel()
        return await asyncio.shield(task)

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

    async def _accept(
        self, actor: Actor, call: Call, *, stream: "asyncio.Queue[Delta | None] | None"
    ) -> Execution | tuple[Run, asyncio.Task[Execution]]:
        """Check, open the record, start the run; an Execution when there is nothing to start."""
        actor.require(Permission.RUN)
        if len(self._running) >= MAX_QUEUED:
            raise TooMany(f"{MAX_QUEUED} executions are running or waiting already; try again", retry_after=1)
        ref, version = await self._resolve(actor, call)
        params, model, provider = self._model(call, version)
        remaining = self._deadline(call) / 1000
        pending = self._pending(actor, call, ref, provider.name, model)
        retention = await self._retentions.of(actor)
        try:
            messages = _messages(call, version)
            request = ModelRequest(
                model=model,
                messages=messages,
                params=params,
                stream=stream is not None,
                remaining=remaining,
            )
            body = provider.body(request)
        except InvalidInput as error:
            closed = refused(pending, error, ErrorType.VALIDATION)
            await self._record.record([retained(retention, closed)])
            return closed
        content = pending.content or Content()
        pending = replace(pending, streamed=request.stream, content=replace(content, request=body))
        opened = await self._record.open(retained(retention, pending), self._claim(call))
        if opened != pending.id:
            return await self._repeated(actor, opened, wait=call.wait)
        run = Run(
            pending,
            request,
            provider,
            record=self._record,
            prices=self._prices,
            clock=self._clock,
            secret=self._secret,
            keep=lambda closed: retained(self._retentions.now(actor, retention), closed),
            listener=stream.put_nowait if stream is not None else None,
        )
        task = asyncio.create_task(run.drive(self._places), name=pending.id)
        self._running[pending.id] = run, task
        task.add_done_callback(lambda done: self._finished(pending.id, done))
        return run, task

    def _finished(self, execution_id: str, task: asyncio.Task[Execution]) -> None:
        self._running.pop(execution_id, None)
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

    def _model(self, call: Call, version: PromptVersion | None) -> tuple[Mapping[str, Json], str, ModelProvider]:
        params = {**(version.params if version else {}), **call.params}
        model, named = params.pop("model", None), params.pop("provider", None)
        if not isinstance(model, str) or not model:
            raise InvalidInput("params.model is missing: name the model to run", path="$.params.model")
        name = call.provider or (named if isinstance(named, str) else None)
        if name is None and version is not None and "model" not in call.params:
            name = version.provider
        name = name or self._providers.of_model(model) or self._prices.provider_of(model)
        if name is None:
            raise InvalidInput(
                f"the name '{model[:100]}' does not say which provider has it: give 'provider' as well",
                path="$.provider",
            )
        return params, model, self._providers.get(name)

    def _pending(self, actor: Actor, call: Call, ref: PromptRef | None, provider: str, model: str) -> Execution:
        now = self._clock.now()
        given = _given(call)
        return Execution(
            id=ids.made(ids.EXECUTION, now, self._clock.bits()),
            workspace=actor.workspace,
            created_at=now,
            status=Status.PENDING,
            source=actor.source,
            model=model,
            provider=provider,
            prompt=ref,
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

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, actor: Actor, execution_id: str) -> Execution:
        """One execution with its content; NotFound outside the actor's workspace as for an unknown id."""
        actor.require(Permission.NUMBERS)
        number = ids.parse(ids.EXECUTION, execution_id)
        shown = None if number is None else ids.text(ids.EXECUTION, number)
        found = await self._record.get(actor.workspace, shown) if shown else None
        if found is None:
            raise NotFound(f"there is no execution '{execution_id[:60]}' in this workspace")
        return found if Permission.CONTENT in actor.permissions else _figures_only(found)

    async def page(
        self,
        actor: Actor,
        *,
        filter: Filter = EVERYTHING,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        content: bool = True,
    ) -> PageOfExecutions:
        """A page of executions, newest first; *after* is the id of the last one seen."""
        actor.require(Permission.CONTENT if content or searches(filter) else Permission.NUMBERS)
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {limit}", path="$.limit")
        if offset < 0:
            raise InvalidInput(f"offset must not be negative, but is {offset}", path="$.offset")
        if after is not None and ids.parse(ids.EXECUTION, after) is None:
            raise InvalidInput(f"'{after[:60]}' is not a cursor: give the one of an execution", path="$.after")
        query = Page(workspace=actor.workspace, filter=filter, limit=limit, offset=offset, after=after, content=content)
        return await self._record.page(query)

    async def watch(self, actor: Actor, filter: Filter = EVERYTHING) -> AsyncIterator[Execution]:
        """Executions as they are opened and closed, those that pass *filter*."""
        actor.require(Permission.CONTENT if searches(filter) else Permission.NUMBERS)
        hide = Permission.CONTENT not in actor.permissions
        async for execution in self._record.watch(actor.workspace):
            if matches(filter, execution):
                yield _figures_only(execution) if hide else execution


def _figures_only(execution: Execution) -> Execution:
    return replace(execution, content=None, end_user=None, session_id=None)


def _given(call: Call) -> dict[str, Json] | list[Json]:
    if call.messages is not None:
        return [{"role": m.role, "content": m.content} for m in call.messages]
    return {"content": call.content} if call.content is not None else dict(call.variables)


def _messages(call: Call, version: PromptVersion | None) -> tuple[Message, ...]:
    if version is not None:
        return render(version, call.variables)
    if call.messages is None:
        return (Message(role="user", content=call.content or ""),)
    check_roles(call.messages)
    return tuple(call.messages)


def tags_of(given: Mapping[str, Json] | Sequence[str]) -> dict[str, str]:
    """Tags as name and text; a plain list of names gives them empty values."""
    pairs = given.items() if isinstance(given, Mapping) else [(name, "") for name in given]
    tags = dict[str, str]()
    for name, value in pairs:
        if isinstance(value, dict | list):
            raise InvalidInput("a tag's value is a text, number or true/false", path=f"$.tags.{name}")
        text = {True: "true", False: "false", None: ""}.get(value) if isinstance(value, bool | None) else str(value)
        tags[short(str(name), "tags") or ""] = short(text or "", f"tags.{name}") or ""
    if len(tags) > MAX_TAGS:
        raise InvalidInput(f"an execution takes at most {MAX_TAGS} tags, not {len(tags)}", path="$.tags")
    return tags


def short(text: str | None, name: str) -> str | None:
    """The text; InvalidInput when it is longer than a name may be."""
    if text is not None and len(text) > MAX_TEXT:
        raise InvalidInput(f"{name} takes at most {MAX_TEXT} characters, not {len(text)}", path=f"$.{name}")
    return text
