"""The execution: one call of a prompt or model, from *pending* to *success* or *error*.

An Execution is written to the journal twice (opened, closed) and to history once. Content (what went in and
came out) is apart from the figures, because it may expire while the figures stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from promptforge.core.json import Json
from promptforge.core.price import Line
from promptforge.core.usage import Usage, UsageSource


class Status(StrEnum):
    PENDING = "pending"
    SUCCESS = "success"
    ERROR = "error"


class ErrorType(StrEnum):
    AUTHENTICATION = "authentication"
    VALIDATION = "validation"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    PROVIDER = "provider"
    NETWORK = "network"
    CONTENT_FILTER = "content_filter"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


class Source(StrEnum):
    """The road by which the execution came."""

    API = "api"
    CLI = "cli"
    SDK = "sdk"
    GATEWAY = "gateway"
    OTLP = "otlp"
    IMPORT = "import"
    DEMO = "demo"


class CostState(StrEnum):
    """Why a cost is what it is: see the table *States* in docs/record.md."""

    PENDING = "pending"
    PRICED = "priced"
    UNPRICED = "unpriced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRef:
    """The version that ran, resolved once, at acceptance; *label* is the label that was asked for, if one was."""

    prompt_id: str
    prompt_name: str
    version_id: str
    version: int
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRef:
    """Where in a chain execution this call stands."""

    chain_execution_id: str
    chain_id: str | None = None
    chain_name: str | None = None
    chain_version: int | None = None
    step: str = ""
    order: int = 0
    iteration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at the provider. ``offset_ms`` counts from the start of the run; ``error`` is null on success."""

    number: int
    provider: str
    model: str
    offset_ms: int
    latency_ms: int
    status: Status
    error_type: ErrorType | None = None
    http_status: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What went in and what came out; hostile text. ``attempt_errors`` holds a sentence per failed attempt."""

    input: Json = None
    request: Json = None
    output: str | None = None
    error: str | None = None
    stack_trace: str | None = None
    usage_raw: Json = None
    metadata: Json = None
    attempt_errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One call. Times are aware UTC with milliseconds; ``latency_ms`` leaves queueing out and retries in.

    ``token_in``, ``token_out`` and ``cost`` (10^-12 dollars) are None when not known; ``content`` is None when
    it was not asked for or has expired.
    """

    id: str
    workspace: str
    created_at: datetime
    status: Status
    source: Source
    model: str
    provider: str
    prompt: PromptRef | None = None
    step: StepRef | None = None
    response_model: str | None = None
    user_id: str | None = None
    key_id: str | None = None
    service: str | None = None
    end_user: str | None = None
    session_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    error_type: ErrorType | None = None
    finish_reason: str | None = None
    started_at: datetime | None = None
    latency_ms: int | None = None
    first_token_ms: int | None = None
    token_in: int | None = None
    token_out: int | None = None
    usage: Usage | None = None
    usage_source: UsageSource = UsageSource.UNKNOWN
    cost: int | None = None
    cost_state: CostState = CostState.PENDING
    lines: tuple[Line, ...] = ()
    claimed: int | None = None
    cached: bool = False
    avoided: int | None = None
    attempts: tuple[Attempt, ...] = ()
    streamed: bool = False
    adjusts: str | None = None
    recorded_at: datetime | None = None
    expires_on: date | None = None
    input_hash: int = 0
    output_hash: int = 0
    input_chars: int = 0
    output_chars: int = 0
    content: Content | None = None

    @property
    def pending(self) -> bool:
        """Whether it has not been closed yet."""
        return self.status is Status.PENDING
