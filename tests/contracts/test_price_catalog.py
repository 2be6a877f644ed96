"""What every PriceCatalog promises."""

from dataclasses import replace
from datetime import timedelta

from kit.catalog import catalog
from kit.clock import START
from promptforge.core.price import Price, Rate, Tiered

__all__ = ["catalog"]


def rate(unit, usd, *tiers, per=1_000_000):
    made = tuple((start, Rate(unit=unit, usd=usd, per=per)) for start, usd in tiers)
    return Tiered(Rate(unit=unit, usd=usd, per=per), made)


PRICE = Price(
    id="price_1",
    workspace="here",
    provider="openai",
    model="gpt-*",
    rates={"input": rate("input", 2_500_000, (200_000, 5_000_000)), "requests": rate("requests", 1, per=1)},
    valid_from=START,
    terms={"processing": "batch"},
    note="contract",
    created_at=START,
    created_by="user_1",
)


async def test_what_is_added_is_listed_as_it_was(catalog):
    """Rates, tiers, terms and times come back exactly, those of one workspace only."""
    whatever = replace(PRICE, id="price_2", model="o3", terms=None, valid_until=START + timedelta(days=1))
    elsewhere = replace(PRICE, workspace="there", terms={})
    await catalog.prices.add([whatever, PRICE, elsewhere])
    await catalog.prices.add([])
    assert list(await catalog.prices.list("here")) == [PRICE, whatever]
    assert list(await catalog.prices.list("there")) == [elsewhere]
    assert list(await catalog.prices.all()) == [PRICE, whatever, elsewhere]


async def test_a_row_is_ended_in_its_own_workspace(catalog):
    """The end is stored; another workspace finds nothing to end."""
    await catalog.prices.add([PRICE])
    later = START + timedelta(days=30)
    assert not await catalog.prices.end("there", PRICE.id, later)
    assert not await catalog.prices.end("here", "price_9", later)
    assert await catalog.prices.end("here", PRICE.id, later)
    assert list(await catalog.prices.list("here")) == [replace(PRICE, valid_until=later)]


async def test_a_removed_workspace_takes_its_prices_with_it(catalog):
    """Prices do not hold a workspace back, and are gone with it."""
    await catalog.prices.add([PRICE])
    await catalog.access.remove_workspace("here")
    assert list(await catalog.prices.all()) == []
