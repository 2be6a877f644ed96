"""The door that takes lists, as crash tests use it, and what must be there afterwards."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx

from kit.crash import MODEL, START_SECONDS, TOTALS, Server, price, tokens

RECORD = """mutation($list: [JSON!]!) { recordExecutions(executions: $list) {
    received stored duplicate rejected problems { message } } }"""
LIST = 150


class Lists:
    """The door: ``lists`` holds what was sent, ``told`` the report of each list that was answered."""

    def __init__(self) -> None:
        self.lists: list[list[dict]] = []
        self.told: dict[int, dict] = {}
        self._numbers = itertools.count()
        self._now = datetime.now(UTC)
        self._answered = asyncio.Event()

    async def once(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        """Send a list of new items, a few from an earlier list among them."""
        items = [self._item(next(self._numbers), chance) for _ in range(LIST)]
        if self.lists:
            items += chance.sample(chance.choice(self.lists), 10)
        chance.shuffle(items)
        self.lists.append(items)
        await self._send(client, len(self.lists) - 1)
        self._answered.set()

    async def busy(self) -> None:
        """Until the first answer since it was last asked for."""
        self._answered.clear()
        await asyncio.wait_for(self._answered.wait(), START_SECONDS)

    async def again(self, client: httpx.AsyncClient) -> None:
        """Send every list once more: of what was acknowledged nothing is stored again."""
        for number in range(len(self.lists)):
            acknowledged = number in self.told
            report = await self._send(client, number)
            assert not acknowledged or (report["stored"], report["duplicate"]) == (0, report["received"])

    def _item(self, number: int, chance: random.Random) -> dict:
        text = f"text {number}"
        token_in, token_out = tokens(text)
        item = {"input": text, "output": f"answer to {text}", "provider": "anthropic", "model": MODEL}
        created_at = self._now - timedelta(milliseconds=chance.randrange(30 * 86_400_000))
        item |= {"createdAt": created_at.isoformat(), "tokenIn": token_in, "tokenOut": token_out}
        return item | ({"externalId": text} if number % 2 else {})

    async def _send(self, client: httpx.AsyncClient, number: int) -> dict:
        body = {"query": RECORD, "variables": {"list": self.lists[number]}}
        answer = (await client.post("/graphql", json=body)).json()
        assert "errors" not in answer, answer["errors"]
        report = answer["data"]["recordExecutions"]
        assert report["received"] == report["stored"] + report["duplicate"] == len(self.lists[number]), report
        self.told[number] = report
        return report

    def check(self, server: Server, interrupted: Sequence[str] = ()) -> int:
        """Each item is there once, as it was sent, and the sums are exact; how many there are.

        *interrupted* are the ids of runs that were killed, and of all that is there beside them.
        """
        found = server.settled()
        killed = [run["id"] for run in found if run["errorType"] == "interrupted"]
        assert sorted(killed) == sorted(interrupted)
        found = [run for run in found if run["errorType"] != "interrupted"]
        totals = server.ask(TOTALS)["overview"]["totals"]
        texts = {item["input"] for items in self.lists for item in items}
        assert len(found) == len({run["id"] for run in found}) == len(texts)
        assert {run["input"] for run in found} == texts
        for run in found:
            assert (run["tokenIn"], run["tokenOut"]) == tokens(run["input"])
            assert run["output"] == f"answer to {run['input']}"
            assert Decimal(run["cost"]["usd"]) == price(*tokens(run["input"]))
        assert (totals["calls"], totals["success"]) == (len(texts) + len(killed), len(texts))
        assert (totals["error"], totals["pending"], totals["cost"]["unknown"]) == (len(killed), 0, len(killed))
        assert Decimal(totals["cost"]["usd"]) == sum(price(*tokens(text)) for text in texts)
        assert (totals["tokenIn"], totals["tokenOut"]) == tuple(map(sum, zip(*map(tokens, texts), strict=True)))
        return len(found)
