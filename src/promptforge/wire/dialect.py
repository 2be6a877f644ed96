"""What a provider's format must be able to do. A dialect knows bytes and core values, never a connection.

The text of a reply is the text that the model wrote; tool calls follow it as one line of JSON, so that nothing of
the output is lost. The deltas of a stream add up to the text of its reply.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, cast

import msgspec

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object, keepable
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.usage import Usage
from promptforge.wire import parameters
from promptforge.wire.failure import Complaint
from promptforge.wire.sse import Event

T = TypeVar("T")
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


class Garbled(ValueError):
    """The bytes are not what this format promises; the text says what is wrong, without quoting them."""


class Complained(Exception):
    """An error of the provider arrived where an answer was expected.

    ``usage`` is what it billed all the same, where the error comes with that.
    """

    def __init__(self, complaint: Complaint, usage: Usage | None = None, usage_raw: Json = None) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint
        self.usage = usage
        self.usage_raw = usage_raw


class Stream(Protocol):
    """Gathers the events of one streamed answer."""

    def feed(self, event: Event) -> Iterator[Delta]:
        """Take one event in; Complained for an error event, Garbled for what cannot be read."""
        ...

    @property
    def text(self) -> str:
        """What has been delivered so far."""
        ...

    @property
    def usage(self) -> Usage | None:
        """The usage, once it is final."""
        ...

    @property
    def usage_so_far(self) -> Usage | None:
        """What the provider has said of it up to here: the input exactly, the output at least."""
        ...

    @property
    def usage_raw(self) -> Json:
        """The usage block as reported so far."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the model has said that it is done."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the stream has said that nothing follows."""
        ...

    def reply(self) -> Reply:
        """The answer, once finished."""
        ...


class Spoken:
    """The output of a stream as far as it was delivered: its text, and behind it the calls of tools."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """What has been delivered so far."""
        return "".join(self._parts)

    def _deliver(self, text: str) -> Delta:
        self._parts.append(text)
        return Delta(text)

    def _deliver_calls(self, calls: Sequence[Mapping[str, Json]]) -> Iterator[Delta]:
        if calls:
            yield self._deliver(("\n\n" if self._parts else "") + tool_calls_text(calls))


class Dialect(Protocol):
    """One provider's format: what it is called in a sentence, and which of ``parameters.NEUTRAL`` it lacks."""

    title: str
    lacks: frozenset[str]
    request_id_header: str

    def path(self, request: ModelRequest) -> str:
        """What follows the base URL; it may hold the model, and a query."""
        ...

    def credential(self, key: str) -> Mapping[str, str]:
        """The header that carries the key."""
        ...

    def headers(self, key: str) -> Mapping[str, str]:
        """All headers of a request but the usual ones."""
        ...

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send; InvalidInput for what the format cannot express."""
        ...

    def reply(self, raw: bytes) -> Reply:
        """Read a complete answer; Complained or Garbled otherwise."""
        ...

    def stream(self) -> Stream: ...


RESERVED = ("model", "messages", "stream", "system")


def checked_params(request: ModelRequest, lacks: frozenset[str], title: str) -> dict[str, Json]:
    """The request's parameters; InvalidInput for those that are none, ask for several answers, or that it *lacks*."""
    for name in RESERVED:
        if name in request.params:
            raise InvalidInput(f"'{name}' is not a parameter: leave it out of params", path=f"$.params.{name}")
    if request.params.get("n", 1) not in (1, None):
        raise InvalidInput("'n' must be 1: an execution has one output", path="$.params.n")
    if not any(message.role != "system" for message in request.messages):
        raise InvalidInput("there is no user message to send: add one to the version", path="$.messages")
    return parameters.check(request.params, lacks, title)


def read(decoder: msgspec.json.Decoder[T], raw: bytes | str, what: str = "its answer") -> T:
    """Decode an answer, or *what* of it; Garbled when it is something else."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Garbled(f"{what} is not the JSON that the format promises") from error


def read_event(decoder: msgspec.json.Decoder[T], event: Event) -> T:
    """Decode what an event of a stream holds."""
    return read(decoder, event.data, "an event of its stream")


def tool_calls_text(calls: Sequence[Mapping[str, Json]]) -> str:
    """Tool calls as one line of JSON: ``{"tool_calls":[{"id":…,"name":…,"arguments":{…}}]}``."""
    return msgspec.json.encode(keepable({"tool_calls": calls})).decode()


def tool_call(call_id: str | None, name: str | None, arguments: str) -> dict[str, Json]:
    """One tool call; arguments that are not JSON are kept as the text they are."""
    try:
        value: Json = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        value = arguments
    return {"id": call_id, "name": name, "arguments": value}


def with_tool_calls(text: str, calls: Sequence[Mapping[str, Json]]) -> str:
    """Output text followed by its tool calls."""
    if not calls:
        return text
    return f"{text}\n\n{tool_calls_text(calls)}" if text else tool_calls_text(calls)


def read_complaint(raw: bytes) -> Complaint:
    """Read an error body, ``{"error": {"type", "code", "message"}}`` and the like, as far as it goes; never raises."""
    try:
        body: Json = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Complaint()
    if isinstance(body, list) and body:
        body = cast("list[Json]", body)[0]  # as Google ends a stream that is none of events
    if not isinstance(body, dict):
        return Complaint()
    found = cast("dict[str, Json]", body)
    error = found.get("error", found)
    if isinstance(error, str):
        return Complaint(message=error)
    if not isinstance(error, dict):
        return Complaint()
    fields = cast("dict[str, Json]", error)
    inner = fields.get("innererror")
    details = fields.get("details")
    noted = [one for one in details if is_object(one)] if is_array(details) else []
    kinds = [
        *((cast("dict[str, Json]", inner).get("code"),) if isinstance(inner, dict) else ()),
        *(one.get("reason") for one in noted),
        *(fields.get(name) for name in ("status", "code", "type")),
    ]
    return Complaint(
        tuple(str(kind) for kind in kinds if isinstance(kind, str | int) and kind),
        _message(fields),
        next((wait for one in noted if (wait := _seconds(one.get("retryDelay"))) is not None), None),
    )


def _message(error: Mapping[str, Json]) -> str:
    """What it says: a text, else a list of what is wrong in which field; and what a server behind it said."""
    said = error.get("message") or error.get("detail")
    if is_object(said):
        said = said.get("detail")
    if is_array(said):
        wrong = [(one.get("loc"), one.get("msg")) for one in said if is_object(one)]
        said = "; ".join(
            f"{'.'.join(map(str, where))}: {what}" if is_array(where) else str(what) for where, what in wrong if what
        )
    behind = error.get("metadata")
    raw = behind.get("raw") if is_object(behind) else None
    return ": ".join(part for part in (said, raw) if isinstance(part, str) and part)


def _seconds(told: Json) -> float | None:
    """A duration as Google writes it, such as ``34.07s``."""
    found = _DURATION.fullmatch(told) if isinstance(told, str) else None
    return float(found[1]) if found else None
