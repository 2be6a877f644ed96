"""Prices as CSV: a line for each rate, the lines of one price beside each other. What is written is read back exactly.

Columns: provider, model, unit, usd, per, aboveInput (a tier holds for more tokens of input than that), validFrom,
validUntil, terms (``name=value`` separated by ``;``, ``*`` for whatever terms), note. The first four must be there.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO

from promptforge.core import money
from promptforge.core.errors import InvalidInput
from promptforge.core.price import Price, Tiered
from promptforge.core.price_row import PriceRow, rate
from promptforge.wire.cells import bare, guarded

MAX_TEXT = 5_000_000
COLUMNS = ("provider", "model", "unit", "usd", "per", "aboveInput", "validFrom", "validUntil", "terms", "note")
_NEEDED = frozenset(COLUMNS[:4])
_ALL = "*"
_Key = tuple[str, ...]


def written(prices: Iterable[Price]) -> str:
    """The file."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for price in prices:
        until = price.valid_until and price.valid_until.isoformat()
        about = (price.valid_from.isoformat(), until or "", _terms(price.terms), guarded(price.note))
        for unit, tiered in price.rates.items():
            for above, each in ((None, tiered.base), *tiered.tiers):
                named = (guarded(price.provider), guarded(price.model), unit)
                writer.writerow((*named, money.rate_text(each.usd), each.per, "" if above is None else above, *about))
    return out.getvalue()


def read(text: str) -> Sequence[PriceRow]:
    """The prices of a file; InvalidInput names the line."""
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"a file of prices has at most {MAX_TEXT:,} characters", path="$.csv")
    reader = csv.DictReader(StringIO(text.removeprefix("\ufeff")))
    names = [name.strip() for name in reader.fieldnames or ()]
    if unknown := [name for name in names if name not in COLUMNS]:
        raise InvalidInput(f"there is no column '{unknown[0][:60]}'; there are {', '.join(COLUMNS)}", path="$.csv")
    if missing := [name for name in COLUMNS if name in _NEEDED and name not in names]:
        raise InvalidInput(f"the column '{missing[0]}' is missing", path="$.csv")
    reader.fieldnames = names
    gathered: dict[_Key, list[tuple[int, Mapping[str, str]]]] = {}
    try:
        for row in reader:
            cells = {name: bare((row.get(name) or "").strip()) for name in COLUMNS}
            if any(cells.values()):
                key = tuple(cells[name] for name in ("provider", "model", *COLUMNS[6:]))
                gathered.setdefault(key, []).append((reader.line_num, cells))
    except csv.Error as error:
        raise InvalidInput(f"line {reader.line_num}: {error}", path="$.csv") from None
    return [_price(lines) for lines in gathered.values()]


def _price(lines: Sequence[tuple[int, Mapping[str, str]]]) -> PriceRow:
    number, first = lines[0]
    rates: dict[str, Tiered] = {}
    try:
        for unit in dict.fromkeys(cells["unit"] for _, cells in lines):
            own = [(at, cells) for at, cells in lines if cells["unit"] == unit]
            number = own[0][0]
            rates[unit] = _rate(unit, [cells for _, cells in own])
        number = lines[0][0]
        return PriceRow(
            provider=first["provider"],
            model=first["model"],
            rates=rates,
            valid_from=_moment(first["validFrom"]),
            valid_until=_moment(first["validUntil"]),
            terms=_terms_of(first["terms"]),
            note=first["note"],
        )
    except InvalidInput as error:
        raise InvalidInput(f"line {number}: {error}", path="$.csv") from None


def _rate(unit: str, own: Sequence[Mapping[str, str]]) -> Tiered:
    base = [cells for cells in own if not cells["aboveInput"]]
    if len(base) != 1:
        raise InvalidInput(f"'{unit}' has {len(base)} lines without aboveInput; it takes one")
    tiers = sorted((_whole(cells["aboveInput"]), cells["usd"]) for cells in own if cells["aboveInput"])
    return rate(unit, base[0]["usd"], _whole(base[0]["per"]) if base[0]["per"] else None, tiers)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidInput(f"'{text[:40]}' is not a whole number")
    return int(text)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"'{text[:40]}' is not a time: write 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _terms(terms: Mapping[str, str] | None) -> str:
    return _ALL if terms is None else ";".join(f"{name}={value}" for name, value in sorted(terms.items()))


def _terms_of(text: str) -> Mapping[str, str] | None:
    if text == _ALL:
        return None
    pairs = [part.partition("=") for part in text.split(";") if part]
    if any(not name or not value for name, _, value in pairs):
        raise InvalidInput(f"terms are written name=value;name=value, not '{text[:60]}'")
    return {name: value for name, _, value in pairs}
