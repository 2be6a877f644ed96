"""Chain executions: the run of a chain, whose calls are executions of their own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from promptforge.core.execution import ErrorType, Json, Status


class StepType(StrEnum):
    PROMPT = "PROMPT"
    API_CALL = "API_CALL"
    CONDITION = "CONDITION"
    TRANSFORM = "TRANSFORM"
    MERGE = "MERGE"
    MEMORY = "MEMORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step that ran; ``cost`` in 10^-12 dollars."""

    order: int
    name: str
    type: StepType
    status: Status
    output: Json = None
    latency_ms: int | None = None
    cost: int | None = None
    error: str | None = None
    error_type: ErrorType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainExecution:
    """``total_cost`` (10^-12 dollars) and tokens are sums over its calls."""

    id: str
    workspace: str
    created_at: datetime
    status: Status
    chain_id: str | None = None
    chain_name: str | None = None
    input: Json = None
    output: Json = None
    error: str | None = None
    error_type: ErrorType | None = None
    latency_ms: int | None = None
    total_cost: int | None = None
    steps: tuple[StepRun, ...] = ()
