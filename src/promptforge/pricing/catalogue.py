"""The public catalogue: the price data that ships inside ``genai-prices``, as tariffs.

Only its bundled data is used, never its updater, so a price changes with a release and with nothing else.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from promptforge.core import usage as leaf
from promptforge.core.money import catalogue_rate
from promptforge.core.price import PriceSource, Rate, Tiered
from promptforge.pricing.tariff import Tariff

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

MAX_NAME = 200

#: The catalogue's prices that may price a leaf, the first that a model has. Its units form a tree and what has no
#: price of its own is part of what is above it: cached input is input, reasoning is output. Audio and made images
#: are left out of that: they cost a multiple of text, and where their price is missing it is missing.
_PRICE_KEYS: Mapping[str, tuple[str, ...]] = {
    leaf.INPUT: ("input_mtok",),
    leaf.INPUT_CACHE_READ: ("cache_read_mtok", "input_mtok"),
    leaf.INPUT_CACHE_WRITE: ("cache_write_5m_mtok", "cache_write_mtok", "input_mtok"),
    leaf.INPUT_CACHE_WRITE_1H: ("cache_write_1h_mtok",),
    leaf.INPUT_AUDIO: ("input_audio_mtok",),
    leaf.INPUT_AUDIO_CACHE_READ: ("cache_audio_read_mtok", "input_audio_mtok"),
    leaf.INPUT_IMAGE: ("input_image_mtok", "input_mtok"),
    leaf.OUTPUT: ("output_mtok",),
    leaf.OUTPUT_REASONING: ("output_reasoning_mtok", "output_mtok"),
    leaf.OUTPUT_AUDIO: ("output_audio_mtok",),
    leaf.OUTPUT_IMAGE: ("output_image_mtok",),
    leaf.WEB_SEARCHES: ("web_searches_kcount",),
}
_PER_CALL = "requests_kcount"
_MIDNIGHT = time(tzinfo=UTC)


class Catalogue:
    """The price rows of every provider that the catalogue knows. Loading takes half a second; do it once."""

    def __init__(self) -> None:
        from genai_prices.data import providers

        self._providers = {provider.id: provider for provider in providers}
        self._all = list(providers)
        self._model = lru_cache(4096)(self._look_up)
        self._owner = lru_cache(4096)(self._look_up_owner)
        self._tariffs: dict[tuple[int, int, tuple[int, ...]], Tariff] = {}
        """By model (its identity: the catalogue lives as long), price entry and variants."""

    def find(self, workspace: str, provider: str, model: str, at: datetime, terms: Mapping[str, str]) -> Tariff | None:
        """The tariff in force at *at*; terms that the catalogue has no price for have no tariff."""
        info = self._model(provider, model) if len(model) <= MAX_NAME else None
        if info is None:
            return None
        variants: tuple[int, ...] = ()
        if terms:
            variants = tuple(_variants(info, at, terms))
            if not variants:
                return None
        entry = _entry(info, at)
        key = id(info), entry, variants
        if key not in self._tariffs:
            self._tariffs[key] = _tariff(info, entry, variants)
        return self._tariffs[key]

    def provider_of(self, model: str) -> str | None:
        """The provider whose models are named like that."""
        return self._owner(model) if len(model) <= MAX_NAME else None

    def _look_up(self, provider: str, model: str) -> "ModelInfo | None":
        from genai_prices.data_snapshot import find_provider_by_id

        known: Provider | None = find_provider_by_id(self._all, provider)
        return known.find_model(model, all_providers=self._all) if known else None

    def _look_up_owner(self, model: str) -> str | None:
        named = model.lower()
        for provider in self._all:
            if provider.model_match is not None and provider.model_match.is_match(named):
                return provider.id
        return None


def _entry(info: "ModelInfo", at: datetime) -> int:
    """Which of the dated entries is in force: the last active one, else the first, as the catalogue documents."""
    if isinstance(info.prices, list):
        for index in range(len(info.prices) - 1, -1, -1):
            constraint = info.prices[index].constraint
            if constraint is None or constraint.active(at):
                return index
    return 0


def _variants(info: "ModelInfo", at: datetime, terms: Mapping[str, str]) -> Iterator[int]:
    for index, variant in enumerate(info.price_variants or ()):
        if variant.constraint is not None and not variant.constraint.active(at):
            continue
        if all(terms.get(name) == value for name, value in variant.when.items()):
            yield index


def _tariff(info: "ModelInfo", entry: int, variants: tuple[int, ...]) -> Tariff:
    from genai_prices.types import StartDateConstraint

    starts = list[datetime]()
    if isinstance(info.prices, list):
        chosen = info.prices[entry]
        prices, constraints = dict(_items(chosen.prices)), [chosen.constraint]
    else:
        prices, constraints = dict(_items(info.prices)), []
    overrides: dict[str, object] = {}
    for index in variants:
        variant = (info.price_variants or [])[index]
        constraints.append(variant.constraint)
        for name, value in _items(variant.prices):
            overrides.setdefault(name, value)
    prices |= overrides
    for constraint in constraints:
        if isinstance(constraint, StartDateConstraint):
            starts.append(datetime.combine(constraint.start_date, _MIDNIGHT))
    rates: dict[str, Tiered] = {}
    for unit, names in _PRICE_KEYS.items():
        price = next((prices[name] for name in names if name in prices), None)
        if (rate := _tiered(unit, price, 1_000 if unit == leaf.WEB_SEARCHES else 1_000_000)) is not None:
            rates[unit] = rate
    per_call = _tiered(leaf.REQUESTS, prices.get(_PER_CALL), 1_000)
    return Tariff(
        rates=rates,
        source=PriceSource.CATALOGUE,
        valid_from=max(starts, default=None),
        per_call=per_call.base if per_call else None,
    )


def _items(prices: "ModelPrice") -> Iterator[tuple[str, object]]:
    for name, value in vars(prices).items():
        if value is not None and not name.startswith("_"):
            yield name, value


def _tiered(unit: str, price: object, per: int) -> Tiered | None:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        tiers = tuple((tier.start, _rate(unit, tier.price, per)) for tier in price.tiers)
        return Tiered(_rate(unit, price.base, per), tiers)
    return Tiered(_rate(unit, price, per)) if isinstance(price, Decimal) else None


def _rate(unit: str, usd: Decimal, per: int) -> Rate:
    micro, rounded = catalogue_rate(usd)
    return Rate(unit=unit, usd=micro, per=per, rounded=rounded)
