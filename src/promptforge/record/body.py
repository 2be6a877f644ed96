"""How an execution is written as bytes: whole in the journal, without what may be erased in the history's facts.

MessagePack by field name, because a later version must read what an earlier one left behind. The first byte says what
follows, whether it is deflated, and whether a checksum stands before it, as it does in all that is written now: a
changed bit in a disk's copy must not become another figure.
"""

import zlib
from collections.abc import Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

import msgspec

from promptforge.core.chain_execution import AnyExecution, ChainExecution, StepRun, without_content
from promptforge.core.execution import Execution

LONG = 4_096
_encoder = msgspec.msgpack.Encoder()
_execution = msgspec.msgpack.Decoder(Execution)
_chain = msgspec.msgpack.Decoder(ChainExecution)
_step = msgspec.msgpack.Decoder(StepRun)
_PLAIN = {Execution: 0, ChainExecution: 2, StepRun: 4}
"""The first byte of each; one more when it is deflated, and ``_SUMMED`` more with a checksum."""
_SUMMED = 8
_SUM_BYTES = 4

_EXECUTIONS: Mapping[int, msgspec.msgpack.Decoder[Any]] = {0: _execution, 1: _execution, 2: _chain, 3: _chain}
_STEPS: Mapping[int, msgspec.msgpack.Decoder[Any]] = {4: _step, 5: _step}


def encode(value: AnyExecution | StepRun) -> bytes:
    """Bytes that ``decode`` turns back into an equal value."""
    raw = _encoder.encode(value)
    plain = _PLAIN[type(value)]
    first, rest = (plain, raw) if len(raw) < LONG else (plain + 1, zlib.compress(raw, 1))
    first += _SUMMED
    return bytes((first,)) + _sum(first, rest) + rest


def plain(value: AnyExecution | StepRun) -> bytes:
    """All that it holds as bytes, undeflated; raises as ``try_encoding`` does."""
    return _encoder.encode(value)


def try_encoding(value: AnyExecution | StepRun) -> None:
    """Raise what ``encode`` would raise (UnicodeEncodeError, OverflowError, TypeError), without the time to deflate."""
    _encoder.encode(value)


def _sum(first: int, rest: bytes) -> bytes:
    return zlib.crc32(rest, first).to_bytes(_SUM_BYTES, "big")


def decode(body: bytes) -> AnyExecution:
    """ValueError when the bytes are not an execution or chain execution."""
    return _decoded(body, _EXECUTIONS)


def decode_as(workspace: str, execution_id: str, body: bytes) -> AnyExecution:
    """ValueError when the bytes are not the execution or chain execution of that workspace and id."""
    execution = decode(body)
    if (execution.workspace, execution.id) != (workspace, execution_id):
        raise ValueError(f"it is filed under {execution_id[:60]} in {workspace[:60]}, and holds another execution")
    return execution


def decode_step(body: bytes) -> StepRun:
    """ValueError when the bytes are not a step."""
    return _decoded(body, _STEPS)


def _decoded(body: bytes, decoders: Mapping[int, msgspec.msgpack.Decoder[Any]]) -> Any:
    try:
        first, rest = body[0], body[1:]
        if first & _SUMMED:
            told, rest = rest[:_SUM_BYTES], rest[_SUM_BYTES:]
            if told != _sum(first, rest):
                raise ValueError("damaged: the checksum does not fit")
        return decoders[first & ~_SUMMED].decode(zlib.decompress(rest) if first % 2 else rest)
    except (zlib.error, msgspec.MsgspecError, TypeError, LookupError) as error:
        raise ValueError(str(error)) from error


ERASABLE = frozenset({"content", "end_user", "session_id", "tags"})
"""What a privacy request removes; it stands in columns of its own."""

_SHOWN = tuple(field.name for field in fields(Execution) if field.name not in ERASABLE)
_CHAIN_SHOWN = tuple(field.name for field in fields(ChainExecution) if field.name not in ERASABLE)
_shown = attrgetter(*_SHOWN)
_chain_shown = attrgetter(*_CHAIN_SHOWN)


def shown(execution: Execution) -> bytes:
    """The execution without what may be erased."""
    return _encoder.encode(dict(zip(_SHOWN, _shown(execution), strict=True)))


def shown_of(body: bytes) -> Execution:
    """The execution back, with nothing where something may have been erased."""
    return _execution.decode(body)


def chain_shown(execution: ChainExecution) -> bytes:
    """The chain execution without what may be erased."""
    return _encoder.encode(dict(zip(_CHAIN_SHOWN, _chain_shown(without_content(execution)), strict=True)))


def chain_shown_of(body: bytes) -> ChainExecution:
    """The chain execution back, with nothing where something may have been erased."""
    return _chain.decode(body)
