"""What every Outbound promises, with a real web site behind it."""

import gzip

import pytest

from kit.outbound import HERE, Names, failure, opened
from kit.site import HELD, answer, site
from promptforge.core.execution import ErrorType
from promptforge.core.outbound import OutboundRequest
from promptforge.providers.outbound import MAX_RECEIVED, MAX_SENT

SECRET = "tok_0123456789abcdef"


async def test_a_call_carries_what_was_given_and_nothing_else(monkeypatch):
    """Method, headers and body arrive; a proxy or login of the environment, cookies and a Referer do not."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with site() as here, opened(["a.example"], Names(a_example=HERE)) as outbound:
        here.pages["/first"] = answer(b"{}", set_cookie="session=1")
        url = f"http://A.example.:{here.port}"
        first = await outbound.call(OutboundRequest(method="get", url=f"{url}/first#part"))
        headers = {"Authorization": f"Bearer {SECRET}", "content-type": "text/plain"}
        body = "größer".encode()
        await outbound.call(OutboundRequest(method="PUT", url=f"{url}/b?c=d%20e", headers=headers, body=body))
    assert "set-cookie" not in first.headers
    assert here.asked[0].headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert here.asked[1].method == "PUT"
    assert here.asked[1].path == "/b?c=d%20e"
    assert here.asked[1].body == body
    assert here.asked[1].headers["host"] == f"a.example:{here.port}"
    assert here.asked[1].headers["authorization"] == f"Bearer {SECRET}"
    assert here.asked[1].headers["content-type"] == "text/plain"
    assert "cookie" not in here.asked[1].headers


async def test_a_reply_is_read_in_its_own_characters():
    """Status, headers and text as sent; an unknown or harmful character set is read as UTF-8."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        for charset, sent in {"latin-1": "ü".encode("latin-1"), "no-such": "ü".encode(), "hex": "ü".encode()}.items():
            here.pages["/"] = answer(sent, 201, f"text/plain; charset={charset}", x_more="1")
            reply = await outbound.call(OutboundRequest(method="POST", url=f"http://127.0.0.1:{here.port}/"))
            assert (reply.status, reply.text, reply.headers["x-more"]) == (201, "ü", "1")
            assert reply.elapsed > 0


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"method": "TRACE"}, "the method must be one of"),
        ({"method": "GET / HTTP/1.1\r\nX:"}, "the method must be one of"),
        ({"headers": {"Host": SECRET}}, "the header 'Host' cannot be set"),
        ({"headers": {"Transfer-Encoding": SECRET}}, "the header 'Transfer-Encoding' cannot be set"),
        ({"headers": {"Proxy-Authorization": SECRET}}, "the header 'Proxy-Authorization' cannot be set"),
        ({"headers": {"a b": SECRET}}, "a header's name has other characters"),
        ({"headers": {"a": f"{SECRET}\r\nx: y"}}, "the header 'a' is longer than 8192 characters or holds control"),
        ({"headers": {"a": SECRET * 1000}}, "the header 'a' is longer than 8192 characters or holds control"),
        ({"headers": {f"x-{n}": SECRET for n in range(65)}}, "there are more than 64 headers"),
        ({"body": b"x" * (MAX_SENT + 1)}, "the body is longer than 1048576 bytes"),
        ({"timeout": 0}, "the timeout must be above 0"),
        ({"timeout": float("nan")}, "the timeout must be above 0"),
    ],
)
async def test_a_request_that_cannot_be_sent_is_refused_before_the_network(fields, says):
    """What would change where a message goes or ends, or is too large; no sentence holds a header's value."""
    names = Names(a_example=HERE)
    async with opened(["a.example"], names) as outbound:
        failed = await failure(outbound, "http://a.example/", **fields)
    assert failed.error_type is ErrorType.VALIDATION
    assert says in str(failed)
    assert SECRET not in str(failed)
    assert names.asked == []


STATUSES = {
    304: (ErrorType.PROVIDER, False),
    400: (ErrorType.VALIDATION, False),
    401: (ErrorType.AUTHENTICATION, False),
    402: (ErrorType.RATE_LIMIT, False),
    403: (ErrorType.AUTHENTICATION, False),
    404: (ErrorType.VALIDATION, False),
    408: (ErrorType.TIMEOUT, True),
    422: (ErrorType.VALIDATION, False),
    429: (ErrorType.RATE_LIMIT, True),
    500: (ErrorType.PROVIDER, True),
    503: (ErrorType.PROVIDER, True),
    504: (ErrorType.TIMEOUT, True),
}


@pytest.mark.parametrize("status", STATUSES)
async def test_a_status_becomes_an_error_of_the_taxonomy(status):
    """The sentence has host and status, and no word of what was sent; the reply is kept beside it."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        here.pages["/"] = answer(b"" if status == 304 else SECRET.encode(), status, retry_after="7")
        failed = await failure(outbound, f"http://127.0.0.1:{here.port}/", headers={"x-key": SECRET})
    assert (failed.error_type, failed.retryable) == STATUSES[status]
    assert failed.retry_after == (7.0 if failed.retryable else None)
    assert failed.reply.status == status
    assert f"127.0.0.1:{here.port}" in str(failed)
    assert f"({status})" in str(failed)
    assert SECRET not in str(failed)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_large_reply_is_refused_at_the_bound(packed):
    """Ten megabytes, or a few kilobytes that unpack to them, are an error, and the host is left at once."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        large = bytes(10_000_000)
        here.pages["/"] = answer(gzip.compress(large), content_encoding="gzip") if packed else answer(large)
        failed = await failure(outbound, f"http://127.0.0.1:{here.port}/")
        assert failed.error_type is ErrorType.PROVIDER
        assert f"sent more than {MAX_RECEIVED} bytes" in str(failed)


@pytest.mark.parametrize("sent", [b"", HELD, HELD + b"content-length: 9\r\n\r\nabc"], ids=["head", "line", "body"])
async def test_the_deadline_is_for_everything(sent):
    """A host that keeps us waiting, wherever in its answer, is left when the time is over."""
    async with site() as here, opened(["127.0.0.1"]) as outbound:
        here.pages["/"] = sent or HELD + b"x"
        failed = await failure(outbound, f"http://127.0.0.1:{here.port}/", timeout=0.2)
        assert (failed.error_type, failed.retryable) == (ErrorType.TIMEOUT, True)
        assert str(failed) == f"127.0.0.1:{here.port} did not answer within 0.2 s"
        await here.left.wait()
