"""The rules of sending again, as properties of the plan itself."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.sdk.errors import NetworkError, PromptForgeError, RateLimitError
from promptforge.sdk.protocol import ATTEMPTS, LONGEST_RETRY_AFTER, Pause, Reply, Request, ask

OK = Reply(200, {}, b'{"data": {"me": 1}}')
outcomes = st.one_of(
    st.just(OK),
    st.builds(lambda sent: NetworkError("lost", sent=sent), st.booleans()),
    st.builds(
        lambda status, wait: Reply(status, {} if wait is None else {"retry-after": str(wait)}, b"busy"),
        st.sampled_from([429, 502, 503, 504]),
        st.none() | st.integers(0, 120),
    ),
    st.builds(lambda status: Reply(status, {}, b"<html>no</html>"), st.sampled_from([400, 401, 404, 418, 500])),
    st.builds(
        lambda code: Reply(200, {}, json.dumps({"errors": [{"message": "m", "extensions": {"code": code}}]}).encode()),
        st.sampled_from(["RATE_LIMITED", "UNAVAILABLE", "FORBIDDEN", "INTERNAL"]),
    ),
)


def play(script: list[Any], *, repeatable: bool) -> tuple[Any, list[Request], list[float]]:
    """Run the plan by hand; the result or the error, the requests, the pauses."""
    plan = ask("query", {"a": None, "b": 1}, repeatable=repeatable)
    requests: list[Request] = []
    pauses: list[float] = []
    try:
        effect = next(plan)
        while True:
            if isinstance(effect, Pause):
                pauses.append(effect.seconds)
                effect = plan.send(None)
                continue
            assert isinstance(effect, Request)
            outcome = script[len(requests)]
            requests.append(effect)
            effect = plan.throw(outcome) if isinstance(outcome, PromptForgeError) else plan.send(outcome)
    except StopIteration as stop:
        return stop.value, requests, pauses
    except PromptForgeError as error:
        return error, requests, pauses


@given(st.lists(outcomes, min_size=ATTEMPTS, max_size=ATTEMPTS), st.booleans())
def test_sending_again_is_bounded_and_safe(script: list[Any], repeatable: bool) -> None:
    """At most four requests, all alike, a bounded pause between each two, and none after an answer.

    What may have been carried out is never sent again unless it is repeatable.
    """
    result, requests, pauses = play(script, repeatable=repeatable)
    assert 1 <= len(requests) <= ATTEMPTS
    assert len(pauses) == len(requests) - 1
    assert all(0 <= pause <= LONGEST_RETRY_AFTER for pause in pauses)
    assert len(set(requests)) == 1
    assert json.loads(requests[0].body)["variables"] == {"b": 1}
    for outcome in script[: len(requests) - 1]:
        assert outcome is not OK
        if not repeatable and isinstance(outcome, NetworkError):
            assert not outcome.sent
        if not repeatable and isinstance(outcome, Reply):
            assert outcome.status in (200, 429, 503)
    if script[len(requests) - 1] is OK:
        assert result == {"me": 1}
    else:
        assert isinstance(result, PromptForgeError)


def test_retry_after_is_honoured() -> None:
    """The pause is the one the server asked for; one beyond a minute is handed to the caller as ``retry_after``."""
    busy = Reply(429, {"retry-after": "7"}, b"busy")
    assert play([busy, OK], repeatable=False)[2] == [7.0]
    error, requests, _ = play([Reply(429, {"retry-after": "3600"}, b"busy")], repeatable=True)
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, error.status_code, len(requests)) == (3600.0, 429, 1)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"null", b'{"data": null}', b"\xff\xfe"])
def test_what_is_no_graphql_is_an_error(body: bytes) -> None:
    """A page of some other server is a clear error, whatever its bytes, never a crash."""
    error, _, _ = play([Reply(200, {}, body)] * ATTEMPTS, repeatable=True)
    assert isinstance(error, PromptForgeError)
    assert "200" in str(error)
