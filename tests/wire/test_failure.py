"""The table from statuses and complaints to failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.execution import ErrorType
from promptforge.wire.dialect import read_complaint
from promptforge.wire.failure import Complaint, failure, retry_after, scrub

TABLE = {
    "authentication": [401, 403],
    "validation": [400, 404, 405, 409, 413, 415, 422],
    "rate_limit": [402, 429],
    "timeout": [408, 504],
    "provider": [500, 501, 502, 503, 520, 529, 301, 307],
}


@pytest.mark.parametrize(("kind", "status"), [(kind, status) for kind, all in TABLE.items() for status in all])
def test_every_status_has_its_type(kind, status):
    """The error type follows the table of the record's contract."""
    assert failure("openai", Complaint(), status=status).error_type == kind


@pytest.mark.parametrize("status", range(300, 600))
def test_a_client_error_did_no_work(status):
    """A provider that refused did nothing: zero tokens. A time-out or its own failure may have cost something."""
    refused = status // 100 == 3 or (status // 100 == 4 and status != 408)
    assert failure("x", Complaint(), status=status).refused is refused


def test_sentences_are_the_documented_ones():
    """The sentence of a 401 is the specification's, word for word; others add what the provider said."""
    told = Complaint(message="invalid x-api-key")
    assert str(failure("anthropic", told, status=401)) == "Invalid API key for provider 'anthropic'"
    told = Complaint(message="slow down")
    assert str(failure("openai", told, status=429)) == "Rate limit reached at provider 'openai': slow down"
    assert str(failure("openai", Complaint(), status=502)) == "Provider 'openai' failed with status 502"


@pytest.mark.parametrize(
    ("kinds", "error_type", "retryable"),
    [
        (("overloaded_error",), "provider", True),
        (("rate_limit_exceeded",), "rate_limit", True),
        (("insufficient_quota", "rate_limit_error"), "rate_limit", False),
        (("content_filter", "invalid_request_error"), "content_filter", False),
        (("ResponsibleAIPolicyViolation",), "content_filter", False),
        (("invalid_api_key",), "authentication", False),
        (("not_found_error",), "validation", False),
        (("timeout_error",), "timeout", False),
        (("503",), "provider", True),
        (("brand_new_error",), "provider", False),
        ((), "provider", False),
    ],
)
def test_an_error_without_a_status_is_known_by_its_kind(kinds, error_type, retryable):
    """Inside a stream or a 200 there is no status; the kind stands for one."""
    told = failure("openai", Complaint(kinds, "why"))
    assert (told.error_type, told.retryable) == (error_type, retryable)


def test_a_filtered_400_and_a_used_up_quota_are_not_what_their_status_says():
    """Azure's content filter answers 400, an empty account 429: both mean something else."""
    body = (
        b'{"error":{"message":"filtered","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}'
    )
    assert failure("openai", read_complaint(body), status=400).error_type is ErrorType.CONTENT_FILTER
    quota = failure("openai", Complaint(("insufficient_quota",)), status=429, headers={"retry-after": "1"})
    assert (quota.retryable, quota.retry_after) == (False, None)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-abcdefghijklmnop",
        "sk-proj-…wxyz1234",
        "AIzaSyA1234567890abcdef",
        "Bearer abcdefgh12345678",
        "k" * 50,
    ],
)
def test_a_message_never_carries_a_key(secret):
    """What looks like a key is taken out of a provider's message; the rest stays."""
    told = scrub(f"Incorrect API key provided: {secret} at https://x.example")
    assert secret.split()[-1] not in told
    assert told.startswith("Incorrect API key provided")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4), st.text(), st.text())
def test_a_known_secret_never_passes(secret, before, after):
    """The provider's own key is removed whatever it looks like."""
    if secret not in "[removed]…":
        assert secret not in scrub(f"{before} {secret} {after}", [secret]).replace("[removed]", "")


def test_ordinary_words_pass_and_length_is_bounded():
    """Numbers, identifiers and parameter names that help are kept; a page of HTML does not become an error."""
    message = (
        "max_tokens: 100000 > 8192, which is the maximum for claude-3-5-sonnet-20241022 (req_011CRb7b5b9MWofEnfaAHTBu)"
    )
    assert scrub(message) == message
    assert len(scrub("word " * 1000)) <= 500


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_advice_to_wait_is_read_in_every_form(headers, seconds):
    """Seconds, milliseconds and dates are understood without a clock; nonsense is no advice."""
    assert retry_after(headers) == seconds


@given(st.binary(max_size=60))
def test_any_error_body_can_be_read(raw):
    """An error body is read as far as it goes and never raises."""
    assert isinstance(read_complaint(raw), Complaint)


@pytest.mark.parametrize(
    "raw", [b'{"error": "no"}', b'{"error": {"message": "no"}}', b'{"message": "no"}', b'{"detail": "no"}']
)
def test_the_usual_shapes_of_an_error_are_known(raw):
    """Whatever wraps it, the provider's message is found."""
    assert read_complaint(raw).message == "no"
