"""A call to an address that a user gave, as services ask for it and the Outbound port answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptforge.core.execution import ErrorType


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundRequest:
    """``timeout`` is in seconds and for everything: names, connections, redirects, the whole reply.

    Headers and body may hold secrets, so the repr shows neither.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundReply:
    """What came back. ``url`` is where it came from after redirects; header names are in lower case, cookies left out.

    ``elapsed`` is in seconds, for durations only.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    charset: str = "utf-8"
    elapsed: float

    @property
    def text(self) -> str:
        """The body as text; what cannot be read is replaced."""
        return self.body.decode(self.charset, "replace")


class OutboundFailure(Exception):
    """The call failed; ``str(error)`` is the sentence to record: host and reason, no header, no body.

    *reply* is there when the host answered with a status that is an error. *retryable* with *retry_after* (seconds,
    where the host gave advice) is for the retry policy.
    """

    def __init__(
        self,
        message: str,
        error_type: ErrorType,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        reply: OutboundReply | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.retryable = retryable
        self.retry_after = retry_after
        self.reply = reply
