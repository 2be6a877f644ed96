"""Chains in the API: the documented shape, empty until chains can be made and run."""

from datetime import datetime
from typing import Any

import strawberry

from promptforge.core import money
from promptforge.core.chain_execution import ChainContent, StepContent, StepRun
from promptforge.core.chain_execution import ChainExecution as CoreChainExecution
from promptforge.server.graphql.access import User
from promptforge.server.graphql.enums import ErrorTypeEnum, StatusEnum, StepTypeEnum
from promptforge.server.graphql.field import read, resolved
from promptforge.server.graphql.limits import at_most
from promptforge.server.graphql.scalars import Json


def _cost(step: StepRun) -> str | None:
    return None if step.cost is None else money.four(step.cost)


def _total(execution: CoreChainExecution) -> str | None:
    return money.four(execution.total_cost)


def _latency() -> Any:
    return read(lambda value: value.latency_ms)


@strawberry.type
class ChainExecutionStep:
    order: int
    name: str
    type: StepTypeEnum
    status: StatusEnum
    output: Json | None = read(lambda step: (step.content or StepContent()).output)
    latency: int | None = _latency()
    latency_ms: int | None
    cost: str | None = read(_cost)
    error: str | None = read(lambda step: (step.content or StepContent()).error)
    error_type: ErrorTypeEnum | None


def _none(root: object, limit: int | None = 50, offset: int | None = 0) -> list[CoreChainExecution]:
    at_most(limit)
    return []


@strawberry.type
class Chain:
    id: strawberry.ID
    name: str
    description: str | None
    is_active: bool
    required_inputs: Json | None
    created_at: datetime
    updated_at: datetime
    created_by: User | None
    executions: list["ChainExecution"] = resolved(_none)


@strawberry.type
class ChainExecution:
    id: strawberry.ID
    status: StatusEnum
    input: Json | None = read(lambda execution: (execution.content or ChainContent()).input)
    output: Json | None = read(lambda execution: (execution.content or ChainContent()).output)
    error: str | None = read(lambda execution: (execution.content or ChainContent()).error)
    error_type: ErrorTypeEnum | None
    latency_ms: int | None
    latency: int | None = _latency()
    total_latency: int | None = _latency()
    total_cost: str | None = read(_total)
    step_count: int = read(lambda execution: len(execution.steps))
    created_at: datetime
    chain: Chain | None = read(lambda _: None)
    steps: list[ChainExecutionStep]
