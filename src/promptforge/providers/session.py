"""Connections to providers: who may be called where, through which proxy, with which certificates and how patiently.

One decision: connections are shared by all that call in the same way, and where the operator did not choose the address
every connection passes a gate that lets public addresses through, and what the operator allowed. The gate stands where
the socket is made, so neither a name that answers differently the second time nor a redirect gets around it.
"""

import socket
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from promptforge.core.address import AllowedHosts, forbidden, literal
from promptforge.core.provider import Endpoint
from promptforge.providers.destination import Resolve, SystemResolver

CONNECT_SECONDS = 5.0
_REMEMBERED = 4_096


class Unchecked(OSError):
    """The connection is not made; the text says why and what to do."""


class Sessions:
    """Connections, made when they are first needed. *raw*: answers stay as they come, compressed where they are."""

    def __init__(
        self, allowed: AllowedHosts | None = None, *, resolve: Resolve | None = None, raw: bool = False
    ) -> None:
        self._allowed = allowed or AllowedHosts()
        self._system = SystemResolver() if resolve is None else None
        self._resolve: Resolve = resolve or self._system or SystemResolver()
        self._raw = raw
        self._open: dict[bool, aiohttp.ClientSession] = {}

    async def request(self, endpoint: Endpoint, method: str, url: URL, **given: Any) -> aiohttp.ClientResponse:
        """Send a request to where the endpoint is; Unchecked where that may not be called."""
        proxy = URL(endpoint.proxy) if endpoint.proxy else None
        if not endpoint.trusted:
            self._check(url)
        if proxy is not None:
            self._check(proxy)
        way: dict[str, Any] = {"timeout": _timeout(endpoint)}
        if endpoint.ca:
            way["ssl"] = context(endpoint.ca)
        if proxy is not None:
            way["proxy"] = proxy
            # with TLS the proxy reads what opens the way through it, without TLS the request itself
            told = _authorised(endpoint.proxy_credentials)
            if url.scheme == "https":
                way["proxy_headers"] = told
            else:
                given["headers"] = [*_pairs(given["headers"]), *told.items()]
        # a proxy is of the workspace's own choosing, wherever it leads
        trusted = endpoint.trusted and proxy is None
        return await self._session(trusted).request(method, url, allow_redirects=False, **way, **given)

    def _check(self, url: URL) -> None:
        """What can be said of an address before it is connected to; a name is checked when it is."""
        host, port = url.raw_host or "", url.port or 0
        try:
            address = literal(host)
        except ValueError:
            raise Unchecked(f"{host} is no host; write an address as four decimal numbers") from None
        if address is not None and (kind := forbidden(address)) and not self._allowed.holds(str(address), port):
            raise Unchecked(f"{host} is {kind}; {ALLOW}")

    def _session(self, trusted: bool) -> aiohttp.ClientSession:
        if trusted not in self._open:
            gate = {} if trusted else _Gate(self._allowed, self._resolve).arguments()
            self._open[trusted] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, **gate),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=not self._raw,
                skip_auto_headers=("user-agent", "content-type", "accept") if self._raw else (),
                max_line_size=32_768,
                max_field_size=32_768,
            )
        return self._open[trusted]

    async def close(self) -> None:
        """Close the connections."""
        for session in self._open.values():
            await session.close()
        self._open.clear()
        if self._system is not None:
            self._system.close()


ALLOW = "the operator can allow the host with PROMPTFORGE_OUTBOUND_ALLOW"


class _Gate(AbstractResolver):
    """Resolves names and checks every address, and lets no connection be made to another."""

    def __init__(self, allowed: AllowedHosts, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._passed: OrderedDict[tuple[str, int], None] = OrderedDict()

    def arguments(self) -> dict[str, Any]:
        """What makes a connector pass the gate."""
        return {"resolver": self, "use_dns_cache": False, "socket_factory": self._socket}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = [ip_address(text) for text in await self._resolve(host)]
        if not self._allowed.holds(host.lower().removesuffix("."), port):
            for address in found:
                if (kind := forbidden(address)) and not self._allowed.holds(str(address), port):
                    raise Unchecked(f"the name '{host}' leads to {kind}; {ALLOW}")
        for address in found:
            self._passed[str(address), port] = None
            self._passed.move_to_end((str(address), port))
        while len(self._passed) > _REMEMBERED:
            self._passed.popitem(last=False)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""

    def _socket(self, info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        """The last gate before the network: every connection, to names as to plain addresses, passes here."""
        family, kind, protocol, _, address = info
        host, port = str(ip_address(address[0])), int(address[1])
        wrong = forbidden(ip_address(host))
        if wrong and (host, port) not in self._passed and not self._allowed.holds(host, port):
            raise Unchecked(f"{host} is {wrong}; {ALLOW}")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def unchecked(error: Exception) -> bool:
    """Whether the connection was refused here."""
    return isinstance(error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error, Unchecked)


def unreached(endpoint: Endpoint, url: URL, error: Exception) -> str:
    """Why there is no connection, in words that name the host alone."""
    host = f"{url.host}:{url.port}"
    proxy = URL(endpoint.proxy) if endpoint.proxy else None
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(inner, Unchecked):
        return str(inner)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        told = "wants other credentials" if error.status == 407 else f"does not let it through ({error.status})"
        return f"the proxy {proxy and proxy.authority} {told}"
    if proxy is not None and isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy {proxy.authority} does not accept the connection"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name '{proxy.host if proxy else url.host}' cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"no secure connection with {host}: {_untrusted(error)}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"no secure connection with {host}; check its certificate and base URL"
    if isinstance(error, TimeoutError):
        return f"no connection with {host} within {_connect_seconds(endpoint):g} s"
    return f"{host} does not accept the connection"


def _untrusted(error: aiohttp.ClientConnectorCertificateError) -> str:
    inner = error.certificate_error
    why = inner.verify_message if isinstance(inner, ssl.SSLCertVerificationError) else "it is not valid"
    return f"its certificate is not trusted ({why.rstrip('.')}); check its base URL, or give the provider's CA"


@lru_cache(maxsize=64)
def context(pem: str) -> ssl.SSLContext:
    """What trusts these certificates alone; ssl.SSLError where they are none."""
    return ssl.create_default_context(cadata=pem)


def _connect_seconds(endpoint: Endpoint) -> float:
    return endpoint.connect_ms / 1000 if endpoint.connect_ms else CONNECT_SECONDS


def _timeout(endpoint: Endpoint) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None,
        sock_connect=_connect_seconds(endpoint),
        sock_read=endpoint.idle_ms / 1000 if endpoint.idle_ms else None,
    )


def _pairs(headers: Any) -> list[tuple[str, str]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers)  # type: ignore[arg-type]


def _authorised(credentials: str | None) -> dict[str, str]:
    """What says to a proxy who calls."""
    if credentials is None:
        return {}
    user, _, password = credentials.partition(":")
    return {"Proxy-Authorization": aiohttp.encode_basic_auth(user, password, "utf-8")}
