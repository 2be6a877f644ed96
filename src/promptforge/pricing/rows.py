"""A workspace's own price rows, as tariffs. They come before the catalogue.

Among the rows that fit a call, the one with the more exact model wins, then the more exact provider, then the one that
began last, then the one that was written last. A row prices a call whole or not at all: a leaf without a rate takes
that of the leaf it is part of (cached input is input, reasoning is output), and where there is none the call has no
price, for a mixture of a contract and a catalogue would be nobody's price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from promptforge.core import usage as leaf
from promptforge.core.price import Price, PriceSource, Tiered
from promptforge.pricing.tariff import Tariff

#: The leaf whose rate prices one that has none of its own. Audio, made images and what is cached for an hour are not
#: here: they cost a multiple.
PART_OF: Mapping[str, str] = {
    leaf.INPUT_CACHE_READ: leaf.INPUT,
    leaf.INPUT_CACHE_WRITE: leaf.INPUT,
    leaf.INPUT_AUDIO_CACHE_READ: leaf.INPUT_AUDIO,
    leaf.INPUT_IMAGE: leaf.INPUT,
    leaf.OUTPUT_REASONING: leaf.OUTPUT,
}
ANY = "*"
MAX_REMEMBERED = 4_096


class _Own:
    """The rows of one workspace, the best first, and those that fit a name, as every call asks for one of few names."""

    def __init__(self, prices: Sequence[Price]) -> None:
        self._rows = [(price, _tariff(price)) for price in sorted(prices, key=_rank, reverse=True)]
        self._known: dict[tuple[str, str], list[tuple[Price, Tariff]]] = {}

    def fitting(self, provider: str, model: str) -> list[tuple[Price, Tariff]]:
        found = self._known.get((provider, model))
        if found is None:
            found = [row for row in self._rows if _fits(row[0].model, model) and _fits(row[0].provider, provider)]
            if len(self._known) < MAX_REMEMBERED:
                self._known[provider, model] = found
        return found


class Rows:
    """The rows of every workspace, in memory: whoever changes them says so with ``put``. May be asked by any thread."""

    def __init__(self) -> None:
        self._of: dict[str, _Own] = {}

    def put(self, workspace: str, prices: Sequence[Price]) -> None:
        """These are the rows of a workspace from now on."""
        self._of[workspace] = _Own(prices)

    def find(self, workspace: str, provider: str, model: str, at: datetime, terms: Mapping[str, str]) -> Tariff | None:
        """The tariff of the row in force at *at*, None when no row of the workspace fits."""
        own = self._of.get(workspace)
        for price, tariff in own.fitting(provider, model) if own else ():
            in_force = price.valid_from <= at and (price.valid_until is None or at < price.valid_until)
            if in_force and (price.terms is None or price.terms == terms):
                return tariff
        return None

    def provider_of(self, model: str) -> str | None:
        """Nobody: a name says its provider to all workspaces or to none."""
        return None


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith(ANY) else name == pattern


def _rank(price: Price) -> tuple[object, ...]:
    exact = [part for name in (price.model, price.provider) for part in (not name.endswith(ANY), len(name))]
    return (*exact, price.valid_from, price.created_at, price.id)


def _tariff(price: Price) -> Tariff:
    rates = dict(price.rates)
    per_call = rates.pop(leaf.REQUESTS, None)
    for unit, whole in PART_OF.items():
        if unit not in rates and whole in rates:
            rates[unit] = _as(unit, rates[whole])
    return Tariff(
        rates=rates,
        source=PriceSource.WORKSPACE,
        valid_from=price.valid_from,
        per_call=per_call.base if per_call else None,
    )


def _as(unit: str, rate: Tiered) -> Tiered:
    """The same rate, for another leaf."""
    return Tiered(replace(rate.base, unit=unit), tuple((start, replace(tier, unit=unit)) for start, tier in rate.tiers))
