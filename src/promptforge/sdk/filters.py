"""What executions can be filtered by, as keyword arguments; they become the API's ExecutionFilter."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypedDict, cast

from promptforge.sdk.errors import ValidationError

Names = str | Sequence[str]
Moment = datetime | str


class Filters(TypedDict, total=False):
    """All that are given must hold. Names take one or several, ``model`` also with ``*``; ``tags`` maps a key to a
    value, several, or None for "is there at all"; ``text`` asks that every word occurs in input, output or error;
    ``where`` is a filter as text: ``"status:error model:claude* cost>0.01"``.
    """

    status: Names
    prompt_id: Names
    prompt_name: Names
    version: int | Sequence[int]
    label: Names
    model: Names
    provider: Names
    user: Names
    end_user: Names
    session_id: Names
    tags: Mapping[str, Names | None]
    service: Names
    source: Names
    error_type: Names
    cost_state: Names
    created_from: Moment
    created_before: Moment
    min_cost_usd: str | Decimal
    max_cost_usd: str | Decimal
    min_latency_ms: int
    max_latency_ms: int
    min_tokens: int
    max_tokens: int
    text: str
    chain_execution_id: Names
    chain_id: Names
    chain_name: Names
    top_level: bool
    where: str


class ChainFilters(TypedDict, total=False):
    """As Filters, for chain executions."""

    status: Names
    chain_id: Names
    chain_name: Names
    version: int | Sequence[int]
    label: Names
    user: Names
    end_user: Names
    session_id: Names
    tags: Mapping[str, Names | None]
    service: Names
    source: Names
    error_type: Names
    cost_state: Names
    created_from: Moment
    created_before: Moment
    min_latency_ms: int
    max_latency_ms: int
    text: str
    where: str


_SCALARS = {
    "min_cost_usd",
    "max_cost_usd",
    "min_latency_ms",
    "max_latency_ms",
    "min_tokens",
    "max_tokens",
    "text",
    "top_level",
    "where",
}
_MOMENTS = {"created_from", "created_before"}


def filter_input(filters: Filters) -> dict[str, Any] | None:
    """The ExecutionFilter; None for none at all."""
    return _input(filters, Filters)


def chain_filter_input(filters: ChainFilters) -> dict[str, Any] | None:
    """The ChainExecutionFilter; None for none at all."""
    return _input(filters, ChainFilters)


def _input(filters: Mapping[str, Any], kind: type) -> dict[str, Any] | None:
    known, made = kind.__annotations__, dict[str, Any]()
    for name, value in filters.items():
        if name not in known:
            raise ValidationError(f"there is no filter '{name}'; there are: {', '.join(known)}")
        if value is None:
            continue
        head, *rest = name.split("_")
        made[head + "".join(word.capitalize() for word in rest)] = _value(name, value)
    return made or None


def _value(name: str, value: Any) -> Any:
    if name == "tags":
        tags = cast("Mapping[str, Names | None]", value)
        return [
            {"key": key} if wanted is None else {"key": key, "values": _many(wanted)} for key, wanted in tags.items()
        ]
    if name in _MOMENTS:
        return moment(value)
    if name in _SCALARS:
        return str(value) if isinstance(value, Decimal) else value
    return _many(value)


def moment(value: Moment) -> str:
    """ISO 8601 in UTC; a datetime without a zone is refused, since it says no moment."""
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValidationError(
            f"{value.isoformat()} has no time zone; give an aware datetime, such as datetime.now(UTC)"
        )
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _many(value: Any) -> list[Any]:
    return [value] if isinstance(value, (str, int)) else list(cast("Sequence[Any]", value))
