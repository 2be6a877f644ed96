"""Server-sent events, decoded as bytes arrive.

The decoder is given chunks cut anywhere and yields whole events only: any cut of the same bytes gives the same
events. One event is bounded, so a stream without line ends cannot eat the memory.
"""

import re
from dataclasses import dataclass

MAX_EVENT = 8 * 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventTooLarge(ValueError):
    """One event holds more bytes than the decoder was allowed to keep."""


@dataclass(frozen=True, slots=True)
class Event:
    """``name`` is ``message`` where the stream gave none; ``data`` has its lines joined by a line feed."""

    name: str
    data: str


class Decoder:
    """Turn chunks of bytes into events. What follows the last blank line is never an event."""

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._partial: list[bytes] = []  # pieces of a line that has not ended
        self._data: list[bytes] = []
        self._held = 0  # bytes in both
        self._name = ""
        self._after_return = False  # a line feed that opens the next chunk belongs to the line end before it
        self._first_line = True

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that *chunk* completes; EventTooLarge when one outgrows the limit."""
        if self._after_return and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_return = False
        if not chunk:
            return []
        self._after_return = chunk.endswith(b"\r")
        first, *rest = _LINE_END.split(chunk)
        events: list[Event] = []
        self._hold(self._partial, first)
        for piece in rest:
            line, self._partial = b"".join(self._partial), []
            self._held -= len(line)
            if event := self._line(line):
                events.append(event)
            self._hold(self._partial, piece)
        return events

    def end(self) -> list[Event]:
        """Nothing: an event that no blank line ended never was one."""
        return []

    def _hold(self, where: list[bytes], piece: bytes) -> None:
        where.append(piece)
        self._held += len(piece)
        if self._held > self._limit:
            raise EventTooLarge(f"one event of the stream is larger than {self._limit} bytes")

    def _line(self, line: bytes) -> Event | None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._hold(self._data, value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name or "message"
        self._data, self._name, self._held = [], "", 0
        return Event(name, b"\n".join(data).decode("utf-8", "replace")) if data else None
