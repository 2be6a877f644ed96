"""How the demo's calls fail: every error type, with the sentences that a real run would record."""

from collections.abc import Mapping
from typing import NamedTuple

from promptforge.core.execution import ErrorType


class Failure(NamedTuple):
    """*weight* is its share in a hundred failures; ``{provider}`` in a sentence is filled in.

    *attempts* are tries at the provider, *milliseconds* what each takes; *refused* means that no work was done,
    *reported* that the usage came nevertheless.
    """

    error_type: ErrorType
    weight: int
    sentences: tuple[str, ...]
    attempts: int
    milliseconds: tuple[int, int]
    http_status: int | None = None
    refused: bool = False
    reported: bool = False
    partial: bool = False
    trace: tuple[str, ...] = ()


_SEND = 'promptforge/providers/connection.py", line 96, in send'
_ATTEMPT = 'promptforge/services/run.py", line 124, in _attempt'
_DRIVE = 'promptforge/services/run.py", line 81, in drive'

FAILURES = (
    Failure(
        ErrorType.RATE_LIMIT,
        25,
        (
            "Rate limit reached at provider '{provider}'",
            "Rate limit reached at provider '{provider}': tokens per minute",
        ),
        3,
        (60, 240),
        http_status=429,
        refused=True,
    ),
    Failure(
        ErrorType.TIMEOUT,
        18,
        ("Execution exceeded its maximum time of 120 s at provider '{provider}'",),
        1,
        (120_000, 120_012),
        trace=(_DRIVE, _ATTEMPT, "TimeoutError: no answer within 120 s"),
    ),
    Failure(
        ErrorType.PROVIDER,
        18,
        ("Provider '{provider}' is overloaded", "Provider '{provider}' failed with status 500"),
        3,
        (300, 2400),
        http_status=529,
        trace=(_DRIVE, _ATTEMPT, _SEND, "ProviderError: the answer's status is 529"),
    ),
    Failure(
        ErrorType.VALIDATION,
        12,
        ("missing variable '{variable}' ($.variables.{variable})",),
        0,
        (0, 0),
        refused=True,
    ),
    Failure(
        ErrorType.NETWORK,
        10,
        (
            "Connection to provider '{provider}' was reset",
            "Connection to provider '{provider}' closed before the answer was complete",
        ),
        2,
        (900, 9000),
        partial=True,
        trace=(_DRIVE, _ATTEMPT, _SEND, "ConnectionResetError: [Errno 104] Connection reset by peer"),
    ),
    Failure(
        ErrorType.CONTENT_FILTER,
        6,
        ("Provider '{provider}' stopped the answer: content filter",),
        1,
        (700, 2600),
        http_status=200,
        reported=True,
    ),
    Failure(
        ErrorType.CANCELLED,
        5,
        ("Execution was cancelled before it finished",),
        1,
        (1500, 9000),
        partial=True,
    ),
    Failure(
        ErrorType.INTERRUPTED,
        2,
        ("Execution was interrupted: the server stopped before it finished",),
        0,
        (0, 0),
    ),
    Failure(
        ErrorType.AUTHENTICATION,
        2,
        ("Invalid API key for provider '{provider}'",),
        1,
        (90, 210),
        http_status=401,
        refused=True,
    ),
    Failure(
        ErrorType.INTERNAL,
        2,
        ("Prompt Forge failed to read the answer of provider '{provider}'",),
        1,
        (600, 2000),
        http_status=200,
        trace=(_DRIVE, _ATTEMPT, "ValueError: a content block without a type"),
    ),
)
BY_TYPE: Mapping[ErrorType, Failure] = {failure.error_type: failure for failure in FAILURES}
#: One entry per share, so that one draw picks a failure.
DRAWN = tuple(failure for failure in FAILURES for _ in range(failure.weight))


class Incident(NamedTuple):
    """A bad stretch: *share* in a thousand calls of *provider* fail, *ago* days before the end, between hours."""

    ago: int
    hours: tuple[int, int]
    provider: str
    error_type: ErrorType
    share: int


INCIDENTS = (
    Incident(66, (7, 8), "anthropic", ErrorType.AUTHENTICATION, 400),
    Incident(41, (13, 15), "anthropic", ErrorType.PROVIDER, 350),
    Incident(23, (9, 10), "openai", ErrorType.RATE_LIMIT, 300),
)


def trace(failure: Failure) -> str | None:
    """The stack trace of a failure, without local variables; None where a run records none."""
    if not failure.trace:
        return None
    *frames, last = failure.trace
    lines = [f'  File "{frame}' for frame in frames]
    return "\n".join(["Traceback (most recent call last):", *lines, last])
