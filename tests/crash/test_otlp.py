"""Spans under fire: the server is killed at random moments while programs export traces and repeat what failed."""

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from kit import failing, otlp
from kit.crash import MODEL, START_SECONDS, TOTALS, Server, killed_after, price, tokens, under_fire, under_load

HEALTH = "{ health { history journaled problem } }"
CALLS = """query($after: String) { executions(limit: 500, after: $after) {
    id status input tokenIn tokenOut chainExecutionId cost { usd } cursor } }"""
CHAINS = """query($after: String) { chainExecutions(limit: 500, after: $after) {
    id status chainName stepCount cost { usd } cursor } }"""


@dataclass
class Exporters:
    """The door. ``requests`` holds the body of each request, ``told`` those that were answered."""

    requests: list[bytes] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    texts: dict[str, int] = field(default_factory=dict)
    """Each call by its text, with the number of its trace; those of trace -1 have no parent."""
    traces: set[int] = field(default_factory=set)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    enough: bool = False
    """Ends it, between requests."""

    async def once(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        """Send a few traces, their spans shuffled over a few requests."""
        if self.enough:
            raise httpx.TransportError("enough")
        spans = [span for _ in range(4) for span in self._trace(chance)]
        chance.shuffle(spans)
        cut = sorted(chance.sample(range(1, len(spans)), 2))
        first = len(self.requests)
        for start, end in itertools.pairwise([0, *cut, len(spans)]):
            self.requests.append(otlp.protobuf(*spans[start:end]))
        for number in range(first, first + 3):
            await self._send(client, number)
        self.answered.set()

    async def busy(self) -> None:
        """Until the first answer since it was last asked for."""
        self.answered.clear()
        await asyncio.wait_for(self.answered.wait(), START_SECONDS)

    async def again(self, client: httpx.AsyncClient) -> None:
        """Send everything once more: of what was acknowledged nothing is stored again."""
        for number in sorted(self.told):
            await self._send(client, number)
        metrics = (await client.get("/metrics")).text
        assert 'promptforge_stored_total{source="otlp"} 0\n' in metrics
        for number in range(len(self.requests)):
            await self._send(client, number)

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        headers = {"content-type": "application/x-protobuf"}
        answer = await client.post("/v1/traces", content=self.requests[number], headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
        self.told.add(number)

    def _trace(self, chance: random.Random) -> list:
        number = next(self.numbers)
        trace, parent = f"{number + 1:032x}", f"{chance.getrandbits(64) | 1:016x}"
        if chance.random() < 0.3:
            return [self._call(trace, "", f"alone {number}", -1, chance)]
        self.traces.add(number)
        calls = [self._call(trace, parent, f"trace {number} call {n}", number, chance) for n in range(3)]
        return [*calls, otlp.span({}, trace=trace, id=parent, name=f"root {number}", took_ms=3_000)]

    def _call(self, trace: str, parent: str, text: str, number: int, chance: random.Random):
        self.texts[text] = number
        token_in, token_out = tokens(text)
        said = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": MODEL,
            "gen_ai.usage.input_tokens": token_in,
            "gen_ai.usage.output_tokens": token_out,
            "input.value": text,
        }
        start = otlp.START + chance.randrange(10_000) * 1_000_000
        return otlp.span(said, trace=trace, id=f"{chance.getrandbits(64) | 1:016x}", parent=parent, start=start)


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)])])
async def test_spans_under_fire(tmp_path, kills):
    """Each call is there once, each trace is one chain execution with all its calls, and sums are exact."""
    door = Exporters()
    with killed_after(Server(tmp_path)) as server:
        await under_fire(server, door, kills=kills, chance=random.Random(kills), clients=3)
        print(f"{kills} kills: {await asyncio.to_thread(all_there, server, door)}")
        server.stop()


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(1_800)])])
async def test_spans_are_taken_while_history_is_away(tmp_path, seconds):
    """Every request is acknowledged meanwhile; afterwards all is there once, with exact sums, by itself."""
    switch, door = tmp_path / "switch", Exporters()
    command = (str(Path(failing.__file__)), str(switch))
    with killed_after(Server(tmp_path / "home", command=command)) as server:
        await asyncio.to_thread(server.start)
        loading = asyncio.create_task(under_load(server, door, random.Random(1), clients=4))
        await door.busy()
        switch.write_text("away")
        while (await asyncio.to_thread(server.ask, HEALTH))["health"]["history"]:
            await asyncio.sleep(0.05)
        before, until = len(door.told), time.monotonic() + seconds
        while time.monotonic() < until or len(door.told) == before:
            await door.busy()
        switch.unlink()
        while (await asyncio.to_thread(server.ask, HEALTH))["health"]["problem"] is not None:
            await asyncio.sleep(0.05)
        door.enough = True
        await loading
        print(f"{seconds} s away: {await asyncio.to_thread(all_there, server, door)}")
        server.stop()


def all_there(server: Server, door: Exporters) -> str:
    """Each call once, each trace one chain execution with all its calls, exact sums; says how many."""
    calls, chains = server.everything(CALLS), every_chain(server)
    totals = server.ask(TOTALS)["overview"]["totals"]
    assert sorted(run["input"] for run in calls) == sorted(door.texts)
    assert len({run["id"] for run in calls}) == len(calls)
    of_chain: dict[str, list[dict]] = {}
    for run in calls:
        assert (run["tokenIn"], run["tokenOut"]) == tokens(run["input"])
        assert bool(run["chainExecutionId"]) == (door.texts[run["input"]] >= 0)
        if run["chainExecutionId"]:
            of_chain.setdefault(run["chainExecutionId"], []).append(run)
    assert sorted(chain["chainName"] for chain in chains) == sorted(f"root {number}" for number in door.traces)
    for chain in chains:
        spent = sum(price(*tokens(run["input"])) for run in of_chain[chain["id"]])
        assert (chain["status"], chain["stepCount"], Decimal(chain["cost"]["usd"])) == ("success", 3, spent)
        assert {door.texts[run["input"]] for run in of_chain[chain["id"]]} == {int(chain["chainName"].split()[1])}
    assert (totals["calls"], totals["pending"]) == (len(door.texts), 0)
    assert Decimal(totals["cost"]["usd"]) == sum(price(*tokens(text)) for text in door.texts)
    return f"{len(calls)} calls, {len(chains)} traces, {len(door.requests)} requests"


def every_chain(server: Server) -> list[dict]:
    """Every chain execution that it shows, page by page."""
    found, after = [], None
    while page := server.ask(CHAINS, after=after)["chainExecutions"]:
        found += page
        after = page[-1]["cursor"]
    return found
