"""Reading counts out of a provider's usage block, strictly: a count that is no whole number makes usage unknown."""

from collections.abc import Mapping
from typing import cast

from promptforge.core.execution import Json
from promptforge.core.usage import Usage

#: More than any call can use, and little enough to be summed and priced.
MAX_COUNT = 10**12


class Uncountable(ValueError):
    """The block does not hold whole, non-negative, consistent counts."""


def count(block: Mapping[str, Json], *path: str) -> int:
    """The count at *path*, 0 where nothing is said."""
    here: Json = block
    for name in path:
        here = cast("Mapping[str, Json]", here).get(name) if isinstance(here, dict) else None
    if here is None:
        return 0
    if isinstance(here, bool) or not isinstance(here, int) or not 0 <= here <= MAX_COUNT:
        raise Uncountable(f"usage {'.'.join(path)} is no count")
    return here


def leaves(**counts: int) -> Usage:
    """A Usage of the leaves that are not zero; Uncountable when the parts exceeded their whole."""
    if any(value < 0 for value in counts.values()):
        raise Uncountable(f"usage does not add up: {counts}")
    return Usage({leaf: value for leaf, value in counts.items() if value})
