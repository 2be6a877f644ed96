"""Prices and the lines of a cost. A line carries the rate it used, so it explains itself for ever."""

from dataclasses import dataclass
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
