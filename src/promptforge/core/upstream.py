"""A request of somebody else's that passes to a provider as it is, and the answer on its way back."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from promptforge.core.provider import Endpoint

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRequest:
    """``path`` is what follows the provider's ``/v1``, with its query. ``key`` is the provider's key to call with, None
    where the headers carry the caller's own; that of the endpoint is not looked at."""

    endpoint: Endpoint
    method: str
    path: str
    headers: Sequence[Header]
    body: bytes = field(repr=False)
    key: str | None = field(default=None, repr=False)


class UpstreamReply(Protocol):
    """The head of an answer, and its body as it comes. ``status``, ``headers``: as the provider sent them, without
    those that speak of the connection alone."""

    status: int
    headers: Sequence[Header]

    def named(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the body, each piece at once; ModelFailure when the connection breaks."""
        ...

    def close(self) -> None:
        """Let go of the connection, whatever is still on its way."""
        ...
