"""Runs under fire: the server is killed at random moments while clients call a provider that counts."""

import asyncio
import itertools
import random
from collections import Counter
from decimal import Decimal

import httpx
import pytest

from kit.crash import MAX_ATTEMPTS, MODEL, TOTALS, Server, counting, killed_after, price, tokens, under_fire

EXECUTE = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) {
    id status costUsd cost { usd } attempts { number } } }"""
SETTLE_SECONDS = 30


class Runs:
    """The door: ``acknowledged`` holds what the server said of each text; ``open`` keyed texts without an answer."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, dict] = {}
        self.keyed: dict[str, dict] = {}
        self.open: set[str] = set()
        self.sent: set[str] = set()
        self._numbers = itertools.count()
        self._told = asyncio.Event()

    async def once(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        """Run a new text: with an idempotency key or without, waiting for its end or not."""
        text = f"text {next(self._numbers)}"
        call = {"content": text, "wait": chance.random() < 0.8, "params": {"model": MODEL, "max_tokens": 9}}
        if chance.random() < 0.5:
            call["idempotencyKey"] = text
            self.keyed[text] = call
            self.open.add(text)
        self.sent.add(text)
        await self._call(client, text, call)
        self._told.set()

    async def busy(self) -> None:
        """Until the first answer since it was last asked for."""
        self._told.clear()
        await asyncio.wait_for(self._told.wait(), SETTLE_SECONDS)

    async def again(self, client: httpx.AsyncClient) -> None:
        """Repeat every keyed call, answered or not; what was answered gets the same execution again."""
        for text, call in self.keyed.items():
            before = self.acknowledged.get(text)
            await self._call(client, text, call)
            assert before is None or before["id"] == self.acknowledged[text]["id"]

    async def _call(self, client: httpx.AsyncClient, text: str, call: dict) -> None:
        answer = (await client.post("/graphql", json={"query": EXECUTE, "variables": {"input": call}})).json()
        assert "errors" not in answer, answer["errors"]
        self.acknowledged[text] = answer["data"]["executePrompt"]
        self.open.discard(text)


@pytest.mark.parametrize(
    "kills",
    [
        3,
        pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(1_200)]),
        pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)]),
    ],
)
async def test_runs_under_fire(tmp_path, kills):
    """After every kill: each acknowledged run once, none open, no call repeated or unrecorded, sums exact."""
    door, chance = Runs(), random.Random(kills)
    with counting() as provider:
        environment = {"ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": provider.url}
        with killed_after(Server(tmp_path, environment)) as server:
            await under_fire(server, door, kills=kills, chance=chance)
            found = await asyncio.to_thread(server.settled)
            totals = server.ask(TOTALS)["overview"]["totals"]
            server.stop()
        calls = Counter(provider.calls)
    print(f"{kills} kills: {len(found)} executions, {len(door.acknowledged)} acknowledged, {sum(calls.values())} calls")

    each_acknowledged_is_there_once(door, found)
    each_call_is_recorded(found, calls)
    sums_agree(found, totals)


def each_acknowledged_is_there_once(door: Runs, found: list[dict]) -> None:
    """By id and by text; an answer that said how it ended is what is kept, to the last digit."""
    assert not door.open
    by_id = {run["id"]: run for run in found}
    assert len(by_id) == len(found)
    assert max(Counter(run["input"]["content"] for run in found).values()) == 1
    assert {run["status"] for run in found} <= {"success", "error"}, "none is open for ever"
    for text, told in door.acknowledged.items():
        kept = by_id[told["id"]]
        assert kept["input"] == {"content": text}
        if told["status"] != "pending":
            assert (kept["status"], kept["costUsd"], kept["cost"]["usd"]) == (
                told["status"],
                told["costUsd"],
                told["cost"]["usd"],
            )
            assert kept["attempts"] == told["attempts"]


def each_call_is_recorded(found: list[dict], calls: Counter) -> None:
    """The provider was asked for nothing that is not recorded, and once for each attempt of what has ended by itself;
    what was interrupted says so and claims to know no more."""
    runs = {run["input"]["content"]: run for run in found}
    assert set(calls) <= set(runs), "opened is on disk before the provider is called"
    for text, run in runs.items():
        if run["errorType"] == "interrupted":
            assert calls[text] <= MAX_ATTEMPTS
            assert (run["tokenIn"], run["cost"]["usd"], run["cost"]["state"]) == (None, None, "unknown")
        else:
            assert (run["status"], calls[text]) == ("success", len(run["attempts"])), text
            assert run["output"] == f"answer to {text}"
            assert (run["tokenIn"], run["tokenOut"]) == tokens(text)
            assert Decimal(run["cost"]["usd"]) == price(*tokens(text))


def sums_agree(found: list[dict], totals: dict) -> None:
    """The overview's totals are the sums over the executions, and over what the provider said."""
    succeeded = [run for run in found if run["status"] == "success"]
    assert (totals["calls"], totals["success"], totals["pending"]) == (len(found), len(succeeded), 0)
    assert totals["error"] == totals["cost"]["unknown"] == len(found) - len(succeeded)
    assert totals["cost"]["priced"] == len(succeeded)
    assert Decimal(totals["cost"]["usd"]) == sum(Decimal(run["cost"]["usd"]) for run in succeeded)
    assert totals["tokenIn"] == sum(tokens(run["input"]["content"])[0] for run in succeeded)
    assert totals["tokenOut"] == sum(tokens(run["input"]["content"])[1] for run in succeeded)
