"""TLS, proxies and time-outs of a provider, with a real server of each kind on loopback."""

import asyncio
import time

import pytest

from kit.providers import opened
from kit.proxy import proxy
from kit.site import answer, certified, site
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure, ModelRequest, Reply
from promptforge.core.prompt import Message

CHAT = "/v1/chat/completions"
REPLY = b"""{"model": "m", "choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2}}"""
LOGIN = "me:hidden word"


async def ask(url, *, remaining=10.0, stream=False, **given):
    """The reply of one call, or its failure."""
    provider = opened("openai", "sk-0123456789", url, **{"allow": ["127.0.0.1"], **given})
    turns = (Message(role="user", content="x"),)
    request = ModelRequest(model="m", messages=turns, params={}, stream=stream, remaining=remaining)
    try:
        return [item async for item in provider.send(request)][-1]
    except ModelFailure as failure:
        return failure
    finally:
        await provider.close()


@pytest.fixture
async def secure(tmp_path):
    """A server with a certificate that nobody trusts, for ``localhost``, and that certificate."""
    tls, _, _ = certified("localhost", tmp_path)
    text = (tmp_path / "both.pem").read_text()
    async with site(everywhere=True, tls=tls) as here:
        here.pages[CHAT] = answer(REPLY)
        yield here, text[text.index("-----BEGIN CERTIFICATE") :]


async def test_a_certificate_is_trusted_when_its_ca_is_given(secure):
    """Without it the call is refused with the reason and nothing is sent; with it the call goes through."""
    here, pem = secure
    url = f"https://localhost:{here.port}/v1"
    failure = await ask(url)
    assert str(failure) == (
        f"Cannot reach provider 'openai': no secure connection with localhost:{here.port}: its certificate is not "
        "trusted (self-signed certificate); check its base URL, or give the provider's CA"
    )
    assert (failure.error_type, failure.refused, here.asked) == (ErrorType.NETWORK, True, [])
    assert isinstance(await ask(url, ca=pem), Reply)


async def test_a_certificate_of_another_name_is_refused(secure):
    """Trusting its CA is not trusting it for every host."""
    here, pem = secure
    failure = await ask(f"https://127.0.0.1:{here.port}/v1", ca=pem)
    assert "IP address mismatch" in str(failure)


async def test_a_call_goes_through_the_proxy(secure):
    """By CONNECT, with the credentials for the proxy and the provider's key for the provider alone."""
    here, pem = secure
    async with proxy(LOGIN) as way:
        url, where = f"https://localhost:{here.port}/v1", f"http://127.0.0.1:{way.port}"
        assert isinstance(await ask(url, ca=pem, proxy=where, proxy_credentials=LOGIN), Reply)
        assert way.asked == [f"localhost:{here.port}"]
        assert "proxy-authorization" not in here.asked[0].headers


async def test_a_call_without_tls_goes_through_the_proxy():
    """The proxy reads its credentials and passes the request on."""
    async with site() as here, proxy(LOGIN) as way:
        here.pages[CHAT] = answer(REPLY)
        url, where = f"http://127.0.0.1:{here.port}/v1", f"http://127.0.0.1:{way.port}"
        assert isinstance(await ask(url, proxy=where, proxy_credentials=LOGIN), Reply)
        assert way.asked == [f"{url}/chat/completions"]


async def test_a_proxy_is_checked_as_an_address_is():
    """The workspace chose it, so it may not be inside, even on the way to an address of the operator's."""
    async with site() as here, proxy() as way:
        url = f"http://127.0.0.1:{here.port}/v1"
        failure = await ask(url, proxy=f"http://127.0.0.1:{way.port}", allow=())
        assert "127.0.0.1 is a loopback address" in str(failure)
        assert (way.asked, here.asked) == ([], [])
        by_name = await ask(url, proxy=f"http://localhost:{way.port}", allow=())
        assert "the name 'localhost' leads to a loopback address" in str(by_name)
        assert (way.asked, here.asked) == ([], [])


async def test_what_is_wrong_with_the_proxy_is_told(secure):
    """Other credentials, and nobody there: named as the proxy's, without its password, and nothing was used."""
    here, pem = secure
    url = f"https://localhost:{here.port}/v1"
    async with proxy(LOGIN) as way:
        where = f"http://127.0.0.1:{way.port}"
        failure = await ask(url, ca=pem, proxy=where, proxy_credentials="me:another word")
        assert str(failure) == (
            f"Cannot reach provider 'openai': the proxy 127.0.0.1:{way.port} wants other credentials"
        )
    gone = await ask(url, ca=pem, proxy=where, proxy_credentials=LOGIN)
    assert str(gone) == (
        f"Cannot reach provider 'openai': the proxy 127.0.0.1:{way.port} does not accept the connection"
    )
    for one in (failure, gone):
        assert (one.error_type, one.refused) == (ErrorType.NETWORK, True)
    assert here.asked == []


@pytest.mark.parametrize("part", ["head", "body", "stream"])
async def test_silence_is_bounded_by_the_idle_timeout(part):
    """Before the answer, within it and within a stream: long before the deadline, and the sentence says how long."""

    async def page(_reader, writer):
        kind = b"text/event-stream" if part == "stream" else b"application/json"
        if part != "head":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\ncontent-length: 999\r\n\r\n ")
            await writer.drain()
        await asyncio.sleep(5)

    async with site() as here:
        here.pages[CHAT] = page
        began = time.monotonic()
        failure = await ask(f"http://127.0.0.1:{here.port}/v1", stream=part == "stream", remaining=60, idle_ms=200)
        assert time.monotonic() - began < 60
    assert str(failure) == "Provider 'openai' sent nothing for 0.2 s"
    assert (failure.error_type, failure.retryable) == (ErrorType.TIMEOUT, part == "head")


async def test_a_slow_answer_that_goes_on_is_no_silence():
    """The idle time-out is between pieces: an answer may take longer than it as a whole."""

    async def page(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(REPLY))
        for start in range(0, len(REPLY), 20):
            await asyncio.sleep(0.1)
            writer.write(REPLY[start : start + 20])
            await writer.drain()

    async with site() as here:
        here.pages[CHAT] = page
        assert isinstance(await ask(f"http://127.0.0.1:{here.port}/v1", idle_ms=800), Reply)
