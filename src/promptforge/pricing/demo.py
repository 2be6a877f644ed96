"""Made-up prices of the simulated models, so that a demonstration has costs to show."""

from collections.abc import Mapping
from datetime import UTC, datetime

from promptforge.core import usage as leaf
from promptforge.core.money import parse_rate
from promptforge.core.price import PriceSource, Rate, Tiered
from promptforge.pricing.tariff import Tariff

PROVIDER = "demo"
_SINCE = datetime(2025, 1, 1, tzinfo=UTC)
#: US dollars per million tokens: input, cached input, output (reasoning included).
_PRICES = {
    "demo-small": ("0.15", "0.075", "0.60"),
    "demo-large": ("3", "0.30", "15"),
    "demo-reasoning": ("1.10", "0.275", "4.40"),
}


def _tariff(fresh: str, cached: str, output: str) -> Tariff:
    prices = {
        leaf.INPUT: fresh,
        leaf.INPUT_CACHE_READ: cached,
        leaf.INPUT_CACHE_WRITE: fresh,
        leaf.OUTPUT: output,
        leaf.OUTPUT_REASONING: output,
    }
    return Tariff(
        rates={unit: Tiered(Rate(unit=unit, usd=parse_rate(usd))) for unit, usd in prices.items()},
        source=PriceSource.CATALOGUE,
        valid_from=_SINCE,
    )


class DemoTariffs:
    """The price rows of provider ``demo``."""

    def __init__(self) -> None:
        self._tariffs = {model: _tariff(*prices) for model, prices in _PRICES.items()}

    def find(self, workspace: str, provider: str, model: str, at: datetime, terms: Mapping[str, str]) -> Tariff | None:
        """The tariff of a simulated model."""
        known = provider == PROVIDER and at >= _SINCE and not terms
        return self._tariffs.get(model) if known else None

    def provider_of(self, model: str) -> str | None:
        """``demo`` for the simulated models."""
        return PROVIDER if model in self._tariffs else None
