"""Which addresses may be called, and how an administrator's list is read."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.address import AllowedHosts, allowed_hosts, forbidden, literal

FORBIDDEN = {
    "an unspecified address": ["0.1.2.3", "::"],
    "a private address": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00:ec2::254", "fec0::1"],
    "an address of a carrier's private network": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "a loopback address": ["127.0.0.1", "127.255.255.254", "::1"],
    "a link-local address": ["169.254.169.254", "169.254.170.2", "fe80::1"],
    "an address of a cloud's own services": ["168.63.129.16"],
    "an address of an IPv6 relay": ["192.88.99.1"],
    "a multicast address": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "a reserved address": [
        "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "240.0.0.1",
        "255.255.255.255", "100::1", "2001:2::1", "2001:10::1", "2001:db8::1", "3fff::1", "4000::1", "5f00::1",
    ],
    "an IPv4 address inside an IPv6 one": [
        "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "2002:7f00:1::", "2002:808:808::", "64:ff9b:1::7f00:1",
        "2001:0:7f00:1::", "2001::808:808",
    ],
}  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FORBIDDEN.items() for text in texts])
def test_what_is_not_public_is_forbidden_and_named(kind, text):
    """Every special network is refused, by a name that people know."""
    assert forbidden(ip_address(text)) == kind


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_allowed(text):
    """Neighbours of special networks, and public addresses of both kinds."""
    assert forbidden(ip_address(text)) is None


@pytest.mark.parametrize("text", ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1"])
def test_nat64_is_judged_by_the_address_inside(text):
    """A translated address is as forbidden as the one that it stands for."""
    assert forbidden(ip_address(text)) == forbidden(IPv4Address(int(ip_address(text)) & 0xFFFFFFFF)) is not None


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_passes_that_the_standard_library_knows_as_special(address):
    """Our tables are never laxer than Python's."""
    if forbidden(address) is None:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_never_opens_a_way(inside):
    """Whatever form of IPv6 holds an IPv4 address, it is refused at least where that one is."""
    number = int(inside)
    forms = [number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    forms.append(0x20010000 << 96 | (number ^ 0xFFFFFFFF))
    if forbidden(inside):
        assert all(forbidden(IPv6Address(form)) for form in forms)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "017700000001", "1.2.3.4.5", "256.1.1.1",
             "fe80::1%eth0", "example.7", "1.2.3.0x4"],
)  # fmt: skip
def test_numbers_that_programs_read_differently_are_no_host(host):
    """Only four plain decimals are an IPv4 address; other numbers are neither addresses nor names."""
    with pytest.raises(ValueError, match=r"address"):
        literal(host)


def test_names_and_plain_addresses_are_told_apart():
    """A name is no address, whatever digits it has in front."""
    assert literal("1.2.3.4") == IPv4Address("1.2.3.4")
    assert literal("::1") == IPv6Address("::1")
    assert literal("1.2.3.4.example.com") is literal("localhost") is literal("0x7f.example") is None


def test_an_allowed_host_is_allowed_on_its_ports():
    """Without a port every port is meant, with one only that; case, brackets and spelling do not matter."""
    allowed = allowed_hosts(["Intranet.Example", "10.0.0.5:8080", "[0:0::1]:81", "fd00::1"])
    assert allowed.holds("intranet.example", 1)
    assert allowed.holds("intranet.example", 443)
    assert allowed.holds("10.0.0.5", 8080)
    assert not allowed.holds("10.0.0.5", 80)
    assert allowed.holds("::1", 81)
    assert not allowed.holds("::1", 80)
    assert allowed.holds("fd00::1", 80)
    assert not allowed.holds("x.intranet.example", 443)
    assert not AllowedHosts().holds("localhost", 80)


@pytest.mark.parametrize(
    "text", ["http://x", "x:y", "x:0", "x:70000", "a b", "*", "*.x", "10.0.0.0/8", "[::1", "127.1", "", ":80", "x/y"]
)
def test_what_is_no_host_is_refused_by_name(text):
    """An administrator's mistake is told, with the entry."""
    with pytest.raises(ValueError, match="is not host or host:port"):
        allowed_hosts([text])
