"""Prompts and their immutable numbered versions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Json

_WORDS = re.compile(r"[^a-z0-9]+")
MAX_NAME = 100


class Category(StrEnum):
    GENERAL = "GENERAL"
    SUMMARIZATION = "SUMMARIZATION"
    ANALYSIS = "ANALYSIS"
    GENERATION = "GENERATION"
    CLASSIFICATION = "CLASSIFICATION"
    EXTRACTION = "EXTRACTION"
    TRANSLATION = "TRANSLATION"
    CODE = "CODE"
    CHAT = "CHAT"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn; ``role`` is system, user or assistant. ``content`` may hold ``{{variables}}`` in a version."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVersion:
    """Exactly one of ``content`` (one user turn) and ``messages`` is set. ``params`` holds at least ``model``."""

    id: str
    prompt_id: str
    number: int
    content: str | None
    messages: tuple[Message, ...] | None
    params: Mapping[str, Json]
    provider: str | None
    input_schema: Mapping[str, Json] | None
    created_at: datetime
    created_by: str

    @property
    def model(self) -> str:
        """The model that it runs on unless a call says otherwise."""
        return str(self.params["model"])

    @property
    def turns(self) -> tuple[Message, ...]:
        """The version as messages, whichever way it was written."""
        return self.messages or (Message(role="user", content=self.content or ""),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """``labels`` maps a label to a version number. An archived prompt keeps its versions but gives up its name."""

    id: str
    workspace: str
    name: str
    description: str | None
    category: Category
    is_public: bool
    created_at: datetime
    updated_at: datetime
    created_by: str
    tags: tuple[str, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict[str, int])
    latest: int = 0
    archived_at: datetime | None = None
    forked_from: str | None = None


def kebab(name: str) -> str:
    """Turn a given name into kebab-case (``Support Reply`` to ``support-reply``); InvalidInput when nothing is left."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.strip())
    made = _WORDS.sub("-", spaced.lower()).strip("-")
    if not made or len(made) > MAX_NAME:
        raise InvalidInput(
            f"'{name[:60]}' is not a usable name: give 1 to {MAX_NAME} letters or digits, such as 'support-reply'",
            path="$.name",
        )
    return made
