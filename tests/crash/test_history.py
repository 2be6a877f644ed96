"""A real server whose history fails under load: it is said, nothing that was acknowledged is lost, all catches up."""

import asyncio
import json
import random
import time
from pathlib import Path

import httpx
import pytest

from kit import failing
from kit.crash import START_SECONDS, Server, killed_after, under_load
from kit.lists import Lists
from kit.served import promptforge

HEALTH = "{ health { history problem journaled problems { text } } }"
EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status } }"
FIND = "query($id: ID!) { execution(id: $id) { status output } }"
ENOUGH = 12
"""So many lists are acknowledged at least while it fails."""


def health(server: Server) -> dict:
    """What an administrator is told."""
    return server.ask(HEALTH)["health"]


async def until(true) -> None:
    """Wait for what must come by itself."""
    end = time.monotonic() + START_SECONDS
    while not await asyncio.to_thread(true):
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(0, marks=pytest.mark.timeout(600), id="a while"),
        pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)], id="a minute"),
    ],
)
@pytest.mark.parametrize("fault", ["breaks", "away", "slow"])
async def test_a_history_that_fails_loses_nothing(tmp_path, fault, seconds):
    """Lists and runs are taken in meanwhile, by a server that is killed in the middle of it too; a sentence says what
    is wrong; when it is over, all is there once, without anybody's doing."""
    switch, door, chance = tmp_path / "switch", Lists(), random.Random(fault)
    command = (str(Path(failing.__file__)), str(switch))
    with killed_after(Server(tmp_path / "home", {"PROMPTFORGE_BACKLOG": "100000000"}, command)) as server:
        await asyncio.to_thread(server.start)
        loading = asyncio.create_task(under_load(server, door, chance, clients=2))
        await door.busy()
        switch.write_text(fault)
        begun, before = time.monotonic(), len(door.told)
        await until(lambda: not health(server)["history"] if fault != "slow" else health(server)["journaled"])
        if fault != "slow":
            await asyncio.to_thread(it_is_said, server)
        run = await asyncio.to_thread(server.ask, EXECUTE, input={"content": "x", "params": {"model": "demo-small"}})
        run = run["executePrompt"]
        assert (await asyncio.to_thread(server.answer, FIND, id=run["id"]))["data"]["execution"]["status"] == "success"
        await until(lambda: len(door.told) >= before + ENOUGH and time.monotonic() - begun >= seconds)
        await asyncio.to_thread(server.kill)
        await loading
        if fault == "away":
            switch.unlink()  # with nothing at all of it no server starts, which is a test of its own
        await asyncio.to_thread(server.start)
        loading = asyncio.create_task(under_load(server, door, chance, clients=2))
        await door.busy()
        switch.unlink(missing_ok=True)
        await until(lambda: (state := health(server))["history"] and state["problem"] is None)
        await asyncio.to_thread(server.kill)
        await loading
        await asyncio.to_thread(server.start)
        async with server.client() as client:
            await door.again(client)
        kept = server.ask(FIND, id=run["id"])["execution"]
        assert kept["status"] == "success"
        await until(lambda: health(server)["journaled"] == 0)
        found = [one for one in server.settled() if one["id"] != run["id"]]
        server.stop()
    texts = {item["input"] for items in door.lists for item in items}
    assert sorted(one["input"] for one in found) == sorted(texts)


def it_is_said(server: Server) -> None:
    """To the administrator with the reason, to whoever watches without one, and by the doctor with what to do."""
    assert health(server)["problem"] == failing.PROBLEM
    assert failing.PROBLEM in [one["text"] for one in health(server)["problems"]]
    ready = httpx.get(f"{server.url}/readyz")
    assert (ready.status_code, ready.json()["problem"]) == (503, "history does not take what it is given")
    done = promptforge(server.home, "doctor", "--json")
    assert done.returncode == 1, done.stderr
    (found,) = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "history"]
    assert (found["what"], found["wrong"]) == (failing.PROBLEM, True)
    assert found["count"] > 0
    assert "nothing is lost meanwhile" in found["do"]


def test_a_history_that_answers_nothing_stops_a_start_with_a_sentence(tmp_path):
    """Where nothing can be read the start says so, and later it starts."""
    switch = tmp_path / "switch"
    with killed_after(Server(tmp_path / "home", {}, (str(Path(failing.__file__)), str(switch)))) as server:
        server.start()
        server.stop()
        switch.write_text("away")
        server.spawn()
        said, _ = server.process.communicate(timeout=START_SECONDS)
        assert server.process.returncode not in {0, None}
        assert failing.PROBLEM in said
        assert "Traceback" not in said
        switch.unlink()
        server.start()
        server.stop()
