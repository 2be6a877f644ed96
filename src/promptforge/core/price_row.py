"""A price as somebody writes it down, checked: what may stand in a workspace's price book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promptforge.core import money
from promptforge.core.errors import InvalidInput
from promptforge.core.price import Rate, Tiered
from promptforge.core.usage import PRICEABLE, TOKENS

MAX_NAME = 200
MAX_NOTE = 500
MAX_TIERS = 10
MAX_TERMS = 10
MAX_BOUND = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """What a new price says; ``valid_from`` None is the moment at which it is added. See ``core.price.Price``."""

    provider: str
    model: str
    rates: Mapping[str, Tiered]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    terms: Mapping[str, str] | None
    note: str = ""


def rate(unit: str, usd: str, per: int | None = None, tiers: Sequence[tuple[int, str]] = ()) -> Tiered:
    """A rate in US dollars for *per* units: a million tokens, or one of anything else, unless it says otherwise.

    Each tier is a number of input tokens and the rate where a call has more. InvalidInput names what is wrong.
    """
    if unit not in PRICEABLE:
        raise InvalidInput(f"'{unit[:60]}' is no unit of usage; there are {', '.join(PRICEABLE)}", path="$.unit")
    per = per or (1_000_000 if unit in TOKENS else 1)
    if per not in money.PER:
        raise InvalidInput(f"a rate is for 1, 1000 or 1000000 units, not for {per}", path="$.per")
    bounds = [bound for bound, _ in tiers]
    if len(tiers) > MAX_TIERS or bounds != sorted(set(bounds)) or not all(0 < bound <= MAX_BOUND for bound in bounds):
        raise InvalidInput(
            f"the tiers of '{unit}' are at most {MAX_TIERS}, their bounds growing from 1", path="$.tiers"
        )
    if tiers and unit not in TOKENS:
        raise InvalidInput(f"'{unit}' has one rate: only tokens have tiers", path="$.tiers")

    def made(text: str) -> Rate:
        return Rate(unit=unit, usd=money.parse_rate(text), per=per)

    return Tiered(made(usd), tuple((bound, made(text)) for bound, text in tiers))


FREE: Mapping[str, Tiered] = {unit: rate(unit, "0") for unit in PRICEABLE}
"""What costs nothing, whatever it uses: a model on one's own machines."""


def check(row: PriceRow) -> None:
    """InvalidInput, with the field, for what no price row can say."""
    for name, value in (("provider", row.provider), ("model", row.model)):
        if not 1 <= len(value) <= MAX_NAME or value != value.strip():
            raise InvalidInput(f"{name} has 1 to {MAX_NAME} characters and no space around them", path=f"$.{name}")
        if "*" in value[:-1]:
            raise InvalidInput(f"in {name} an asterisk stands at the end only: 'gpt-4o*'", path=f"$.{name}")
    if not row.rates:
        raise InvalidInput("give at least one rate, such as input and output", path="$.rates")
    if row.valid_from and row.valid_until and row.valid_until <= row.valid_from:
        raise InvalidInput("validUntil must be after validFrom", path="$.validUntil")
    if len(row.note) > MAX_NOTE:
        raise InvalidInput(f"a note has at most {MAX_NOTE} characters", path="$.note")
    terms = row.terms or {}
    if len(terms) > MAX_TERMS or any(not 1 <= len(text) <= MAX_NAME for pair in terms.items() for text in pair):
        raise InvalidInput(f"there are at most {MAX_TERMS} terms of 1 to {MAX_NAME} characters", path="$.terms")
