"""Lists handed in under fire: the server is killed at random moments while clients record what ran elsewhere."""

import asyncio
import random

import pytest

from kit.crash import Server, killed_after, under_fire
from kit.lists import Lists


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)])])
async def test_lists_under_fire(tmp_path, kills):
    """Each item is there once, however often its list was sent and wherever the server died; sums are exact."""
    door = Lists()
    with killed_after(Server(tmp_path)) as server:
        await under_fire(server, door, kills=kills, chance=random.Random(kills), clients=3)
        found = await asyncio.to_thread(door.check, server)
        server.stop()
    print(f"{kills} kills: {found} executions in {len(door.lists)} lists, {len(door.told)} acknowledged")
