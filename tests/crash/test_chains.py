"""Chains under fire: the server is killed at random moments while chains run against a provider that counts."""

import asyncio
import itertools
import random
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal

import httpx
import pytest

from kit.crash import MAX_ATTEMPTS, MODEL, START_SECONDS, Server, counting, killed_after, price, tokens, under_fire

SETUP = """mutation($prompt: CreatePromptInput!, $chain: CreateChainInput!) {
    createPrompt(input: $prompt) { id } createChain(input: $chain) { id } }"""
VERSION = "mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id } }"
FREEZE = "mutation($input: CreateChainVersionInput!) { createChainVersion(input: $input) { version } }"
EXECUTE = (
    """mutation($input: ExecuteChainInput!) { executeChain(input: $input) { id status totalCost cost { usd } } }"""
)
FOUND = """query($after: String) { chainExecutions(limit: 200, after: $after) {
    id status error input output cost { usd state } tokenIn tokenOut forkedFrom cursor
    steps { name order status executionId cost costExact output } } }"""
CALLS = """query($after: String) { executions(limit: 500, after: $after) {
    id status errorType input output chainExecutionId cost { usd } attempts { errorType } cursor } }"""
SETTLE_SECONDS = 30


def asks(name: str, order: int, text: str) -> dict:
    """A PROMPT step whose text is its own, so that the provider's counts say which step asked."""
    return {
        "name": name,
        "order": order,
        "type": "PROMPT",
        "prompt": "echo",
        "inputMapping": {"text": text},
        "outputKey": name,
    }


CHAIN = {
    "steps": [
        asks("first", 1, "{{topic}}: first"),
        asks("left", 2, "{{topic}}: left"),
        asks("right", 2, "{{topic}}: right"),
        {
            "name": "both",
            "order": 3,
            "type": "MERGE",
            "config": {"strategy": "list", "from": ["left", "right"]},
            "outputKey": "both",
        },
        asks("last", 4, "{{topic}}: last"),
        {"name": "whole", "order": 5, "type": "TRANSFORM", "config": {"mapping": ["{{both}}", "{{last}}"]}},
    ]
}
ASKING = ("first", "left", "right", "last")


class Chains:
    """The door: ``acknowledged`` holds what the server said of each topic; ``open`` keyed topics without an answer."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, dict] = {}
        self.keyed: dict[str, dict] = {}
        self.open: set[str] = set()
        self._numbers = itertools.count()
        self._told = asyncio.Event()

    async def once(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        """Run the chain on a new topic: with an idempotency key or without, waiting for its end or not."""
        topic = f"topic {next(self._numbers)}"
        call = {"name": "relay", "input": {"topic": topic}, "wait": chance.random() < 0.6}
        if chance.random() < 0.5:
            call["idempotencyKey"] = topic
            self.keyed[topic] = call
            self.open.add(topic)
        await self._call(client, topic, call)
        self._told.set()

    async def busy(self) -> None:
        """Until the first answer since it was last asked for."""
        self._told.clear()
        await asyncio.wait_for(self._told.wait(), SETTLE_SECONDS)

    async def again(self, client: httpx.AsyncClient) -> None:
        """Repeat every keyed call, answered or not; what was answered gets the same chain execution again."""
        for topic, call in self.keyed.items():
            before = self.acknowledged.get(topic)
            await self._call(client, topic, call)
            assert before is None or before["id"] == self.acknowledged[topic]["id"]

    async def _call(self, client: httpx.AsyncClient, topic: str, call: dict) -> None:
        answer = (await client.post("/graphql", json={"query": EXECUTE, "variables": {"input": call}})).json()
        assert "errors" not in answer, answer["errors"]
        self.acknowledged[topic] = answer["data"]["executeChain"]
        self.open.discard(topic)


def prepare(server: Server, document: dict) -> None:
    """Define the chain ``relay``."""
    made = server.ask(SETUP, prompt={"name": "echo"}, chain={"name": "relay"})
    params = {"model": MODEL, "max_tokens": 9}
    version = {"promptId": made["createPrompt"]["id"], "content": "{{text}}", "params": params}
    server.ask(VERSION, input=version)
    server.ask(FREEZE, input={"chainId": made["createChain"]["id"], "document": document})


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)])])
async def test_chains_under_fire(tmp_path, kills):
    """After every kill chains go on: each ends well, no finished step is called again, sums are exact."""
    door, chance = Chains(), random.Random(kills)
    with counting() as provider:
        environment = {"ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": provider.url}
        server = Server(tmp_path, environment).start()
        with killed_after(server):
            prepare(server, CHAIN)
            server.kill()
            await under_fire(server, door, kills=kills, chance=chance, clients=4)
            found = await asyncio.to_thread(settled, server)
            calls = everything(server, CALLS, "executions")
            server.stop()
        counted = Counter(provider.calls)
    again = sum(attempt["errorType"] == "interrupted" for call in calls for attempt in call["attempts"])
    print(
        f"{kills} kills: {len(found)} chains, {len(calls)} calls, {again} interrupted, {sum(counted.values())} answered"
    )

    each_acknowledged_is_there_once(door, found)
    each_chain_ended_well(found, {call["id"]: call for call in calls})
    no_finished_step_was_called_again(calls, counted)


def settled(server: Server) -> list[dict]:
    """Every chain execution, once none runs; what is stuck fails the test later."""
    end = time.monotonic() + START_SECONDS
    pending = "{ chainExecutions(status: pending, limit: 1) { id } }"
    while server.ask(pending)["chainExecutions"] and time.monotonic() < end:
        time.sleep(0.2)
    return everything(server, FOUND, "chainExecutions")


def everything(server: Server, query: str, field: str) -> list[dict]:
    """All rows that it shows, page by page."""
    found, after = [], None
    while page := server.ask(query, after=after)[field]:
        found += page
        after = page[-1]["cursor"]
    return found


def each_acknowledged_is_there_once(door: Chains, found: list[dict]) -> None:
    """By id and by topic; what was told of the money is what is kept."""
    by_id = {run["id"]: run for run in found}
    assert not door.open
    assert len(by_id) == len(found)
    assert max(Counter(run["input"]["topic"] for run in found).values()) == 1
    for topic, told in door.acknowledged.items():
        kept = by_id[told["id"]]
        assert kept["input"] == {"topic": topic}
        assert told["status"] == "pending" or kept["cost"]["usd"] == told["cost"]["usd"]


def each_chain_ended_well(found: list[dict], calls: dict[str, dict]) -> None:
    """Six steps, the output of the replies, and a cost that is the sum of its calls to the last digit."""
    for run in found:
        topic, steps = run["input"]["topic"], {step["name"]: step for step in run["steps"]}
        assert run["status"] == "success", (run["status"], run["error"])
        assert set(steps) == {*ASKING, "both", "whole"}
        said = {name: f"answer to {topic}: {name}" for name in ASKING}
        assert run["output"] == [[said["left"], said["right"]], said["last"]]
        made = [calls[steps[name]["executionId"]] for name in ASKING]
        assert {call["chainExecutionId"] for call in made} == {run["id"]}
        assert Decimal(run["cost"]["usd"]) == sum(Decimal(call["cost"]["usd"]) for call in made)
        assert Decimal(run["cost"]["usd"]) == sum(price(*tokens(f"{topic}: {name}")) for name in ASKING)
        assert run["tokenIn"] == sum(tokens(f"{topic}: {name}")[0] for name in ASKING)


def no_finished_step_was_called_again(calls: list[dict], counted: Counter) -> None:
    """The provider was asked once for each attempt; only an attempt that was interrupted may not have reached it."""
    texts = Counter(call["input"]["text"] for call in calls)
    assert max(texts.values()) == 1
    assert set(counted) <= set(texts), "opened is on disk before the provider is called"
    for call in calls:
        # which stands for all that the process which was killed had tried
        interrupted = sum(attempt["errorType"] == "interrupted" for attempt in call["attempts"])
        asked, text = counted[call["input"]["text"]], call["input"]["text"]
        known = len(call["attempts"]) - interrupted
        assert known <= asked <= known + interrupted * MAX_ATTEMPTS, text


async def test_a_chain_outlives_a_kill_inside_each_of_its_calls(tmp_path):
    """Killed whenever a step has asked the provider for the first time, the chain goes on from there each time."""
    struck: set[str] = set()
    with counting() as provider:
        environment = {"ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": provider.url}
        server = Server(tmp_path, environment).start()

        def strike(text: str) -> None:
            if text not in struck:
                struck.add(text)
                server.process.kill()

        with killed_after(server):
            chain = {"steps": [asks(name, order, "{{topic}}: " + name) for order, name in enumerate(ASKING)]}
            prepare(server, chain)
            provider.before = strike
            with suppress(httpx.TransportError):  # the first kill may come before the answer
                server.ask(EXECUTE, input={"name": "relay", "input": {"topic": "x"}, "wait": False})
            for _ in ASKING:
                await asyncio.to_thread(server.died)
                await asyncio.to_thread(server.start)
            (run,) = await asyncio.to_thread(settled, server)
            calls = everything(server, CALLS, "executions")
            server.stop()

    assert ("success", "answer to x: last") == (run["status"], run["output"])
    assert {f"x: {name}" for name in ASKING} == struck
    for call in calls:
        assert "interrupted" == call["attempts"][0]["errorType"]
        assert provider.calls[call["input"]["text"]] == len(call["attempts"])
    assert len(ASKING) == len(calls)


async def test_a_stopping_server_leaves_a_running_chain_to_the_next(tmp_path):
    """Stopped in the middle of a slow step, the chain is open with the step that is done; the next server ends it."""
    simulated = {"model": "demo-small", "demo": {"text": "yes", "latency_ms": 100}}
    slow = {"model": "demo-small", "demo": {"text": "late", "latency_ms": 7_000}}
    steps = [asks("first", 1, "{{topic}}") | {"params": simulated}, asks("late", 2, "{{topic}}") | {"params": slow}]
    server = Server(tmp_path).start()
    with killed_after(server):
        prepare(server, {"steps": steps})
        server.ask(EXECUTE, input={"name": "relay", "input": {"topic": "x"}, "wait": False})
        while not server.ask(FOUND)["chainExecutions"][0]["steps"]:
            await asyncio.sleep(0.05)
        server.stop()
        server.start()
        (run,) = await asyncio.to_thread(settled, server)
        calls = {call["id"]: call for call in everything(server, CALLS, "executions")}
        server.stop()

    assert ("success", "late") == (run["status"], run["output"]), run["error"]
    first, late = (calls[step["executionId"]] for step in run["steps"])
    assert [None] == [attempt["errorType"] for attempt in first["attempts"]]
    assert ["interrupted", None] == [attempt["errorType"] for attempt in late["attempts"]]
