"""Exchanges: a request that somebody else wrote and the answer to it, read as they pass.

Where a ``Dialect`` writes requests, an exchange only reads them. Nothing here may refuse what a provider would take:
what cannot be understood is read as far as it goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from promptforge.core.json import Json, is_object
from promptforge.core.model import Reply
from promptforge.wire.anthropic import Anthropic
from promptforge.wire.dialect import Dialect, Stream
from promptforge.wire.openai import OpenAI


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


class _Chat:
    """Messages in, a message out: *dialect* reads the answers."""

    def __init__(self, dialect: Dialect, *inputs: str) -> None:
        self._inputs = inputs
        self.request_id_header = dialect.request_id_header
        self.reply = dialect.reply
        self.stream = dialect.stream

    def asked(self, raw: bytes) -> Asked:
        """Read a request."""
        try:
            body: Json = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Asked(model="", input=None, streamed=False, body=None)
        if not is_object(body):
            return Asked(model="", input=None, streamed=False, body=body)
        model = body.get("model")
        given = {name: body[name] for name in self._inputs if body.get(name) is not None}
        return Asked(
            model=model if isinstance(model, str) else "",
            input=next(iter(given.values())) if len(given) == 1 else given or None,
            streamed=body.get("stream") is True,
            body=body,
        )


EXCHANGES: Mapping[tuple[str, str], Exchange] = {
    ("openai", "/chat/completions"): _Chat(OpenAI(), "messages"),
    ("anthropic", "/messages"): _Chat(Anthropic(), "system", "messages"),
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
