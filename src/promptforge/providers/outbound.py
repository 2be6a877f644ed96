"""Calling an address that a user gave: the Outbound port over HTTP.

One decision: nothing is shared between calls. Each hop has a connector of its own that knows only the addresses
checked for it (``destination.py``), no cookies, no proxy of the environment, and ends with it.
"""

import asyncio
import codecs
import math
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace

import aiohttp
from yarl import URL

import promptforge
from promptforge.core.address import AllowedHosts
from promptforge.core.execution import ErrorType
from promptforge.core.outbound import OutboundFailure, OutboundReply, OutboundRequest
from promptforge.providers.destination import (
    Destination,
    Destinations,
    Resolve,
    SystemResolver,
    address,
    invalid,
    refusal,
    shown,
)
from promptforge.wire.failure import retry_after

MAX_RECEIVED = 2 * 1024 * 1024
MAX_SENT = 1024 * 1024
MAX_HEADERS = 64
MAX_HEADER = 8_192
MAX_REDIRECTS = 5
MAX_TIMEOUT = 900.0
CONNECT_TIMEOUT = 5.0
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Headers that are ours to set, because they say where a message goes and where it ends.
OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"}
)
#: All that goes on to another origin: any other header may be a credential.
CARRIED = frozenset({"accept", "accept-language", "content-type"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_CHARSETS = ("utf", "iso8859", "ascii", "cp", "gb", "big5", "shift", "euc", "koi8")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request on the way that redirects make."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None


class HttpOutbound:
    """Calls public addresses and *allowed* hosts; *resolve* and *tls* stand in for the system's in tests."""

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        max_received: int = MAX_RECEIVED,
    ) -> None:
        self._system = SystemResolver() if resolve is None else None
        self._destinations = Destinations(allowed, resolve or self._system or SystemResolver())
        self._tls = tls
        self._max_received = max_received

    async def call(self, request: OutboundRequest) -> OutboundReply:
        """Call once, redirects followed; OutboundFailure for anything but a status of success."""
        hop = _checked(request)
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(request.timeout):
                reply = await self._follow(hop)
        except TimeoutError:
            message = f"{shown(hop.url)} did not answer within {request.timeout:.3g} s"
            raise OutboundFailure(message, ErrorType.TIMEOUT, retryable=True) from None
        reply = replace(reply, elapsed=asyncio.get_running_loop().time() - began)
        if not 200 <= reply.status < 300:
            raise _failure(reply)
        return reply

    async def close(self) -> None:
        """Look up no more names; connections end with their calls."""
        if self._system is not None:
            self._system.close()

    async def _follow(self, first: _Hop) -> OutboundReply:
        hop, destination = first, await self._destinations.check(first.url)
        for _ in range(MAX_REDIRECTS + 1):
            reply = await self._once(hop, destination)
            location = reply.headers.get("location")
            if reply.status not in _REDIRECTS or location is None:
                return reply
            try:
                following = _redirected(hop, reply.status, location)
                destination = await self._destinations.check(following.url)
            except OutboundFailure as failure:
                message = f"{shown(hop.url)} redirects to a wrong place: {failure}"
                raise OutboundFailure(message, failure.error_type, retryable=failure.retryable) from None
            hop = following
        message = f"{shown(first.url)} redirects more than {MAX_REDIRECTS} times"
        raise OutboundFailure(message, ErrorType.PROVIDER)

    async def _once(self, hop: _Hop, destination: Destination) -> OutboundReply:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=destination.connector(self._tls),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
                    skip_auto_headers=("content-type",),
                ) as session,
                session.request(
                    hop.method, hop.url, headers=hop.headers, data=hop.body, allow_redirects=False
                ) as response,
            ):
                body = b"" if response.status in _REDIRECTS else await self._read(hop.url, response)
                return _reply(response, body)
        except (aiohttp.ClientError, OSError) as error:
            # the deadline's own TimeoutError is an OSError as well, and not a ClientError
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                raise
            raise _broken(hop.url, error) from None

    async def _read(self, url: URL, response: aiohttp.ClientResponse) -> bytes:
        """The body, decoded; the bound is on what it unpacks to, and nothing beyond it is waited for."""
        chunks: list[bytes] = []
        size = 0
        while chunk := await response.content.readany():
            size += len(chunk)
            if size > self._max_received:
                message = f"{shown(url)} sent more than {self._max_received} bytes, which is not read to its end"
                raise OutboundFailure(message, ErrorType.PROVIDER)
            chunks.append(chunk)
        return b"".join(chunks)


def _checked(request: OutboundRequest) -> _Hop:
    """The first hop; OutboundFailure names what is wrong with the request, and never a header's value."""
    url = address(request.url)
    method = request.method.upper()
    if method not in METHODS:
        raise refusal(url, f"the method must be one of {', '.join(sorted(METHODS))}")
    if not (math.isfinite(request.timeout) and 0 < request.timeout <= MAX_TIMEOUT):
        raise refusal(url, f"the timeout must be above 0 and at most {MAX_TIMEOUT:g} seconds")
    if request.body is not None and len(request.body) > MAX_SENT:
        raise refusal(url, f"the body is longer than {MAX_SENT} bytes")
    if len(request.headers) > MAX_HEADERS:
        raise refusal(url, f"there are more than {MAX_HEADERS} headers")
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise refusal(url, "a header's name has other characters than letters, digits and hyphens")
        if name.lower() in OURS or name.lower().startswith("proxy-"):
            raise refusal(url, f"the header '{name}' cannot be set")
        if len(value) > MAX_HEADER or not all(character.isprintable() or character == "\t" for character in value):
            raise refusal(url, f"the header '{name}' is longer than {MAX_HEADER} characters or holds control codes")
    given = {name.lower(): value for name, value in request.headers.items()}
    given.setdefault("user-agent", f"prompt-forge/{promptforge.__version__}")
    return _Hop(method, url, given, request.body)


def _redirected(hop: _Hop, status: int, location: str) -> _Hop:
    """The next request: methods as browsers change them, and no secrets and no body to another origin."""
    try:
        target = address(str(hop.url.join(URL(location))))
    except ValueError:
        raise invalid("it names what cannot be read as a URL") from None
    method, headers, body = hop.method, hop.headers, hop.body
    if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
        method, body = "GET", None
        headers = {name: value for name, value in headers.items() if name != "content-type"}
    if target.origin() != hop.url.origin():
        headers = {name: value for name, value in headers.items() if name in CARRIED}
        if body is not None:
            raise refusal(target, "a body does not go on to another host")
    return _Hop(method, target, headers, body)


def _reply(response: aiohttp.ClientResponse, body: bytes) -> OutboundReply:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        if lower != "set-cookie":
            headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    return OutboundReply(
        status=response.status,
        url=str(response.url),
        headers=headers,
        body=body,
        charset=_known(response.charset),
        elapsed=0.0,
    )


def _known(charset: str | None) -> str:
    """A character set that Python reads as text; UTF-8 for one that is missing or is none."""
    try:
        name = codecs.lookup(charset or "utf-8").name
    except LookupError:
        return "utf-8"
    return name if name.startswith(_CHARSETS) else "utf-8"


def _failure(reply: OutboundReply) -> OutboundFailure:
    """What a status other than success amounts to."""
    host, status = shown(URL(reply.url)), reply.status
    error_type, sentence = {
        401: (ErrorType.AUTHENTICATION, f"{host} does not accept the credentials"),
        402: (ErrorType.RATE_LIMIT, f"{host} asks for payment"),
        403: (ErrorType.AUTHENTICATION, f"{host} denies access"),
        404: (ErrorType.VALIDATION, f"{host} has nothing at this address"),
        408: (ErrorType.TIMEOUT, f"{host} gave up waiting"),
        429: (ErrorType.RATE_LIMIT, f"Rate limit reached at {host}"),
        504: (ErrorType.TIMEOUT, f"{host} timed out"),
    }.get(
        status,
        (ErrorType.VALIDATION, f"{host} refused the request")
        if 400 <= status < 500
        else (ErrorType.PROVIDER, f"{host} failed"),
    )
    retryable = status in {408, 429} or status >= 500
    return OutboundFailure(
        f"{sentence} ({status})",
        error_type,
        retryable=retryable,
        retry_after=retry_after(reply.headers) if retryable else None,
        reply=reply,
    )


def _broken(url: URL, error: Exception) -> OutboundFailure:
    """What went wrong between us and the host, in words that name the host alone."""
    host = shown(url)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return OutboundFailure(f"No secure connection with {host}: check its certificate", ErrorType.NETWORK)
    if isinstance(error, aiohttp.ClientResponseError):
        return OutboundFailure(f"{host} sent what is no HTTP answer", ErrorType.PROVIDER)
    if isinstance(error, aiohttp.InvalidURL):
        return invalid(f"{host} is not called: the address cannot be read as a URL")
    if isinstance(error, TimeoutError):
        message = f"Cannot reach {host}: no connection within {CONNECT_TIMEOUT:g} s"
    elif isinstance(error, aiohttp.ClientConnectorError):
        message = f"Cannot reach {host}: it does not accept the connection"
    else:
        message = f"The connection with {host} was lost before its answer was complete"
    return OutboundFailure(message, ErrorType.NETWORK, retryable=True)
