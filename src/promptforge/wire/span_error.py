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
NOTHING_SAID = "the span says that it failed"
_CODE = re.compile(r"(?i)\b(?:error code|status code|status|http)[:=\s]{1,3}([45][0-9]{2})\b")
_SUFFIX = re.compile(r"_?(?:error|exception)$")


class Failing(NamedTuple):
    error_type: ErrorType
    error: str
    stack_trace: str | None


def failing(told: Told, facts: Mapping[str, Json], *, calls_model: bool) -> Failing | None:
    """How the span failed; None when it did not. What a span that ended well went through is no failure."""
    kinds = [kind for kind in map(_text, (facts.get("error_type"), facts.get("exception_type"))) if kind]
    if told.status == 1 or not (told.status == 2 or kinds):
        return None
    message = _text(facts.get("exception_message"))
    kind = kinds[-1].rpartition(".")[2] if kinds else ""
    if message and kind and kind != "_OTHER" and not message.startswith(kind):
        message = f"{kind}: {message}"
    error = message or told.message or ("" if kind == "_OTHER" else kind) or NOTHING_SAID
    trace = _text(facts.get("stack_trace"))
    return Failing(
        _error_type(kinds, error) or (ErrorType.PROVIDER if calls_model else ErrorType.INTERNAL),
        scrub(error),
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
    word = re.split(r"[.:/]", kind)[-1]
    return error_type_of(word) or ERRORS.get(_SUFFIX.sub("", word.lower()).replace("_", ""))


def _text(value: Json) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
