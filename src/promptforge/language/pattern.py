"""Regular expressions from outside, on RE2: its time is linear in the text, whatever the pattern."""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import re2

from promptforge.core.errors import InvalidInput

MAX_PATTERN = 1_000
_MEMORY = 1 << 20
_RE2: Any = re2  # its annotations are incomplete


@lru_cache(maxsize=512)
def searcher(pattern: str) -> Callable[[str], bool]:
    """Whether it occurs in a text, as a function; InvalidInput for what RE2 does not know."""
    options = _RE2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    compiled = None
    if len(pattern) <= MAX_PATTERN:
        with suppress(_RE2.error, UnicodeEncodeError):
            compiled = _RE2.compile(pattern, options)
    if compiled is None:
        raise InvalidInput(
            f"the pattern '{pattern[:80]}' is no regular expression that runs in bounded time: RE2 syntax, at most "
            f"{MAX_PATTERN} characters, no look-around, no back references"
        )
    # Text that is not Unicode (half a surrogate pair) matches nothing.
    return lambda text: compiled.search(text.encode("utf-8", "replace").decode()) is not None
