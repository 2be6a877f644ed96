"""Another value of a frozen dataclass: what ``dataclasses.replace`` makes, in a quarter of the time.

For the values that every execution is made of, and only where nothing is checked on the way: it calls no ``__init__``.
"""

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")
_Set = Callable[[Any, Any], None]
_known: dict[type, tuple[Callable[[Any], tuple[Any, ...]], tuple[_Set, ...], dict[str, _Set]]] = {}


def altered(value: T, **changes: Any) -> T:
    """The same with other values in some fields; TypeError for a name that is no field."""
    kind = type(value)
    known = _known.get(kind)
    if known is None:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        setters = [getattr(kind, name).__set__ for name in names]
        known = _known[kind] = attrgetter(*names), tuple(setters), dict(zip(names, setters, strict=True))
    get, setters, by_name = known
    made = object.__new__(kind)
    for put, item in zip(setters, get(value), strict=True):
        put(made, item)
    for name, item in changes.items():
        try:
            by_name[name](made, item)
        except KeyError:
            raise TypeError(f"{kind.__name__} has no field '{name}'") from None
    return made
