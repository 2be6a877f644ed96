"""What goes wrong at a provider, as ModelFailure: one table from statuses to error types, one place for the sentences.

A provider's own message is kept, because it is what helps, but nothing that looks like a key passes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure

MAX_MESSAGE = 500


class Rule(NamedTuple):
    """*refused*: the provider did no work. *retryable*: the same call may succeed a little later."""

    error_type: ErrorType
    sentence: str
    refused: bool = False
    retryable: bool = False


_T = ErrorType
BY_STATUS = {
    400: Rule(_T.VALIDATION, "Invalid request to provider '{provider}'", refused=True),
    401: Rule(_T.AUTHENTICATION, "Invalid API key for provider '{provider}'", refused=True),
    402: Rule(_T.RATE_LIMIT, "No credit left at provider '{provider}'", refused=True),
    403: Rule(_T.AUTHENTICATION, "Access denied by provider '{provider}'", refused=True),
    404: Rule(_T.VALIDATION, "Not found at provider '{provider}'", refused=True),
    408: Rule(_T.TIMEOUT, "Provider '{provider}' gave up waiting"),
    413: Rule(_T.VALIDATION, "Request too large for provider '{provider}'", refused=True),
    422: Rule(_T.VALIDATION, "Invalid request to provider '{provider}'", refused=True),
    429: Rule(_T.RATE_LIMIT, "Rate limit reached at provider '{provider}'", refused=True, retryable=True),
    503: Rule(_T.PROVIDER, "Provider '{provider}' is overloaded", retryable=True),
    504: Rule(_T.TIMEOUT, "Provider '{provider}' timed out"),
    529: Rule(_T.PROVIDER, "Provider '{provider}' is overloaded", retryable=True),
}
_OTHER_4XX = Rule(_T.VALIDATION, "Request refused by provider '{provider}' with status {status}", refused=True)
_OTHER_3XX = Rule(
    _T.PROVIDER, "Provider '{provider}' answered with a redirect ({status}); check its base URL", refused=True
)
_OTHER = Rule(_T.PROVIDER, "Provider '{provider}' failed with status {status}")
_FILTERED = Rule(_T.CONTENT_FILTER, "Content filtered by provider '{provider}'", refused=True)
_QUOTA = Rule(_T.RATE_LIMIT, "Quota used up at provider '{provider}'", refused=True)

#: Kinds (an error's ``code`` or ``type``) that say more than the status beside them.
_BY_KIND = {
    "content_filter": _FILTERED,
    "content_policy_violation": _FILTERED,
    "moderation_blocked": _FILTERED,
    "image_content_policy_violation": _FILTERED,
    "ResponsibleAIPolicyViolation": _FILTERED,
    "insufficient_quota": _QUOTA,
    "billing_hard_limit_reached": _QUOTA,
    # a wrong key comes with the status 400
    "API_KEY_INVALID": BY_STATUS[401],
    "ACCESS_TOKEN_EXPIRED": BY_STATUS[401],
}
#: Kinds to the status that they stand for, where an error comes without one: inside a stream or a 200.
_STATUS_OF_KIND = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
    # Google's
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "API_KEY_INVALID": 401,
    "ACCESS_TOKEN_EXPIRED": 401,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

_STATUS = re.compile("[45][0-9]{2}")
_KEY_LIKE = re.compile(
    r"(?i)\b(?:(?:sk|pk|rk|pf|gsk|xai)[-_][\w\-*.…]{6,}|AIza[\w\-]{10,}|eyJ[\w\-]{10,}\.[\w\-.]+"
    r"|(?:bearer|basic)\s+[\w\-*./+=…]{8,}"
    r"|(?:(?:x-)?api[-_ ]?key|authorization|token|secret)[\"']?\s*[:=]\s*[^\s,;]{6,}"
    r"|[\w\-]{48,})"
)
REMOVED = "[removed]"


def without_keys(text: str) -> str:
    """Take whatever looks like a key out of a text."""
    return _KEY_LIKE.sub(REMOVED, text)


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Take known secrets and whatever looks like a key out of a provider's message, on one line and bounded."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, REMOVED)
    text = " ".join(without_keys(text).split())
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1]}…"


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error as a provider words it: *kinds* from the most specific on, the message, and the seconds to wait."""

    kinds: tuple[str, ...] = ()
    message: str = ""
    retry_after: float | None = None

    @property
    def status(self) -> int:
        """The status that its kind stands for; 500 when it says nothing that we know."""
        for kind in self.kinds:
            if kind in _STATUS_OF_KIND:
                return _STATUS_OF_KIND[kind]
            if _STATUS.fullmatch(kind):
                return int(kind)
        return 500


def _rule(status: int, complaint: Complaint) -> Rule:
    for kind in complaint.kinds:
        if kind in _BY_KIND:
            return _BY_KIND[kind]
    if rule := BY_STATUS.get(status):
        return rule
    return {3: _OTHER_3XX, 4: _OTHER_4XX}.get(status // 100, _OTHER)


def error_type_of(kind: str) -> ErrorType | None:
    """The error type that a status or a provider's own word for an error stands for; None when neither is known."""
    complaint = Complaint((kind,))
    if kind not in _BY_KIND and kind not in _STATUS_OF_KIND and not re.fullmatch("[45][0-9][0-9]", kind):
        return None
    return _rule(complaint.status, complaint).error_type


def failure(
    provider: str,
    complaint: Complaint,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    secrets: Iterable[str] = (),
) -> ModelFailure:
    """The failure that a status and a complaint amount to; without a status the complaint's kind stands for one."""
    told = complaint.status if status is None else status
    rule = _rule(told, complaint)
    sentence = rule.sentence.format(provider=provider, status=told)
    message = scrub(complaint.message, secrets)
    if message and rule is not BY_STATUS[401]:  # the documented sentence, word for word
        sentence = f"{sentence}: {message}"
    return ModelFailure(
        sentence,
        rule.error_type,
        refused=rule.refused,
        retryable=rule.retryable,
        retry_after=_advice(complaint, headers or {}) if rule.retryable else None,
        http_status=status,
        request_id=request_id,
    )


def _advice(complaint: Complaint, headers: Mapping[str, str]) -> float | None:
    told = retry_after(headers)
    return complaint.retry_after if told is None else told


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait; a date is taken relative to the reply's own ``Date``."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after", "")
        if not value:
            return None
        if value.replace(".", "", 1).isdecimal():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None
