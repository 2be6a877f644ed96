"""What the client returns: frozen values with snake_case names, each with the JSON it came from as ``raw``.

Money stays text. Chains and their executions are in ``chain_values.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptforge.sdk.building import Json, listed, many, moment, one, raw_json


@dataclass(frozen=True, kw_only=True)
class User:
    id: str = ""
    name: str = ""
    email: str | None = None
    created_at: datetime | None = moment()
    role: str | None = None
    permissions: tuple[str, ...] = listed()
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Key:
    """An API key without its secret."""

    id: str = ""
    name: str = ""
    hint: str = ""
    scopes: tuple[str, ...] = listed()
    created_at: datetime | None = moment()
    last_used_at: datetime | None = moment()
    expires_at: datetime | None = moment()
    revoked_at: datetime | None = moment()
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What was found of an end user; ``unreadable`` counts damaged events, which may be anybody's."""

    executions: int = 0
    chain_executions: int = 0
    memories: int = 0
    unreadable: int = 0
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class CreatedKey:
    """``secret`` is shown this once."""

    key: Key = one(lambda: Key)
    secret: str = field(default="", repr=False)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Message:
    role: str = ""
    content: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Label:
    label: str = ""
    version: int = 0
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class PromptVersion:
    """One immutable version. ``prompt`` is set where a version stands alone."""

    id: str = ""
    version: int = 0
    content: str | None = None
    messages: tuple[Message, ...] | None = many(lambda: Message)
    params: Json = field(default_factory=dict[str, Any])
    input_schema: Json | None = None
    provider: str | None = None
    model: str = ""
    variables: tuple[str, ...] = listed()
    labels: tuple[str, ...] = listed()
    created_at: datetime | None = moment()
    prompt: "Prompt | None" = one(lambda: Prompt)
    raw: Json = raw_json()

    @property
    def template(self) -> str | None:
        """The text with ``{{variables}}``; None for a version made of messages."""
        return self.content


@dataclass(frozen=True, kw_only=True)
class Prompt:
    id: str = ""
    name: str = ""
    description: str | None = None
    category: str = "GENERAL"
    is_public: bool = False
    tags: tuple[str, ...] = listed()
    labels: tuple[Label, ...] = many(lambda: Label)
    versions: tuple[PromptVersion, ...] = many(lambda: PromptVersion)
    latest_version: PromptVersion | None = one(lambda: PromptVersion)
    created_at: datetime | None = moment()
    updated_at: datetime | None = moment()
    archived_at: datetime | None = moment()
    forked_from: str | None = None
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class PromptDiff:
    """``text`` is a unified diff, empty when equal; the others map a key to what it was and what it is."""

    from_: PromptVersion = one(lambda: PromptVersion)
    to: PromptVersion = one(lambda: PromptVersion)
    text: str = ""
    params: Json = field(default_factory=dict[str, Any])
    input_schema: Json = field(default_factory=dict[str, Any])
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """``rate_usd`` dollars for ``per`` units."""

    unit: str = ""
    quantity: int = 0
    rate_usd: str = "0"
    per: int = 1
    amount_usd: str = "0"
    source: str = ""
    valid_from: datetime | None = moment()
    rounded: bool = False
    attempt: int = 1
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """``usd`` is exact to 12 places; None when not known, and ``state`` says why."""

    usd: str | None = None
    display: str | None = None
    state: str = "pending"
    lines: tuple[CostLine, ...] = many(lambda: CostLine)
    claimed_usd: str | None = None
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    number: int = 0
    provider: str = ""
    model: str = ""
    offset_ms: int = 0
    latency_ms: int = 0
    status: str = ""
    error_type: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    error: str | None = None
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One call of a prompt or model. ``cost_usd`` is text with 4 places, None when not known."""

    id: str = ""
    status: str = "pending"
    input: Any = None
    request: Any = None
    output: str | None = None
    output_json: Any = None
    error: str | None = None
    error_type: str | None = None
    stack_trace: str | None = None
    latency_ms: int | None = None
    first_token_ms: int | None = None
    token_in: int | None = None
    token_out: int | None = None
    cost_usd: str | None = None
    cost: Cost | None = one(lambda: Cost)
    usage: Json | None = None
    usage_source: str | None = None
    created_at: datetime | None = moment()
    started_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    prompt_version: PromptVersion | None = one(lambda: PromptVersion)
    prompt_name: str | None = None
    label: str | None = None
    provider: str = ""
    model: str = ""
    response_model: str | None = None
    finish_reason: str | None = None
    user: User | None = one(lambda: User)
    end_user: str | None = None
    session_id: str | None = None
    service: str | None = None
    source: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Any = None
    attempts: tuple[Attempt, ...] = many(lambda: Attempt)
    streamed: bool = False
    cached: bool = False
    chain_execution_id: str | None = None
    chain_name: str | None = None
    step: str | None = None
    content_expired: bool = False
    cursor: str | None = None
    raw: Json = raw_json()

    @property
    def pending(self) -> bool:
        """Whether it has not ended yet."""
        return self.status == "pending"


@dataclass(frozen=True, kw_only=True)
class StreamEvent:
    """One event of a run: ``started`` (a pending execution), ``delta`` (text), ``finished`` (the closed execution)."""

    kind: str = ""
    text: str = ""
    execution: Execution | None = one(lambda: Execution)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class TotalCost:
    """``usd`` is exact; the counts say how many calls are priced, have no price, or have unknown or estimated usage."""

    usd: str = "0"
    display: str = "$0"
    priced: int = 0
    unpriced: int = 0
    unknown: int = 0
    estimated: int = 0
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Runs are chain executions plus calls outside chains; ``success_rate`` is a percentage, None when none ended."""

    runs: int = 0
    calls: int = 0
    success: int = 0
    error: int = 0
    pending: int = 0
    success_rate: float | None = None
    average_latency_ms: float | None = None
    token_in: int = 0
    token_out: int = 0
    cost_usd: str = "0.0000"
    cost: TotalCost = one(lambda: TotalCost)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    date: str = ""
    figures: Figures = one(lambda: Figures)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Figures of a window; ``previous`` are those of the same span before it, None for all time."""

    from_: datetime | None = moment()
    to: datetime | None = moment()
    timezone: str = "UTC"
    days: int | None = None
    totals: Figures = one(lambda: Figures)
    previous: Figures | None = one(lambda: Figures)
    daily: tuple[DayFigures, ...] = many(lambda: DayFigures)
    as_of: datetime | None = moment()
    behind: int = 0
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that went wrong, and when it last did."""

    at: datetime | None = moment()
    text: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Service:
    """A program that calls, None: one that says no name; ``last_seen`` is None where everything was refused.

    ``figures`` and ``calls_per_minute`` are of the window, ``rejected`` counts since the server started.
    """

    name: str | None = None
    sources: tuple[str, ...] = listed()
    last_seen: datetime | None = moment()
    figures: Figures = one(lambda: Figures)
    calls_per_minute: float | None = None
    rejected: int = 0
    last_rejection: Problem | None = one(lambda: Problem)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A named value that chains may use, without the value."""

    name: str = ""
    updated_at: datetime | None = moment()
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class RecordProblem:
    """Why an item of the list was not stored."""

    index: int = 0
    path: str = ""
    message: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class RecordReport:
    """received = stored + duplicate + rejected."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    problems: tuple[RecordProblem, ...] = many(lambda: RecordProblem)
    raw: Json = raw_json()
