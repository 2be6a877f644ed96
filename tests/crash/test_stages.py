"""Killed in every stage of the way from journal to history, under load, and once more while it recovers."""

import asyncio
import random
from pathlib import Path

import pytest

from kit import dying
from kit.crash import CLI, Server, killed_after, under_load
from kit.lists import Lists

EXECUTE = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"""
ENDLESS = {"content": "endless", "wait": False, "params": {"model": "demo-small", "demo": {"latency_ms": 100_000}}}


def dies_at(stage: str, number: int) -> tuple[str, ...]:
    """The command that ends so."""
    return str(Path(dying.__file__)), stage, str(number)


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)])])
@pytest.mark.parametrize("stage", [stage for stage in dying.STAGES if stage != "read back"])
async def test_killed_in_a_stage_and_again_in_the_recovery(tmp_path, stage, rounds):
    """What was acknowledged is there once, nothing else is, and sums are exact; what ran is interrupted."""
    door, chance, opened = Lists(), random.Random(rounds), []
    with killed_after(Server(tmp_path)) as server:
        for _ in range(rounds):
            server.command = dies_at(stage, chance.randint(1, 3))
            await asyncio.to_thread(server.start)
            opened.append(server.ask(EXECUTE, input=ENDLESS)["executePrompt"]["id"])
            await under_load(server, door, chance, clients=3)
            await asyncio.to_thread(server.died)
            # what had left needs no reading back: then it is killed as the interrupted ones leave
            server.command = dies_at("left" if stage == "left" else "read back", 1)
            server.spawn()
            await asyncio.to_thread(server.died)
        server.command = CLI
        await asyncio.to_thread(server.start)
        async with server.client() as client:
            await door.again(client)
        await asyncio.to_thread(door.check, server, opened)
        server.stop()
