"""The gateway's door, as crash tests use it, and what must be there afterwards."""

import asyncio
import itertools
import random
from collections import Counter
from decimal import Decimal

import httpx

from kit.bodies import anthropic_text, anthropic_usage
from kit.crash import MODEL, START_SECONDS, TOTALS, Server, price, tokens

PATH = "/anthropic/v1/messages"


class Passing:
    """The door: ``sent`` holds every text, ``complete`` those whose whole answer came, ``refused`` the provider's
    errors. ``enough`` ends it."""

    def __init__(self) -> None:
        self.enough = False
        self.sent: set[str] = set()
        self.complete: set[str] = set()
        self.refused: set[str] = set()
        self._numbers = itertools.count()
        self._answered = asyncio.Event()

    async def once(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        """Call with a new text, half of them streamed, and read the answer to its end."""
        if self.enough:
            raise httpx.TransportError("nobody calls any more")
        text, streamed = f"text {next(self._numbers)}", chance.random() < 0.5
        body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": text}], "stream": streamed}
        self.sent.add(text)
        answer = await client.post(PATH, json=body)
        if answer.status_code == 503:
            assert answer.json()["error"]["message"] == "busy", answer.text
            self.refused.add(text)
        else:
            assert answer.status_code == 200, answer.text
            used = anthropic_usage(answer.content)
            assert anthropic_text(answer.content) == f"answer to {text}"
            assert (used["input_tokens"], used["output_tokens"]) == tokens(text)
            assert not streamed or b"message_stop" in answer.content
            self.complete.add(text)
        self._answered.set()

    async def busy(self) -> None:
        """Until the first answer since it was last asked for."""
        self._answered.clear()
        await asyncio.wait_for(self._answered.wait(), START_SECONDS)

    async def again(self, client: httpx.AsyncClient) -> None:
        """Nothing: what the gateway passed on is not repeated by it."""

    def check(self, server: Server, calls: Counter) -> int:
        """Each call of the provider is there once, each complete answer as a success with its exact cost; how many
        there are."""
        found = server.settled()
        runs = {run["input"][0]["content"]: run for run in found}
        assert len(runs) == len(found)
        assert max(calls.values()) == 1
        assert set(calls) <= set(runs) <= self.sent
        for text, run in runs.items():
            if run["status"] == "success":
                assert run["output"] == f"answer to {text}"
                assert (run["tokenIn"], run["tokenOut"]) == tokens(text)
                assert Decimal(run["cost"]["usd"]) == price(*tokens(text))
            else:
                known = {"provider"} if text in self.refused else {"provider", "interrupted"}
                assert run["errorType"] in known, run
                assert (run["cost"]["usd"], run["cost"]["state"]) == (None, "unknown")
        ended = {text for text, run in runs.items() if run["status"] == "success"}
        assert self.complete <= ended
        assert not self.refused & ended
        totals = server.ask(TOTALS)["overview"]["totals"]
        assert (totals["calls"], totals["success"], totals["pending"]) == (len(runs), len(ended), 0)
        assert Decimal(totals["cost"]["usd"]) == sum(price(*tokens(text)) for text in ended)
        return len(runs)
