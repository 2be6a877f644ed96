"""Where a workspace's own address may lead: what is checked, and that nothing gets around it."""

import pytest

from kit.providers import endpoint
from kit.site import answer, site
from promptforge.core.address import allowed_hosts
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure, ModelRequest, Reply
from promptforge.core.prompt import Message
from promptforge.providers.http import HttpProvider
from promptforge.providers.session import Sessions
from promptforge.wire.openai import OpenAI

REPLY = b"""{"model": "m", "choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2}}"""
TURNS = (Message(role="user", content="x"),)


async def ask(sessions, url, **given):
    """The reply of one call, or its failure."""
    provider = HttpProvider(endpoint("openai", url, "sk-0123456789", **{"trusted": False, **given}), OpenAI(), sessions)
    request = ModelRequest(model="m", messages=TURNS, params={}, stream=False, remaining=5)
    try:
        return [item async for item in provider.send(request)][-1]
    except ModelFailure as failure:
        return failure
    finally:
        await sessions.close()


def names(*answers):
    """Names that lead to these addresses, one after the other."""
    left = list(answers)

    async def resolve(_host):
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (["127.0.0.1"], "a loopback address"),
        (["8.8.8.8", "10.1.2.3"], "a private address"),
        (["::ffff:127.0.0.1"], "an IPv4 address inside an IPv6 one"),
        (["169.254.169.254"], "a link-local address"),
    ],
)
async def test_a_name_is_judged_by_every_address_it_leads_to(found, kind):
    """One that is not public is enough; nothing is tried again, and nothing was used."""
    failure = await ask(Sessions(resolve=names(found)), "http://models.example:8000/v1")
    assert str(failure) == (
        f"Cannot reach provider 'openai': the name 'models.example' leads to {kind}; "
        "the operator can allow the host with PROMPTFORGE_OUTBOUND_ALLOW"
    )
    assert (failure.error_type, failure.refused, failure.retryable) == (ErrorType.NETWORK, True, False)


async def test_an_address_is_judged_as_it_stands():
    """Loopback by number is refused before anything is connected."""
    failure = await ask(Sessions(), "http://127.0.0.1:9/v1")
    assert "127.0.0.1 is a loopback address" in str(failure)


@pytest.mark.parametrize("entry", ["models.example", "models.example:{port}", "127.0.0.1"])
async def test_what_the_operator_allowed_is_called(entry):
    """By name, by name and port, or by address."""
    async with site() as here:
        here.pages["/v1/chat/completions"] = answer(REPLY)
        allowed = allowed_hosts([entry.format(port=here.port)])
        sessions = Sessions(allowed, resolve=names(["127.0.0.1"]))
        assert isinstance(await ask(sessions, f"http://models.example:{here.port}/v1"), Reply)


async def test_the_operators_own_address_may_be_anywhere():
    """What the environment says is not checked."""
    async with site() as here:
        here.pages["/v1/chat/completions"] = answer(REPLY)
        assert isinstance(await ask(Sessions(), f"http://127.0.0.1:{here.port}/v1", trusted=True), Reply)


async def test_another_port_than_the_allowed_one_is_refused():
    """An allowed host with a port is that port alone."""
    async with site() as here:
        sessions = Sessions(allowed_hosts(["models.example:1"]), resolve=names(["127.0.0.1"]))
        failure = await ask(sessions, f"http://models.example:{here.port}/v1")
        assert "leads to a loopback address" in str(failure)
        assert here.asked == []


async def test_a_redirect_is_not_followed():
    """A provider that sends the call elsewhere is an answer that cannot be used."""
    async with site() as here, site() as there:
        here.pages["/v1/chat/completions"] = answer(
            b"", 307, location=f"http://127.0.0.1:{there.port}/v1/chat/completions"
        )
        sessions = Sessions(allowed_hosts(["127.0.0.1"]))
        failure = await ask(sessions, f"http://127.0.0.1:{here.port}/v1")
        assert (isinstance(failure, ModelFailure), there.asked) == (True, [])
