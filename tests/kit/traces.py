"""Looking for a text in every file of a home, into the engine's compressed blocks too."""

import contextlib
import re
from os import walk
from pathlib import Path

import pyarrow

_CODECS = {0x82: "lz4_raw", 0x90: "zstd"}
_HEAD = 9
_LARGEST = 64 << 20


def traces(home: Path, *texts: str) -> dict[str, list[str]]:
    """The files that hold any of the texts, each with those that it holds."""
    found: dict[str, list[str]] = {}
    # unlike rglob, walk takes it well when the engine removes a folder meanwhile
    for path in sorted(Path(folder, name) for folder, _, names in walk(home) for name in names):
        try:
            raw = path.read_bytes()
        except FileNotFoundError:  # the engine has removed it meanwhile
            continue
        held = raw.lower() + b"".join(_blocks(raw)).lower()
        some = [text for text in texts if text.lower().encode() in held]
        if some:
            found[str(path.relative_to(home))] = some
    return found


def _blocks(raw: bytes):
    """What may be a compressed block: a method, its size with this head, the size of what it holds."""
    for match in re.finditer(rb"[\x82\x90]", raw):
        at = match.start()
        size = int.from_bytes(raw[at + 1 : at + 5], "little")
        whole = int.from_bytes(raw[at + 5 : at + 9], "little")
        if _HEAD < size <= len(raw) - at and 0 < whole <= _LARGEST:
            body = raw[at + _HEAD : at + size]
            with contextlib.suppress(OSError):  # it only looked like one
                yield pyarrow.decompress(body, whole, codec=_CODECS[raw[at]], asbytes=True)
