"""Chain executions: one run of a chain. Its calls of models are executions of their own, and they hold the money.

A ChainExecution is written to the journal when it is opened, once per finished step (its checkpoints), and when it is
closed; to history once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from promptforge.core.chain import ChainRef, StepType
from promptforge.core.execution import Attempt, CostState, ErrorType, Execution, Json, Source, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContent:
    """What went into a step and what came out; hostile text."""

    input: Json = None
    output: Json = None
    error: str | None = None
    stack_trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step that ran. ``offset_ms`` counts from the start of the chain.

    ``execution_id`` is the call it made (PROMPT); ``cost`` (10^-12 dollars) and tokens are that call's: 0 for steps
    that call no model, None when not known. ``attempts`` are those of an API_CALL (``provider`` is the host); a
    PROMPT's are on its execution. ``tag`` is what a CONDITION activated. ``reused_from`` is the chain execution whose
    step this is: a fork takes over what came before, at cost 0.
    """

    name: str
    order: int
    type: StepType
    status: Status
    offset_ms: int = 0
    latency_ms: int = 0
    error_type: ErrorType | None = None
    execution_id: str | None = None
    cost: int | None = 0
    cost_state: CostState = CostState.PRICED
    token_in: int | None = 0
    token_out: int | None = 0
    attempts: tuple[Attempt, ...] = ()
    tag: str | None = None
    reused_from: str | None = None
    content: StepContent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedStep:
    """A step that did not run, and why."""

    name: str
    order: int
    type: StepType
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlan:
    """What acceptance froze beside the version: the prompt version of each PROMPT step by name, and the bounds.

    ``overrides`` are those of ``ChainCall``: steps changed for this run alone.
    """

    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    overrides: Mapping[str, Json] = field(default_factory=dict[str, Json])
    deadline_ms: int = 0
    max_cost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainContent:
    """What went into a chain and what came out; the content of a step stands at the step."""

    input: Json = None
    output: Json = None
    error: str | None = None
    stack_trace: str | None = None
    metadata: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainExecution:
    """One run of a chain. ``steps`` are those that ran, in order; while it is pending, those that are done.

    Times as in Execution. ``content`` (and that of the steps) is None when it was not asked for or has expired.
    """

    id: str
    workspace: str
    created_at: datetime
    status: Status
    source: Source
    chain: ChainRef | None = None
    plan: ChainPlan = field(default_factory=ChainPlan)
    user_id: str | None = None
    key_id: str | None = None
    service: str | None = None
    end_user: str | None = None
    session_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    error_type: ErrorType | None = None
    failed_step: str | None = None
    started_at: datetime | None = None
    latency_ms: int | None = None
    steps: tuple[StepRun, ...] = ()
    skipped: tuple[SkippedStep, ...] = ()
    forked_from: str | None = None
    recorded_at: datetime | None = None
    expires_on: date | None = None
    input_hash: int = 0
    output_hash: int = 0
    content: ChainContent | None = None

    @property
    def pending(self) -> bool:
        """Whether it has not been closed yet."""
        return self.status is Status.PENDING

    @property
    def total_cost(self) -> int:
        """What its calls cost as far as it is known, in 10^-12 dollars; ``cost_state`` says whether that is all."""
        return sum(step.cost or 0 for step in self.steps)

    @property
    def cost_state(self) -> CostState:
        """Pending until it is closed. Priced when every call is; else the worst that one of them is."""
        if self.pending:
            return CostState.PENDING
        states = {step.cost_state for step in self.steps}
        return next((s for s in (CostState.UNKNOWN, CostState.UNPRICED) if s in states), CostState.PRICED)

    @property
    def token_in(self) -> int:
        """Input tokens of its calls, as far as they are known."""
        return sum(step.token_in or 0 for step in self.steps)

    @property
    def token_out(self) -> int:
        """Output tokens of its calls, as far as they are known."""
        return sum(step.token_out or 0 for step in self.steps)


AnyExecution = Execution | ChainExecution
"""What the record keeps."""


def without_content(execution: ChainExecution) -> ChainExecution:
    """The same without anything that a caller said: content, that of the steps, and what was changed for the run."""
    steps = tuple(replace(step, content=None) for step in execution.steps)
    plan = replace(execution.plan, overrides=ChainPlan().overrides)
    return replace(execution, content=None, steps=steps, plan=plan)


def critical_path(steps: Sequence[StepRun]) -> tuple[str, ...]:
    """The names of the steps that decided how long the chain took: of each order the one that ended last.

    A wave begins when the one before it has ended, so no other path can be longer.
    """
    last: dict[int, StepRun] = {}
    for step in steps:
        known = last.get(step.order)
        if known is None or step.offset_ms + step.latency_ms > known.offset_ms + known.latency_ms:
            last[step.order] = step
    return tuple(last[order].name for order in sorted(last))
