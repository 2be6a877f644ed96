"""What every ProviderCatalog promises."""

from dataclasses import replace
from datetime import timedelta

from kit.catalog import catalog
from kit.clock import START
from promptforge.core.provider import Limits, Provider

__all__ = ["catalog"]

PLAIN = Provider(workspace="here", name="openai", preset="openai", updated_at=START, updated_by="user_1")
WHOLE = Provider(
    workspace="here",
    name="azure-eu",
    preset="openai-compatible",
    base_url="https://eu.example/v1",
    region="eu",
    project="p-1",
    api_version="2025-01-01",
    limits=Limits(at_once=3, requests_per_minute=60, tokens_per_minute=90_000),
    connect_ms=500,
    idle_ms=30_000,
    proxy="http://proxy.example:3128",
    ca="-----BEGIN CERTIFICATE-----",
    updated_at=START,
    updated_by="user_1",
)


async def test_what_is_put_is_listed_by_name(catalog):
    """Field for field, and those of one workspace only."""
    elsewhere = replace(PLAIN, workspace="there")
    for provider in (PLAIN, WHOLE, elsewhere):
        await catalog.providers.put(provider)
    assert list(await catalog.providers.list("here")) == [WHOLE, PLAIN]
    assert list(await catalog.providers.list("there")) == [elsewhere]


async def test_the_later_one_takes_the_place_of_the_earlier(catalog):
    """Whole: what it leaves out is gone."""
    await catalog.providers.put(WHOLE)
    later = replace(PLAIN, name=WHOLE.name, updated_at=START + timedelta(days=1))
    await catalog.providers.put(later)
    assert list(await catalog.providers.list("here")) == [later]


async def test_what_is_removed_is_gone(catalog):
    """From its own workspace; a second time there is nothing to remove."""
    await catalog.providers.put(PLAIN)
    assert not await catalog.providers.remove("there", "openai")
    assert await catalog.providers.remove("here", "openai")
    assert not await catalog.providers.remove("here", "openai")
    assert list(await catalog.providers.list("here")) == []


async def test_a_removed_workspace_takes_its_providers_with_it(catalog):
    """Providers do not hold a workspace back, and are gone with it."""
    await catalog.providers.put(PLAIN)
    await catalog.access.remove_workspace("here")
    assert list(await catalog.providers.list("here")) == []
