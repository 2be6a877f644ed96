"""What the client returns of chains and of their executions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptforge.sdk.building import Json, listed, many, moment, one, raw_json
from promptforge.sdk.values import Attempt, Cost, Execution, User


@dataclass(frozen=True, kw_only=True)
class ChainStep:
    """A step as it is defined. ``prompt_id`` is an id or a name, as it was given."""

    id: str = ""
    name: str = ""
    order: int = 0
    type: str = ""
    prompt_id: str | None = None
    version: int | None = None
    label: str | None = None
    params: Json = field(default_factory=dict[str, Any])
    config: Json = field(default_factory=dict[str, Any])
    input_mapping: Json | None = None
    output_key: str | None = None
    tags: tuple[str, ...] = listed()
    when: str | None = None
    timeout_ms: int | None = None
    retries: int | None = None
    on_error: str = "fail"
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ChainLabel:
    label: str = ""
    version: int = 0
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ChainVersion:
    """A version, which never changes. ``document`` is all of it."""

    id: str = ""
    version: int = 0
    document: Json = field(default_factory=dict[str, Any])
    labels: tuple[str, ...] = listed()
    created_at: datetime | None = moment()
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A chain with its draft. ``draft_changed`` says whether the next run makes a new version; None when listed."""

    id: str = ""
    name: str = ""
    description: str | None = None
    is_active: bool = True
    is_public: bool = False
    intent_tags: tuple[str, ...] = listed()
    required_inputs: Json | None = None
    steps: tuple[ChainStep, ...] = many(lambda: ChainStep)
    document: Json = field(default_factory=dict[str, Any])
    draft_changed: bool | None = None
    labels: tuple[ChainLabel, ...] = many(lambda: ChainLabel)
    latest_version: ChainVersion | None = one(lambda: ChainVersion)
    created_at: datetime | None = moment()
    updated_at: datetime | None = moment()
    archived_at: datetime | None = moment()
    forked_from: str | None = None
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ChainProblem:
    """What is wrong with a chain; ``severity`` is error or warning, ``line`` that in the file."""

    step: str | None = None
    path: str = ""
    line: int | None = None
    message: str = ""
    severity: str = "error"
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ChainValidation:
    """``valid``: it could become a version, whatever the warnings say. ``name`` is that in a file."""

    valid: bool = False
    name: str | None = None
    problems: tuple[ChainProblem, ...] = many(lambda: ChainProblem)
    document: Json | None = None
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class AppliedChain:
    """What applying a file did: whether the chain was made, whether it has a new version."""

    chain: Chain = one(lambda: Chain)
    version: ChainVersion = one(lambda: ChainVersion)
    created: bool = False
    changed: bool = False
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ChainExecutionStep:
    """A step that ran. ``cost`` is text with 4 places, ``cost_exact`` with 12, both None when not known."""

    order: int = 0
    name: str = ""
    type: str = ""
    status: str = ""
    input: Any = None
    output: Any = None
    error: str | None = None
    error_type: str | None = None
    stack_trace: str | None = None
    offset_ms: int = 0
    latency_ms: int = 0
    cost: str | None = None
    cost_exact: str | None = None
    cost_display: str | None = None
    cost_state: str = "priced"
    token_in: int | None = None
    token_out: int | None = None
    share_of_cost: str | None = None
    share_of_time: float | None = None
    critical: bool = False
    tag: str | None = None
    reused_from: str | None = None
    attempts: tuple[Attempt, ...] = many(lambda: Attempt)
    execution_id: str | None = None
    execution: Execution | None = one(lambda: Execution)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class RunningStep:
    """A step that calls a model at this moment."""

    name: str = ""
    order: int = 0
    offset_ms: int = 0
    execution: Execution | None = one(lambda: Execution)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class SkippedStep:
    """A step that did not run, and why."""

    name: str = ""
    order: int = 0
    type: str = ""
    reason: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class RanChain:
    """The chain that ran, as a chain execution names it."""

    id: str = ""
    name: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ChainExecution:
    """One run of a chain. ``total_cost`` is text with 4 places; ``cost.state`` says whether all of it is known."""

    id: str = ""
    status: str = "pending"
    input: Any = None
    output: Any = None
    error: str | None = None
    error_type: str | None = None
    stack_trace: str | None = None
    failed_step: str | None = None
    latency_ms: int | None = None
    total_cost: str | None = None
    cost: Cost | None = one(lambda: Cost)
    token_in: int = 0
    token_out: int = 0
    usage: Json = field(default_factory=dict[str, Any])
    created_at: datetime | None = moment()
    started_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    chain: RanChain | None = one(lambda: RanChain)
    chain_name: str | None = None
    version: int | None = None
    label: str | None = None
    step_count: int = 0
    steps: tuple[ChainExecutionStep, ...] = many(lambda: ChainExecutionStep)
    running_steps: tuple[RunningStep, ...] = many(lambda: RunningStep)
    skipped_steps: tuple[SkippedStep, ...] = many(lambda: SkippedStep)
    critical_path: tuple[str, ...] = listed()
    forked_from: str | None = None
    overrides: Json = field(default_factory=dict[str, Any])
    deadline_ms: int = 0
    max_cost_usd: str | None = None
    user: User | None = one(lambda: User)
    end_user: str | None = None
    session_id: str | None = None
    service: str | None = None
    source: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Any = None
    content_expired: bool = False
    cursor: str | None = None
    raw: Json = raw_json()

    @property
    def pending(self) -> bool:
        """Whether it has not ended yet."""
        return self.status == "pending"


@dataclass(frozen=True, kw_only=True)
class ChainEvent:
    """One event of a run: ``started`` and ``finished`` with the chain execution, ``step_started`` and
    ``step_finished`` with the step."""

    kind: str = ""
    step: ChainExecutionStep | None = one(lambda: ChainExecutionStep)
    chain_execution: ChainExecution | None = one(lambda: ChainExecution)
    raw: Json = raw_json()
