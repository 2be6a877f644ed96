"""Counters: what became of everything that was offered since the process started, by workspace and source; and what
of it was refused, by service, with the last reason.

What was received is counted together with its outcome, once that is known, on the event loop: so received = stored +
rejected + duplicate at every moment that anybody can look.
"""

from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from promptforge.core.chain_execution import AnyExecution
from promptforge.core.execution import Source
from promptforge.core.query import Counts, Problem, Refusals

Road = tuple[str, Source]
"""The workspace that something was offered to, and how it came."""
_NONE: Counter[Road] = Counter()
MOST_SERVICES = 1_000
"""Refusals are told apart for so many services of all workspaces: callers choose the names."""
MOST_REASON = 500
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


class Refused:
    """The refusals of each workspace by service. Touched by the event loop only."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str | None], Refusals] = {}

    def note(self, workspace: str, service: str | None, count: int, at: datetime, why: str) -> None:
        """Count some; of a service too many, as of none that is known."""
        if (workspace, service) not in self._of and len(self._of) >= MOST_SERVICES:
            service = None
        before = self._of.get((workspace, service), Refusals())
        last = Problem(at=at, text=why[:MOST_REASON]) if why else before.last
        self._of[workspace, service] = Refusals(count=before.count + count, last=last)

    def as_they_are(self, workspace: str) -> Mapping[str | None, Refusals]:
        """Those of one workspace at this moment."""
        return {service: found for (whose, service), found in self._of.items() if whose == workspace}


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
