"""How an execution is written in the journal: MessagePack by field name, long ones compressed.

By name, because a later version must read what an earlier one left behind.
"""

import zlib

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
