"""How many calls may go: at once, and of requests and tokens in any minute. Always given the time.

The minute slides: of any span of 60 seconds the sum is within the limit, as far as tokens are known when a call begins;
what it really used takes the place of the estimate, and later calls wait for it.
"""

from collections import deque
from dataclasses import dataclass, field

from promptforge.core.provider import Limits

WINDOW = 60.0


@dataclass(slots=True, eq=False)
class Grant:
    """A call that may go; ``tokens`` are what it counts for."""

    at: float
    tokens: int
    counted: bool = True


@dataclass(slots=True)
class Limit:
    """What has gone in the last minute, and what is on its way."""

    limits: Limits
    running: int = 0
    _recent: deque[Grant] = field(default_factory=deque[Grant])
    _tokens: int = 0

    def take(self, now: float, tokens: int = 0) -> Grant | float:
        """A grant for a call that will use about *tokens*, or the seconds until it is worth asking again.

        Infinity: when another call has ended. A call of more tokens than a minute has goes when the minute is empty.
        """
        self._forget(now)
        limits = self.limits
        if limits.at_once is not None and self.running >= limits.at_once:
            return float("inf")
        wait = max(self._until_requests(now), self._until_tokens(now, tokens))
        if wait > 0:
            return wait
        self.running += 1
        grant = Grant(
            now, tokens, counted=limits.requests_per_minute is not None or limits.tokens_per_minute is not None
        )
        if grant.counted:
            self._recent.append(grant)
            self._tokens += tokens
        return grant

    def give_back(self, grant: Grant, used: int | None = None) -> None:
        """The call has ended; *used*: its tokens, where they are known."""
        self.running -= 1
        if used is not None:
            if grant.counted:
                self._tokens += used - grant.tokens
            grant.tokens = used

    def undo(self, grant: Grant) -> None:
        """The call was not made: it leaves no trace."""
        self.give_back(grant, 0)
        if grant.counted and grant in self._recent:
            self._recent.remove(grant)
            grant.counted = False

    def _forget(self, now: float) -> None:
        while self._recent and now - self._recent[0].at >= WINDOW:
            old = self._recent.popleft()
            old.counted = False
            self._tokens -= old.tokens

    def _until_requests(self, now: float) -> float:
        most = self.limits.requests_per_minute
        if most is None or len(self._recent) < most:
            return 0.0
        return _ends(self._recent[len(self._recent) - most], now)

    def _until_tokens(self, now: float, tokens: int) -> float:
        most = self.limits.tokens_per_minute
        if most is None:
            return 0.0
        excess = self._tokens + min(tokens, most) - most
        if excess <= 0:
            return 0.0
        wait = 0.0
        for one in self._recent:
            wait = _ends(one, now)
            excess -= one.tokens
            if excess <= 0:
                break
        return wait


def _ends(grant: Grant, now: float) -> float:
    """Seconds until it is out of the minute; above zero, whatever rounding does."""
    return max(grant.at + WINDOW - now, 1e-6)
