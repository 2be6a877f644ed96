"""Chains in the API. What runs of them is in ``chain_execution.py``.

A chain stands here also as the reference that a chain execution carries, which knows its id and its name.
"""

from datetime import datetime
from typing import Any

import strawberry

from promptforge.core.chain import ChainRef
from promptforge.core.chain_execution import ChainExecution as CoreChainExecution
from promptforge.core.errors import NotFound
from promptforge.core.filter import Operator, Test
from promptforge.server.graphql.access import User
from promptforge.server.graphql.chain_execution import ChainExecution, page
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import StatusEnum
from promptforge.server.graphql.field import read, resolved
from promptforge.server.graphql.filter import ChainExecutionFilter, chain_tree
from promptforge.server.graphql.scalars import Json


async def _executions(
    root: ChainRef,
    info: Info,
    limit: int | None = 50,
    offset: int | None = 0,
    after: str | None = None,
    status: StatusEnum | None = None,
    filter: ChainExecutionFilter | None = None,
) -> list[CoreChainExecution]:
    ours = Test("chain_id", Operator.IN, (root.chain_id,))
    return await page(info, chain_tree(filter, ours, status=status), limit=limit, offset=offset, after=after)


def _defined() -> Any:
    def missing(chain: ChainRef) -> Any:
        raise NotFound(f"the chain '{chain.chain_name}' is not defined here; what ran of it is all that is known")

    return read(missing)


@strawberry.type
class Chain:
    id: strawberry.ID = read(lambda chain: chain.chain_id)
    name: str = read(lambda chain: chain.chain_name)
    description: str | None = _defined()
    is_active: bool = _defined()
    required_inputs: Json | None = _defined()
    created_at: datetime = _defined()
    updated_at: datetime = _defined()
    created_by: User | None = _defined()
    executions: list[ChainExecution] = resolved(_executions)
