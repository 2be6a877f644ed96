"""What a request gives as JSON, in the shapes that services take; InvalidInput names the field."""

from collections.abc import Mapping, Sequence

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object


def mapping(value: object, name: str) -> Mapping[str, Json]:
    """A JSON object given as an input; null is an empty one."""
    if value is None:
        return {}
    if not is_object(value):
        raise InvalidInput(f"{name} must be a JSON object", path=f"$.{name}")
    return value


def tags_of(value: object) -> Mapping[str, Json] | Sequence[str]:
    """Tags: an object of texts, or a list of texts; null is none."""
    if value is None or is_object(value):
        return value or {}
    if is_array(value) and all(isinstance(one, str) for one in value):
        return [str(one) for one in value]
    raise InvalidInput("tags must be an object of texts, or a list of texts", path="$.tags")
