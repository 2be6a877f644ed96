"""What every Upstream promises, with a real web site behind it."""

import pytest

from kit.providers import endpoint
from kit.site import HELD, answer, site
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.core.upstream import UpstreamRequest
from promptforge.providers.upstream import HttpUpstream

KEY = "sk-provider-0123456789"


class Upstream:
    """Providers at one port; what a test asks for is a request to one of them."""

    def __init__(self, port):
        self._url = f"http://127.0.0.1:{port}"
        self._upstream = HttpUpstream()
        self.close = self._upstream.close

    async def send(self, asked):
        provider, path, headers, key = asked
        where = endpoint(provider, self._url + ("/v1" if provider == "openai" else ""))
        body = b'{"model": "m" }'
        return await self._upstream.send(
            UpstreamRequest(endpoint=where, method="POST", path=path, headers=headers, body=body, key=key)
        )


def request(provider="openai", path="/chat/completions?a=%20b", headers=(), key=None):
    return provider, path, headers, key


def upstream(port):
    return Upstream(port)


async def read(reply):
    body = b"".join([chunk async for chunk in reply.chunks()])
    reply.close()
    return body


async def test_a_request_passes_as_it_is():
    """Method, path, query, body and headers arrive as they were given, but for cookies and what speaks of the hop."""
    given = [
        (b"content-type", b"application/json"),
        (b"x-stainless-lang", b"python"),
        (b"authorization", b"Bearer sk-the-callers-own"),
        (b"cookie", b"promptforge_session=secret"),
        (b"accept-encoding", b"br, zstd"),
        (b"connection", b"close"),
        (b"host", b"evil.example"),
        (b"content-length", b"3"),
    ]
    async with site() as here:
        passing = upstream(here.port)
        await read(await passing.send(request(headers=given)))
        await passing.close()
    asked = here.asked[0]
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/chat/completions?a=%20b", b'{"model": "m" }')
    assert asked.headers == {
        "content-type": "application/json",
        "x-stainless-lang": "python",
        "authorization": "Bearer sk-the-callers-own",
        "accept-encoding": "identity",
        "host": f"127.0.0.1:{here.port}",
        "content-length": "15",
    }


@pytest.mark.parametrize(
    ("provider", "path", "sent"),
    [
        ("openai", "/v1/chat/completions", ("authorization", f"Bearer {KEY}")),
        ("anthropic", "/v1/messages", ("x-api-key", KEY)),
    ],
)
async def test_a_key_takes_the_place_of_every_credential(provider, path, sent):
    """With a key of the provider's nothing that stood in its place goes out."""
    ours = [(b"authorization", b"Bearer pf_x"), (b"x-api-key", b"pf_y"), (b"api-key", b"pf_z")]
    async with site() as here:
        passing = upstream(here.port)
        await read(await passing.send(request(provider, path.removeprefix("/v1"), ours, KEY)))
        await passing.close()
    asked = here.asked[0]
    found = {name: value for name, value in asked.headers.items() if name in ("authorization", "x-api-key", "api-key")}
    assert asked.path == path
    assert found == dict([sent])


async def test_an_answer_comes_back_as_it_is():
    """Status, headers and bytes are the provider's, an error's and a redirect's too; cookies stay away."""
    async with site() as here:
        passing = upstream(here.port)
        for status, body in ((200, b'{"a": \xff}'), (302, b""), (429, b"slow down"), (500, b"\x1f\x8b\x08")):
            page = answer(body, status, x_request_id="req_1", set_cookie="a=b", retry_after="3", location="http://x/")
            here.pages["/v1/chat/completions"] = page
            reply = await passing.send(request())
            assert reply.status == status
            assert reply.named("X-Request-Id") == "req_1"
            names = [name for name, _ in reply.headers]
            assert names == [b"content-type", b"content-length", b"x-request-id", b"retry-after", b"location"]
            assert await read(reply) == body
        await passing.close()
    assert len(here.asked) == 4


async def test_a_status_of_no_answer_is_a_failure():
    """What would turn the connection into another, or what HTTP does not know, is not passed on."""
    async with site() as here:
        passing = upstream(here.port)
        for status in (101, 600, 999):
            here.pages["/v1/chat/completions"] = (
                f"HTTP/1.1 {status} Odd\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode()
            )
            with pytest.raises(ModelFailure, match=f"answered with the status {status}") as caught:
                await passing.send(request())
            assert (caught.value.error_type, caught.value.http_status) == (ErrorType.PROVIDER, status)
        await passing.close()


async def test_what_cannot_be_reached_is_a_failure_without_its_address():
    """Nothing was done then, so nothing is paid; the sentence names the provider."""
    passing = upstream(1)
    with pytest.raises(ModelFailure, match=r"^Cannot reach provider 'openai'") as caught:
        await passing.send(request())
    assert (caught.value.error_type, caught.value.refused) == (ErrorType.NETWORK, True)
    await passing.close()


async def test_a_broken_answer_is_told_after_what_came():
    """The bytes before the break are delivered; then it fails as lost."""
    async with site() as here:
        here.pages["/v1/chat/completions"] = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"
        passing = upstream(here.port)
        reply = await passing.send(request())
        chunks = reply.chunks()
        came = await anext(chunks)
        with pytest.raises(ModelFailure, match="lost before its answer was complete"):
            await anext(chunks)
        reply.close()
        await passing.close()
    assert came == b"12345"


async def test_letting_go_of_an_unfinished_answer_cuts_it():
    """The provider is told at once that nobody reads on."""
    async with site() as here:
        here.pages["/v1/chat/completions"] = HELD + b"content-length: 10\r\n\r\n1"
        passing = upstream(here.port)
        reply = await passing.send(request())
        reply.close()
        await here.left.wait()
        await passing.close()


async def test_a_malformed_header_is_told_and_not_sent():
    """What would end a header and begin another never leaves."""
    async with site() as here:
        passing = upstream(here.port)
        with pytest.raises(ModelFailure, match="cannot be sent"):
            await passing.send(request(headers=[(b"x-a", b"b\r\nx-c: d")]))
        await passing.close()
    assert here.asked == []
