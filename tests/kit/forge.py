"""A forge in a temporary folder, one for the whole test process, and an actor in a fresh workspace for each test."""

import asyncio
import itertools

import pytest

from promptforge.core.access import OF_ROLE, Actor, Role

_numbers = itertools.count(1)
#: Configured as a provider key: a canary that no row may hold.
CANARY = "sk-canary-abcdefghijklmnop"


@pytest.fixture(scope="session")
async def forge(home):
    """The real thing: journal, history, catalog, prices, the simulated provider."""
    from promptforge.forge import open_forge  # late: tests that need no forge need none of its libraries
    from promptforge.settings import load

    env = {"OPENAI_API_KEY": CANARY, "PROMPTFORGE_MIN_FREE_MB": "0", "PROMPTFORGE_OUTBOUND_ALLOW": "127.0.0.1"}
    async with open_forge(load(env, home=home)) as opened:
        opened.record.patience = 30.0  # a busy machine must not change an answer
        yield opened


@pytest.fixture(scope="session")
async def url(forge):
    """The address of a server over the forge, on a free port of the loopback, that runs until the tests end."""
    from promptforge.server.serve import address, bound, run

    listener, stop = bound("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(run(forge, listener, stop))
    yield address("127.0.0.1", listener)
    stop.set()
    await serving


@pytest.fixture
async def actor(forge):
    """An administrator of a workspace that is empty."""
    return await _actor(forge)


@pytest.fixture
async def other_actor(forge):
    """An administrator of another workspace."""
    return await _actor(forge)


async def _actor(forge) -> Actor:
    workspace = await forge.access.ensure_workspace(f"test-{next(_numbers)}")
    me = await forge.access.authenticate(forge.local_key)
    return Actor(workspace=workspace.id, user_id=me.user_id, permissions=OF_ROLE[Role.ADMINISTRATOR])
