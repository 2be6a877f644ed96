"""Where a call may go: every spelling of every address, names that lie, and TLS behind them."""

import json
from ipaddress import IPv4Address, ip_address

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from kit.outbound import HERE, Names, failure, opened
from kit.site import certified, site
from promptforge.core.address import AllowedHosts, forbidden
from promptforge.core.execution import ErrorType
from promptforge.core.outbound import OutboundFailure, OutboundRequest
from promptforge.providers.destination import Destination, Destinations, address

LOOPBACK = (
    "127.0.0.1", "127.0.0.1.", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "[0:0:0:0:0:0:0:1]", "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "localhost", "LOCALHOST.", "ⓛocalhost",
    "user@127.0.0.1", "user:pass@127.0.0.1", "example.com@127.0.0.1", "example.com:80@127.0.0.1", "0.0.0.0", "[::]",  # noqa: S104
    "0", "[::ffff:0:0]", "[fe80::1%25lo]", "[fe80::1%lo]", "127.0.0.1%00.example.com", "127.0.0.1%2f.example.com",
    "a..b", "-", "xn--a", "[v1.x]", "%31%32%37.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
async def test_no_spelling_of_this_machine_is_called(host):
    """However the address is written, the server on this machine never hears of it."""
    async with site(everywhere=True) as here, opened(names=Names(localhost=[["127.0.0.1"]])) as outbound:
        failed = await failure(outbound, f"http://{host}:{here.port}/")
        assert failed.error_type in {ErrorType.VALIDATION, ErrorType.NETWORK}
        assert here.asked == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://x/", "ftp://x/", "//x/", "/x", "", "http://", "http:///x", "http:x", "http://:80/",
     "http://x:0/", "http://x:99999/", "http://x:y/", "http://x\\@y/", "http://x y/", "http://x/\r\nHost: y",
     "http://x\t/", "http://x/" + "a" * 9000, "unix:///run/x.sock", "http://[1.2.3.4]/", "http://[::1/",
     "javascript:alert(1)", "http+unix://x/"],
)  # fmt: skip
async def test_what_is_no_http_address_is_a_validation_error(url):
    """Other schemes and broken addresses are the caller's mistake and are told so."""
    async with opened() as outbound:
        assert (await failure(outbound, url)).error_type is ErrorType.VALIDATION


@given(st.ip_addresses(v=4), st.integers(0, 9), st.sampled_from(["", "."]))
async def test_every_spelling_of_an_address_is_refused_or_public(inside, form, dot):
    """For any address in any form: a destination has public addresses only, or there is none."""
    number, (a, b, c, d) = int(inside), inside.packed
    spelled = [
        str(inside), str(number), hex(number), f"0{number:o}", f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{c << 8 | d}",
        f"0x{a:x}.{b}.0{c:o}.{d}", f"[::ffff:{inside}]", f"[64:ff9b::{a << 8 | b:x}:{c << 8 | d:x}]",
        f"[2002:{a << 8 | b:x}:{c << 8 | d:x}::1]",
    ][form]  # fmt: skip
    names = Names()
    try:
        found = await Destinations(AllowedHosts(), names).check(address(f"http://{spelled}{dot}/"))
    except OutboundFailure as failed:
        assert failed.error_type is ErrorType.VALIDATION
        assert form or forbidden(inside) or dot
    else:
        assert found.addresses
        assert not any(forbidden(one) for one in found.addresses)
    assert names.asked == []


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), min_size=1, max_size=4))
async def test_one_forbidden_answer_refuses_the_name(answers):
    """A name that leads to several addresses is called only when each of them may be."""
    names = Names(mixed_example=[[str(one) for one in answers]])
    check = Destinations(AllowedHosts(), names).check(address("http://mixed.example/"))
    if any(forbidden(one) for one in answers):
        with pytest.raises(OutboundFailure, match=r"mixed\.example is not called: its name leads to an? ") as caught:
            await check
        assert not any(str(one) in str(caught.value) for one in answers)
    else:
        assert (await check).addresses == tuple(answers)


async def test_an_unknown_name_is_a_network_error():
    """It may be known a moment later, so the call may be repeated."""
    async with opened() as outbound:
        failed = await failure(outbound, "http://nowhere.example/")
        assert (failed.error_type, failed.retryable) == (ErrorType.NETWORK, True)
        assert str(failed) == "Cannot reach nowhere.example: the name cannot be resolved"


async def test_a_name_that_changes_its_mind_gains_nothing():
    """A name is asked for once, and the connection is made to the answer that was checked."""
    names = Names(rebound_example=[["127.0.0.1"], ["127.0.0.2"]])
    async with site(everywhere=True) as here, opened(["rebound.example"], names) as outbound:
        await outbound.call(OutboundRequest(method="GET", url=f"http://rebound.example:{here.port}/"))
        assert [one.local for one in here.asked] == ["127.0.0.1"]
        assert names.asked == ["rebound.example"]


async def test_a_connection_to_what_was_not_checked_is_impossible():
    """A destination that was checked for a public address reaches no other, whatever it is used for."""
    checked = Destination(URL("http://rebound.example/"), (IPv4Address("8.8.8.8"),))
    async with site() as here, aiohttp.ClientSession(connector=checked.connector()) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get(f"http://127.0.0.1:{here.port}/")
        assert isinstance(caught.value.os_error, PermissionError)
        assert here.asked == []


async def test_public_first_and_loopback_second_stays_public():
    """The answer that was checked is the only one that a connection can be opened to, later answers or not."""
    names = Names(rebound_example=[["8.8.8.8"], ["127.0.0.1"]])
    found = await Destinations(AllowedHosts(), names).check(address("http://rebound.example/"))
    assert found.addresses == (ip_address("8.8.8.8"),)
    async with found.connector() as connector:
        for _ in range(2):
            answers = await connector._resolver.resolve("rebound.example", 80)
            assert [one["host"] for one in answers] == ["8.8.8.8"]
    assert names.asked == ["rebound.example"]


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.1:{port}"])
async def test_an_administrator_can_allow_a_host(allow):
    """An allowed host is called whatever its address, on its port only where one was given."""
    async with site() as here, opened([allow.format(port=here.port)]) as outbound:
        reply = await outbound.call(OutboundRequest(method="GET", url=f"http://127.0.0.1:{here.port}/x"))
        assert (reply.status, json.loads(reply.text)) == (200, {"path": "/x"})
        told = str(await failure(outbound, "http://127.0.0.2/"))
        assert told == (
            "127.0.0.2 is not called: it is a loopback address; "
            "an administrator can allow the host with PROMPTFORGE_OUTBOUND_ALLOW"
        )
    async with site() as other, opened([allow.format(port=here.port)]) as outbound:
        if ":" in allow:
            await failure(outbound, f"http://127.0.0.1:{other.port}/")
            assert other.asked == []


async def test_tls_sees_the_name_and_trusts_nobody_by_default(tmp_path):
    """The connection goes to the checked address, the certificate and the Host header are for the name."""
    server, client, seen = certified("a.example", tmp_path)
    names = Names(a_example=HERE, b_example=HERE)
    async with site(tls=server) as here:
        async with opened(["a.example", "b.example"], names, tls=client) as outbound:
            reply = await outbound.call(OutboundRequest(method="GET", url=f"https://a.example:{here.port}/"))
            assert (reply.status, seen) == (200, ["a.example"])
            assert here.asked[0].headers["host"] == f"a.example:{here.port}"
            other = await failure(outbound, f"https://b.example:{here.port}/")
        async with opened(["a.example"], names) as outbound:
            unknown = await failure(outbound, f"https://a.example:{here.port}/")
        assert len(here.asked) == 1
    for failed, host in ((other, "b.example"), (unknown, "a.example")):
        assert failed.error_type is ErrorType.NETWORK
        assert str(failed) == f"No secure connection with {host}:{here.port}: check its certificate"
