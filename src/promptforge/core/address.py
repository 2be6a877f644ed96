"""Which network addresses may be called on somebody's behalf: public ones, and what an administrator allowed.

One decision: an address is judged by what it is, never by the name that led to it, and one that holds another inside
(IPv4 in IPv6) is refused, but for NAT64, which is judged by the address inside because some networks have no other way.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_ENTRY = re.compile(r"(?:\[(?P<inner>[0-9a-f:.]+)\]|(?P<host>[a-z0-9_.-]*[a-z0-9_-]\.?))(?::(?P<port>[0-9]{1,5}))?")

Address = IPv4Address | IPv6Address

#: IANA's special-purpose registry for IPv4: whatever is not here is public. One network to a kind and line.
_SPECIAL_4 = {
    IPv4Network("0.0.0.0/8"): "an unspecified address",
    IPv4Network("10.0.0.0/8"): "a private address",
    IPv4Network("100.64.0.0/10"): "an address of a carrier's private network",
    IPv4Network("127.0.0.0/8"): "a loopback address",
    IPv4Network("168.63.129.16/32"): "an address of a cloud's own services",
    IPv4Network("169.254.0.0/16"): "a link-local address",
    IPv4Network("172.16.0.0/12"): "a private address",
    IPv4Network("192.0.0.0/24"): "a reserved address",
    IPv4Network("192.0.2.0/24"): "a reserved address",
    IPv4Network("192.88.99.0/24"): "an address of an IPv6 relay",
    IPv4Network("192.168.0.0/16"): "a private address",
    IPv4Network("198.18.0.0/15"): "a reserved address",
    IPv4Network("198.51.100.0/24"): "a reserved address",
    IPv4Network("203.0.113.0/24"): "a reserved address",
    IPv4Network("224.0.0.0/4"): "a multicast address",
    IPv4Network("240.0.0.0/4"): "a reserved address",
}
#: For IPv6 the other way round: only 2000::/3 is public, and not all of it. The first network that fits decides.
_PUBLIC_6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_SPECIAL_6 = {
    IPv6Network("::/128"): "an unspecified address",
    IPv6Network("::1/128"): "a loopback address",
    IPv6Network("::ffff:0:0/96"): "an IPv4 address inside an IPv6 one",
    IPv6Network("::/96"): "an IPv4 address inside an IPv6 one",
    IPv6Network("64:ff9b:1::/48"): "an IPv4 address inside an IPv6 one",
    IPv6Network("2001::/32"): "an IPv4 address inside an IPv6 one",
    IPv6Network("2001::/23"): "a reserved address",
    IPv6Network("2001:db8::/32"): "a reserved address",
    IPv6Network("2002::/16"): "an IPv4 address inside an IPv6 one",
    IPv6Network("3fff::/20"): "a reserved address",
    IPv6Network("fc00::/7"): "a private address",
    IPv6Network("fe80::/10"): "a link-local address",
    IPv6Network("fec0::/10"): "a private address",
    IPv6Network("ff00::/8"): "a multicast address",
}


def forbidden(address: Address) -> str | None:
    """Why an address may not be called (``a loopback address``); None for a public one."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _SPECIAL_4.items() if address in network), None)
    if address in _NAT64:
        return forbidden(IPv4Address(int(address) & 0xFFFF_FFFF))
    kind = next((kind for network, kind in _SPECIAL_6.items() if address in network), None)
    return kind or (None if address in _PUBLIC_6 else "a reserved address")


def literal(host: str) -> Address | None:
    """The address that a host is, None for a name; ValueError for numbers that programs read in different ways.

    ``2130706433``, ``0x7f.1``, ``127.1`` and ``0177.0.0.1`` are all 127.0.0.1 to some and names to others.
    """
    last = host.rpartition(".")[2]
    if "%" in host:
        raise ValueError("an address that holds for one network card only")
    if ":" in host or last.isdigit() or last.lower().startswith("0x"):
        return ip_address(host)
    return None


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be called whatever their address: names or addresses, with a port or for every port."""

    entries: frozenset[tuple[str, int | None]] = frozenset()

    def holds(self, host: str, port: int) -> bool:
        """Whether an administrator allowed it; *host* in lower case, without brackets and trailing dot."""
        return (host, None) in self.entries or (host, port) in self.entries


def allowed_hosts(texts: Iterable[str]) -> AllowedHosts:
    """Read ``host``, ``host:port``, ``[::1]:port``; ValueError names one that is none of these."""
    return AllowedHosts(frozenset(_entry(text) for text in texts))


def _entry(text: str) -> tuple[str, int | None]:
    bare = text.lower()
    found = _ENTRY.fullmatch(f"[{bare}]" if bare.count(":") > 1 and "[" not in bare else bare)
    host, port = (found["inner"] or found["host"], found["port"]) if found else ("", None)
    host = host.removesuffix(".")
    try:
        address = literal(host)
    except ValueError:
        host, address = "", None
    if not host or not (port is None or 0 < int(port) < 65536):
        raise ValueError(f"'{text}' is not host or host:port")
    return str(address or host), int(port) if port else None
