"""The gateway under fire: what it passed on is in the record, whatever kills the server or keeps history away."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from kit import failing
from kit.crash import Server, counting, killed_after, under_fire, under_load
from kit.gateway import Passing

HEALTH = "{ health { history journaled problem } }"
ENOUGH = 60
"""So many calls are answered at least while history is away."""


def environment(provider) -> dict[str, str]:
    """A server that passes Anthropic's calls to the provider that counts."""
    return {"ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": provider.url}


@pytest.mark.parametrize(
    "kills",
    [
        3,
        pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(1_200)]),
        pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)]),
    ],
)
async def test_calls_under_fire(tmp_path, kills):
    """After every kill: each call that the provider was asked for is there once, closed or interrupted, and each
    answer that a client got completely, plain or streamed, is a success with its exact cost."""
    door = Passing()
    with counting() as provider, killed_after(Server(tmp_path, environment(provider))) as server:
        await under_fire(server, door, kills=kills, chance=random.Random(kills))
        count = await asyncio.to_thread(door.check, server, Counter(provider.calls))
        server.stop()
    print(f"{kills} kills: {count} executions, {len(door.complete)} complete, {len(door.refused)} refused")


@pytest.mark.parametrize("enough", [ENOUGH, pytest.param(50_000, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])])
async def test_calls_pass_while_history_is_away(tmp_path, enough):
    """Every call is answered meanwhile; afterwards all is there once, with exact sums, without anybody's doing."""
    switch, door = tmp_path / "switch", Passing()
    with counting() as provider:
        command = (str(Path(failing.__file__)), str(switch))
        with killed_after(Server(tmp_path / "home", environment(provider), command)) as server:
            await asyncio.to_thread(server.start)
            loading = asyncio.create_task(under_load(server, door, random.Random(1), clients=8))
            await door.busy()
            switch.write_text("away")
            while (await asyncio.to_thread(server.ask, HEALTH))["health"]["history"]:
                await asyncio.sleep(0.05)
            before = len(door.complete)
            while len(door.complete) < before + enough:
                await door.busy()
            switch.unlink()
            while (await asyncio.to_thread(server.ask, HEALTH))["health"]["problem"] is not None:
                await asyncio.sleep(0.05)
            door.enough = True
            await loading
            await asyncio.to_thread(door.check, server, Counter(provider.calls))
            server.stop()
