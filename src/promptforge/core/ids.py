"""Identity: an id carries the moment of its subject, so the id itself prunes a look-up.

An id is 128 bits, 48 of milliseconds since 1970 and 80 of randomness (or of a keyed hash, for what came
from outside). Inside the stores it is an integer; outside it is a prefix and 26 characters of Crockford's
base 32 in lower case, which sort as the integers do. Nothing here reads a clock or draws a random number.
"""

import hashlib
from datetime import UTC, datetime, timedelta

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# to the digits that int() knows in base 32; "u" is in no id and becomes a digit of no base
_PLAIN = str.maketrans(ALPHABET + "ilou", "0123456789abcdefghijklmnopqrstuv" + "110z")
RANDOM_BITS = 80
_LENGTH = 26
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
"""Ten bits at a time, because an id is written for every execution."""

EXECUTION = "exec"
CHAIN_EXECUTION = "chex"
PROMPT = "prompt"
VERSION = "ver"
CHAIN = "chain"
CHAIN_VERSION = "cver"
STEP = "step"
USER = "user"
KEY = "key"
WORKSPACE = "ws"
PRICE = "price"


def number(milliseconds: int, bits: int) -> int:
    """Join a moment and 80 bits; ValueError when either does not fit."""
    if not 0 <= milliseconds < 1 << 48 or not 0 <= bits < 1 << RANDOM_BITS:
        raise ValueError("an id takes 48 bits of milliseconds and 80 bits beside them")
    return milliseconds << RANDOM_BITS | bits


def text(prefix: str, value: int) -> str:
    """Write a 128-bit id as people and the API see it: ``exec_01k9…``."""
    pairs = [_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def made(prefix: str, at: datetime, bits: int) -> str:
    """The id of something that begins at *at*, from 80 bits: ``exec_01k9…``."""
    return text(prefix, number((at - _START) // _MILLISECOND, bits))


def parse(prefix: str, shown: str) -> int | None:
    """Read an id back, case and Crockford's look-alikes forgiven; None when it is not one."""
    head, _, body = shown.partition("_")
    if head != prefix or len(body) != _LENGTH or not (body.isascii() and body.isalnum()):
        return None
    try:
        value = int(body.lower().translate(_PLAIN), 32)
    except ValueError:
        return None
    return value if value < 1 << 128 else None


def milliseconds(value: int) -> int:
    """The moment inside an id, in milliseconds since 1970."""
    return value >> RANDOM_BITS


def derived_bits(secret: bytes, *parts: str | bytes) -> int:
    """80 bits for something that came from outside: the same parts give the same id, on every road.

    Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.blake2b(key=secret[:64], digest_size=RANDOM_BITS // 8)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return int.from_bytes(digest.digest(), "big")
