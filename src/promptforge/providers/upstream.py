"""Passing requests of others on to providers, byte for byte: the Upstream port over HTTP.

One decision: nothing is decoded, added or repeated here. Headers go as they came but for those that speak of a single
connection, those that are ours, and the credential where our own key stood in its place.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import aiohttp
from yarl import URL

from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.core.upstream import Header, UpstreamRequest
from promptforge.wire.anthropic import Anthropic
from promptforge.wire.dialect import Dialect
from promptforge.wire.openai import OpenAI

CONNECT_TIMEOUT = 5.0
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
_BREAKS = (aiohttp.ClientError, ConnectionError, OSError, asyncio.IncompleteReadError)


class HttpUpstream:
    """Providers that can be passed to, by name: the address up to ``/v1``, the format, and the process's own key."""

    def __init__(self, providers: Mapping[str, tuple[str, Dialect, str | None]]) -> None:
        self._providers = {
            name: (base.rstrip("/"), dialect, key.strip() if key else None)
            for name, (base, dialect, key) in providers.items()
        }
        self._session: aiohttp.ClientSession | None = None

    def own_key(self, provider: str) -> str | None:
        """The key that the process was started with."""
        return self._providers[provider][2]

    async def send(self, request: UpstreamRequest) -> "HttpUpstreamReply":
        """Send the request and wait for the head of the answer; ModelFailure when there is none."""
        base, dialect, _ = self._providers[request.provider]
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers
            if name not in _KEPT_BACK and not (request.key and name in _CREDENTIALS)
        ]
        headers.append(("accept-encoding", "identity"))
        if request.key:
            headers += dialect.credential(request.key).items()
        try:
            response = await self._open().request(
                request.method,
                URL(base + request.path, encoded=True),
                data=request.body or None,
                headers=headers,
                allow_redirects=False,
            )
        except (ValueError, *_BREAKS) as error:
            raise _unreached(request.provider, error) from None
        if response.status not in _ANSWERS:
            response.close()
            raise ModelFailure(
                f"Provider '{request.provider}' answered with the status {response.status}, which is none of an answer",
                ErrorType.PROVIDER,
                http_status=response.status,
            )
        return HttpUpstreamReply(request.provider, response)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("user-agent", "content-type", "accept"),
                max_line_size=32_768,
                max_field_size=32_768,
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


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


def _unreached(provider: str, error: Exception) -> ModelFailure:
    sentence, refused = f"Cannot reach provider '{provider}': its host does not accept the connection", True
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        sentence = f"Cannot reach provider '{provider}': its name cannot be resolved"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        sentence = f"Cannot reach provider '{provider}': no secure connection; check its certificate and base URL"
    elif isinstance(error, TimeoutError):
        sentence = f"Cannot reach provider '{provider}': no connection within {CONNECT_TIMEOUT:g} s"
    elif isinstance(error, ValueError):
        sentence = f"The request cannot be sent to provider '{provider}': a header or its path is malformed"
    elif not isinstance(error, aiohttp.ClientConnectorError):
        sentence, refused = f"Connection to provider '{provider}' was lost before it answered", False
    return ModelFailure(sentence, ErrorType.NETWORK, refused=refused, retryable=True)


def open_upstream(
    *, anthropic_key: str | None, anthropic_url: str, openai_key: str | None, openai_url: str
) -> HttpUpstream:
    """Make the way to every provider that can be passed to; nothing connects before its first request."""
    return HttpUpstream(
        {
            "anthropic": (f"{anthropic_url.rstrip('/')}/v1", Anthropic(), anthropic_key),
            "openai": (openai_url, OpenAI(), openai_key),
        }
    )
