"""How values are made of the API's JSON.

Fields are read by their name in camelCase; one that the query did not select is None or empty, never an error,
so a newer server and an older client understand each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from datetime import datetime
from typing import Any, TypeVar, cast

Value = TypeVar("Value")
Json = Mapping[str, Any]
Rows = list  # resources have a method called `list`, which hides the type inside their bodies


def build(kind: type[Value], raw: Json) -> Value:
    """Make a *kind* of the JSON object."""
    given: dict[str, Any] = {}
    for one in fields(cast("Any", kind)):
        found = raw.get(camel(one.name))
        if one.name != "raw" and found is not None:
            read: Callable[[Any], Any] | None = one.metadata.get("read")
            given[one.name] = read(found) if read else found
    return cast("Any", kind)(**given, raw=raw)


def camel(name: str) -> str:
    """A field's name as the API has it."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(word.capitalize() for word in rest)


def moment() -> Any:
    """A field that holds a time."""
    return field(default=None, metadata={"read": datetime.fromisoformat})


def one(kind: Callable[[], type[Any]]) -> Any:
    """A field that holds a *kind*, which is named late because it may stand below."""

    def read(raw: Json) -> Any:
        return build(kind(), raw)

    return field(default=None, metadata={"read": read})


def many(kind: Callable[[], type[Any]]) -> Any:
    """A field that holds any number of *kind*."""

    def read(raw: list[Json]) -> tuple[Any, ...]:
        return tuple(build(kind(), item) for item in raw)

    return field(default=(), metadata={"read": read})


def listed() -> Any:
    """A field that holds texts."""
    return field(default=(), metadata={"read": tuple})


def raw_json() -> Any:
    """The field that holds the JSON itself."""
    return field(default_factory=dict[str, Any], repr=False, compare=False)
