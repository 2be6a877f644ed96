"""A rough count of tokens, for calls whose provider never said its own.

A token is taken to be four bytes of UTF-8, rounded up, and a message costs four tokens more than its text. Pictures,
sound and files are not counted at all: a count that is too low misleads less than base64 counted as words. What is
estimated is flagged so wherever it is shown.
"""

import msgspec

from promptforge.core.json import Json, is_array, is_object
from promptforge.core.usage import NOTHING, Usage
from promptforge.wire.exchange import Asked

BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
#: Fields that hold what a model reads; whatever else stands beside them is dressing or not text.
_TEXT_IN = frozenset(
    {"arguments", "content", "function", "input", "instructions", "messages", "name", "output", "prompt"}
    | {"refusal", "summary", "system", "text", "thinking", "tool_calls"}
)
#: Fields of tool calls, which are read as JSON where they hold an object.
_JSON_IN = frozenset({"arguments", "input"})


def tokens(value: Json) -> int:
    """About how many tokens a text, a message, or a list of them is; a number in a list is a token already."""
    waiting, total = [value], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            total += _of(len(part.encode("utf-8", "replace")))
        elif isinstance(part, int) and not isinstance(part, bool):
            total += 1
        elif is_array(part):
            waiting += part
        elif is_object(part):
            total += TOKENS_PER_MESSAGE if "role" in part else 0
            for name in _TEXT_IN & part.keys():
                inner = part[name]
                waiting.append(_json(inner) if name in _JSON_IN and is_object(inner) else inner)
    return total


def estimated(asked: Asked, text: str, told: Usage | None = None) -> Usage:
    """The usage of a call that answered *text*: what the provider *told* stands, the rest is estimated.

    Told is what ``Stream.usage_so_far`` says: its input is exact, its output a lower bound.
    """
    known = told.leaves if told else NOTHING.leaves
    read = {leaf: count for leaf, count in known.items() if not leaf.startswith("output")}
    written = {leaf: count for leaf, count in known.items() if leaf.startswith("output")}
    if not (told and told.token_in):
        read["input"] = tokens(asked.input) + _tools(asked.body)
    answered = tokens(text)
    if answered > sum(written.values()):
        written = {"output": answered}
    return Usage({leaf: count for leaf, count in (read | written).items() if count})


def _tools(body: Json) -> int:
    tools = body.get("tools") if is_object(body) else None
    return tokens(_json(tools)) if tools else 0


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _of(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)
