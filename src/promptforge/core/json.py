"""JSON values, and the two questions asked of them most."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

Json = object
"""Any JSON value: None, bool, int, float, str, list or dict of these."""


def is_object(value: object) -> TypeGuard[Mapping[str, Json]]:
    """Whether it is a JSON object."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[Sequence[Json]]:
    """Whether it is a JSON array."""
    return isinstance(value, list | tuple)
