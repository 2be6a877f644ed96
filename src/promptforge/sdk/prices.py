"""``client.prices``: the workspace's own prices, which come before the catalogue. What it returns stands here too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from promptforge.sdk import building, windows
from promptforge.sdk import price_documents as documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Json, Rows, build, many, one, raw_json
from promptforge.sdk.filters import Moment, moment
from promptforge.sdk.protocol import Plan, ask
from promptforge.sdk.values import Figures

Usd = str | Decimal


@dataclass(frozen=True, kw_only=True)
class PriceTier:
    """The rate of calls with more than ``above_input`` tokens of input."""

    above_input: int = 0
    usd: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class PriceRate:
    """``usd`` for ``per`` units of a leaf of usage."""

    unit: str = ""
    usd: str = ""
    per: int = 0
    rounded: bool = False
    tiers: tuple[PriceTier, ...] = many(lambda: PriceTier)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Price:
    """A row of the price book. ``terms`` None stands for whatever terms."""

    id: str = ""
    provider: str = ""
    model: str = ""
    rates: tuple[PriceRate, ...] = many(lambda: PriceRate)
    terms: Mapping[str, str] | None = None
    valid_from: datetime | None = building.moment()
    valid_until: datetime | None = building.moment()
    active: bool = False
    note: str = ""
    created_at: datetime | None = building.moment()
    created_by: str = ""
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """What a model costs at a moment; ``source`` is ``workspace`` or ``catalogue``."""

    source: str = ""
    valid_from: datetime | None = building.moment()
    rates: tuple[PriceRate, ...] = many(lambda: PriceRate)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class UnpricedModel:
    """A model that calls had no price for."""

    provider: str = ""
    model: str = ""
    figures: Figures = one(lambda: Figures)
    raw: Json = raw_json()


class Prices:
    @call
    def add(
        self,
        provider: str,
        model: str,
        rates: Mapping[str, Usd] | None = None,
        *,
        tiers: Mapping[str, Mapping[int, Usd]] | None = None,
        self_hosted: bool = False,
        valid_from: Moment | None = None,
        valid_until: Moment | None = None,
        terms: Mapping[str, str] | None = None,
        any_terms: bool = False,
        note: str = "",
    ) -> Plan[Price]:
        """Add a price: US dollars for a million tokens, or for one of anything else, by unit of usage.

        *model* is a name, or the beginning of names and ``*``. *tiers* give a unit other rates above numbers of input
        tokens. *self_hosted* instead of rates: everything costs 0. *terms* are those of the calls it is for.
        """
        given: dict[str, Any] = {
            "provider": provider,
            "model": model,
            "selfHosted": self_hosted,
            "validFrom": None if valid_from is None else moment(valid_from),
            "validUntil": None if valid_until is None else moment(valid_until),
            "terms": None if terms is None else dict(terms),
            "anyTerms": any_terms,
            "note": note,
        }
        if rates:
            given["rates"] = [_rate(unit, usd, (tiers or {}).get(unit, {})) for unit, usd in rates.items()]
        data = yield from ask(documents.ADD_PRICE, {"input": given}, repeatable=False)
        return build(Price, data["addPrice"])

    @call
    def end(self, price_id: str, at: Moment | None = None) -> Plan[Price]:
        """Let a price hold until *at*, now where not given."""
        variables = {"id": price_id, "at": None if at is None else moment(at)}
        data = yield from ask(documents.END_PRICE, variables)
        return build(Price, data["endPrice"])

    @call
    def of(
        self, provider: str, model: str, *, at: Moment | None = None, terms: Mapping[str, str] | None = None
    ) -> Plan[Tariff | None]:
        """What a model costs, None where it has no price."""
        variables = {
            "provider": provider,
            "model": model,
            "at": None if at is None else moment(at),
            "terms": None if terms is None else dict(terms),
        }
        data = yield from ask(documents.PRICE_OF, variables)
        return build(Tariff, data["priceOf"]) if data["priceOf"] else None

    @call
    def import_(self, csv: str) -> Plan[Rows[Price]]:
        """Add the prices of a CSV file, all of them or none."""
        data = yield from ask(documents.IMPORT_PRICES, {"csv": csv}, repeatable=False)
        return [build(Price, raw) for raw in data["importPrices"]]

    @call
    def export(self, *, ended: bool = True) -> Plan[str]:
        """The prices as a CSV file."""
        data = yield from ask(documents.PRICES_CSV, {"ended": ended})
        return str(data["pricesCsv"])

    @call
    def unpriced(self, window: str = "30d", *, timezone: str | None = None) -> Plan[Rows[UnpricedModel]]:
        """The models that calls of a window (``7d``, ``all``) had no price for, the most called first."""
        data = yield from ask(documents.UNPRICED, {**windows.of_days(window), "timezone": timezone})
        return [build(UnpricedModel, raw) for raw in data["unpriced"]["models"]]

    # Last, because inside the class the name hides the type.
    @call
    def list(self, search: str | None = None, *, ended: bool = False) -> Plan[Rows[Price]]:
        """List the prices by provider and model; with *ended* those too that hold no more."""
        data = yield from ask(documents.PRICES, {"search": search, "ended": ended})
        return [build(Price, raw) for raw in data["prices"]]


def _rate(unit: str, usd: Usd, tiers: Mapping[int, Usd]) -> dict[str, Any]:
    above = [{"aboveInput": bound, "usd": str(rate)} for bound, rate in sorted(tiers.items())]
    return {"unit": unit, "usd": str(usd), "tiers": above}


class BlockingPrices(Prices, Blocking):
    pass


class AwaitingPrices(Prices, Awaiting):
    pass
