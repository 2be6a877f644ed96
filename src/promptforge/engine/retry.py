"""Whether a failed attempt is followed by another, and when.

An attempt is repeated only while nothing of its output was delivered: who has read the first words must not read
others. The deadline of the run bounds everything, the provider's own advice (Retry-After) included.
"""

from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure

MAX_ATTEMPTS = 3
#: Seconds before the second attempt; each later wait is twice as long, up to the longest.
FIRST = 0.5
LONGEST = 8.0
_JITTER_BITS = 16


#: What another model may be spared: a call that is wrong in itself, withheld, stopped, or broken here.
_EVERYWHERE = frozenset(
    {ErrorType.VALIDATION, ErrorType.CONTENT_FILTER, ErrorType.CANCELLED, ErrorType.INTERRUPTED, ErrorType.INTERNAL}
)
_NOT_THERE = 404


def elsewhere(failure: ModelFailure, *, delivered: bool, remaining: float) -> bool:
    """Whether another model may answer instead, once the attempts at this one are over.

    Not after anything was delivered, nor for what would fail there as well; a model that is not there is elsewhere.
    """
    if delivered or failure.text or remaining <= 0:
        return False
    return failure.error_type not in _EVERYWHERE or failure.http_status == _NOT_THERE


def delay_before_next(
    failure: ModelFailure, attempt: int, *, delivered: bool, remaining: float, jitter: int, most: int = MAX_ATTEMPTS
) -> float | None:
    """Seconds to wait after *attempt* (the first is 1) failed, or None to give up.

    *most* is how many attempts there may be. *remaining* is what is left of the deadline in seconds. *jitter* holds
    random bits, of which the lowest 16 count: they shorten our own waits by up to half, and lengthen the wait that a
    provider asked for by up to a quarter second.
    """
    if delivered or failure.text or not failure.retryable or attempt >= most:
        return None
    share = (jitter & (1 << _JITTER_BITS) - 1) / (1 << _JITTER_BITS)
    if failure.retry_after is None:
        wait = min(LONGEST, FIRST * 2 ** (attempt - 1)) * (1 - share / 2)
    else:
        wait = failure.retry_after + FIRST * share / 2
    return wait if wait < remaining else None
