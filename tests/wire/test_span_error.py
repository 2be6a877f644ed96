"""How spans say that they failed: error types by name, sentences, stack traces."""

import pytest

from kit import otlp as told
from kit.otlp import LLM, OPENAI, read
from promptforge.core.execution import ErrorType
from promptforge.core.usage import usage


@pytest.mark.parametrize(
    ("said", "error_type"),
    [
        ("openai.AuthenticationError", ErrorType.AUTHENTICATION),
        ("PermissionDeniedError", ErrorType.AUTHENTICATION),
        ("<class 'openai.RateLimitError'>", ErrorType.RATE_LIMIT),
        ("anthropic.RateLimitError", ErrorType.RATE_LIMIT),
        ("openai.APITimeoutError", ErrorType.TIMEOUT),
        ("timeout", ErrorType.TIMEOUT),
        ("openai.BadRequestError", ErrorType.VALIDATION),
        ("NotFoundError", ErrorType.VALIDATION),
        ("openai.APIConnectionError", ErrorType.NETWORK),
        ("openai.InternalServerError", ErrorType.PROVIDER),
        ("ContentFilterFinishReasonError", ErrorType.CONTENT_FILTER),
        ("asyncio.exceptions.CancelledError", ErrorType.CANCELLED),
        ("langchain_openai.chat_models.base.OpenAIAuthenticationError", ErrorType.AUTHENTICATION),
        ("ThrottlingException", ErrorType.RATE_LIMIT),
        ("authentication_error", ErrorType.AUTHENTICATION),
        ("rate_limit_exceeded", ErrorType.RATE_LIMIT),
        ("insufficient_quota", ErrorType.RATE_LIMIT),
        ("429", ErrorType.RATE_LIMIT),
        ("401", ErrorType.AUTHENTICATION),
        ("503", ErrorType.PROVIDER),
        ("200", ErrorType.PROVIDER),
        ("ValueError", ErrorType.INTERNAL),
        ("NobodyKnows", ErrorType.PROVIDER),
    ],
)
def test_the_error_type_is_told_by_name(said, error_type):
    """An exception's class, a provider's word or a status says what went wrong, on the span or in its event."""
    by_attribute = read(OPENAI | {"error.type": said}, status=2)
    by_event = read(OPENAI, status=2, events=[told.event("exception", {"exception.type": said})])

    assert (by_attribute.failed, by_attribute.error_type) == (True, error_type)
    assert (by_event.failed, by_event.error_type) == (True, error_type)


def test_an_exception_is_told_whole():
    """Class and message make the sentence, the stack trace is kept, and what looks like a key is not."""
    span = read(
        OPENAI,
        status=2,
        message="something else",
        events=[
            told.event(
                "exception",
                {
                    "exception.type": "openai.AuthenticationError",
                    "exception.message": "Incorrect API key provided: sk-proj-abcdefgh1234",
                    "exception.stacktrace": "Traceback\n  line 1\nsk-proj-abcdefgh1234",
                },
            )
        ],
    )

    assert span.error == "AuthenticationError: Incorrect API key provided: [removed]"
    assert span.stack_trace == "Traceback\n  line 1\n[removed]"


@pytest.mark.parametrize(
    ("message", "error", "error_type"),
    [
        ("", "the span says that it failed", ErrorType.PROVIDER),
        ("it broke", "it broke", ErrorType.PROVIDER),
        ("RateLimitError: Error code: 429 - slow down", "RateLimitError: Error code: 429 - slow down", "rate_limit"),
        ("Error code: 401 - who?", "Error code: 401 - who?", ErrorType.AUTHENTICATION),
    ],
)
def test_a_failure_without_an_exception_is_told_by_its_status(message, error, error_type):
    """The message of the status is the sentence, and what it can be told by; without one, that it failed is said."""
    span = read(OPENAI, status=2, message=message)

    assert (span.failed, span.error, span.error_type) == (True, error, error_type)


@pytest.mark.parametrize(("status", "error_type"), [(429, ErrorType.RATE_LIMIT), (200, ErrorType.TIMEOUT)])
def test_a_status_of_http_counts_when_it_is_one_of_failure(status, error_type):
    """A refused request is told by its status; one that was answered and failed later is told by what failed."""
    said = {"error.type": "client_error" if status == 429 else "ReadTimeout", "http.response.status_code": status}

    assert read(OPENAI | said, status=2).error_type is error_type


def test_work_that_fails_for_no_known_reason_is_internal():
    """A failed step of a program is the program's own fault, unless it says otherwise."""
    assert read({"openinference.span.kind": "CHAIN"}, status=2).error_type is ErrorType.INTERNAL


def test_an_exception_that_was_survived_is_no_failure():
    """A span that says that it ended well did, whatever happened on the way."""
    span = read(OPENAI, status=1, events=[told.event("exception", {"exception.type": "ValueError"})])

    assert (span.failed, span.error) == (False, None)


def test_a_cut_stream_has_no_usage():
    """What had been counted when an answer broke off is kept as reported, and is not taken for its usage."""
    counts = {"llm.token_count.prompt": 17, "llm.token_count.completion": 3}
    cut = read(LLM | counts | {"llm.output_messages.0.message.content": "In the"}, status=2)
    whole = read(LLM | counts | {"llm.finish_reason": "stop"}, status=2)

    assert (cut.usage, cut.output, cut.usage_raw) == (None, "In the", counts)
    assert whole.usage == usage(input=17, output=3)
