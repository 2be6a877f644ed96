"""The price book in the API: the workspace's own rows, what a model costs, and what has no price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import strawberry

from promptforge.core import money
from promptforge.core.errors import InvalidInput
from promptforge.core.json import is_object
from promptforge.core.price import Price as CorePrice
from promptforge.core.price import Rate, Tiered
from promptforge.core.price_row import FREE, PriceRow, rate
from promptforge.pricing.tariff import Tariff as CoreTariff
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import TimeWindow, TimeWindowEnum
from promptforge.server.graphql.field import ask, read
from promptforge.server.graphql.overview import Figures, asked_window
from promptforge.server.graphql.scalars import Count, Json
from promptforge.services.prices import UnpricedList as CoreUnpriced
from promptforge.wire import price_file


@dataclass(frozen=True, slots=True)
class _Tier:
    above: int
    rate: Rate


@strawberry.type
class PriceTier:
    above_input: Count = read(lambda tier: tier.above, description="For calls with more tokens of input than that.")
    usd: str = read(lambda tier: money.rate_text(tier.rate.usd))


@strawberry.type
class PriceRate:
    unit: str = read(lambda pair: pair[0], description="A leaf of usage, such as input_cache_read.")
    usd: str = read(lambda pair: money.rate_text(pair[1].base.usd), description="US dollars for `per` units.")
    per: Count = read(lambda pair: pair[1].base.per)
    rounded: bool = read(lambda pair: pair[1].base.rounded, description="Whether the catalogue had more decimals.")
    tiers: list[PriceTier] = read(lambda pair: [_Tier(*tier) for tier in pair[1].tiers])


def _rates(rates: Mapping[str, Tiered]) -> list[tuple[str, Tiered]]:
    return sorted(rates.items())


@strawberry.type(description="A row of the workspace's price book. Rows are added and ended, never changed.")
class Price:
    id: strawberry.ID
    provider: str
    model: str = strawberry.field(description="A name, or the beginning of names and `*`.")
    rates: list[PriceRate] = read(lambda price: _rates(price.rates))
    terms: Json | None = read(
        lambda price: None if price.terms is None else dict(price.terms),
        description="Of the calls it is for: {} for standard ones, null for whatever terms.",
    )
    valid_from: datetime
    valid_until: datetime | None = strawberry.field(description="The first moment at which it holds no more.")
    active: bool = ask(
        lambda price, context: (
            price.valid_from <= context.forge.clock.now()
            and (price.valid_until is None or context.forge.clock.now() < price.valid_until)
        )
    )
    note: str
    created_at: datetime
    created_by: strawberry.ID


def _tariff_rates(tariff: CoreTariff) -> list[tuple[str, Tiered]]:
    per_call = {} if tariff.per_call is None else {"requests": Tiered(tariff.per_call)}
    return _rates({**tariff.rates, **per_call})


@strawberry.type(description="What a model costs at a moment.")
class Tariff:
    source: str = read(lambda tariff: tariff.source.value, description="workspace or catalogue")
    valid_from: datetime | None
    rates: list[PriceRate] = read(_tariff_rates)


@strawberry.type(description="A model that calls had no price for.")
class UnpricedModel:
    provider: str
    model: str
    figures: Figures


@strawberry.type
class Unpriced:
    models: list[UnpricedModel] = strawberry.field(description="The most called first.")
    as_of: datetime = read(lambda found: found.freshness.as_of)
    behind: Count = read(lambda found: found.freshness.behind)


@strawberry.input
class PriceTierInput:
    above_input: int
    usd: str


@strawberry.input
class PriceRateInput:
    unit: str
    usd: str = strawberry.field(description="US dollars for `per` units, at most 6 decimals.")
    per: int | None = strawberry.field(
        default=None, description="1, 1000 or 1000000; a million tokens or one of anything else where not given."
    )
    tiers: list[PriceTierInput] | None = None


@strawberry.input(description="Give rates, or selfHosted: then everything costs 0.")
class PriceInput:
    provider: str
    model: str = strawberry.field(description="A name, or the beginning of names and `*`.")
    rates: list[PriceRateInput] | None = None
    self_hosted: bool = False
    valid_from: datetime | None = strawberry.field(
        default=None, description="Now, where not given; may lie in the past."
    )
    valid_until: datetime | None = None
    terms: Json | None = strawberry.field(
        default=None, description='Such as {"processing": "batch"}; standard calls where not given.'
    )
    any_terms: bool = strawberry.field(default=False, description="For calls of whatever terms.")
    note: str = ""


async def prices(info: Info, search: str | None = None, ended: bool = False) -> Sequence[CorePrice]:
    """The workspace's rows."""
    return await info.context.forge.prices.list(info.context.actor, search=search, ended=ended)


async def prices_csv(info: Info, ended: bool = True) -> str:
    """The workspace's rows as a file."""
    return price_file.written(await info.context.forge.prices.list(info.context.actor, ended=ended))


async def price_of(
    info: Info, provider: str, model: str, at: datetime | None = None, terms: Json | None = None
) -> CoreTariff | None:
    """What a model costs."""
    return info.context.forge.prices.of(info.context.actor, provider, model, at, _terms(terms))


async def unpriced(
    info: Info,
    window: TimeWindowEnum | None = TimeWindow.LAST_30_DAYS,
    days: int | None = None,
    timezone: str | None = "UTC",
) -> CoreUnpriced:
    """What calls had no price for."""
    context = info.context
    asked = asked_window(window, days, timezone or "UTC", context.forge.clock.now())
    found = await context.forge.prices.unpriced(context.actor, asked)
    context.note(found.freshness)
    return found


async def add_price(info: Info, input: PriceInput) -> CorePrice:
    """Add a row."""
    return (await info.context.forge.prices.add(info.context.actor, [_row(input)]))[0]


async def import_prices(info: Info, csv: str) -> Sequence[CorePrice]:
    """Add the rows of a file."""
    return await info.context.forge.prices.add(info.context.actor, price_file.read(csv))


async def end_price(info: Info, id: strawberry.ID, at: datetime | None = None) -> CorePrice:
    """End a row."""
    return await info.context.forge.prices.end(info.context.actor, id, at)


def _row(given: PriceInput) -> PriceRow:
    if bool(given.rates) == given.self_hosted:
        raise InvalidInput("give rates, or selfHosted: true", path="$.rates")
    if given.any_terms and given.terms:
        raise InvalidInput("give terms, or anyTerms: true", path="$.terms")
    rates = {
        one.unit: rate(one.unit, one.usd, one.per, [(tier.above_input, tier.usd) for tier in one.tiers or ()])
        for one in given.rates or ()
    }
    if len(rates) != len(given.rates or ()):
        raise InvalidInput("a unit has one rate; more of them are its tiers", path="$.rates")
    return PriceRow(
        provider=given.provider,
        model=given.model,
        rates=FREE if given.self_hosted else rates,
        valid_from=given.valid_from,
        valid_until=given.valid_until,
        terms=None if given.any_terms or given.self_hosted else _terms(given.terms),
        note=given.note,
    )


def _terms(given: object) -> Mapping[str, str]:
    if given is None:
        return {}
    if not is_object(given) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidInput('terms are texts by name, such as {"service_tier": "flex"}', path="$.terms")
    return cast("Mapping[str, str]", given)
