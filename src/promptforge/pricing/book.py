"""The price book that services ask: sets of price rows in order, the first that knows a model prices it.

A cost is exact or it is not there: when one leaf of a call has no price, the call has none.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from promptforge.core.price import Line, line
from promptforge.core.usage import REQUESTS, Usage
from promptforge.pricing.demo import DemoTariffs
from promptforge.pricing.tariff import Tariff, Tariffs

_STANDARD: Mapping[str, str] = {}


class Book:
    """Prices from several sets: *first* (where a workspace's own rows stand), the simulated models, the catalogue.

    Loading the catalogue takes half a second; do it once, off the event loop.
    """

    def __init__(self, first: Sequence[Tariffs] = ()) -> None:
        from promptforge.pricing.catalogue import Catalogue

        self._tariffs: tuple[Tariffs, ...] = (*first, DemoTariffs(), Catalogue())

    def lines(
        self,
        workspace: str,
        provider: str,
        model: str,
        usage: Usage,
        at: datetime,
        *,
        attempt: int = 1,
        terms: Mapping[str, str] | None = None,
    ) -> tuple[Line, ...] | None:
        """The lines that price *usage* at the rates in force at *at*; None when any leaf has no price."""
        used = {unit: quantity for unit, quantity in usage.leaves.items() if quantity}
        if not used:
            return ()
        tariff = self.tariff(workspace, provider, model, at, terms or _STANDARD)
        return None if tariff is None else _lines(tariff, used, usage.token_in, attempt)

    def tariff(
        self, workspace: str, provider: str, model: str, at: datetime, terms: Mapping[str, str]
    ) -> Tariff | None:
        """The tariff that prices such a call, None where there is none."""
        found = (tariffs.find(workspace, provider, model, at, terms) for tariffs in self._tariffs)
        return next((tariff for tariff in found if tariff), None)

    def provider_of(self, model: str) -> str | None:
        """The provider that a model name belongs to, where the name says so."""
        return next((found for tariffs in self._tariffs if (found := tariffs.provider_of(model))), None)


def _lines(tariff: Tariff, used: Mapping[str, int], token_in: int, attempt: int) -> tuple[Line, ...] | None:
    rates = [(tariff.rates[unit].at(token_in), quantity) for unit, quantity in used.items() if unit in tariff.rates]
    if tariff.per_call:
        rates.append((tariff.per_call, used.get(REQUESTS, 1)))
    if not used.keys() <= {REQUESTS, *(rate.unit for rate, _ in rates)}:
        return None
    return tuple(
        [
            line(rate, quantity, source=tariff.source, valid_from=tariff.valid_from, attempt=attempt)
            for rate, quantity in rates
        ]
    )
