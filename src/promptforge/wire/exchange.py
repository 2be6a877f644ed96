"""Exchanges: a request that somebody else wrote and the answer to it, read as they pass.

Where a ``Dialect`` writes requests, an exchange only reads them. Nothing here may refuse what a provider would take:
what cannot be understood is read as far as it goes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from promptforge.core.json import MAX_DEPTH, Json, is_object, keepable
from promptforge.core.model import Reply
from promptforge.wire.anthropic import Anthropic
from promptforge.wire.dialect import Stream
from promptforge.wire.embeddings import Embeddings
from promptforge.wire.openai import OpenAI
from promptforge.wire.responses import Responses

MAX_MODEL = 256
_LONG_NUMBER = re.compile(rb"\d{19}")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_PAIR = re.compile(rb"\[\]|\{\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says: the model (empty when it does not), what goes in, whether the answer is to be streamed.

    ``body`` is the whole of it, None when it is no JSON.
    """

    model: str
    input: Json
    streamed: bool
    body: Json


class Exchange(Protocol):
    """One kind of request and its answer."""

    request_id_header: str

    def asked(self, raw: bytes) -> Asked:
        """Read a request; never raises."""
        ...

    def reply(self, raw: bytes) -> Reply:
        """Read a complete answer; Complained or Garbled otherwise."""
        ...

    def stream(self) -> Stream:
        """A gatherer for one streamed answer."""
        ...


class _Reader(Protocol):
    """Whatever reads the answers: a dialect, or a format that only passes through."""

    request_id_header: str

    def reply(self, raw: bytes) -> Reply: ...
    def stream(self) -> Stream: ...


class _Exchange:
    """A JSON object goes in: its fields *inputs* are what the model reads, *answers* reads what comes back."""

    def __init__(self, answers: _Reader, *inputs: str) -> None:
        self._inputs = inputs
        self.request_id_header = answers.request_id_header
        self.reply = answers.reply
        self.stream = answers.stream

    def asked(self, raw: bytes) -> Asked:
        """Read a request."""
        body = _body(raw)
        if not is_object(body):
            return Asked(model="", input=None, streamed=False, body=body)
        model = body.get("model")
        given = {name: body[name] for name in self._inputs if body.get(name) is not None}
        return Asked(
            model=model[:MAX_MODEL] if isinstance(model, str) else "",
            input=next(iter(given.values())) if len(given) == 1 else given or None,
            streamed=body.get("stream") is True,
            body=body,
        )


def _body(raw: bytes) -> Json:
    try:
        body: Json = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return keepable(body) if _deep(raw) or _LONG_NUMBER.search(raw) else body


def _deep(raw: bytes) -> bool:
    """Whether it may be nested too deeply, at the speed of bytes: each round takes the innermost brackets away."""
    brackets = raw.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if (outer := _PAIR.sub(b"", brackets)) == brackets:
            break
        brackets = outer
    return bool(brackets)


EXCHANGES: Mapping[tuple[str, str], Exchange] = {
    ("openai", "/chat/completions"): _Exchange(OpenAI(), "messages"),
    ("openai", "/responses"): _Exchange(Responses(), "instructions", "prompt", "input"),
    ("openai", "/embeddings"): _Exchange(Embeddings(), "input"),
    ("openai", "/completions"): _Exchange(OpenAI(), "prompt"),
    ("anthropic", "/messages"): _Exchange(Anthropic(), "system", "messages"),
}
"""By provider and path behind ``/v1``: what is recorded when it passes."""

FREE = (
    ("openai", "GET", "/models"),
    ("openai", "GET", "/models/"),
    ("anthropic", "GET", "/models"),
    ("anthropic", "GET", "/models/"),
    ("anthropic", "POST", "/messages/count_tokens"),
)
"""Provider, method and path of what passes without a record, as no model is called; more may follow a path that ends
in a slash."""
