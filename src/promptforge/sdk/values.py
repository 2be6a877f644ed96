"""What the client returns: frozen values with snake_case names, each with the JSON it came from as ``raw``.

Fields are read by their name in camelCase; one that the query did not select is None or empty, never an error,
so a newer server and an older client understand each other. Money stays text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar, cast

Value = TypeVar("Value")
Json = Mapping[str, Any]
Rows = list  # resources have a method called `list`, which hides the type inside their bodies


def build(kind: type[Value], raw: Json) -> Value:
    """Make a *kind* of the JSON object."""
    given: dict[str, Any] = {}
    for one in fields(cast("Any", kind)):
        found = raw.get(_camel(one.name))
        if one.name != "raw" and found is not None:
            read: Callable[[Any], Any] | None = one.metadata.get("read")
            given[one.name] = read(found) if read else found
    return cast("Any", kind)(**given, raw=raw)


def _camel(name: str) -> str:
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(word.capitalize() for word in rest)


def _moment() -> Any:
    return field(default=None, metadata={"read": datetime.fromisoformat})


def _one(kind: Callable[[], type[Any]]) -> Any:
    def read(raw: Json) -> Any:
        return build(kind(), raw)

    return field(default=None, metadata={"read": read})


def _many(kind: Callable[[], type[Any]]) -> Any:
    def read(raw: list[Json]) -> tuple[Any, ...]:
        return tuple(build(kind(), item) for item in raw)

    return field(default=(), metadata={"read": read})


def _tuple() -> Any:
    return field(default=(), metadata={"read": tuple})


def _raw() -> Any:
    return field(default_factory=dict[str, Any], repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class User:
    id: str = ""
    name: str = ""
    email: str | None = None
    created_at: datetime | None = _moment()
    role: str | None = None
    permissions: tuple[str, ...] = _tuple()
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class Key:
    """An API key without its secret."""

    id: str = ""
    name: str = ""
    hint: str = ""
    scopes: tuple[str, ...] = _tuple()
    created_at: datetime | None = _moment()
    last_used_at: datetime | None = _moment()
    expires_at: datetime | None = _moment()
    revoked_at: datetime | None = _moment()
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class CreatedKey:
    """``secret`` is shown this once."""

    key: Key = _one(lambda: Key)
    secret: str = field(default="", repr=False)
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class Message:
    role: str = ""
    content: str = ""
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class Label:
    label: str = ""
    version: int = 0
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class PromptVersion:
    """One immutable version. ``prompt`` is set where a version stands alone."""

    id: str = ""
    version: int = 0
    content: str | None = None
    messages: tuple[Message, ...] | None = _many(lambda: Message)
    params: Json = field(default_factory=dict[str, Any])
    input_schema: Json | None = None
    provider: str | None = None
    model: str = ""
    variables: tuple[str, ...] = _tuple()
    labels: tuple[str, ...] = _tuple()
    created_at: datetime | None = _moment()
    prompt: "Prompt | None" = _one(lambda: Prompt)
    raw: Json = _raw()

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
    tags: tuple[str, ...] = _tuple()
    labels: tuple[Label, ...] = _many(lambda: Label)
    versions: tuple[PromptVersion, ...] = _many(lambda: PromptVersion)
    latest_version: PromptVersion | None = _one(lambda: PromptVersion)
    created_at: datetime | None = _moment()
    updated_at: datetime | None = _moment()
    archived_at: datetime | None = _moment()
    forked_from: str | None = None
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class PromptDiff:
    """``text`` is a unified diff, empty when equal; the others map a key to what it was and what it is."""

    from_: PromptVersion = _one(lambda: PromptVersion)
    to: PromptVersion = _one(lambda: PromptVersion)
    text: str = ""
    params: Json = field(default_factory=dict[str, Any])
    input_schema: Json = field(default_factory=dict[str, Any])
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """``rate_usd`` dollars for ``per`` units."""

    unit: str = ""
    quantity: int = 0
    rate_usd: str = "0"
    per: int = 1
    amount_usd: str = "0"
    source: str = ""
    valid_from: datetime | None = _moment()
    rounded: bool = False
    attempt: int = 1
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class Cost:
    """``usd`` is exact to 12 places; None when not known, and ``state`` says why."""

    usd: str | None = None
    display: str | None = None
    state: str = "pending"
    lines: tuple[CostLine, ...] = _many(lambda: CostLine)
    claimed_usd: str | None = None
    raw: Json = _raw()


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
    raw: Json = _raw()


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
    cost: Cost | None = _one(lambda: Cost)
    usage: Json | None = None
    usage_source: str | None = None
    created_at: datetime | None = _moment()
    started_at: datetime | None = _moment()
    ended_at: datetime | None = _moment()
    prompt_version: PromptVersion | None = _one(lambda: PromptVersion)
    prompt_name: str | None = None
    label: str | None = None
    provider: str = ""
    model: str = ""
    response_model: str | None = None
    finish_reason: str | None = None
    user: User | None = _one(lambda: User)
    end_user: str | None = None
    session_id: str | None = None
    service: str | None = None
    source: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Any = None
    attempts: tuple[Attempt, ...] = _many(lambda: Attempt)
    streamed: bool = False
    cached: bool = False
    chain_execution_id: str | None = None
    content_expired: bool = False
    cursor: str | None = None
    raw: Json = _raw()

    @property
    def pending(self) -> bool:
        """Whether it has not ended yet."""
        return self.status == "pending"


@dataclass(frozen=True, kw_only=True)
class StreamEvent:
    """One event of a run: ``started`` (a pending execution), ``delta`` (text), ``finished`` (the closed execution)."""

    kind: str = ""
    text: str = ""
    execution: Execution | None = _one(lambda: Execution)
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class TotalCost:
    """``usd`` is exact; the counts say how many calls are priced, have no price, or have unknown or estimated usage."""

    usd: str = "0"
    display: str = "$0"
    priced: int = 0
    unpriced: int = 0
    unknown: int = 0
    estimated: int = 0
    raw: Json = _raw()


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
    cost: TotalCost = _one(lambda: TotalCost)
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    date: str = ""
    figures: Figures = _one(lambda: Figures)
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Figures of a window; ``previous`` are those of the same span before it, None for all time."""

    from_: datetime | None = _moment()
    to: datetime | None = _moment()
    timezone: str = "UTC"
    days: int | None = None
    totals: Figures = _one(lambda: Figures)
    previous: Figures | None = _one(lambda: Figures)
    daily: tuple[DayFigures, ...] = _many(lambda: DayFigures)
    as_of: datetime | None = _moment()
    behind: int = 0
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class Chain:
    id: str = ""
    name: str = ""
    description: str | None = None
    is_active: bool = True
    required_inputs: Json | None = None
    created_at: datetime | None = _moment()
    updated_at: datetime | None = _moment()
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class ChainExecutionStep:
    order: int = 0
    name: str = ""
    type: str = ""
    status: str = ""
    output: Any = None
    latency_ms: int | None = None
    cost: str | None = None
    error: str | None = None
    error_type: str | None = None
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class ChainExecution:
    id: str = ""
    status: str = "pending"
    input: Any = None
    output: Any = None
    error: str | None = None
    error_type: str | None = None
    latency_ms: int | None = None
    total_cost: str | None = None
    step_count: int = 0
    created_at: datetime | None = _moment()
    chain: Chain | None = _one(lambda: Chain)
    steps: tuple[ChainExecutionStep, ...] = _many(lambda: ChainExecutionStep)
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class RecordProblem:
    """Why an item of the list was not stored."""

    index: int = 0
    path: str = ""
    message: str = ""
    raw: Json = _raw()


@dataclass(frozen=True, kw_only=True)
class RecordReport:
    """received = stored + duplicate + rejected."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    problems: tuple[RecordProblem, ...] = _many(lambda: RecordProblem)
    raw: Json = _raw()
