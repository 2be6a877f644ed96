"""Whether a failed attempt is followed by another, and when.

An attempt is repeated only while nothing of its output was delivered: who has read the first words must not read
others. The deadline of the run bounds everything, the provider's own advice (Retry-After) included.
"""

from dataclasses import dataclass

from promptforge.core.model import ModelFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """*attempts* in all; waits double from *first* to *longest* seconds, less up to half of chance."""

    attempts: int = 3
    first: float = 0.5
    longest: float = 8.0

    def delay(
        self, failure: ModelFailure, *, attempt: int, remaining: float, delivered: bool, bits: int
    ) -> float | None:
        """Seconds to wait after *attempt* (the first is 1) failed, or None to give up.

        *remaining* is what is left of the deadline in seconds; *bits* are random and only their lowest 16 count.
        """
        if delivered or failure.text or not failure.retryable or attempt >= self.attempts:
            return None
        share = (bits & 0xFFFF) / 0x10000
        wait = min(self.longest, self.first * 2 ** (attempt - 1)) * (1 - share / 2)
        if failure.retry_after is not None:
            wait = failure.retry_after + self.first * share / 2
        return wait if wait < remaining else None


NO_RETRIES = RetryPolicy(attempts=1)
