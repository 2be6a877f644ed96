"""Streams of lines, each a JSON value, decoded as bytes arrive: any cut of the same bytes gives the same lines."""

from collections.abc import Callable, Mapping

from promptforge.wire.sse import MAX_EVENT, Decoder, Event, EventTooLarge


class LineDecoder:
    """Turn chunks of bytes into lines, as events without a name."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._partial: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the lines that *chunk* completes, empty ones left out; EventTooLarge when one outgrows the limit."""
        first, *rest = chunk.split(b"\n")
        events: list[Event] = []
        self._hold(first)
        for piece in rest:
            line = b"".join(self._partial).strip()
            self._partial, self._held = [], 0
            if line:
                events.append(Event("message", line.decode("utf-8", "replace")))
            self._hold(piece)
        return events

    def end(self) -> list[Event]:
        """The last line, where nothing ended it: what follows is nothing."""
        return self.feed(b"\n")

    def _hold(self, piece: bytes) -> None:
        self._partial.append(piece)
        self._held += len(piece)
        if self._held > self._limit:
            raise EventTooLarge(f"one line of the stream is larger than {self._limit} bytes")


DECODERS: Mapping[str, Callable[[], Decoder | LineDecoder]] = {
    "text/event-stream": Decoder,
    "application/x-ndjson": LineDecoder,
}
"""What takes a stream apart, by its content type."""
