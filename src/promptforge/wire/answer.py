"""A provider's answer, read while its bytes pass by: whole or streamed, a reply or a complaint.

Whatever comes is taken in without complaint and within bounds; what it amounted to is asked at the end.
"""

import zlib
from collections.abc import Mapping
from typing import Protocol

from promptforge.core.execution import ErrorType
from promptforge.core.json import Json
from promptforge.core.model import ModelFailure, Reply
from promptforge.core.usage import Usage
from promptforge.wire.dialect import Complained, Garbled, read_complaint
from promptforge.wire.exchange import Exchange
from promptforge.wire.failure import failure
from promptforge.wire.sse import Decoder, EventTooLarge

MAX_READ = 32 * 1024 * 1024
MAX_COMPLAINT = 64 * 1024
_PIECE = 1 << 20


class Answer(Protocol):
    """Takes the bytes in as they come."""

    @property
    def streamed(self) -> bool:
        """Whether it comes as events, whatever was asked for: an error and many a proxy's answer do not."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it has said that nothing follows."""
        ...

    @property
    def text(self) -> str:
        """The output so far."""
        ...

    @property
    def usage(self) -> Usage | None:
        """The usage, once it is final."""
        ...

    @property
    def usage_so_far(self) -> Usage | None:
        """What has been said of it up to here."""
        ...

    @property
    def usage_raw(self) -> Json:
        """The usage block as told so far."""
        ...

    def feed(self, chunk: bytes) -> None:
        """Take bytes in; never raises."""
        ...

    def reply(self) -> Reply:
        """What it amounted to, when all bytes have come; ModelFailure when that is no reply."""
        ...


def answer_of(
    provider: str, exchange: Exchange, status: int, headers: Mapping[str, str], request_id: str | None
) -> "Answer":
    """Read an answer with that head; *headers* have lower-case names."""
    head = _Head(provider, status, headers, request_id)
    if 200 <= status < 300 and headers.get("content-type", "").lower().startswith("text/event-stream"):
        return _Streamed(head, exchange)
    return _Whole(head, exchange)


class _Head:
    """What is known before the body, and the words for what can be wrong with that."""

    def __init__(self, provider: str, status: int, headers: Mapping[str, str], request_id: str | None) -> None:
        self.provider, self.status, self.headers, self.request_id = provider, status, headers, request_id
        self._coded = headers.get("content-encoding", "").strip().lower()
        self._inflate = zlib.decompressobj(47) if self._coded in ("gzip", "deflate") else None

    @property
    def refusal(self) -> bool:
        """Whether it is no answer of a model."""
        return not 200 <= self.status < 300

    def plain(self, chunk: bytes) -> list[bytes]:
        """The bytes without the coding that they came in, piece by piece; Garbled where that cannot be read."""
        if self._coded in ("", "identity"):
            return [chunk]
        if self._inflate is None:
            raise Garbled(f"its answer is encoded as '{self._coded[:20]}'")
        try:
            pieces = [self._inflate.decompress(chunk, _PIECE)]
            while self._inflate.unconsumed_tail and len(pieces) * _PIECE <= MAX_READ:
                pieces.append(self._inflate.decompress(self._inflate.unconsumed_tail, _PIECE))
        except zlib.error:
            raise Garbled("its answer cannot be inflated") from None
        return pieces

    def failed(self, what: str) -> ModelFailure:
        """A failure of the provider in these words."""
        return ModelFailure(
            f"Provider '{self.provider}' {what}",
            ErrorType.PROVIDER,
            http_status=self.status,
            request_id=self.request_id,
        )

    def complained(self, told: Complained) -> ModelFailure:
        """An error that came where an answer was expected."""
        made = failure(self.provider, told.complaint, request_id=self.request_id)
        made.http_status, made.refused = self.status, False
        made.usage, made.usage_raw = told.usage, told.usage_raw
        return made


class _Whole:
    """One JSON document, or an error."""

    streamed = False
    closed = False
    text = ""
    usage: Usage | None = None
    usage_so_far: Usage | None = None
    usage_raw: Json = None

    def __init__(self, head: _Head, exchange: Exchange) -> None:
        self._head = head
        self._exchange = exchange
        self._limit = MAX_COMPLAINT if head.refusal else MAX_READ
        self._chunks: list[bytes] = []
        self._size = 0
        self._problem: str | None = None

    def feed(self, chunk: bytes) -> None:
        """Keep it, as far as there is room."""
        if self._problem is not None or self._size > self._limit:
            return
        try:
            for piece in self._head.plain(chunk):
                self._size += len(piece)
                self._chunks.append(piece)
        except Garbled as error:
            self._problem = f"sent something unreadable: {error}"
        if self._size > self._limit:
            self._problem = f"sent more than {self._limit} bytes"
            self._chunks = self._chunks if self._head.refusal else []

    def reply(self) -> Reply:
        """The reply; ModelFailure when it is none."""
        head, raw = self._head, b"".join(self._chunks)
        if head.refusal:
            raise failure(
                head.provider,
                read_complaint(raw[:MAX_COMPLAINT]),
                status=head.status,
                headers=head.headers,
                request_id=head.request_id,
            )
        if self._problem is not None:
            raise head.failed(self._problem)
        try:
            return self._exchange.reply(raw)
        except Complained as told:
            raise head.complained(told) from None
        except Garbled as error:
            raise head.failed(f"sent something unreadable: {error}") from None


class _Streamed:
    """Events that add up to a reply."""

    streamed = True

    def __init__(self, head: _Head, exchange: Exchange) -> None:
        self._head = head
        self._gathered = exchange.stream()
        self._decoder = Decoder()
        self._failure: ModelFailure | None = None

    @property
    def closed(self) -> bool:
        return self._gathered.closed

    @property
    def text(self) -> str:
        return self._gathered.text

    @property
    def usage(self) -> Usage | None:
        return self._gathered.usage

    @property
    def usage_so_far(self) -> Usage | None:
        return self._gathered.usage_so_far

    @property
    def usage_raw(self) -> Json:
        return self._gathered.usage_raw

    def feed(self, chunk: bytes) -> None:
        """Read the events that it completes; after one that cannot be read, no more."""
        if self._failure is not None or self._gathered.closed:
            return
        try:
            for piece in self._head.plain(chunk):
                for event in self._decoder.feed(piece):
                    for _ in self._gathered.feed(event):
                        pass
        except Complained as told:
            self._failure = self._head.complained(told)
        except (Garbled, EventTooLarge) as error:
            self._failure = self._head.failed(f"sent something unreadable: {error}")

    def reply(self) -> Reply:
        """The reply; ModelFailure when the stream failed or never came to its end."""
        if self._failure is not None and not (self._gathered.finished and self._gathered.usage):
            raise self._failure
        if not self._gathered.finished:
            raise self._head.failed("ended its answer without completing it")
        return self._gathered.reply()
