"""Chain executions in the API, with the steps that ran.

The calls that steps made are executions of their own. Whatever a request shows of them (the execution itself, attempts,
usage) is read together for a whole page, in ``prepare``; so every resolver that answers with chain executions calls it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from promptforge.core import money
from promptforge.core.access import Permission
from promptforge.core.chain import ChainRef
from promptforge.core.chain_execution import ChainContent, StepContent, StepRun, critical_path
from promptforge.core.chain_execution import ChainExecution as CoreChainExecution
from promptforge.core.errors import NotFound
from promptforge.core.execution import Execution as CoreExecution
from promptforge.core.filter import Filter, Operator, Test
from promptforge.core.stats import share
from promptforge.server.graphql import execution as call
from promptforge.server.graphql.access import User
from promptforge.server.graphql.context import Context, Info
from promptforge.server.graphql.enums import CostStateEnum, ErrorTypeEnum, SourceEnum, StatusEnum, StepTypeEnum
from promptforge.server.graphql.execution import Attempt, AttemptRow, Execution
from promptforge.server.graphql.field import ask, read
from promptforge.server.graphql.filter import ChainExecutionFilter, chain_tree
from promptforge.server.graphql.scalars import Count, Json
from promptforge.server.graphql.selection import selected

if TYPE_CHECKING:
    from promptforge.server.graphql.chain import Chain

_CONTENT = frozenset(
    {"input", "output", "error", "stackTrace", "metadata", "overrides"}
    | {f"steps.{name}" for name in ("input", "output", "error", "stackTrace")}
)
_EXECUTION = ("steps.execution", "runningSteps.execution")
#: What is known only from the calls, and what of that is their content.
_CALLS = frozenset({"usage", "steps.attempts", "steps.execution", "runningSteps"})
_CALL_CONTENT = frozenset({"steps.attempts.error"} | {f"{at}.{name}" for at in _EXECUTION for name in call.CONTENT})


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step within its chain execution."""

    step: StepRun
    chain: CoreChainExecution
    critical: bool


@dataclass(frozen=True, slots=True)
class RunningRow:
    """A call under way within its chain execution."""

    call: CoreExecution
    chain: CoreChainExecution


def _step(get: Callable[[StepRun], Any], description: str | None = None) -> Any:
    return read(lambda row: get(row.step), description=description)


def _step_content(get: Callable[[StepContent], Any]) -> Any:
    return read(lambda row: get(row.step.content or StepContent()))


def _share_of_cost(row: StepRow) -> str | None:
    part = None if row.step.cost is None else share(row.step.cost, row.chain.total_cost)
    return None if part is None else str(part)


def _share_of_time(row: StepRow) -> float | None:
    part = share(row.step.latency_ms, row.chain.latency_ms or 0)
    return None if part is None else float(part)


def _call(row: StepRow, context: Context) -> Any:
    return context.calls.now(row.step.execution_id) if row.step.execution_id else None


async def _attempts(row: StepRow, context: Context) -> Sequence[AttemptRow]:
    found = _call(row, context)
    made = await found if isawaitable(found) else found
    return call.attempts_of(made) if made else [AttemptRow(attempt, None) for attempt in row.step.attempts]


@strawberry.type(description="A step that ran.")
class ChainExecutionStep:
    order: int = _step(lambda s: s.order)
    name: str = _step(lambda s: s.name)
    type: StepTypeEnum = _step(lambda s: s.type)
    status: StatusEnum = _step(lambda s: s.status)
    input: Json | None = _step_content(lambda c: c.input)
    output: Json | None = _step_content(lambda c: c.output)
    error: str | None = _step_content(lambda c: c.error)
    error_type: ErrorTypeEnum | None = _step(lambda s: s.error_type)
    stack_trace: str | None = _step_content(lambda c: c.stack_trace)
    offset_ms: int = _step(lambda s: s.offset_ms, "From the start of the chain execution.")
    latency_ms: int = _step(lambda s: s.latency_ms)
    latency: int = _step(lambda s: s.latency_ms)
    cost: str | None = _step(
        lambda s: None if s.cost is None else money.four(s.cost), "Rounded half up to 4 places; null when not known."
    )
    cost_usd: str | None = _step(lambda s: None if s.cost is None else money.four(s.cost), "The same as `cost`.")
    cost_exact: str | None = _step(
        lambda s: None if s.cost is None else money.exact(s.cost), "All 12 places, trailing zeros cut."
    )
    cost_display: str | None = _step(lambda s: None if s.cost is None else money.human(s.cost), "As people read it.")
    cost_state: CostStateEnum = _step(lambda s: s.cost_state)
    token_in: Count | None = _step(lambda s: s.token_in)
    token_out: Count | None = _step(lambda s: s.token_out)
    share_of_cost: str | None = read(
        _share_of_cost, description="Percent of the total cost, two decimals; null where that is not known or nothing."
    )
    share_of_time: float | None = read(
        _share_of_time,
        description="Percent of the chain's time, two decimals; steps at the same time have it together.",
    )
    critical: bool = read(
        lambda row: row.critical, description="Whether it is on the critical path: the chain took as long as those."
    )
    tag: str | None = _step(lambda s: s.tag, "What a CONDITION activated.")
    reused_from: strawberry.ID | None = _step(
        lambda s: s.reused_from, "The chain execution whose step this is, taken over by a fork at no cost."
    )
    attempts: list[Attempt] = ask(_attempts)
    execution_id: strawberry.ID | None = _step(lambda s: s.execution_id)
    execution: Execution | None = ask(_call, description="The call that it made.")


@strawberry.type(description="A step that calls a model at this moment.")
class RunningStep:
    name: str = read(lambda row: row.call.step.step)
    order: int = read(lambda row: row.call.step.order)
    offset_ms: int = read(lambda row: (row.call.created_at - _start(row.chain)) // timedelta(milliseconds=1))
    execution: Execution = read(lambda row: row.call)


@strawberry.type(description="A step that did not run, and why.")
class SkippedStep:
    name: str
    order: int
    type: StepTypeEnum
    reason: str


@strawberry.type(description="The sum of the calls' costs as far as they are known; `state` says whether that is all.")
class ChainCost:
    usd: str = read(lambda e: money.exact(e.total_cost), description="All 12 places, trailing zeros cut.")
    display: str = read(lambda e: money.human(e.total_cost), description="As people read it.")
    state: CostStateEnum = read(lambda e: e.cost_state)


def _content(get: Callable[[ChainContent], Any]) -> Any:
    return read(lambda e: get(e.content or ChainContent()))


def _chain(name: str, description: str | None = None) -> Any:
    return read(lambda e: (getattr(e.chain, name) or None) if e.chain else None, description=description)


def _chain_of(execution: CoreChainExecution) -> ChainRef | None:
    """None of what was captured: it is no chain of ours."""
    return execution.chain if execution.chain and execution.chain.chain_id else None


def _latency() -> Any:
    return read(lambda e: e.latency_ms)


def _total() -> Any:
    return read(lambda e: money.four(e.total_cost), description="Rounded half up to 4 places.")


def _start(execution: CoreChainExecution) -> datetime:
    return execution.started_at or execution.created_at


def _steps(execution: CoreChainExecution) -> list[StepRow]:
    path = frozenset(critical_path(execution.steps))
    return [StepRow(step, execution, step.name in path) for step in execution.steps]


def _running(execution: CoreChainExecution, context: Context) -> list[RunningRow]:
    return [RunningRow(made, execution) for made in context.open_calls.get(execution.id, ())]


async def _usage(execution: CoreChainExecution, context: Context) -> dict[str, int]:
    """The leaves of its own calls, summed; those of a step that it took over are where that ran."""
    sums: Counter[str] = Counter()
    for step in execution.steps:
        if step.execution_id and not step.reused_from:
            found = context.calls.now(step.execution_id)
            made = await found if isawaitable(found) else found
            sums.update(made.usage.leaves if made and made.usage else {})
    return dict(sums)


@strawberry.type(description="One run of a chain. Tokens and cost are those of the calls that its steps made.")
class ChainExecution:
    id: strawberry.ID
    status: StatusEnum
    input: Json | None = _content(lambda c: c.input)
    output: Json | None = _content(lambda c: c.output)
    error: str | None = _content(lambda c: c.error)
    error_type: ErrorTypeEnum | None
    stack_trace: str | None = _content(lambda c: c.stack_trace)
    failed_step: str | None
    latency_ms: int | None = _latency()
    latency: int | None = _latency()
    total_latency: int | None = _latency()
    total_cost: str | None = _total()
    cost_usd: str | None = _total()
    cost: ChainCost = read(lambda e: e)
    token_in: Count
    token_out: Count
    usage: Json = ask(_usage, description="Counts that overlap nowhere, by kind, of its own calls.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None = read(call.ended_at_of)
    chain: Annotated["Chain", strawberry.lazy("promptforge.server.graphql.chain")] | None = read(_chain_of)
    chain_id: strawberry.ID | None = _chain("chain_id")
    chain_name: str | None = _chain("chain_name", "As it was when it ran.")
    version: int | None = _chain("version", "The version of the chain that ran.")
    label: str | None = _chain("label", "The label asked for.")
    step_count: int = read(lambda e: len(e.steps))
    steps: list[ChainExecutionStep] = read(_steps, description="Those that ran, in order.")
    running_steps: list[RunningStep] = ask(_running)
    skipped_steps: list[SkippedStep] = read(lambda e: e.skipped)
    critical_path: list[str] = read(
        lambda e: list(critical_path(e.steps)), description="The steps that decided how long it took."
    )
    forked_from: strawberry.ID | None
    overrides: Json = read(lambda e: dict(e.plan.overrides), description="Steps that were changed for this run alone.")
    deadline_ms: int = read(lambda e: e.plan.deadline_ms)
    max_cost_usd: str | None = read(lambda e: None if e.plan.max_cost is None else money.exact(e.plan.max_cost))
    user: User | None = ask(call.user_of)
    end_user: str | None
    session_id: str | None
    service: str | None
    source: SourceEnum
    tags: Json = read(lambda e: dict(e.tags))
    metadata: Json | None = _content(lambda c: c.metadata)
    content_expired: bool = ask(
        call.expired, description="Whether the content has passed its retention; the figures stay."
    )
    cursor: str = read(lambda e: e.id, description="Give it as `after` to read on from here.")


async def page(
    info: Info, filter: Filter, *, limit: int | None, offset: int | None, after: str | None
) -> list[CoreChainExecution]:
    """Read a page, and with it whatever the selection shows of calls and users."""
    paths, context = selected(info), info.context
    found = await context.forge.chain_reader.page(
        context.actor,
        filter=filter,
        limit=50 if limit is None else limit,
        offset=offset or 0,
        after=after,
        content=not paths.isdisjoint(_CONTENT),
    )
    context.note(found.freshness)
    items = list(found.items)
    await prepare(context, items, paths)
    return items


async def prepare(context: Context, items: Sequence[CoreChainExecution], paths: frozenset[str]) -> None:
    """Look up the calls and users of *items* that *paths* shows, together; refuse content to whom it is not shown."""
    if not paths.isdisjoint(_CONTENT):
        context.actor.require(Permission.CONTENT)
    if "user" in paths:
        await context.users.fetch(e.user_id for e in items if e.user_id)
    if paths.isdisjoint(_CALLS):
        return
    content = not paths.isdisjoint(_CALL_CONTENT)
    calls = await context.forge.chain_reader.calls(context.actor, items, content=content)
    context.calls.keep(calls)
    context.open_calls |= {e.id: [] for e in items}
    for made in calls.values():
        if made.pending and made.step and made.step.chain_execution_id in context.open_calls:
            context.open_calls[made.step.chain_execution_id].append(made)
    below = frozenset(p.removeprefix(f"{at}.") for at in _EXECUTION for p in paths if p.startswith(f"{at}."))
    await call.prepare(context, list(calls.values()), below)


async def chain_executions(
    info: Info,
    limit: int | None = 50,
    offset: int | None = 0,
    after: str | None = None,
    chain_id: strawberry.ID | None = None,
    status: StatusEnum | None = None,
    filter: ChainExecutionFilter | None = None,
) -> list[CoreChainExecution]:
    """Those of the workspace."""
    ours = () if chain_id is None else (Test("chain_id", Operator.IN, (chain_id,)),)
    wanted = chain_tree(filter, *ours, status=status)
    return await page(info, wanted, limit=limit, offset=offset, after=after)


async def chain_execution(info: Info, id: strawberry.ID) -> CoreChainExecution | None:
    """The one of that id; None when there is none."""
    try:
        found = await info.context.forge.chain_reader.get(info.context.actor, id)
    except NotFound:
        return None
    await prepare(info.context, [found], selected(info))
    return found
