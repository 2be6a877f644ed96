"""The filter as the API spells it, turned into the core's tree."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import strawberry

from promptforge.core import money
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.filter import EVERYTHING, TOP_LEVEL, All, Any, Filter, Operator, Test
from promptforge.language import filter_text
from promptforge.server.graphql.enums import CostStateEnum, ErrorTypeEnum, SourceEnum, StatusEnum

_WHERE = "A filter as text, such as `status:error -service:batch cost>0.01`; docs/filters.md has its fields and signs."


@strawberry.input
class TagFilter:
    key: str
    values: list[str] | None = strawberry.field(default=None, description="Without values: the tag is there at all.")


@strawberry.input(description="All that is given must hold; a list holds when one of its values does.")
class ExecutionFilter:
    status: list[StatusEnum] | None = None
    prompt_id: list[strawberry.ID] | None = None
    prompt_name: list[str] | None = None
    version: list[int] | None = None
    label: list[str] | None = None
    model: list[str] | None = strawberry.field(default=None, description="Names; `*` stands for anything.")
    provider: list[str] | None = None
    user: list[strawberry.ID] | None = None
    end_user: list[str] | None = None
    session_id: list[str] | None = None
    tags: list[TagFilter] | None = None
    service: list[str] | None = None
    source: list[SourceEnum] | None = None
    error_type: list[ErrorTypeEnum] | None = None
    cost_state: list[CostStateEnum] | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    min_cost_usd: str | None = None
    max_cost_usd: str | None = None
    min_latency_ms: int | None = None
    max_latency_ms: int | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    text: str | None = strawberry.field(
        default=None, description="Words that must all occur in input, output or error."
    )
    chain_execution_id: list[strawberry.ID] | None = None
    chain_id: list[strawberry.ID] | None = None
    chain_name: list[str] | None = None
    top_level: bool | None = None
    where: str | None = strawberry.field(default=None, description=_WHERE)


@strawberry.input(description="All that is given must hold; a list holds when one of its values does.")
class ChainExecutionFilter:
    status: list[StatusEnum] | None = None
    chain_id: list[strawberry.ID] | None = None
    chain_name: list[str] | None = strawberry.field(default=None, description="Names; `*` stands for anything.")
    version: list[int] | None = None
    label: list[str] | None = None
    user: list[strawberry.ID] | None = None
    end_user: list[str] | None = None
    session_id: list[str] | None = None
    tags: list[TagFilter] | None = None
    service: list[str] | None = None
    source: list[SourceEnum] | None = None
    error_type: list[ErrorTypeEnum] | None = None
    cost_state: list[CostStateEnum] | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    min_latency_ms: int | None = None
    max_latency_ms: int | None = None
    text: str | None = strawberry.field(
        default=None, description="Words that must all occur in input, output or error."
    )
    where: str | None = strawberry.field(default=None, description=_WHERE)


_OF_BOTH = ("chain_id", "chain_name", "label", "end_user", "session_id", "service")
_NAMES = ("prompt_id", "prompt_name", "model", "provider", "chain_execution_id")
_CHOICES = ("status", "source", "error_type", "cost_state")


def tree(
    given: ExecutionFilter | None, *more: Filter, status: Status | None = None, top_level: bool | None = None
) -> Filter:
    """Join the filter given, *more*, and the two arguments that stand beside it in lists."""
    tests = [*more, *(_tests(given) if given else ())]
    if status is not None:
        tests.append(Test("status", Operator.IN, (status.value,)))
    tests += _level(top_level)
    return All(tuple(tests)) if tests else EVERYTHING


def chain_tree(given: ChainExecutionFilter | None, *more: Filter, status: Status | None = None) -> Filter:
    """Join the filter given, *more*, and the argument that stands beside it in lists."""
    tests = [*more, *_choice("status", [status] if status else None)]
    if given:
        tests += _of_both(given)
        tests += _version("chain_version", given.version)
        tests += _where(given.where, chains=True)
    return All(tuple(tests)) if tests else EVERYTHING


def _tests(given: ExecutionFilter) -> Iterable[Filter]:
    for name in _NAMES:
        yield from _name(name, getattr(given, name))
    yield from _version("version", given.version)
    yield from _of_both(given)
    yield from _bounds(
        ("cost", Operator.AT_LEAST, _usd(given.min_cost_usd)),
        ("cost", Operator.AT_MOST, _usd(given.max_cost_usd)),
        ("tokens", Operator.AT_LEAST, given.min_tokens),
        ("tokens", Operator.AT_MOST, given.max_tokens),
    )
    yield from _level(given.top_level)
    yield from _where(given.where)


def _of_both(given: ExecutionFilter | ChainExecutionFilter) -> Iterable[Filter]:
    """What executions and chain executions are asked for alike."""
    for name in _OF_BOTH:
        yield from _name(name, getattr(given, name))
    yield from _name("user_id", given.user)
    for name in _CHOICES:
        yield from _choice(name, getattr(given, name))
    for tag in given.tags or ():
        yield Test("tag", Operator.IN if tag.values else Operator.EXISTS, tuple(tag.values or ()), key=tag.key)
    yield from _bounds(
        ("created_at", Operator.AT_LEAST, given.created_from),
        ("created_at", Operator.BELOW, given.created_before),
        ("latency_ms", Operator.AT_LEAST, given.min_latency_ms),
        ("latency_ms", Operator.AT_MOST, given.max_latency_ms),
    )
    if given.text and given.text.strip():
        yield Test("text", Operator.WORDS, (given.text,))


def _version(field: str, wanted: Sequence[int] | None) -> Iterable[Filter]:
    if wanted:
        yield Test(field, Operator.IN, tuple(wanted))


def _name(field: str, wanted: Sequence[str] | None) -> Iterable[Filter]:
    """An empty list asks for nothing, as a page without a choice sends it."""
    if not wanted:
        return
    exact = tuple(name for name in wanted if "*" not in name)
    globs = [Test(field, Operator.LIKE, (name,)) for name in wanted if "*" in name]
    tests: list[Filter] = [*([Test(field, Operator.IN, exact)] if exact else []), *globs]
    yield tests[0] if len(tests) == 1 else Any(tuple(tests))


def _choice(field: str, wanted: Sequence[Status | Source | ErrorType | CostState] | None) -> Iterable[Filter]:
    if wanted:
        yield Test(field, Operator.IN, tuple(item.value for item in wanted))


def _bounds(*bounds: tuple[str, Operator, datetime | int | None]) -> Iterable[Filter]:
    for field, operator, value in bounds:
        if value is not None:
            yield Test(field, operator, (value,))


def _where(text: str | None, *, chains: bool = False) -> Iterable[Filter]:
    if text and text.strip():
        yield filter_text.parse(text, chains=chains)


def _usd(text: str | None) -> int | None:
    return None if text is None else money.parse_usd(text)


def _level(top_level: bool | None) -> list[Filter]:
    if top_level is None:
        return []
    return [TOP_LEVEL if top_level else Test("chain_execution_id", Operator.EXISTS)]
