"""When a provider that keeps failing is left alone, and when it is tried again. Always given the time.

Closed, every call goes. After ``THRESHOLD`` failures in a row that are the provider's fault it opens: no call goes
until the pause is over, then one does, as a probe. If the provider answers, it closes; if it fails, it pauses twice as
long.
What began before the last change says nothing about now, so its end is not looked at.
"""

from dataclasses import dataclass

from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure

THRESHOLD = 5
#: Seconds of the first pause, and the longest.
PAUSE = 30.0
LONGEST = 300.0
#: A time-out is the provider's fault if it had as many seconds; else the caller asked for too much.
PATIENCE = 5.0
_FAULTS = frozenset({ErrorType.PROVIDER, ErrorType.NETWORK, ErrorType.TIMEOUT})


@dataclass(slots=True)
class Breaker:
    """The state of one provider; times are in seconds of one clock."""

    threshold: int = THRESHOLD
    pause: float = PAUSE
    failures: int = 0
    retry_at: float | None = None
    """When it is tried again; None while it is closed."""
    probing: bool = False
    _generation: int = 0
    _pause: float = 0.0

    def blocked(self, now: float) -> bool:
        """Whether no call may go now."""
        return self.retry_at is not None and (self.probing or now < self.retry_at)

    def enter(self, now: float) -> int | None:
        """A ticket for a call, which must be given back; None when no call may go."""
        if self.blocked(now):
            return None
        if self.retry_at is not None:
            self.probing = True
            self._generation += 1
        return self._generation

    def answered(self, ticket: int) -> None:
        """The call ended and the provider was there."""
        if ticket == self._generation:
            self.failures, self.retry_at, self.probing, self._pause = 0, None, False, 0.0

    def failed(self, ticket: int, now: float) -> bool:
        """The call failed by the provider's fault; whether no call may go from now on that could before."""
        if ticket != self._generation or (self.retry_at is not None and not self.probing):
            return False
        self.failures += 1
        if not self.probing and self.failures < self.threshold:
            return False
        self._pause = min(LONGEST, self._pause * 2) if self._pause else self.pause
        self.retry_at, self.probing = now + self._pause, False
        self._generation += 1
        return True

    def left(self, ticket: int) -> None:
        """Nobody waited for the end of the call: it says nothing."""
        if ticket == self._generation:
            self.probing = False


def at_fault(failure: ModelFailure, seconds: float) -> bool:
    """Whether a failure after so many seconds is the provider's own.

    Not what it refused for a reason, nor an address that we do not call, nor a caller without patience.
    """
    if failure.error_type not in _FAULTS or (failure.refused and not failure.retryable):
        return False
    return failure.error_type is not ErrorType.TIMEOUT or seconds >= PATIENCE
