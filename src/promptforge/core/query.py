"""Questions to the record, and the shapes of its answers."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from promptforge.core.chain_execution import ChainExecution
from promptforge.core.execution import Execution, Source
from promptforge.core.filter import EVERYTHING, Filter
from promptforge.core.stats import Figures

MAX_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of executions, newest first. ``after`` is the id of the last one seen; ``offset`` counts from there."""

    workspace: str
    filter: Filter = EVERYTHING
    limit: int = 50
    offset: int = 0
    after: str | None = None
    content: bool = True


class Dimension(StrEnum):
    """What figures can be grouped by. The first five are of time, in the breakdown's zone: ``core.bucket`` has them."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HOUR_OF_WEEK = "hour_of_week"
    STATUS = "status"
    PROMPT = "prompt_id"
    PROMPT_NAME = "prompt_name"
    VERSION_ID = "version_id"
    VERSION = "version"
    MODEL = "model"
    PROVIDER = "provider"
    SERVICE = "service"
    SOURCE = "source"
    LABEL = "label"
    ERROR_TYPE = "error_type"
    FINISH_REASON = "finish_reason"
    COST_STATE = "cost_state"
    CACHED = "cached"
    END_USER = "end_user"
    SESSION = "session_id"
    USER = "user_id"
    KEY = "key_id"
    CHAIN = "chain_id"
    CHAIN_NAME = "chain_name"
    CHAIN_VERSION = "chain_version"


BUCKETS = frozenset({Dimension.HOUR, Dimension.DAY, Dimension.WEEK, Dimension.MONTH, Dimension.HOUR_OF_WEEK})
"""The dimensions of time."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as a dimension: the text that stands under *key*; without it, or with an empty one, there is none."""

    key: str


class Subject(StrEnum):
    """Whether success, error, pending and latency count runs or calls."""

    RUNS = "runs"
    CALLS = "calls"


class Metric(StrEnum):
    """By what groups are ranked, the largest first; the last five are per finished or known one, not sums."""

    RUNS = "runs"
    CALLS = "calls"
    SUCCESS = "success"
    ERROR = "error"
    PENDING = "pending"
    COST = "cost"
    TOKEN_IN = "token_in"  # noqa: S105
    TOKEN_OUT = "token_out"  # noqa: S105
    TOKENS = "tokens"
    ERROR_RATE = "error_rate"
    LATENCY = "latency"
    COST_PER_CALL = "cost_per_call"
    TOKENS_PER_CALL = "tokens_per_call"


def measure(metric: Metric, figures: Figures) -> float:
    """What groups are sorted by; -1 where there is no value, which comes last."""
    match metric:
        case Metric.TOKENS:
            return figures.token_in + figures.token_out
        case Metric.ERROR_RATE:
            return _ratio(figures.error, figures.success + figures.error)
        case Metric.LATENCY:
            return _ratio(figures.latency_ms_sum, figures.latency_count)
        case Metric.COST_PER_CALL:
            return _ratio(figures.cost, figures.calls)
        case Metric.TOKENS_PER_CALL:
            return _ratio(figures.token_in + figures.token_out, figures.calls)
        case _:
            return getattr(figures, metric.value)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Figures of what was created from *start* (inclusive, None: ever) to *end* (exclusive), by dimensions.

    Groups come by *rank* (None: number of subjects), largest first, at most *limit* of them; by time, oldest first.
    With *rest* what the limit cuts off comes as one last group with an empty key, so that nothing is left out.
    *minimum* ranks groups with fewer finished subjects behind all others.
    """

    workspace: str
    filter: Filter = EVERYTHING
    start: datetime | None = None
    end: datetime | None = None
    by: tuple[Dimension | Tag, ...] = ()
    subject: Subject = Subject.RUNS
    zone: str = "UTC"
    limit: int = 10_000
    rank: Metric | None = None
    minimum: int = 0
    rest: bool = False


Key = tuple[str | int | date | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """*key* holds a value per dimension, None where an execution has none (a call without a prompt).

    The rest has an empty key and *groups* says how many it stands for.
    """

    key: Key
    figures: Figures
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """``behind`` counts what was acknowledged before the question and is not in the answer yet; usually 0."""

    as_of: datetime
    behind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Executions:
    items: Sequence[Execution]
    freshness: Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainExecutions:
    items: Sequence[ChainExecution]
    freshness: Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Everything finished that a question finds, newest first, as of one moment: nothing shifts while it is read.

    *parts* are of bounded size and together hold *count* executions; close them when you leave early. *content* says
    whether they carry theirs.
    """

    count: int
    as_of: datetime
    content: bool
    parts: AsyncGenerator[Sequence[Execution]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    items: Sequence[Group]
    freshness: Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a batch from outside: received = stored + duplicate + rejected."""

    stored: int
    duplicate: int
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHealth:
    """``journaled`` closed events wait for history; ``oldest`` is the age of the first in seconds.

    Of one workspace, ``problem`` is None and ``free_bytes`` 0: they are about the machine.
    """

    open: int
    journaled: int
    oldest: float
    history: bool
    problem: str | None = None
    free_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was offered by one road since the start: received = stored + duplicate + rejected, at every moment."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            received=self.received + other.received,
            stored=self.stored + other.stored,
            duplicate=self.duplicate + other.duplicate,
            rejected=self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that went wrong, and when it last did."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A service, None where none was said: by which roads anything of it ever came, and when the newest was made."""

    service: str | None
    sources: tuple[Source, ...]
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What was refused on its way in since the start, and why and when the last of it."""

    count: int = 0
    last: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """What a store takes on the disk; *rows* is None where it is not known."""

    name: str
    bytes: int
    rows: int | None
