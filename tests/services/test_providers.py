"""Providers as workspaces have them: whose key goes where, and what may be set."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kit.site import answer, certified, site
from promptforge.core.access import OF_ROLE, Actor, Role
from promptforge.core.errors import Forbidden, InvalidInput, NotFound
from promptforge.core.execution import ErrorType, Status
from promptforge.core.provider import BreakerState, KeySource, Limits, Provider
from promptforge.services.calls import Call

OWN, PROCESS = "sk-of-the-workspace-0123", "sk-canary-abcdefghijklmnop"
REPLY = b"""{"model": "m", "choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2}}"""


def setting(actor, name="openai", **given):
    now = datetime.now(UTC).replace(microsecond=0)
    given = {"preset": name, **given}
    return Provider(workspace=actor.workspace, name=name, updated_at=now, updated_by=actor.user_id, **given)


@pytest.fixture
async def administrator(forge):
    """The administrator of the workspace ``default``, where nothing is set before and after."""
    me = await forge.access.authenticate(forge.local_key)
    assert me.permissions == OF_ROLE[Role.ADMINISTRATOR]
    yield me
    for name in ("openai", "anthropic"):
        try:
            await forge.providers.remove(me, name)
        except NotFound:
            pass


async def standing(forge, actor, name="openai"):
    return next(one for one in await forge.providers.list(actor) if one.name == name)


@asynccontextmanager
async def asked(forge, actor, name="openai", **given):
    """A provider at the workspace's own address, and the executions of calls of it."""
    async with site() as here:
        here.pages["/v1/chat/completions"] = answer(REPLY)
        await forge.providers.save(actor, setting(actor, name, base_url=f"http://127.0.0.1:{here.port}/v1", **given))

        async def run():
            call = Call(content="hi", params={"model": "gpt-4o"}, provider=name)
            return await forge.executions.execute(actor, call)

        yield here, run


async def test_everything_known_is_listed_before_anything_is_set(forge, actor):
    """Every preset and the simulated provider are there, ready or with what is missing and where to set it."""
    found = {one.name: one for one in await forge.providers.list(actor)}
    assert {"openai", "anthropic", "openai-compatible", "demo"} <= set(found)
    assert (found["demo"].ready, found["demo"].key_source) == (True, KeySource.NONE_NEEDED)
    assert found["openai"].key_source is KeySource.MISSING
    assert "promptforge provider key openai" in found["openai"].why
    assert "promptforge provider set openai-compatible" in found["openai-compatible"].why


async def test_the_process_key_is_that_of_default_alone(forge, actor, administrator):
    """In ``default`` the environment's key is there, elsewhere it is not, and the error says what to do."""
    assert (await standing(forge, administrator)).key_source is KeySource.PROCESS
    assert (await forge.providers.endpoint(administrator, "openai")).key == PROCESS
    assert (await forge.providers.endpoint(actor, "openai")).key is None
    call = Call(content="hi", params={"model": "gpt-4o"}, provider="openai")
    failed = await forge.executions.execute(actor, call)
    assert (failed.error_type, failed.token_in, failed.cost) == (ErrorType.AUTHENTICATION, 0, 0)
    assert failed.content.error == (
        "No API key for provider 'openai': an administrator stores it with 'promptforge provider key openai' "
        "or on the page Providers"
    )


async def test_the_workspaces_key_wins(forge, administrator):
    """Over that of the process; without it the process's is used again."""
    assert (await forge.providers.set_key(administrator, "openai", OWN)).key_source is KeySource.WORKSPACE
    assert (await forge.providers.endpoint(administrator, "openai")).key == OWN
    assert (await forge.providers.remove_key(administrator, "openai")).key_source is KeySource.PROCESS
    assert (await forge.providers.endpoint(administrator, "openai")).key == PROCESS


async def test_the_process_key_goes_to_no_address_of_a_workspace(forge, administrator, tmp_path):
    """Whoever may set an address, or whom to trust, cannot have the operator's key sent there."""
    certified("localhost", tmp_path)
    pem = (tmp_path / "both.pem").read_text().partition("-----END PRIVATE KEY-----")[2]
    for given in ({"base_url": "https://elsewhere.example/v1"}, {"ca": pem}):
        await forge.providers.save(administrator, setting(administrator, **given))
        assert (await forge.providers.endpoint(administrator, "openai")).key is None
        assert (await standing(forge, administrator)).key_source is KeySource.MISSING
    await forge.providers.save(administrator, setting(administrator, proxy="http://p.example:3128"))
    assert (await forge.providers.endpoint(administrator, "openai")).key == PROCESS  # behind TLS


async def test_a_key_is_used_by_the_next_call_and_shown_by_none(forge, actor):
    """It is rotated while calls go on; neither records nor what is listed hold it."""
    async with asked(forge, actor) as (here, run):
        for key in (OWN, "sk-rotated-0123456789"):
            await forge.providers.set_key(actor, "openai", key)
            here.pages["/v1/chat/completions"] = answer(REPLY.replace(b"Hello.", key.encode()))
            done = await run()
            assert (done.status, done.provider) == (Status.SUCCESS, "openai")
            assert here.asked[-1].headers["authorization"] == f"Bearer {key}"
            found = await forge.executions.get(actor, done.id)
            assert found.content.output == "[redacted]"
            assert key not in repr(await forge.providers.list(actor))


async def test_a_name_of_its_own_is_priced_as_its_preset(forge, actor):
    """A second account of a provider has its own name in the record, its own key, and the provider's prices."""
    async with asked(forge, actor, "second", preset="openai") as (here, run):
        await forge.providers.set_key(actor, "second", OWN)
        done = await run()
        assert (done.provider, done.status) == ("second", Status.SUCCESS)
        assert done.cost == 10 * 2_500_000 + 2 * 10_000_000  # $2.50 and $10 a million tokens, in 10^-12 dollars
        assert here.asked[0].headers["authorization"] == f"Bearer {OWN}"
        await forge.providers.remove(actor, "second")
        with pytest.raises(InvalidInput, match="no provider 'second'"):
            await run()


async def test_workspaces_do_not_see_each_other(forge, actor, other_actor):
    """Neither settings nor keys of one are those of another."""
    await forge.providers.save(actor, setting(actor, "mine", preset="openai-compatible", base_url="https://a.example"))
    await forge.providers.set_key(actor, "openai", OWN)
    assert "mine" not in {one.name for one in await forge.providers.list(other_actor)}
    assert (await forge.providers.endpoint(other_actor, "openai")).key is None
    with pytest.raises(NotFound):
        await forge.providers.remove(other_actor, "openai")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": "Open AI", "preset": "openai"}, "$.name"),
        ({"name": "demo"}, "$.name"),
        ({"name": "anthropic", "preset": "openai"}, "$.name"),
        ({"name": "x", "preset": "nobody"}, "$.preset"),
        ({"base_url": "ftp://a.example"}, "$.baseUrl"),
        ({"base_url": "https://me:word@a.example"}, "$.baseUrl"),
        ({"base_url": "http://10.0.0.1/v1"}, "$.baseUrl"),
        ({"base_url": "http://169.254.169.254/latest"}, "$.baseUrl"),
        ({"base_url": "http://[::1]:8000"}, "$.baseUrl"),
        ({"base_url": "http://2130706433/"}, "$.baseUrl"),
        ({"region": "eu/../x"}, "$.region"),
        ({"limits": Limits(at_once=0)}, "$.atOnce"),
        ({"limits": Limits(tokens_per_minute=-1)}, "$.tokensPerMinute"),
        ({"idle_ms": 10}, "$.idleTimeoutMs"),
        ({"connect_ms": 10**9}, "$.connectTimeoutMs"),
        ({"proxy": "socks5://a.example:1080"}, "$.proxy"),
        ({"proxy": "http://[bad"}, "$.proxy"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----"}, "$.ca"),
    ],
)
async def test_what_may_not_be_set_is_refused_with_its_place(forge, actor, given, path):
    """Nothing of it is stored."""
    with pytest.raises(InvalidInput) as caught:
        await forge.providers.save(actor, setting(actor, **given))
    assert caught.value.path == path
    assert all(one.settings is None for one in await forge.providers.list(actor))


async def test_the_proxys_password_is_sealed_apart(forge, actor):
    """It is in no settings; another save keeps it, another proxy forgets it."""
    saved = await forge.providers.save(actor, setting(actor, proxy="http://me:proxy%20word@p.example:3128"))
    assert (saved.settings.proxy, saved.proxy_key is not None) == ("http://p.example:3128", True)
    again = await forge.providers.save(actor, replace(saved.settings, limits=Limits(at_once=2)))
    assert again.proxy_key is not None
    assert (await forge.providers.endpoint(actor, "openai")).proxy_credentials == "me:proxy word"
    other = await forge.providers.save(actor, setting(actor, proxy="http://q.example:3128"))
    assert other.proxy_key is None
    assert (await forge.providers.endpoint(actor, "openai")).proxy_credentials is None


async def test_only_administrators_change_them(forge, actor):
    """A member may see what there is and change nothing."""
    member = Actor(workspace=actor.workspace, user_id=actor.user_id, permissions=OF_ROLE[Role.MEMBER])
    assert await forge.providers.list(member)
    for change in (
        forge.providers.save(member, setting(member)),
        forge.providers.remove(member, "openai"),
        forge.providers.set_key(member, "openai", OWN),
        forge.providers.remove_key(member, "openai"),
    ):
        with pytest.raises(Forbidden):
            await change


async def test_a_test_says_what_it_found_or_what_is_wrong(forge, actor):
    """A list of models, a wrong key, nobody there, no list at that address; none of it is an execution."""
    async with asked(forge, actor) as (here, _):
        assert "No API key" in (await forge.providers.test(actor, "openai")).problem
        await forge.providers.set_key(actor, "openai", OWN)
        here.pages["/v1/models"] = answer(b'{"data": [{"id": "b"}, {"id": "a"}, {}]}')
        found = await forge.providers.test(actor, "openai")
        assert (found.ok, found.models) == (True, 2)
        assert here.asked[-1].headers["authorization"] == f"Bearer {OWN}"
        assert list(await forge.providers.models(actor, "openai")) == ["a", "b"]
        here.pages["/v1/models"] = answer(b'{"error": {"message": "Incorrect API key"}}', 401)
        assert list(await forge.providers.models(actor, "openai")) == ["a", "b"]  # of a moment ago
        wrong = await forge.providers.test(actor, "openai")
        assert (wrong.problem, wrong.error_type) == (
            "Invalid API key for provider 'openai'",
            ErrorType.AUTHENTICATION,
        )
        here.pages["/v1/models"] = answer(b"<html>", content_type="text/html")
        assert "check its base URL" in (await forge.providers.test(actor, "openai")).problem
        assert all(one.method == "GET" for one in here.asked)
    gone = await forge.providers.test(actor, "openai")
    assert (gone.ok, gone.error_type) == (False, ErrorType.NETWORK)
    assert gone.problem.endswith("does not accept the connection")
    assert (await forge.providers.test(actor, "openai-compatible")).problem.startswith("Provider 'openai-compatible'")
    assert (await forge.providers.test(actor, "demo")).models == 3


async def test_a_limit_holds_for_runs_of_its_workspace_alone(forge, actor, other_actor):
    """What waits for its turn at one provider of one workspace is told, and holds up nobody else."""
    async with asked(forge, actor, limits=Limits(requests_per_minute=1)) as (here, run):
        await forge.providers.set_key(actor, "openai", OWN)
        await run()
        call = Call(content="hi", params={"model": "gpt-4o"}, provider="openai", deadline_ms=50)
        waited = await forge.executions.execute(actor, call)
        assert (waited.error_type, waited.latency_ms, waited.token_in, waited.cost) == (ErrorType.RATE_LIMIT, 0, 0, 0)
        assert waited.content.error == (
            "No turn at provider 'openai' within 0.05 s: its limits in this workspace are 256 calls at once and "
            "1 requests a minute"
        )
        assert len(here.asked) == 1
        other = Call(content="hi", params={"model": "demo-small"})
        assert (await forge.executions.execute(actor, other)).status is Status.SUCCESS
        assert (await forge.executions.execute(other_actor, other)).status is Status.SUCCESS


async def test_a_broken_provider_is_spared(forge, actor):
    """After failures in a row the next run is refused at once and costs nothing; the state says why."""
    async with asked(forge, actor) as (here, run):
        await forge.providers.set_key(actor, "openai", OWN)
        here.pages["/v1/chat/completions"] = answer(b"<html>", content_type="text/html")
        failed = [await run() for _ in range(5)]
        assert {one.error_type for one in failed} == {ErrorType.PROVIDER}
        came = len(here.asked)
        spared = await run()
        assert (spared.error_type, spared.cost, len(here.asked)) == (ErrorType.PROVIDER, 0, came)
        assert "is not called since" in spared.content.error
        assert forge.providers.state(actor, "openai").breaker is BreakerState.OPEN
