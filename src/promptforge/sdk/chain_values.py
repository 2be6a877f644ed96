"""What the client returns of chain executions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptforge.sdk.building import Json, listed, many, moment, one, raw_json
from promptforge.sdk.values import Attempt, Cost, Execution, User


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
