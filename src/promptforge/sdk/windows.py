"""Windows of time as people write them: whole days, or hours and minutes up to now."""

from promptforge.sdk.errors import ValidationError

_NAMED = {"7d": "LAST_7_DAYS", "30d": "LAST_30_DAYS", "all": "ALL_TIME"}


def of_days(text: str) -> dict[str, object]:
    """``7d``, ``30d``, any other number of days, or ``all``, as the API takes it."""
    number = int(text[:-1]) if text not in _NAMED and text[-1:] == "d" and text[:-1].isdecimal() else None
    if text not in _NAMED and number is None:
        raise ValidationError(f"'{text}' is not a window; give 7d, 30d, another number of days, or all")
    return {"window": _NAMED.get(text), "days": number}


def of_any_length(text: str) -> dict[str, object]:
    """The same, or hours (``24h``) or minutes (``15m``) up to now."""
    minutes = {"m": 1, "h": 60}.get(text[-1:])
    if minutes is None or not text[:-1].isdecimal():
        return of_days(text)
    return {"minutes": int(text[:-1]) * minutes}
