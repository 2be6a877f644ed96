"""Whether and when a failed attempt is repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.engine.retry import LONGEST, MAX_ATTEMPTS, delay_before_next
from promptforge.wire.failure import Complaint, failure

JITTER = st.integers(0, 2**80 - 1)
SECONDS = st.floats(0, 1000, allow_nan=False)


def broken(*, retryable: bool = True, retry_after: float | None = None, text: str = "") -> ModelFailure:
    return ModelFailure("no", ErrorType.PROVIDER, retryable=retryable, retry_after=retry_after, text=text)


@given(st.integers(1, 5), st.none() | SECONDS, SECONDS, JITTER)
def test_no_attempt_begins_after_the_deadline(attempt, advice, remaining, jitter):
    """A wait always ends before the deadline, whatever the provider advised; else there is none."""
    delay = delay_before_next(broken(retry_after=advice), attempt, delivered=False, remaining=remaining, jitter=jitter)
    assert delay is None or 0 <= delay < remaining
    if attempt >= MAX_ATTEMPTS:
        assert delay is None


@given(SECONDS, JITTER)
def test_advice_is_never_undercut(advice, jitter):
    """Who was told to wait waits at least that long, and not much longer."""
    delay = delay_before_next(broken(retry_after=advice), 1, delivered=False, remaining=1e9, jitter=jitter)
    assert advice <= delay <= advice + 0.25


@given(st.integers(1, MAX_ATTEMPTS - 1), JITTER)
def test_waits_grow_and_spread(attempt, jitter):
    """Without advice the wait is between half and all of a doubling step, up to a longest."""
    step = min(LONGEST, 0.5 * 2 ** (attempt - 1))
    delay = delay_before_next(broken(), attempt, delivered=False, remaining=1e9, jitter=jitter)
    assert step / 2 <= delay <= step


@pytest.mark.parametrize(
    ("told", "delivered"), [(broken(), True), (broken(text="half"), False), (broken(retryable=False), False)]
)
def test_some_failures_are_final(told, delivered):
    """Nothing is repeated once output was delivered, nor what would fail again."""
    assert delay_before_next(told, 1, delivered=delivered, remaining=1e9, jitter=0) is None


@pytest.mark.parametrize(
    ("status", "again"),
    [(status, status in {429, 503, 529}) for status in (400, 401, 402, 404, 408, 429, 500, 502, 503, 504, 529)],
)
def test_rate_limits_and_overload_are_repeated(status, again):
    """Of the statuses, those that promise better luck later are repeated, and no others: the rest may cost twice."""
    told = failure("openai", Complaint(), status=status)
    assert (delay_before_next(told, 1, delivered=False, remaining=60, jitter=0) is not None) is again
