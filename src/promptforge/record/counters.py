"""Counters: what became of everything that was offered since the process started, by the road it came.

What was received is counted together with its outcome, once that is known, on the event loop: so received = stored +
rejected + duplicate at every moment that anybody can look.
"""

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from promptforge.core.execution import Source
from promptforge.core.query import Counts, Problem

_NONE: Counter[Source] = Counter()
KEPT = 50
"""So many of the last problems are remembered."""


class Counters:
    """The counts of each road that was used. Touched by the event loop only."""

    def __init__(self) -> None:
        self._of: dict[Source, Counts] = {}

    def add(
        self,
        received: Counter[Source],
        *,
        stored: Counter[Source] = _NONE,
        duplicate: Counter[Source] = _NONE,
        rejected: Counter[Source] = _NONE,
    ) -> None:
        """Count what was offered and what became of it, in one step."""
        for source, count in received.items():
            before = self._of.get(source, Counts())
            self._of[source] = Counts(
                received=before.received + count,
                stored=before.stored + stored[source],
                duplicate=before.duplicate + duplicate[source],
                rejected=before.rejected + rejected[source],
            )

    def as_they_are(self) -> Mapping[Source, Counts]:
        """The counts of this moment."""
        return MappingProxyType(dict(self._of))


class Problems:
    """The last things that went wrong; the same one again only moves in time. Any thread may tell of one."""

    def __init__(self) -> None:
        self._last: deque[Problem] = deque(maxlen=KEPT)

    def note(self, at: datetime, text: str) -> None:
        """Remember one."""
        if self._last and self._last[-1].text == text:
            self._last.pop()
        self._last.append(Problem(at=at, text=text))

    def newest_first(self) -> tuple[Problem, ...]:
        """Those of this moment."""
        return tuple(reversed(self._last.copy()))
