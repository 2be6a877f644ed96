"""Where a call may go: an address that a user gave becomes a destination that was checked, or a refusal.

One decision: a name is resolved once, every answer is checked, and the connection can only be made to those very
addresses. So a name that answers differently the second time (rebinding) gains nothing; TLS and the Host header still
see the name.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from promptforge.core.address import Address, AllowedHosts, forbidden, literal
from promptforge.core.execution import ErrorType
from promptforge.core.outbound import OutboundFailure

MAX_URL = 8_192
_SHOWN = 80
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")

#: From a host's name to its addresses; OSError when there are none.
Resolve = Callable[[str], Awaitable[Sequence[str]]]


class SystemResolver:
    """The operating system's look-up, on few threads of its own: a slow name holds up other calls at most."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=8, thread_name_prefix="names")

    async def __call__(self, host: str) -> Sequence[str]:
        """All addresses of a name, once each."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._executor, _look_up, host)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Start no more look-ups; what is under way ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> Sequence[tuple[object, object, object, object, tuple[object, ...]]]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class _Checked(AbstractResolver):
    """Answers every name with the addresses that were checked."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL with the addresses that a connection for it may be made to."""

    url: URL
    addresses: tuple[Address, ...]

    def connector(self, tls: ssl.SSLContext | None = None) -> aiohttp.TCPConnector:
        """Connections to these addresses and no others, whatever URL is asked for."""
        return aiohttp.TCPConnector(
            resolver=_Checked(self.addresses),
            use_dns_cache=False,
            force_close=True,
            ssl=tls or True,
            socket_factory=self._socket,
        )

    def _socket(self, info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        """The last gate before the network: every connection, to names as to plain addresses, passes here."""
        family, kind, protocol, _, address = info
        if ip_address(address[0]) not in self.addresses:
            raise PermissionError(f"{address[0]} was not checked")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


class Destinations:
    """Checks where a call may go: public addresses, and the hosts that an administrator allowed."""

    def __init__(self, allowed: AllowedHosts, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    async def check(self, url: URL) -> Destination:
        """The URL with its addresses; OutboundFailure when any of them is forbidden, or there is none."""
        host, port = url.raw_host or "", url.port or 0
        try:
            address = literal(host)
        except ValueError:
            raise refusal(url, "write an address as four decimal numbers, or as IPv6 in brackets") from None
        if address is None and (not set(host) <= _NAME or "" in host.split(".") or len(host) > 253):
            raise refusal(url, "it is no host name")
        addresses = (address,) if address is not None else await self._addresses(url, host)
        if not self._allowed.holds(str(address or host), port):
            for found in addresses:
                if kind := forbidden(found):
                    where = f"it is {kind}" if address is not None else f"its name leads to {kind}"
                    raise refusal(url, f"{where}; an administrator can allow the host with PROMPTFORGE_OUTBOUND_ALLOW")
        return Destination(url, addresses)

    async def _addresses(self, url: URL, host: str) -> tuple[Address, ...]:
        try:
            found = tuple(ip_address(text) for text in await self._resolve(host))
        except (OSError, ValueError):  # ValueError covers names that cannot be encoded
            found = ()
        if not found:
            message = f"Cannot reach {shown(url)}: the name cannot be resolved"
            raise OutboundFailure(message, ErrorType.NETWORK, retryable=True)
        return found


def address(text: str) -> URL:
    """Read an address that a user or a redirect gave, in one canonical form; OutboundFailure when it is none."""
    if len(text) > MAX_URL or not text.isprintable() or " " in text or "\\" in text:
        raise invalid(f"The address is longer than {MAX_URL} characters or holds spaces, backslashes or control codes")
    try:
        url = URL(text).with_fragment(None)
        host = (url.raw_host or "").removesuffix(".")
        if url.scheme not in {"http", "https"} or not host or not url.port:
            raise invalid("The address must begin with http:// or https:// and a host")
        if url.raw_user is not None or url.raw_password is not None:
            raise refusal(url, "it has a user or password in it; put credentials into a header, as a secret by name")
        return url.with_host(host)
    except ValueError:
        raise invalid("The address cannot be read as a URL") from None


def shown(url: URL) -> str:
    """A host for a sentence, with its port where that is not the usual one."""
    text = url.host_port_subcomponent or ""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def refusal(url: URL, why: str) -> OutboundFailure:
    """A call that is not made."""
    return invalid(f"{shown(url)} is not called: {why}")


def invalid(sentence: str) -> OutboundFailure:
    """What the caller got wrong."""
    return OutboundFailure(sentence, ErrorType.VALIDATION)
