"""The breaker: opens after failures in a row, tries one call, and closes when the provider answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.engine.breaker import LONGEST, PAUSE, THRESHOLD, Breaker, at_fault


def opened(now=0.0):
    breaker = Breaker()
    for _ in range(THRESHOLD):
        breaker.failed(breaker.enter(now), now)
    return breaker


def test_it_opens_after_failures_in_a_row_and_tries_one_call():
    """Then none goes until the pause is over, and after it exactly one, which decides."""
    breaker = opened()
    assert breaker.enter(PAUSE - 0.001) is None
    probe = breaker.enter(PAUSE)
    assert probe is not None
    assert breaker.enter(PAUSE) is None
    breaker.answered(probe)
    assert breaker.retry_at is None
    assert breaker.enter(PAUSE) is not None


def test_an_answer_in_between_begins_the_count_anew():
    """Only failures in a row open it."""
    breaker = Breaker()
    for _ in range(3 * THRESHOLD):
        for _ in range(THRESHOLD - 1):
            assert not breaker.failed(breaker.enter(0.0), 0.0)
        breaker.answered(breaker.enter(0.0))
    assert breaker.retry_at is None


def test_each_failed_probe_pauses_twice_as_long():
    """Up to the longest; the first answer begins anew."""
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(6):
        pauses.append(breaker.retry_at - now)
        now = breaker.retry_at
        breaker.failed(breaker.enter(now), now)
    assert pauses == [30.0, 60.0, 120.0, 240.0, LONGEST, LONGEST]


def test_a_probe_that_nobody_waited_for_lets_another_go():
    """Cancelled, it says nothing, and must not block the way for ever."""
    breaker = opened()
    breaker.left(breaker.enter(PAUSE))
    assert breaker.enter(PAUSE) is not None


def test_what_began_before_it_opened_says_nothing():
    """A late success does not close it, a late failure does not lengthen its pause."""
    breaker = Breaker()
    late = [breaker.enter(0.0) for _ in range(THRESHOLD + 2)]
    for ticket in late[:THRESHOLD]:
        breaker.failed(ticket, 1.0)
    at = breaker.retry_at
    breaker.answered(late[-1])
    breaker.failed(late[-2], 20.0)
    assert breaker.retry_at == at


@given(st.lists(st.tuples(st.sampled_from(["enter", "answer", "fail", "leave"]), st.floats(0, 40)), max_size=80))
def test_it_never_blocks_for_ever(steps):
    """Whatever happens, once every call has ended there is a moment from which a call goes."""
    breaker, now, tickets = Breaker(), 0.0, []
    for what, seconds in steps:
        now += seconds
        if what == "enter":
            if (ticket := breaker.enter(now)) is not None:
                tickets.append(ticket)
        elif tickets:
            ticket = tickets.pop()
            if what == "answer":
                breaker.answered(ticket)
            elif what == "fail":
                breaker.failed(ticket, now)
            else:
                breaker.left(ticket)
    for ticket in tickets:
        breaker.left(ticket)
    assert breaker.enter(now + LONGEST) is not None


@pytest.mark.parametrize(
    ("failure", "seconds", "fault"),
    [
        (ModelFailure("", ErrorType.PROVIDER, retryable=True, http_status=500), 0.1, True),
        (ModelFailure("", ErrorType.NETWORK, refused=True, retryable=True), 0.1, True),
        (ModelFailure("", ErrorType.TIMEOUT), 60.0, True),
        (ModelFailure("", ErrorType.TIMEOUT), 0.5, False),
        (ModelFailure("", ErrorType.NETWORK, refused=True), 0.1, False),
        (ModelFailure("", ErrorType.RATE_LIMIT, refused=True, retryable=True), 0.1, False),
        (ModelFailure("", ErrorType.AUTHENTICATION, refused=True), 0.1, False),
        (ModelFailure("", ErrorType.VALIDATION, refused=True), 0.1, False),
        (ModelFailure("", ErrorType.CONTENT_FILTER), 0.1, False),
        (ModelFailure("", ErrorType.CANCELLED), 0.1, False),
    ],
)
def test_whose_fault_a_failure_is(failure, seconds, fault):
    """5xx, the network and time-outs are the provider's; what it refused, and what the caller did, are not."""
    assert at_fault(failure, seconds) is fault
