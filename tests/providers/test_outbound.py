"""Broken answers, bounds and redirects, with a real web site that sends them."""

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.outbound import HERE, Names, failure, opened
from kit.site import answer, certified, site
from promptforge.core.execution import ErrorType
from promptforge.core.outbound import OutboundFailure, OutboundRequest
from promptforge.providers.outbound import MAX_RECEIVED

SECRET = "tok_0123456789abcdef"


async def test_the_bound_is_exact_and_counts_what_is_unpacked():
    """As many bytes as allowed pass, one more does not."""
    async with site() as here, opened(["127.0.0.1"], max_received=1000) as outbound:
        url = f"http://127.0.0.1:{here.port}/"
        for size, passes in ((1000, True), (1001, False)):
            here.pages["/"] = answer(gzip.compress(bytes(size)), content_encoding="gzip")
            if passes:
                assert len((await outbound.call(OutboundRequest(method="GET", url=url))).body) == size
            else:
                await failure(outbound, url)


@pytest.mark.parametrize("coding", [("gzip", 31), ("deflate", 15)], ids=["gzip", "deflate"])
async def test_a_megabyte_that_unpacks_to_a_gigabyte_does_not_fill_the_memory(coding):
    """It is unpacked piece by piece, and left at the bound."""
    name, window = coding
    packing = zlib.compressobj(9, zlib.DEFLATED, window)
    packed = b"".join(packing.compress(bytes(1 << 24)) for _ in range(64)) + packing.flush()
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        here.pages["/"] = answer(packed, content_encoding=name)
        tracemalloc.start()
        try:
            failed = await failure(outbound, f"http://127.0.0.1:{here.port}/")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert f"sent more than {MAX_RECEIVED} bytes" in str(failed)
    assert peak < 32 << 20


async def test_a_reply_that_does_not_say_how_long_it_is_is_held_to_the_bound():
    """In chunks, or until the host hangs up: what counts is what comes."""
    piece = bytes(100_000)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for _ in range(100)) + b"0\r\n\r\n"
    for head, body in ((b"transfer-encoding: chunked\r\n", chunks), (b"connection: close\r\n", piece * 100)):
        async with site() as here, opened(["127.0.0.1"]) as outbound:
            here.pages["/"] = b"HTTP/1.1 200 X\r\n" + head + b"\r\n" + body
            failed = await failure(outbound, f"http://127.0.0.1:{here.port}/")
        assert f"sent more than {MAX_RECEIVED} bytes" in str(failed)


@pytest.mark.parametrize(
    ("sent", "error_type"),
    [
        (b"", ErrorType.NETWORK),
        (b"hello\r\n\r\n", ErrorType.PROVIDER),
        (b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nabc", ErrorType.NETWORK),
        (b"HTTP/1.1 200 X\r\n" + b"".join(b"x-%d: 1\r\n" % n for n in range(500)) + b"\r\n", ErrorType.PROVIDER),
        (b"HTTP/1.1 200 X\r\nx: " + b"y" * 100_000 + b"\r\n\r\n", ErrorType.PROVIDER),
        (answer(b"no gzip", content_encoding="gzip"), ErrorType.NETWORK),
    ],
    ids=["nothing", "no http", "cut", "headers", "long header", "bad gzip"],
)
async def test_a_broken_answer_is_an_error_with_the_host(sent, error_type):
    """Whatever comes back, what leaves here is a failure that names the host."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        here.pages["/"] = sent
        failed = await failure(outbound, f"http://127.0.0.1:{here.port}/")
        assert failed.error_type is error_type
        assert f"127.0.0.1:{here.port}" in str(failed)


async def test_a_closed_port_is_a_network_error():
    """Nobody listens: the call may be repeated."""
    async with site() as here:
        pass
    async with opened(["127.0.0.1"]) as outbound:
        failed = await failure(outbound, f"http://127.0.0.1:{here.port}/")
    assert str(failed) == f"Cannot reach 127.0.0.1:{here.port}: it does not accept the connection"
    assert (failed.error_type, failed.retryable) == (ErrorType.NETWORK, True)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
async def test_no_bytes_of_a_host_bring_another_error(sent):
    """Any answer at all is a reply or a failure of ours."""
    async with site() as here, opened(["127.0.0.1"], max_received=100) as outbound:
        here.pages["/"] = b"HTTP/1.1 " + sent
        try:
            await outbound.call(OutboundRequest(method="GET", url=f"http://127.0.0.1:{here.port}/", timeout=5))
        except OutboundFailure as failed:
            assert str(here.port) in str(failed)


def moved(location, status=302):
    return answer(b"moved", status, location=location)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [(301, "POST", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"), (303, "HEAD", "HEAD"), (301, "PUT", "PUT"),
     (307, "POST", "POST"), (308, "PATCH", "PATCH"), (302, "GET", "GET")],
)  # fmt: skip
async def test_a_redirect_keeps_or_changes_the_method_as_in_browsers(status, method, then):
    """Within an origin headers stay, and the body where the method does."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        here.pages["/old"] = moved("/new", status)
        body = None if method in {"GET", "HEAD"} else b"{}"
        headers = {"authorization": SECRET, "content-type": "application/json"}
        url = f"http://127.0.0.1:{here.port}/old"
        reply = await outbound.call(OutboundRequest(method=method, url=url, headers=headers, body=body))
    assert reply.url == f"http://127.0.0.1:{here.port}/new"
    assert here.asked[1].method == then
    assert here.asked[1].headers["authorization"] == SECRET
    assert here.asked[1].body == (b"{}" if body and method == then else b"")
    assert ("content-type" in here.asked[1].headers) == (method == then)


async def test_no_secret_goes_on_to_another_origin_and_none_comes_back():
    """Another host or port sees what to accept and no other header, and so does the first one afterwards."""
    names = Names(a_example=HERE, b_example=HERE)
    async with site() as here, opened(["a.example", "b.example"], names) as outbound:
        here.pages["/1"] = moved(f"http://b.example:{here.port}/2")
        here.pages["/2"] = moved(f"http://a.example:{here.port}/3")
        headers = {"Authorization": SECRET, "X-Api-Key": SECRET, "Cookie": SECRET, "Accept": "text/plain"}
        await outbound.call(OutboundRequest(method="GET", url=f"http://a.example:{here.port}/1", headers=headers))
    assert SECRET in str(here.asked[0].headers)
    for later in here.asked[1:]:
        assert SECRET not in str(later.headers)
        assert later.headers["accept"] == "text/plain"
    assert len(here.asked) == 3


async def test_a_body_does_not_go_on_to_another_origin():
    """It may hold a secret, and the user named the first host."""
    names = Names(a_example=HERE, b_example=HERE)
    async with site() as here, opened(["a.example", "b.example"], names) as outbound:
        here.pages["/1"] = moved(f"http://b.example:{here.port}/2", 307)
        failed = await failure(outbound, f"http://a.example:{here.port}/1", method="POST", body=SECRET.encode())
    assert failed.error_type is ErrorType.VALIDATION
    assert "a body does not go on to another host" in str(failed)
    assert len(here.asked) == 1


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://2130706433:{port}/", "http://[::1]:{port}/",
     "http://inside.example:{port}/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd",
     "http://user@a.example:{port}/", "http://[::1", "http://a.example:0/", "gopher://a.example/",
     "http://127.1:{port}/", "http://0x7f.0.0.1:{port}/", "http://0177.0.0.1:{port}/", "http://[::ffff:7f00:1]:{port}/",
     "http://[64:ff9b::7f00:1]:{port}/", "http://mixed.example:{port}/", "//2130706433:{port}/"],
)  # fmt: skip
async def test_each_redirect_is_checked_like_a_first_address(target):
    """An allowed host cannot send us to one that is not."""
    names = Names(a_example=HERE, inside_example=HERE, mixed_example=[["8.8.8.8", "127.0.0.1"]])
    async with site(everywhere=True) as here, opened(["a.example"], names) as outbound:
        here.pages["/"] = moved(target.format(port=here.port))
        failed = await failure(outbound, f"http://a.example:{here.port}/")
    assert failed.error_type is ErrorType.VALIDATION
    assert str(failed).startswith(f"a.example:{here.port} redirects to a wrong place: ")
    assert len(here.asked) == 1


async def test_a_name_is_asked_for_again_on_each_hop():
    """What an address was good for on the way there says nothing of the next one: each is looked up and checked."""
    names = Names(a_example=[["127.0.0.1"], ["127.0.0.2"]])
    async with site(everywhere=True) as here, opened(["a.example"], names) as outbound:
        here.pages["/1"] = moved("/2")
        await outbound.call(OutboundRequest(method="GET", url=f"http://a.example:{here.port}/1"))
    assert [one.local for one in here.asked] == ["127.0.0.1", "127.0.0.2"]
    assert names.asked == ["a.example", "a.example"]


async def test_a_redirect_out_of_tls_takes_no_secret_along(tmp_path):
    """The same host without TLS is another origin."""
    server, client, _ = certified("a.example", tmp_path)
    names = Names(a_example=HERE)
    async with site(tls=server) as safe, site() as bare, opened(["a.example"], names, tls=client) as outbound:
        safe.pages["/"] = moved(f"http://a.example:{bare.port}/")
        url = f"https://a.example:{safe.port}/"
        await outbound.call(OutboundRequest(method="GET", url=url, headers={"x-api-key": SECRET}))
    assert safe.asked[0].headers["x-api-key"] == SECRET
    assert SECRET not in str(bare.asked[0].headers)


async def test_five_redirects_are_followed_and_no_more():
    """A chain of redirects ends."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        here.pages |= {f"/{n}": moved(f"/{n + 1}") for n in range(6)}
        reply = await outbound.call(OutboundRequest(method="GET", url=f"http://127.0.0.1:{here.port}/1"))
        assert reply.url.endswith("/6")
        failed = await failure(outbound, f"http://127.0.0.1:{here.port}/0")
    assert failed.error_type is ErrorType.PROVIDER
    assert str(failed) == f"127.0.0.1:{here.port} redirects more than 5 times"
