"""The tariff: the rates of one model that are in force over one span of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from promptforge.core.price import PriceSource, Rate, Tiered


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """``rates`` by usage leaf. A leaf that is not there has no price. ``per_call`` is charged once for each call."""

    rates: Mapping[str, Tiered]
    source: PriceSource
    valid_from: datetime | None = None
    per_call: Rate | None = None


class Tariffs(Protocol):
    """A set of price rows: the catalogue, the simulated models, a workspace's own."""

    def find(self, workspace: str, provider: str, model: str, at: datetime, terms: Mapping[str, str]) -> Tariff | None:
        """The tariff in force at *at* (start inclusive), or None when this set knows none."""
        ...

    def provider_of(self, model: str) -> str | None:
        """The provider that a model name belongs to, where the name says so."""
        ...
