"""Providers of models in the API: what there is, what a workspace sets, and what it may not see again."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import strawberry

from promptforge.core.access import Permission
from promptforge.core.provider import Limits, Tested
from promptforge.core.provider import Provider as CoreProvider
from promptforge.server.graphql.context import Context, Info
from promptforge.server.graphql.enums import BreakerStateEnum, ErrorTypeEnum, KeySourceEnum
from promptforge.server.graphql.field import ask, read
from promptforge.services.providers import Standing


@strawberry.type(description="What the workspace set; what is null is as the preset has it, or has no limit.")
class ProviderSettings:
    base_url: str | None
    region: str | None
    project: str | None
    api_version: str | None
    at_once: int | None = read(lambda p: p.limits.at_once, description="Calls on their way at the same time.")
    requests_per_minute: int | None = read(lambda p: p.limits.requests_per_minute)
    tokens_per_minute: int | None = read(lambda p: p.limits.tokens_per_minute)
    connect_timeout_ms: int | None = read(lambda p: p.connect_ms)
    idle_timeout_ms: int | None = read(
        lambda p: p.idle_ms, description="The longest silence before and within an answer."
    )
    proxy: str | None = strawberry.field(description="Without its user and password, which nobody is shown.")
    ca: str | None = strawberry.field(description="Certificates (PEM) trusted in the place of the system's.")
    updated_at: datetime


@strawberry.type(description="What goes on at a provider for the workspace, since the server started.")
class ProviderState:
    running: int = strawberry.field(description="Calls on their way.")
    waiting: int = strawberry.field(description="Calls that wait for their turn within the limits.")
    breaker: BreakerStateEnum
    failures: int = strawberry.field(description="Those in a row that were the provider's own.")
    open_since: datetime | None
    retry_at: datetime | None = strawberry.field(description="When it is tried again.")


def _for_administrators(of: Callable[[Standing], Any]) -> Any:
    def field(standing: Standing, context: Context) -> Any:
        return of(standing) if Permission.ADMIN in context.actor.permissions else None

    return field


@strawberry.type(description="Who runs models, as the workspace has it.")
class Provider:
    name: str = strawberry.field(description="As calls name it.")
    title: str = read(lambda s: s.preset.title)
    preset: str = read(lambda s: s.preset.name)
    own: bool = read(lambda s: s.name != s.preset.name, description="Whether the workspace gave it this name.")
    ready: bool = strawberry.field(description="Whether a call has what it needs: an address, and a key if one is due.")
    why: str | None = strawberry.field(description="Why it is not ready, and what to do; null when it is.")
    key_source: KeySourceEnum
    key_name: str = strawberry.field(description="The secret that holds the workspace's key.")
    key_set_at: datetime | None = ask(
        _for_administrators(lambda s: s.key and s.key.updated_at), description="Of the workspace's key."
    )
    proxy_credentials: bool = read(
        lambda s: s.proxy_key is not None, description="Whether a user and password of the proxy are stored."
    )
    address: str | None = ask(
        _for_administrators(lambda s: s.address), description="Where it is called; to administrators only."
    )
    needs: list[str] = read(
        lambda s: [_camel(need) for need in s.preset.needs], description="The settings that must be given."
    )
    state: ProviderState = ask(lambda s, context: context.forge.providers.state(context.actor, s.name))
    settings: ProviderSettings | None = ask(
        _for_administrators(lambda s: s.settings), description="Null where nothing is set; to administrators only."
    )


@strawberry.input(
    description="All that is set for a provider, but for its key: what is left out is not set any longer."
)
class SaveProviderInput:
    name: str
    preset: str | None = strawberry.field(default=None, description="Without: the one of that name.")
    base_url: str | None = None
    region: str | None = None
    project: str | None = None
    api_version: str | None = None
    at_once: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    connect_timeout_ms: int | None = None
    idle_timeout_ms: int | None = None
    proxy: str | None = strawberry.field(
        default=None,
        description="http://host:port. user:password@ before the host is sealed; without it what was given stays.",
    )
    ca: str | None = None


async def providers(info: Info) -> Sequence[Standing]:
    """Every provider that is known, set or not."""
    return await info.context.forge.providers.list(info.context.actor)


@strawberry.type(description="What came of a test of the connection; it is no execution.")
class ProviderTest:
    ok: bool
    latency_ms: int
    problem: str | None = strawberry.field(description="What exactly is wrong; null when it is well.")
    error_type: ErrorTypeEnum | None
    models: int | None = strawberry.field(description="How many models it listed; null where it has no list.")


async def test_provider(info: Info, name: str) -> Tested:
    """Try the connection."""
    return await info.context.forge.providers.test(info.context.actor, name)


async def provider_models(info: Info, provider: str) -> Sequence[str]:
    """What the provider lists."""
    return await info.context.forge.providers.models(info.context.actor, provider)


async def save_provider(info: Info, input: SaveProviderInput) -> Standing:
    """Say all that is set for a provider."""
    context = info.context
    given = CoreProvider(
        workspace=context.actor.workspace,
        name=input.name,
        preset=input.preset or input.name,
        base_url=input.base_url,
        region=input.region,
        project=input.project,
        api_version=input.api_version,
        limits=Limits(
            at_once=input.at_once,
            requests_per_minute=input.requests_per_minute,
            tokens_per_minute=input.tokens_per_minute,
        ),
        connect_ms=input.connect_timeout_ms,
        idle_ms=input.idle_timeout_ms,
        proxy=input.proxy,
        ca=input.ca,
        updated_at=context.forge.clock.now(),
        updated_by=context.actor.user_id,
    )
    return await context.forge.providers.save(context.actor, given)


async def remove_provider(info: Info, name: str) -> bool:
    """Forget all that is set for a provider."""
    await info.context.forge.providers.remove(info.context.actor, name)
    return True


async def set_provider_key(info: Info, name: str, key: str) -> Standing:
    """Store the workspace's key."""
    return await info.context.forge.providers.set_key(info.context.actor, name, key)


async def remove_provider_key(info: Info, name: str) -> Standing:
    """Forget the workspace's key."""
    return await info.context.forge.providers.remove_key(info.context.actor, name)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
