"""Executions in the API. Content is read from the record only where a request selects it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from promptforge.core import money
from promptforge.core.access import Permission
from promptforge.core.chain_execution import AnyExecution
from promptforge.core.execution import Attempt as CoreAttempt
from promptforge.core.execution import Content, Source, Status
from promptforge.core.execution import Execution as CoreExecution
from promptforge.core.filter import Filter
from promptforge.core.json import is_array, is_object
from promptforge.server.graphql.access import User
from promptforge.server.graphql.context import Context, Info
from promptforge.server.graphql.enums import CostStateEnum, ErrorTypeEnum, SourceEnum, StatusEnum
from promptforge.server.graphql.field import ask, read
from promptforge.server.graphql.scalars import Count, Json
from promptforge.server.graphql.selection import selected
from promptforge.wire.span_usage import unknown_counts
from promptforge.wire.unknown_usage import unknown_usage

if TYPE_CHECKING:
    from promptforge.server.graphql.prompt import PromptVersion

#: Fields that a page reads from the wide half of the record.
CONTENT = frozenset(
    {
        "input",
        "request",
        "output",
        "outputJson",
        "error",
        "stackTrace",
        "usageRaw",
        "usageUnknown",
        "metadata",
        "attempts.error",
    }
)
#: What an execution knows of its version without the catalog.
RECORDED = frozenset({"promptVersion.id", "promptVersion.version", "promptVersion.prompt"})
_EMPTY = Content()


@strawberry.type
class CostLine:
    unit: str
    quantity: Count
    rate_usd: str = read(
        lambda line: money.rate_text(line.rate),
        description="US dollars for `per` units.",
    )
    per: Count
    amount_usd: str = read(lambda line: money.exact(line.amount))
    source: str
    valid_from: datetime | None
    rounded: bool
    attempt: int


@strawberry.type
class Cost:
    usd: str | None = read(
        lambda e: None if e.cost is None else money.exact(e.cost),
        description="All 12 places, trailing zeros cut; null when not known.",
    )
    display: str | None = read(
        lambda e: None if e.cost is None else money.human(e.cost), description="As people read it."
    )
    state: CostStateEnum = read(lambda e: e.cost_state)
    lines: list[CostLine] = read(lambda e: e.lines)
    claimed_usd: str | None = read(lambda e: None if e.claimed is None else money.exact(e.claimed))


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt with its sentence, which the record keeps with the content."""

    attempt: CoreAttempt
    error: str | None


def _of_attempt(name: str) -> Any:
    return read(lambda row: getattr(row.attempt, name))


@strawberry.type(description="One try at the provider; a retry is another attempt of the same execution.")
class Attempt:
    number: int = _of_attempt("number")
    provider: str = _of_attempt("provider")
    model: str = _of_attempt("model")
    offset_ms: int = _of_attempt("offset_ms")
    latency_ms: int = _of_attempt("latency_ms")
    status: StatusEnum = _of_attempt("status")
    error_type: ErrorTypeEnum | None = _of_attempt("error_type")
    http_status: int | None = _of_attempt("http_status")
    request_id: str | None = _of_attempt("request_id")
    error: str | None


def _content(get: Callable[[Content], Any], description: str | None = None) -> Any:
    return read(lambda e: get(e.content or _EMPTY), description=description)


def attempts_of(execution: CoreExecution) -> list[AttemptRow]:
    """Its attempts, each with its sentence."""
    errors = (execution.content or _EMPTY).attempt_errors
    return [AttemptRow(a, (errors[n] or None) if n < len(errors) else None) for n, a in enumerate(execution.attempts)]


def ended_at_of(execution: AnyExecution) -> datetime | None:
    """When it ended; None while it has not."""
    if execution.status is Status.PENDING or execution.latency_ms is None:
        return None
    return (execution.started_at or execution.created_at) + timedelta(milliseconds=execution.latency_ms)


def unknown_usage_of(execution: CoreExecution) -> list[str]:
    """What was reported and no count reads; spans tell usage in words of their own, not the provider's."""
    reported = (execution.content or _EMPTY).usage_raw
    if execution.source is Source.OTLP:
        return list(unknown_counts(reported))
    return list(unknown_usage(execution.provider, reported))


def _of_step(name: str, description: str | None = None) -> Any:
    return read(lambda e: (getattr(e.step, name) or None) if e.step else None, description=description)


def as_json(text: str | None) -> object:
    """The output as JSON when it is an object or an array, otherwise None."""
    if text is None or text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if is_object(value) or is_array(value) else None


def expired(execution: AnyExecution, context: Context) -> bool:
    """Whether its content is past its day."""
    return execution.expires_on is not None and execution.expires_on <= context.today


def user_of(execution: AnyExecution, context: Context) -> Any:
    """The account that ran it."""
    return context.users.now(execution.user_id) if execution.user_id else None


@strawberry.type
class Execution:
    id: strawberry.ID
    status: StatusEnum
    input: Json | None = _content(lambda c: c.input, "The variables given, or the messages of a captured call.")
    request: Json | None = _content(lambda c: c.request, "As sent to the provider, without credentials.")
    output: str | None = _content(lambda c: c.output)
    output_json: Json | None = _content(lambda c: as_json(c.output), "The output where it is a JSON object or array.")
    error: str | None = _content(lambda c: c.error)
    error_type: ErrorTypeEnum | None
    stack_trace: str | None = _content(lambda c: c.stack_trace)
    latency_ms: int | None
    first_token_ms: int | None
    token_in: Count | None
    token_out: Count | None
    cost_usd: str | None = read(
        lambda e: None if e.cost is None else money.four(e.cost), description="Rounded half up to 4 places."
    )
    cost: Cost = read(lambda e: e)
    usage: Json | None = read(
        lambda e: dict(e.usage.leaves) if e.usage else None, description="Counts that overlap nowhere, by kind."
    )
    usage_source: str
    usage_raw: Json | None = _content(lambda c: c.usage_raw, "The provider's own usage block, verbatim.")
    usage_unknown: list[str] = read(
        unknown_usage_of, description="Paths in `usageRaw` that `usage` and `cost` do not understand."
    )
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None = read(ended_at_of)
    prompt_version: Annotated["PromptVersion", strawberry.lazy("promptforge.server.graphql.prompt")] | None = read(
        lambda e: e.prompt
    )
    prompt_name: str | None = read(
        lambda e: e.prompt.prompt_name if e.prompt else None, description="As it was when it ran."
    )
    label: str | None = read(lambda e: e.prompt.label if e.prompt else None, description="The label asked for.")
    provider: str
    model: str
    response_model: str | None
    finish_reason: str | None
    user: User | None = ask(user_of)
    end_user: str | None
    session_id: str | None
    service: str | None
    source: SourceEnum
    tags: Json = read(lambda e: dict(e.tags))
    metadata: Json | None = _content(lambda c: c.metadata)
    attempts: list[Attempt] = read(attempts_of)
    streamed: bool
    cached: bool
    chain_execution_id: strawberry.ID | None = _of_step("chain_execution_id")
    chain_name: str | None = _of_step("chain_name")
    step: str | None = _of_step("step", "The step of the chain that made this call.")
    content_expired: bool = ask(expired, description="Whether the content has passed its retention; the figures stay.")
    cursor: str = read(lambda e: e.id, description="Give it as `after` to read on from here.")


async def page(
    info: Info, filter: Filter, *, limit: int | None, offset: int | None, after: str | None
) -> list[CoreExecution]:
    """Read a page, and with it whatever the selection shows of its prompts."""
    paths, context = selected(info), info.context
    found = await context.forge.executions.page(
        context.actor,
        filter=filter,
        limit=50 if limit is None else limit,
        offset=offset or 0,
        after=after,
        content=not paths.isdisjoint(CONTENT),
    )
    context.note(found.freshness)
    items = list(found.items)
    await prepare(context, items, paths)
    return items


async def prepare(context: Context, items: Sequence[CoreExecution], paths: frozenset[str]) -> None:
    """Look up the prompts, versions and users of *items* that *paths* shows, each once."""
    refs = [e.prompt for e in items if e.prompt]
    if Permission.CONTENT not in context.actor.permissions:
        refs = []  # whoever selects them is told so where they stand, and still gets the figures
    if "promptVersion.prompt" in paths:
        await context.prompts.fetch(ref.prompt_id for ref in refs)
    if any(p.startswith("promptVersion.") and p.count(".") == 1 and p not in RECORDED for p in paths):
        await context.versions.fetch(ref.version_id for ref in refs)
    if "user" in paths:
        await context.users.fetch(e.user_id for e in items if e.user_id)
