"""What callers stick on an execution: tags, and texts that are names of theirs."""

from collections.abc import Mapping, Sequence

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json

MAX_TAGS = 32
MAX_TEXT = 256


def tags_of(given: Mapping[str, Json] | Sequence[str]) -> dict[str, str]:
    """Tags as name and text; a plain list of names gives them empty values."""
    pairs = given.items() if isinstance(given, Mapping) else [(name, "") for name in given]
    tags = dict[str, str]()
    for name, value in pairs:
        if isinstance(value, dict | list):
            raise InvalidInput("a tag's value is a text, number or true/false", path=f"$.tags.{name}")
        text = {True: "true", False: "false", None: ""}.get(value) if isinstance(value, bool | None) else str(value)
        tags[short(str(name), "tags") or ""] = short(text or "", f"tags.{name}") or ""
    if len(tags) > MAX_TAGS:
        raise InvalidInput(f"an execution takes at most {MAX_TAGS} tags, not {len(tags)}", path="$.tags")
    return tags


def short(text: str | None, name: str) -> str | None:
    """The text; InvalidInput when it is longer than a name may be."""
    if text is not None and len(text) > MAX_TEXT:
        raise InvalidInput(f"{name} takes at most {MAX_TEXT} characters, not {len(text)}", path=f"$.{name}")
    return text
