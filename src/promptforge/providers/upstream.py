"""Passing requests of others on to providers, byte for byte: the Upstream port over HTTP.

One decision: nothing is decoded, added or repeated here. Headers go as they came but for those that speak of a single
connection, those that are ours, and the credential where our own key stood in its place.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import aiohttp
from yarl import URL

from promptforge.core.address import AllowedHosts
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.core.provider import Endpoint
from promptforge.core.upstream import Header, UpstreamRequest
from promptforge.providers.directory import DIALECTS
from promptforge.providers.session import Sessions, Unchecked, unreached

#: Headers of one connection, and those that the next request writes itself.
_OF_THE_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade", b"host", b"content-length", b"expect"}
)
#: What must not leave (a browser's cookie is our own), and what would make the answer unreadable on its way.
_KEPT_BACK = _OF_THE_HOP | {b"cookie", b"accept-encoding"}
#: A provider's cookies would land beside our own, and a date is written for every answer.
_TAKEN_OUT = (_OF_THE_HOP - {b"content-length"}) | {b"set-cookie", b"date"}
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key"})
#: Below, the connection becomes another; above, HTTP knows no status.
_ANSWERS = range(200, 600)
#: What stands between a base URL and the path of a request that passes.
_ROOTS = {"anthropic": "/v1"}
_BREAKS = (aiohttp.ClientError, ConnectionError, OSError, asyncio.IncompleteReadError)


class HttpUpstream:
    """Passes requests on to the address of their endpoint."""

    def __init__(self, allowed: AllowedHosts | None = None) -> None:
        self._sessions = Sessions(allowed, raw=True)

    async def send(self, request: UpstreamRequest) -> "HttpUpstreamReply":
        """Send the request and wait for the head of the answer; ModelFailure when there is none."""
        endpoint = request.endpoint
        dialect = DIALECTS[endpoint.preset.dialect](endpoint)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers
            if name not in _KEPT_BACK and not (request.key and name in _CREDENTIALS)
        ]
        headers.append(("accept-encoding", "identity"))
        if request.key:
            headers += dialect.credential(request.key).items()
        try:
            url = URL(
                endpoint.base_url.rstrip("/") + _ROOTS.get(endpoint.preset.dialect, "") + request.path, encoded=True
            )
            response = await self._sessions.request(
                endpoint, request.method, url, data=request.body or None, headers=headers
            )
        except (ValueError, *_BREAKS) as error:
            raise _unreached(endpoint, error) from None
        if response.status not in _ANSWERS:
            response.close()
            raise ModelFailure(
                f"Provider '{endpoint.name}' answered with the status {response.status}, which is none of an answer",
                ErrorType.PROVIDER,
                http_status=response.status,
            )
        return HttpUpstreamReply(endpoint.name, response)

    async def close(self) -> None:
        """Close the connections."""
        await self._sessions.close()


class HttpUpstreamReply:
    """The UpstreamReply of a response."""

    def __init__(self, provider: str, response: aiohttp.ClientResponse) -> None:
        self._provider = provider
        self._response = response
        self.status = response.status
        self.headers: Sequence[Header] = [
            (lower, value) for name, value in response.raw_headers if (lower := name.lower()) not in _TAKEN_OUT
        ]

    def named(self, name: str) -> str:
        """The value of a header."""
        return self._response.headers.get(name, "")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the body as they come."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except _BREAKS:
            raise ModelFailure(
                f"Connection to provider '{self._provider}' was lost before its answer was complete",
                ErrorType.NETWORK,
                retryable=True,
                http_status=self.status,
            ) from None

    def close(self) -> None:
        """Give the connection back, or cut it when the answer has not come to its end."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def _unreached(endpoint: Endpoint, error: Exception) -> ModelFailure:
    refused, why = True, ""
    if isinstance(error, ValueError):
        sentence = f"The request cannot be sent to provider '{endpoint.name}': a header or its path is malformed"
    elif isinstance(
        error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError | aiohttp.ConnectionTimeoutError | Unchecked
    ):
        why = unreached(endpoint, URL(endpoint.base_url), error)
        sentence = f"Cannot reach provider '{endpoint.name}': {why}"
    elif isinstance(error, TimeoutError):
        sentence, refused = f"Provider '{endpoint.name}' sent nothing for {(endpoint.idle_ms or 0) / 1000:g} s", False
    else:
        sentence, refused = f"Connection to provider '{endpoint.name}' was lost before it answered", False
    kind = ErrorType.TIMEOUT if isinstance(error, TimeoutError) and not why else ErrorType.NETWORK
    return ModelFailure(sentence, kind, refused=refused, retryable=True)
