"""The queries."""

from collections.abc import Sequence

import strawberry

from promptforge.core.access import Permission
from promptforge.core.access import User as CoreUser
from promptforge.core.access import Workspace as CoreWorkspace
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.execution import Execution as CoreExecution
from promptforge.core.prompt import Prompt as CorePrompt
from promptforge.core.prompt import PromptVersion as CoreVersion
from promptforge.server.graphql.access import User, Workspace
from promptforge.server.graphql.breakdown import Series, Top, series, top
from promptforge.server.graphql.chain import Chain, ChainVersion, chain, chain_version, chains
from promptforge.server.graphql.chain_execution import ChainExecution, chain_execution, chain_executions
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import StatusEnum
from promptforge.server.graphql.estimate import Estimate, estimate
from promptforge.server.graphql.execution import CONTENT, Execution, page, prepare
from promptforge.server.graphql.field import resolved
from promptforge.server.graphql.filter import ExecutionFilter, tree
from promptforge.server.graphql.health import Health, health
from promptforge.server.graphql.limits import at_most
from promptforge.server.graphql.overview import Overview, ValueCount, overview, values
from promptforge.server.graphql.price import Price, Tariff, Unpriced, price_of, prices, prices_csv, unpriced
from promptforge.server.graphql.prompt import Prompt, PromptVersion
from promptforge.server.graphql.provider import Provider, provider_models, providers
from promptforge.server.graphql.retention import Retention, retention
from promptforge.server.graphql.scalars import Count
from promptforge.server.graphql.secret import Secret, secrets
from promptforge.server.graphql.selection import selected
from promptforge.server.graphql.service import Service, services
from promptforge.services.demo.demo import WORKSPACE


@strawberry.type(description="The demo's progress while it loads.")
class Loading:
    done: Count
    total: Count


async def _me(info: Info) -> CoreUser:
    return await info.context.forge.access.me(info.context.actor)


async def _workspace(info: Info) -> CoreWorkspace:
    return await info.context.forge.access.workspace(info.context.actor)


async def _prompt(info: Info, id: strawberry.ID | None = None, name: str | None = None) -> CorePrompt | None:
    if (id is None) == (name is None):
        raise InvalidInput("give either the id or the name of the prompt", path="$.id")
    prompts, actor = info.context.forge.prompts, info.context.actor
    try:
        return await (prompts.get(actor, id) if id is not None else prompts.named(actor, name or ""))
    except NotFound:
        return None


async def _prompts(
    info: Info,
    mine: bool | None = None,
    limit: int | None = 50,
    offset: int | None = 0,
    search: str | None = None,
    archived: bool | None = False,
) -> Sequence[CorePrompt]:
    return await info.context.forge.prompts.list(
        info.context.actor,
        mine=bool(mine),
        search=search,
        archived=bool(archived),
        limit=at_most(limit),
        offset=offset or 0,
    )


async def _prompt_version(info: Info, id: strawberry.ID) -> CoreVersion | None:
    try:
        return await info.context.forge.prompts.version_by_id(info.context.actor, id)
    except NotFound:
        return None


async def _executions(
    info: Info,
    limit: int | None = 50,
    offset: int | None = 0,
    after: str | None = None,
    status: StatusEnum | None = None,
    top_level: bool | None = None,
    filter: ExecutionFilter | None = None,
) -> list[CoreExecution]:
    wanted = tree(filter, status=status, top_level=top_level)
    return await page(info, wanted, limit=limit, offset=offset, after=after)


async def _execution(info: Info, id: strawberry.ID) -> CoreExecution | None:
    context, paths = info.context, selected(info)
    try:
        found = await context.forge.executions.get(context.actor, id)
    except NotFound:
        return None
    if not paths.isdisjoint(CONTENT):
        context.actor.require(Permission.CONTENT)
    await prepare(context, [found], paths)
    return found


async def _loading(info: Info) -> Loading | None:
    demo = info.context.forge.demo
    if not demo.loading:
        return None
    workspace = await info.context.forge.access.workspace(info.context.actor)
    return Loading(done=Count(demo.done), total=Count(demo.total)) if workspace.name == WORKSPACE else None


@strawberry.type
class Query:
    me: User = resolved(_me)
    workspace: Workspace = resolved(_workspace)
    prompt: Prompt | None = resolved(_prompt)
    prompts: list[Prompt] = resolved(_prompts)
    prompt_version: PromptVersion | None = resolved(_prompt_version)
    chain: Chain | None = resolved(chain)
    chains: list[Chain] = resolved(chains, description="Newest first.")
    chain_version: ChainVersion | None = resolved(chain_version)
    executions: list[Execution] = resolved(_executions, description="Newest first.")
    execution: Execution | None = resolved(_execution)
    chain_executions: list[ChainExecution] = resolved(chain_executions, description="Newest first.")
    chain_execution: ChainExecution | None = resolved(chain_execution)
    overview: Overview = resolved(overview)
    top: Top = resolved(top, description="The groups with the most of something, and the rest summed.")
    series: Series = resolved(series, description="Figures bucket by bucket of time, and of groups in each.")
    values: list[ValueCount] = resolved(
        values, description="Values of the last 90 days, most frequent first: what the filters offer."
    )
    services: list[Service] = resolved(
        services, description="The programs of all time, the last seen first, with their figures of the window."
    )
    providers: list[Provider] = resolved(providers, description="All that are known, set or not.")
    provider_models: list[str] = resolved(
        provider_models, description="The models that a provider lists, of some minutes ago at most; some list none."
    )
    health: Health = resolved(health)
    retention: Retention = resolved(retention)
    prices: list[Price] = resolved(
        prices, description="The workspace's own, which come before the catalogue; with `ended` those too that were."
    )
    prices_csv: str = resolved(prices_csv, description="The same as a file that importPrices takes.")
    price_of: Tariff | None = resolved(price_of, description="What a model costs; null where it has no price.")
    unpriced: Unpriced = resolved(unpriced, description="The models that calls had no price for.")
    estimate: Estimate = resolved(
        estimate, description="What running it would use and cost; see docs/prices.md. Nothing is called or recorded."
    )
    secrets: list[Secret] = resolved(secrets, description="By name; values are shown to nobody.")
    loading: Loading | None = resolved(
        _loading, description="The demo's progress while it loads; null when nothing loads."
    )
