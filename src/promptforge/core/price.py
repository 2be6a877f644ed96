"""Prices and the lines of a cost. A line carries the rate it used, so it explains itself for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from promptforge.core import money


class PriceSource(StrEnum):
    """``claimed`` is an amount that a span or an import brought with it, used only where we have no price."""

    CATALOGUE = "catalogue"
    WORKSPACE = "workspace"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """*usd* is 10^-6 dollars for *per* units of the usage leaf *unit*; *rounded* when the catalogue had more places."""

    unit: str
    usd: int
    per: int = 1_000_000
    rounded: bool = False


@dataclass(frozen=True, slots=True)
class Tiered:
    """A rate that depends on how large the input is: the last tier whose bound it exceeds prices every unit."""

    base: Rate
    tiers: tuple[tuple[int, Rate], ...] = ()

    def at(self, token_in: int) -> Rate:
        """The rate for a call with that many input tokens."""
        rate = self.base
        for start, tier in self.tiers:
            if token_in > start:
                rate = tier
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A row of a workspace's price book: what a model costs from a moment (inclusive) to another (exclusive).

    ``provider`` and ``model`` are names, or the beginning of names and ``*``. ``terms`` are those of the call that it
    is for (``service_tier``, ``processing``; none: the standard ones), None for whatever terms. ``rates`` by leaf of
    usage; a leaf without a rate takes the one that it is part of, as ``pricing/rows.py`` says.
    """

    id: str
    workspace: str
    provider: str
    model: str
    rates: Mapping[str, Tiered]
    valid_from: datetime
    valid_until: datetime | None = None
    terms: Mapping[str, str] | None = field(default_factory=dict[str, str])
    note: str = ""
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a cost. ``amount`` is 10^-12 dollars and equals quantity times rate, but for ``claimed`` lines."""

    unit: str
    quantity: int
    rate: int
    per: int
    amount: int
    source: PriceSource
    valid_from: datetime | None = None
    rounded: bool = False
    attempt: int = 1


def line(
    rate: Rate, quantity: int, *, source: PriceSource, valid_from: datetime | None = None, attempt: int = 1
) -> Line:
    """Price *quantity* units at *rate*."""
    return Line(
        unit=rate.unit,
        quantity=quantity,
        rate=rate.usd,
        per=rate.per,
        amount=money.amount(quantity, rate.usd, rate.per),
        source=source,
        valid_from=valid_from,
        rounded=rate.rounded,
        attempt=attempt,
    )
