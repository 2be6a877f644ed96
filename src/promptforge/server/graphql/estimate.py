"""The estimate in the API: what a call would use and cost."""

import strawberry

from promptforge.core import money
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.field import read
from promptforge.server.graphql.mutation import ExecutePromptInput, call
from promptforge.server.graphql.scalars import Count
from promptforge.services.estimates import Estimate as CoreEstimate


@strawberry.type(description="The means of the version's calls of the last 30 days with that model.")
class Usual:
    calls: Count = strawberry.field(description="How many there were whose usage is known.")
    token_in: Count
    token_out: Count
    cost_usd: str | None = read(lambda usual: None if usual.cost is None else money.exact(usual.cost))
    cost_display: str | None = read(lambda usual: None if usual.cost is None else money.human(usual.cost))


@strawberry.type(description="What one attempt would use and cost at most, and as it usually was. Nobody is called.")
class Estimate:
    provider: str
    model: str
    max_token_in: Count = read(lambda e: e.token_in, description="The bytes of the request: a token is one at least.")
    max_token_out: Count | None = read(lambda e: e.token_out, description="Null where the call sets no limit.")
    max_cost_usd: str | None = read(
        lambda e: None if e.cost is None else money.exact(e.cost), description="Null without a limit, or a price."
    )
    max_cost_display: str | None = read(lambda e: None if e.cost is None else money.human(e.cost))
    priced: bool
    usual: Usual | None = strawberry.field(description="Null for what is no version, or has no such calls.")


async def estimate(info: Info, input: ExecutePromptInput) -> CoreEstimate:
    """What a call would use and cost."""
    return await info.context.forge.estimates.estimate(info.context.actor, call(input))
