"""Files under fire: the server is killed at random moments while clients import what ran elsewhere."""

import asyncio
import csv
import io
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from kit.crash import MODEL, START_SECONDS, TOTALS, Server, killed_after, price, tokens, under_fire

ROWS = 9_000
"""More than two batches of the door, so that a file is acknowledged in parts."""
REPEATED = 40
SHOWN = """query($after: String) { executions(limit: 500, after: $after) {
    id status input output tokenIn tokenOut cost { usd } cursor } }"""


@dataclass
class File:
    """Lines without the header; ``texts`` counts how often each stands there, one line is no execution at all.

    ``known``: lines that the server said it has read of the file as it is; ``whole``: it said so of all.
    """

    format: str
    lines: list[str]
    texts: Counter[str]
    header: str = ""
    known: int = 0
    whole: bool = False


@dataclass
class Files:
    """The door. ``acknowledged`` holds the lines that were kept of each sending that broke off."""

    limit: int
    files: list[File] = field(default_factory=list)
    acknowledged: list[tuple[File, list[str]]] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def once(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        """Send a new file, or an earlier one: as it is, in another order, split in two, or where it broke off."""
        if not self.files or (len(self.files) < self.limit and chance.random() < 0.3):
            self.files.append(self._made(len(self.files), chance))
            return await self._send(client, self.files[-1], self.files[-1].lines)
        file = chance.choice(self.files)
        how = chance.choice(["as it is", "permuted", "split", "the rest"])
        if how == "permuted":
            return await self._send(client, file, chance.sample(file.lines, len(file.lines)))
        if how == "split":
            # equal lines are told apart by counting them within a file, so they stay together
            for half in (0, 1):
                await self._send(client, file, [line for line in file.lines if sum(line.encode()) % 2 == half])
            file.whole = True
            return None
        return await self._send(client, file, file.lines, skip=file.known if how == "the rest" else 0)

    async def busy(self) -> None:
        """Until the first progress since it was last asked for."""
        self.told.clear()
        await asyncio.wait_for(self.told.wait(), START_SECONDS)

    async def again(self, client: httpx.AsyncClient) -> None:
        """Repeat what was acknowledged, and then each file: of what was kept nothing is stored again."""
        for file, lines in self.acknowledged:
            assert (await self._report(client, file, lines))["stored"] == 0
        for file in self.files:
            report = await self._report(client, file, file.lines)
            assert (report["received"], report["rejected"]) == (len(file.lines), 1)
            assert report["stored"] == 0 or not file.whole

    async def _send(self, client: httpx.AsyncClient, file: File, lines: list[str], skip: int = 0) -> None:
        as_it_is, last = lines is file.lines, None
        try:
            async for last in self._progress(client, file, lines, skip):
                if as_it_is:
                    file.known = max(file.known, last["lines"])
                self.told.set()
            file.whole = file.whole or len(lines) == len(file.lines)
        except httpx.TransportError:
            if last is not None and not skip:
                self.acknowledged.append((file, lines[: last["received"]]))
            raise

    async def _report(self, client: httpx.AsyncClient, file: File, lines: list[str]) -> dict:
        return [progress async for progress in self._progress(client, file, lines)][-1]

    async def _progress(self, client: httpx.AsyncClient, file: File, lines: list[str], skip: int = 0):
        body = (file.header + "".join(lines)).encode()
        query = {"format": file.format, "model": MODEL, "provider": "anthropic", "skip": skip}
        async with client.stream("POST", "/import", params=query, content=body) as answer:
            assert answer.status_code == 200, await answer.aread()
            last = {}
            async for line in answer.aiter_lines():
                last = json.loads(line)
                assert "errors" not in last, last
                assert last["received"] == last["stored"] + last["duplicate"] + last["rejected"]
                yield last
        assert last["done"]

    def _made(self, number: int, chance: random.Random) -> File:
        """A file of *ROWS* lines, some of them equal to others; every other file is CSV."""
        texts = [f"file {number} row {row}" for row in range(ROWS - 2 * REPEATED - 1)]
        texts += 2 * texts[:REPEATED]
        items = {text: self._item(text, chance) for text in texts}
        rows = [items[text] for text in texts] + [{"input": "when was this?"}]
        chance.shuffle(rows)
        if number % 2:
            return File("jsonl", [json.dumps(row) + "\n" for row in rows], Counter(texts))
        names = list(rows[0] if len(rows[0]) > 1 else rows[1])
        lines = [_cells([row.get(name, "") for name in names]) for row in rows]
        return File("csv", lines, Counter(texts), header=_cells(names))

    def _item(self, text: str, chance: random.Random) -> dict:
        token_in, token_out = tokens(text)
        created_at = self.now - timedelta(milliseconds=chance.randrange(30 * 86_400_000))
        item = {"input": text, "output": f"answer to {text}", "createdAt": created_at.isoformat()}
        return item | {"tokenIn": token_in, "tokenOut": token_out}


def _cells(cells: list) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(cells)
    return written.getvalue()


@pytest.mark.parametrize(
    ("kills", "files"),
    [
        pytest.param(5, 2, marks=pytest.mark.timeout(600)),
        pytest.param(200, 40, marks=[pytest.mark.soak, pytest.mark.timeout(7_200)]),
    ],
)
async def test_files_under_fire(tmp_path, kills, files):
    """Each line is there exactly as often as its file has it, however the file was sent; the totals are the files'."""
    door = Files(files)
    with killed_after(Server(tmp_path)) as server:
        await under_fire(server, door, kills=kills, chance=random.Random(kills), clients=3)
        found = await asyncio.to_thread(server.everything, SHOWN)
        totals = server.ask(TOTALS)["overview"]["totals"]
        server.stop()
    texts = sum((file.texts for file in door.files), Counter[str]())
    print(f"{kills} kills: {len(found)} executions, {len(door.files)} files, {len(door.acknowledged)} broken off")

    assert len(found) == len({run["id"] for run in found}) == texts.total()
    assert Counter(run["input"] for run in found) == texts
    for run in found:
        assert (run["tokenIn"], run["tokenOut"]) == tokens(run["input"])
        assert (run["status"], run["output"]) == ("success", f"answer to {run['input']}")
        assert Decimal(run["cost"]["usd"]) == price(*tokens(run["input"]))
    assert (totals["calls"], totals["success"], totals["cost"]["priced"]) == (texts.total(),) * 3
    assert totals["tokenIn"] == sum(tokens(text)[0] for text in texts.elements())
    assert totals["tokenOut"] == sum(tokens(text)[1] for text in texts.elements())
    assert Decimal(totals["cost"]["usd"]) == sum(price(*tokens(text)) for text in texts.elements())
