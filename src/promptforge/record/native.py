"""ClickHouse's Native block, written by hand: columns of Python values to bytes, without pandas or Decimal.

Only the types that the record's tables use. Money arrives as an integer of 10^-12 dollars, which is how a
``Decimal(38, 12)`` is stored.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

Values = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Flat:
    """The values of an array column in one row, with the packed numbers where each array ends."""

    ends: bytes
    items: Values


_CODES = {"UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q", "Int64": "q", "Date": "H", "Bool": "B"}
_ZEROS: Mapping[str, object] = {"String": ""}


def varint(value: int) -> bytes:
    """An unsigned LEB128 number, as the format writes lengths."""
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [varint(n) for n in range(16_384)]


def _string(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode()
    size = len(raw)
    return (_SMALL[size] if size < 16_384 else varint(size)) + raw


def _strings(values: Values) -> bytes:
    # names repeat, texts do not: a small cache pays for the first and costs little for the second
    if len(values) > 64 and len(set(values[:64])) < 32:
        made = {text: _string(text) for text in set(values)}
        return b"".join([made[text] for text in values])
    return b"".join([_string(text) for text in values])


def _wide(size: int, *, signed: bool) -> Callable[[Values], bytes]:
    return lambda values: b"".join([value.to_bytes(size, "little", signed=signed) for value in values])


def _numbers(code: str) -> Callable[[Values], bytes]:
    return lambda values: array(code, values).tobytes()


def _array(inner: str) -> Callable[[Values | Flat], bytes]:
    write = writer(inner)

    def write_array(values: Values | Flat) -> bytes:
        if isinstance(values, Flat):
            return values.ends + write(values.items)
        return ends(values) + write(list(chain.from_iterable(values)))

    return write_array


def _map(key: str, item: str) -> Callable[[Values], bytes]:
    keys, items = writer(key), writer(item)

    def write_map(values: Values) -> bytes:
        flat = [pair for value in values for pair in value.items()]
        return ends(values) + keys([k for k, _ in flat]) + items([v for _, v in flat])

    return write_map


def _nullable(inner: str) -> Callable[[Values], bytes]:
    write, zero = writer(inner), _ZEROS.get(inner, 0)

    def write_nullable(values: Values) -> bytes:
        flags = bytes([value is None for value in values])
        return flags + write([zero if value is None else value for value in values])

    return write_nullable


def writer(type_name: str) -> Callable[[Any], bytes]:
    """The function that writes a column of that type."""
    outer, _, rest = type_name.partition("(")
    inside = rest.removesuffix(")")
    match outer:
        case "String":
            return _strings
        case "UInt128":
            return _wide(16, signed=False)
        case "Decimal":
            return _numbers("q") if inside.startswith("18") else _wide(16, signed=True)
        case "DateTime64":
            return _numbers("q")
        case "Array":
            return _array(inside)
        case "Nullable":
            return _nullable(inside)
        case "Map":
            key, _, item = inside.partition(", ")
            return _map(key, item)
        case _:
            return _numbers(_CODES[outer])


def ends(values: Sequence[Sized]) -> bytes:
    """Where each of these ends when they stand one behind the other."""
    return array("Q", accumulate(map(len, values))).tobytes()


def block(columns: Iterable[tuple[str, str, Values | Flat]], rows: int) -> bytes:
    """One block of named, typed columns; OverflowError or TypeError for a value that its type cannot hold."""
    parts: list[bytes] = []
    for name, type_name, values in columns:
        parts += (_string(name), _string(type_name), writer(type_name)(values))
    return varint(len(parts) // 3) + varint(rows) + b"".join(parts)
