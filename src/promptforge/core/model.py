"""A call to a model, as services ask for it and providers answer it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptforge.core.execution import ErrorType, Json
from promptforge.core.prompt import Message
from promptforge.core.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """``params`` holds the parameters of the version and the call (``temperature``, ``max_tokens``, …), no model.

    ``remaining`` is how many seconds are left of the run's deadline.
    """

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, Json]
    stream: bool
    remaining: float


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of streamed output text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A complete answer. ``usage`` is None when the provider never said; ``usage_raw`` is its block verbatim.

    ``terms`` says how the provider bills the call where that is not the standard way (``service_tier``, ``speed``,
    ``processing``): the price book takes them.
    """

    text: str
    usage: Usage | None
    usage_raw: Json = None
    model: str | None = None
    finish_reason: str | None = None
    request_id: str | None = None
    filtered: bool = False
    terms: Mapping[str, str] = field(default_factory=dict[str, str])


class ModelFailure(Exception):
    """The call failed; ``str(error)`` is the sentence to record, free of secrets.

    *refused* says that the provider did no work (validation, 401, 403, 404, 429): tokens and cost are zero, not
    unknown. *text* and *usage* keep what had arrived before a stream broke. *retryable* with *retry_after*
    (seconds, where the provider gave advice) is for the retry policy.
    """

    def __init__(
        self,
        message: str,
        error_type: ErrorType,
        *,
        refused: bool = False,
        retryable: bool = False,
        retry_after: float | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        text: str = "",
        usage: Usage | None = None,
        usage_raw: Json = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.refused = refused
        self.retryable = retryable
        self.retry_after = retry_after
        self.http_status = http_status
        self.request_id = request_id
        self.text = text
        self.usage = usage
        self.usage_raw = usage_raw
