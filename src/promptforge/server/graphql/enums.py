"""The enums; those that the documentation prints in lower case are named so, the others in upper case."""

from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import strawberry
from strawberry.schema.name_converter import NameConverter
from strawberry.types.enum import EnumValue, StrawberryEnumDefinition

from promptforge.core.access import Role, Scope
from promptforge.core.chain import OnError, Severity, StepType
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.prompt import Category
from promptforge.core.provider import BreakerState, KeySource
from promptforge.core.query import Dimension, Metric
from promptforge.core.retention import ContentPolicy


class TimeWindow(Enum):
    LAST_7_DAYS = 7
    LAST_30_DAYS = 30
    ALL_TIME = None


class ValueField(Enum):
    PROMPT_NAME = Dimension.PROMPT_NAME
    MODEL = Dimension.MODEL
    PROVIDER = Dimension.PROVIDER
    SERVICE = Dimension.SERVICE
    END_USER = Dimension.END_USER
    LABEL = Dimension.LABEL
    ERROR_TYPE = Dimension.ERROR_TYPE
    SOURCE = Dimension.SOURCE
    VERSION = Dimension.VERSION
    CHAIN_NAME = Dimension.CHAIN_NAME


class TimeBucket(Enum):
    HOUR = Dimension.HOUR
    DAY = Dimension.DAY
    WEEK = Dimension.WEEK
    MONTH = Dimension.MONTH
    HOUR_OF_WEEK = Dimension.HOUR_OF_WEEK


class GroupField(Enum):
    STATUS = Dimension.STATUS
    PROMPT = Dimension.PROMPT
    PROMPT_NAME = Dimension.PROMPT_NAME
    VERSION_ID = Dimension.VERSION_ID
    VERSION = Dimension.VERSION
    MODEL = Dimension.MODEL
    PROVIDER = Dimension.PROVIDER
    SERVICE = Dimension.SERVICE
    SOURCE = Dimension.SOURCE
    LABEL = Dimension.LABEL
    ERROR_TYPE = Dimension.ERROR_TYPE
    FINISH_REASON = Dimension.FINISH_REASON
    COST_STATE = Dimension.COST_STATE
    CACHED = Dimension.CACHED
    END_USER = Dimension.END_USER
    SESSION = Dimension.SESSION
    USER = Dimension.USER
    KEY = Dimension.KEY
    CHAIN = Dimension.CHAIN
    CHAIN_NAME = Dimension.CHAIN_NAME
    CHAIN_VERSION = Dimension.CHAIN_VERSION


class StreamEventKind(Enum):
    STARTED = "started"
    DELTA = "delta"
    FINISHED = "finished"


class ChainEventKind(Enum):
    STARTED = "started"
    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    FINISHED = "finished"


if TYPE_CHECKING:
    StatusEnum: TypeAlias = Status
    ErrorTypeEnum: TypeAlias = ErrorType
    SourceEnum: TypeAlias = Source
    CostStateEnum: TypeAlias = CostState
    CategoryEnum: TypeAlias = Category
    StepTypeEnum: TypeAlias = StepType
    OnErrorEnum: TypeAlias = OnError
    SeverityEnum: TypeAlias = Severity
    RoleEnum: TypeAlias = Role
    ScopeEnum: TypeAlias = Scope
    ContentPolicyEnum: TypeAlias = ContentPolicy
    KeySourceEnum: TypeAlias = KeySource
    BreakerStateEnum: TypeAlias = BreakerState
    TimeWindowEnum: TypeAlias = TimeWindow
    ValueFieldEnum: TypeAlias = ValueField
    TimeBucketEnum: TypeAlias = TimeBucket
    GroupFieldEnum: TypeAlias = GroupField
    MetricEnum: TypeAlias = Metric
    StreamEventKindEnum: TypeAlias = StreamEventKind
    ChainEventKindEnum: TypeAlias = ChainEventKind
else:
    StatusEnum = strawberry.enum(Status, name="ExecutionStatus")
    ErrorTypeEnum = strawberry.enum(ErrorType, name="ErrorType")
    SourceEnum = strawberry.enum(Source, name="ExecutionSource", description="The road by which an execution came.")
    CostStateEnum = strawberry.enum(CostState, name="CostState", description="Why a cost is what it is.")
    CategoryEnum = strawberry.enum(Category, name="PromptCategory")
    StepTypeEnum = strawberry.enum(StepType, name="StepType")
    OnErrorEnum = strawberry.enum(OnError, name="OnError", description="What a failed step does to its chain.")
    SeverityEnum = strawberry.enum(Severity, name="Severity")
    RoleEnum = strawberry.enum(Role, name="Role")
    ScopeEnum = strawberry.enum(Scope, name="Scope")
    ContentPolicyEnum = strawberry.enum(ContentPolicy, name="ContentPolicy")
    KeySourceEnum = strawberry.enum(KeySource, name="KeySource", description="Where a provider's key comes from.")
    BreakerStateEnum = strawberry.enum(
        BreakerState,
        name="BreakerState",
        description="CLOSED: it is called. OPEN: it failed so often that it is not. HALF_OPEN: one call tries it.",
    )
    TimeWindowEnum = strawberry.enum(TimeWindow, name="TimeWindow")
    ValueFieldEnum = strawberry.enum(ValueField, name="ValueField")
    TimeBucketEnum = strawberry.enum(TimeBucket, name="TimeBucket", description="As clocks and calendars of the zone.")
    GroupFieldEnum = strawberry.enum(GroupField, name="GroupField")
    MetricEnum = strawberry.enum(Metric, name="FiguresMetric")
    StreamEventKindEnum = strawberry.enum(StreamEventKind, name="StreamEventKind")
    ChainEventKindEnum = strawberry.enum(ChainEventKind, name="ChainEventKind")

_LOWER = frozenset(
    {"ExecutionStatus", "ErrorType", "ExecutionSource", "CostState", "OnError", "Severity"}
    | {"StreamEventKind", "ChainEventKind"}
)


class Names(NameConverter):
    """Strawberry's camel case, and lower case for the enums that are documented so."""

    def from_enum_value(self, enum: StrawberryEnumDefinition, enum_value: EnumValue) -> str:
        """Name an enum's value."""
        name = super().from_enum_value(enum, enum_value)
        return name.lower() if enum.name in _LOWER else name
