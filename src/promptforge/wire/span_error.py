"""How a span failed: the error type by name, status or the provider's own word, the sentence, and the stack trace."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from promptforge.core.execution import ErrorType
from promptforge.core.json import Json
from promptforge.wire.conventions import ERRORS
from promptforge.wire.failure import error_type_of, scrub, without_keys
from promptforge.wire.told import Told

MAX_TRACE = 20_000
MAX_KIND = 200
NOTHING_SAID = "the span says that it failed"
_CODE = re.compile(r"(?i)\b(?:error code|status code|status|http)[:=\s]{1,3}([45][0-9]{2})\b")
_SUFFIX = re.compile(r"_?(?:error|exception)$")


class Failing(NamedTuple):
    error_type: ErrorType
    error: str
    stack_trace: str | None


def failing(told: Told, facts: Mapping[str, Json], *, calls_model: bool) -> Failing | None:
    """How the span failed; None when it did not. What a span that ended well went through is no failure."""
    kinds = [_class(kind) for kind in map(_text, (facts.get("error_type"), facts.get("exception_type"))) if kind]
    if told.status == 1 or not (told.status == 2 or kinds):
        return None
    if status := _text(facts.get("http_status")):
        kinds.append(status)
    message = _text(facts.get("exception_message"))
    names = [kind.rpartition(".")[2] for kind in kinds if not kind.isdecimal() and kind != "_OTHER"]
    if message and names and not message.startswith(names[-1]):
        message = f"{names[-1]}: {message}"
    error = message or told.message or (names[-1] if names else NOTHING_SAID)
    trace = _text(facts.get("stack_trace"))
    return Failing(
        _error_type(kinds, error) or (ErrorType.PROVIDER if calls_model else ErrorType.INTERNAL),
        scrub(error[:MAX_TRACE]),
        without_keys(trace[-MAX_TRACE:]) if trace else None,
    )


def _error_type(kinds: list[str], message: str) -> ErrorType | None:
    """By the kinds, or the first word of the message; a status in the message says more than a provider's fault."""
    found = [kind for kind in map(_known, kinds or [message.partition(":")[0]]) if kind]
    if exact := next((kind for kind in found if kind is not ErrorType.PROVIDER), None):
        return exact
    if code := _CODE.search(message[:1000]):
        return error_type_of(code[1])
    return found[0] if found else None


def _known(kind: str) -> ErrorType | None:
    """A name is known as it is, or by its end: ``OpenAIAuthenticationError`` is an ``AuthenticationError``."""
    word = re.split(r"[.:/]", kind[-MAX_KIND:])[-1]
    if found := error_type_of(word):
        return found
    name = _SUFFIX.sub("", word.lower()).replace("_", "")
    return ERRORS.get(name) or next((ERRORS[end] for end in ERRORS if len(end) > 6 and name.endswith(end)), None)


def _class(kind: str) -> str:
    """The name of a class, where its ``repr`` was written down."""
    return kind[8:-2] if kind.startswith("<class '") and kind.endswith("'>") else kind


def _text(value: Json) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
