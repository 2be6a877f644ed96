"""Limits: never more than the limit in any minute, and never idle while something could go."""

from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.provider import Limits
from promptforge.engine.limit import WINDOW, Grant, Limit

counts = st.none() | st.integers(1, 6)
limits = st.builds(Limits, at_once=counts, requests_per_minute=counts, tokens_per_minute=st.none() | st.integers(1, 60))
#: What happens: a wish for a call of so many tokens, the end of a call, or time that passes.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 80)),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.sampled_from([0.0, 0.5, 7.25, 30.0, 59.5, 60.0])),
    ),
    max_size=60,
)


def run(limits, steps):
    """Every call that was granted and not undone, as (begin, tokens, end); what was refused with the state then."""
    limit, now, running, done, refused = Limit(limits), 0.0, [], [], []
    for what, value in steps:
        if what == "pass":
            now += value
        elif what == "take":
            got = limit.take(now, value)
            if isinstance(got, Grant):
                running.append(got)
                done.append(got)
            else:
                refused.append((now, value, got, len(running), [(one.at, one.tokens) for one in done]))
        elif running:
            one = running.pop(min(value, len(running) - 1))
            if what == "end":
                limit.give_back(one)
            else:
                limit.undo(one)
                done.remove(one)
        assert limit.running == len(running)
        assert limits.at_once is None or len(running) <= limits.at_once
    return done, refused


def within(done, end):
    """The calls that began in the minute up to a moment."""
    return [(at, tokens) for at, tokens in done if end - WINDOW < at <= end]


@given(limits, steps)
def test_no_minute_has_more_than_the_limit(limits, steps):
    """Of any span of 60 s, requests and estimated tokens are within it; a call larger than it goes alone."""
    done = [(one.at, one.tokens) for one in run(limits, steps)[0]]
    for end, _ in done:
        minute = within(done, end)
        assert limits.requests_per_minute is None or len(minute) <= limits.requests_per_minute
        most = limits.tokens_per_minute
        if most is not None:
            used = sum(min(tokens, most) for _, tokens in minute)
            assert used <= most or sum(1 for _, tokens in minute if tokens) == 1


@given(limits, steps)
def test_nothing_waits_while_it_could_go(limits, steps):
    """Whatever is told to wait would break a limit if it went: work is never held up for nothing."""
    for now, tokens, wait, running, done in run(limits, steps)[1]:
        minute = within(done, now)
        most = limits.tokens_per_minute
        full = limits.at_once is not None and running >= limits.at_once
        asked = limits.requests_per_minute is not None and len(minute) >= limits.requests_per_minute
        spent = most is not None and sum(used for _, used in minute) + min(tokens, most) > most
        assert full or asked or spent
        assert wait > 0
        assert (wait == float("inf")) == full


@given(limits, st.lists(st.integers(0, 80), min_size=1, max_size=20))
def test_who_waits_as_told_goes(limits, wishes):
    """Asked again when it said, and with every call ended, a call goes after a few rounds: nothing waits for ever."""
    limit, now = Limit(limits), 0.0
    for tokens in wishes:
        for _ in range(len(wishes) + 2):
            got = limit.take(now, tokens)
            if isinstance(got, Grant):
                limit.give_back(got)
                break
            assert got != float("inf")
            now += got
        else:
            raise AssertionError("it never went")


def test_what_was_used_takes_the_place_of_the_estimate():
    """Less than estimated lets others go at once, more lets them wait."""
    limit = Limit(Limits(tokens_per_minute=100))
    first = limit.take(0.0, 80)
    assert limit.take(1.0, 50) == 59.0
    limit.give_back(first, 40)
    second = limit.take(1.0, 50)
    assert isinstance(second, Grant)
    limit.give_back(second, 300)
    assert limit.take(2.0, 1) == 59.0
    assert isinstance(limit.take(61.0, 1), Grant)


def test_an_end_after_its_minute_changes_nothing():
    """What a call used that began more than a minute ago is no part of this one."""
    limit = Limit(Limits(tokens_per_minute=100))
    old = limit.take(0.0, 10)
    assert isinstance(limit.take(70.0, 100), Grant)
    limit.give_back(old, 5_000)
    assert limit.take(71.0, 1) == 59.0


def test_what_was_not_made_leaves_no_trace():
    """An undone call counts neither as a request nor for its tokens."""
    limit = Limit(Limits(at_once=1, requests_per_minute=1, tokens_per_minute=10))
    limit.undo(limit.take(0.0, 10))
    assert isinstance(limit.take(0.0, 10), Grant)
