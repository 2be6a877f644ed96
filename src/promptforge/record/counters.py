"""Counters: what became of everything that was offered since the process started, by workspace and source.

What was received is counted together with its outcome, once that is known, on the event loop: so received = stored +
rejected + duplicate at every moment that anybody can look.
"""

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from promptforge.core.chain_execution import AnyExecution
from promptforge.core.execution import Source
from promptforge.core.query import Counts, Problem

Road = tuple[str, Source]
"""The workspace that something was offered to, and how it came."""
_NONE: Counter[Road] = Counter()
KEPT = 50
"""So many of the last problems are remembered."""


class Counters:
    """The counts of each road that was used. Touched by the event loop only."""

    def __init__(self) -> None:
        self._of: dict[Road, Counts] = {}

    def add(
        self,
        received: Counter[Road],
        *,
        stored: Counter[Road] = _NONE,
        duplicate: Counter[Road] = _NONE,
        rejected: Counter[Road] = _NONE,
    ) -> None:
        """Count what was offered and what became of it, in one step."""
        for road, count in received.items():
            more = Counts(received=count, stored=stored[road], duplicate=duplicate[road], rejected=rejected[road])
            self._of[road] = self._of.get(road, Counts()) + more

    def as_they_are(self, workspace: str | None) -> Mapping[Source, Counts]:
        """The counts of this moment by source: of one workspace, or of all together."""
        found: dict[Source, Counts] = {}
        for (offered_to, source), counts in self._of.items():
            if workspace in (None, offered_to):
                found[source] = found.get(source, Counts()) + counts
        return MappingProxyType(found)


def road(execution: AnyExecution) -> Road:
    """By which road an execution or chain execution came."""
    return execution.workspace, execution.source


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
