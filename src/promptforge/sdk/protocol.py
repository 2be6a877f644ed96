"""How the client talks, without I/O: plans yield what they want done and receive what came of it.

A plan is a generator. It yields a Request and receives a Reply, or a Pause; a conversation also yields Open, Say
and Hear for a websocket, Download and Piece for a file, and Found for what the caller is to get. When a request cannot
be answered the driver throws NetworkError into the plan. So everything that can go wrong is decided here once, and the
drivers in ``drivers.py`` stay a few lines each, blocking and asynchronous.
"""

import json
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from promptforge.sdk.errors import NetworkError, PromptForgeError, RateLimitError, graphql_error, status_error

Result = TypeVar("Result")
Item = TypeVar("Item")

ATTEMPTS = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 20.0
#: Beyond this the server's wish to wait is handed to the caller instead.
LONGEST_RETRY_AFTER = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """A POST of JSON to the API; ``timeout`` in seconds, None for the client's own."""

    body: bytes
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Open the websocket; the driver closes it when the plan ends, however it ends."""


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait for the next message; None waits for ever. Receives the text, or None when the other side closed."""

    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """Ask for a file; receives the headers of the answer. The driver ends it when the plan ends, however it ends."""

    path: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bytes of the file, None at its end."""


@dataclass(frozen=True, slots=True)
class Found(Generic[Item]):
    """Hand *value* to the caller of a stream."""

    value: Item


Effect = Request | Pause | Open | Say | Hear | Download | Piece
Plan = Generator[Effect, Any, Result]
StreamPlan = Generator[Effect | Found[Item], Any, None]


def ask(
    document: str,
    variables: Mapping[str, Any] | None = None,
    *,
    repeatable: bool = True,
    timeout: float | None = None,
) -> Plan[dict[str, Any]]:
    """Send a document and return its data; raise what the errors mean.

    What fails on the way is sent again a few times. A document that is not *repeatable* only when it certainly was
    not carried out: the connection was never made, or the server said that it is busy or away.
    """
    request = Request(_body(document, variables), timeout)
    for attempt in range(1, ATTEMPTS + 1):
        last = attempt == ATTEMPTS
        try:
            reply: Reply = yield request
            return _data(reply)
        except NetworkError as error:
            safe = repeatable or not error.sent or error.status_code == 503
            if last or not safe or _too_long(error.retry_after):
                raise
            yield Pause(pause(attempt, error.retry_after))
        except RateLimitError as error:
            if last or _too_long(error.retry_after):
                raise
            yield Pause(pause(attempt, error.retry_after))
    raise AssertionError("the last attempt returns or raises")


def subscribe(
    document: str,
    variables: Mapping[str, Any],
    read: Callable[[dict[str, Any]], Item],
    *,
    timeout: float | None = None,
) -> StreamPlan[Item]:
    """Find what *read* makes of each event, over graphql-transport-ws; *timeout* bounds the silence in between."""
    yield from _greeting()
    payload: dict[str, Any] = {"query": document, "variables": given(variables)}
    yield Say(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
    while True:
        message = yield from _message(timeout)
        match message.get("type"):
            case "next":
                payload = message["payload"]
                if payload.get("errors"):
                    raise graphql_error(payload["errors"])
                yield Found(read(payload["data"]))
            case "error":
                raise graphql_error(message["payload"])
            case "complete":
                return
            case _:  # a pong, or a word of a later version of the protocol
                continue


def download(
    path: str, query: Mapping[str, str | None], heard: Callable[[Mapping[str, str]], None]
) -> StreamPlan[bytes]:
    """Find the pieces of a file as they come; *heard* is called with the headers first."""
    headers: Mapping[str, str] = yield Download(path, tuple(given(query).items()))
    heard(headers)
    while True:
        piece: bytes | None = yield Piece()
        if piece is None:
            return
        yield Found(piece)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the keys whose value is None: the API's defaults hold for what is not said."""
    return {key: value for key, value in values.items() if value is not None}


def pause(attempt: int, retry_after: float | None = None) -> float:
    """Seconds to wait after the n-th failed attempt: what the server asked for, else doubling with a spread."""
    if retry_after is not None:
        return retry_after
    spread = 0.5 + random.random() / 2  # noqa: S311 - many clients must not come back at once; no secret is made
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * spread


def _greeting() -> Generator[Effect, Any, None]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            yield Open()
            break
        except PromptForgeError as error:
            busy = isinstance(error, (NetworkError, RateLimitError))
            if not busy or attempt == ATTEMPTS or _too_long(error.retry_after):
                raise
            yield Pause(pause(attempt, error.retry_after))
    yield Say(json.dumps({"type": "connection_init"}))
    while (yield from _message(30.0)).get("type") != "connection_ack":
        continue


def _message(timeout: float | None) -> Generator[Effect, Any, dict[str, Any]]:
    while True:
        text: str | None = yield Hear(timeout)
        if text is None:
            raise NetworkError("the server closed the stream before it was complete")
        message: dict[str, Any] = json.loads(text)
        if message.get("type") != "ping":
            return message
        yield Say(json.dumps({"type": "pong"}))


def _body(document: str, variables: Mapping[str, Any] | None) -> bytes:
    return json.dumps({"query": document, "variables": given(variables or {})}).encode()


def _data(reply: Reply) -> dict[str, Any]:
    wait = retry_after(reply.headers)
    try:
        parsed: Any = json.loads(reply.body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        known = cast("dict[str, Any]", parsed)
        if known.get("errors"):
            raise graphql_error(known["errors"], retry_after=wait)
        if reply.status < 400 and isinstance(known.get("data"), dict):
            return known["data"]
    text = " ".join(reply.body[:300].decode("utf-8", "replace").split()) or "an empty page"
    raise status_error(reply.status, text, retry_after=wait)


def refused(reply: Reply) -> PromptForgeError:
    """The error that a reply of status 400 or more means."""
    try:
        _data(reply)
    except PromptForgeError as error:
        return error
    return status_error(reply.status, "")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The header in seconds; None when it is absent or a date (the usual pause is as good then)."""
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _too_long(seconds: float | None) -> bool:
    return seconds is not None and seconds > LONGEST_RETRY_AFTER
