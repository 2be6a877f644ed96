"""How an execution is written as bytes: whole in the journal, without what may be erased in the history's facts.

MessagePack by field name, because a later version must read what an earlier one left behind.
"""

import zlib
from dataclasses import fields
from operator import attrgetter

import msgspec

from promptforge.core.execution import Execution

LONG = 4_096
_PLAIN, _DEFLATED = b"\x00", b"\x01"
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Execution)


def encode(execution: Execution) -> bytes:
    """Bytes that ``decode`` turns back into an equal execution."""
    raw = _encoder.encode(execution)
    return _PLAIN + raw if len(raw) < LONG else _DEFLATED + zlib.compress(raw, 1)


def decode(body: bytes) -> Execution:
    """ValueError when the bytes are not an execution."""
    try:
        raw = zlib.decompress(body[1:]) if body[:1] == _DEFLATED else body[1:]
        return _decoder.decode(raw)
    except (zlib.error, msgspec.MsgspecError, TypeError) as error:
        raise ValueError(str(error)) from error


ERASABLE = frozenset({"content", "end_user", "session_id", "tags"})
"""What a privacy request removes; it stands in columns of its own."""

_SHOWN = tuple(field.name for field in fields(Execution) if field.name not in ERASABLE)
_shown = attrgetter(*_SHOWN)


def shown(execution: Execution) -> bytes:
    """The execution without what may be erased."""
    return _encoder.encode(dict(zip(_SHOWN, _shown(execution), strict=True)))


def shown_of(body: bytes) -> Execution:
    """The execution back, with nothing where something may have been erased."""
    return _decoder.decode(body)
