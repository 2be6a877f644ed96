"""Money: integers of 10^-12 US dollars, exact from the wire to the page.

A rate is an integer of 10^-6 dollars per million units (or per thousand, or per unit), so quantity times rate
is always a whole number of 10^-12 dollars and any sum of any order is exact. Decimal appears only at the edges;
float never does.
"""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

from promptforge.core.errors import InvalidInput

PLACES = 12
RATE_PLACES = 6
PER = (1, 1_000, 1_000_000)
#: A rate above this is a typing mistake, not a price; it also keeps one run's amount inside 63 bits.
MAX_RATE = 10**6 * 10**RATE_PLACES
_WIDE = Context(prec=80)


def decimal(amount: int) -> Decimal:
    """The amount in dollars as a Decimal with 12 places."""
    return _WIDE.scaleb(Decimal(amount), -PLACES)


def from_decimal(usd: Decimal) -> int:
    """Dollars to 10^-12 dollars; ValueError for more than 12 places, since that would not be exact."""
    scaled = _WIDE.scaleb(usd, PLACES)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{usd} has more than {PLACES} decimals")
    return int(scaled)


def parse_usd(text: str) -> int:
    """A caller's dollar amount (a string, or a JSON number's own text) to 10^-12 dollars; InvalidInput otherwise."""
    try:
        value = Decimal(text)
        if value.is_finite():
            return from_decimal(value)
    except (InvalidOperation, ValueError):
        pass
    raise InvalidInput(f"'{text}' is not an amount in US dollars with at most {PLACES} decimals, such as \"0.01\"")


def exact(amount: int) -> str:
    """All 12 places, trailing zeros cut: ``0.0045``, ``12``, ``0``."""
    sign, whole = ("-" if amount < 0 else ""), abs(amount)
    left, right = divmod(whole, 10**PLACES)
    tail = f"{right:0{PLACES}d}".rstrip("0")
    return f"{sign}{left}.{tail}" if tail else f"{sign}{left}"


def four(amount: int) -> str:
    """Rounded half up (away from zero) to the 4 places that the API prints: ``0.0045``."""
    step = 10 ** (PLACES - 4)
    sign, whole = ("-" if amount < 0 else ""), abs(amount)
    units = (whole + step // 2) // step
    left, right = divmod(units, 10**4)
    return f"{sign if units else ''}{left}.{right:04d}"


def human(amount: int) -> str:
    """What people read: cents from one cent up, two significant digits below, never $0.00 for what is not zero."""
    if amount == 0:
        return "$0"
    sign, value = ("-" if amount < 0 else ""), decimal(abs(amount))
    if value >= Decimal("0.01"):
        return f"{sign}${value.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    rounded = Context(prec=2, rounding=ROUND_HALF_UP).plus(value)
    return f"{sign}${rounded:f}"


def parse_rate(usd: str | Decimal) -> int:
    """A user's rate in dollars (per million units, or per unit) to 10^-6 dollars; InvalidInput beyond 6 decimals."""
    try:
        value = Decimal(usd)
        scaled = _WIDE.scaleb(value, RATE_PLACES)
        if value.is_finite() and scaled == scaled.to_integral_value() and 0 <= scaled <= MAX_RATE:
            return int(scaled)
    except InvalidOperation:
        pass
    raise InvalidInput(f"'{usd}' is not a rate: give US dollars from 0 to 1000000 with at most {RATE_PLACES} decimals")


def rate_text(rate: int) -> str:
    """A rate of 10^-6 dollars in dollars, trailing zeros cut: ``2.5``."""
    return exact(rate * 10 ** (PLACES - RATE_PLACES))


def catalogue_rate(usd: Decimal) -> tuple[int, bool]:
    """A catalogue's rate to 10^-6 dollars, rounded half even; the flag says whether rounding changed it."""
    scaled = _WIDE.scaleb(usd, RATE_PLACES)
    whole = scaled.to_integral_value(ROUND_HALF_EVEN)
    return int(whole), whole != scaled


def amount(quantity: int, rate: int, per: int) -> int:
    """*quantity* units at *rate* (10^-6 dollars for *per* units) in 10^-12 dollars, exactly."""
    return quantity * rate * (1_000_000 // per)
