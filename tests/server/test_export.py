"""The export door: what is filtered, as a file, with the sums that the overview gives."""

import csv
import io
import json
from dataclasses import replace
from decimal import Decimal

import httpx
import pyarrow.parquet
import pytest

from kit.executions import NOON, done, pending, some
from promptforge.core.access import OF_ROLE, Permission, Role, Scope
from promptforge.core.execution import CostState, Status
from promptforge.core.filter import EVERYTHING
from promptforge.core.query import Breakdown, Subject
from promptforge.record import export as reading

TOTALS = "{ overview(window: ALL_TIME) { totals { calls success error tokenIn tokenOut cost { usd } } } }"


@pytest.fixture
async def kept(forge, actor):
    """Executions of several kinds, one of them still running."""
    workspace = actor.workspace
    made = [
        *some(workspace, 5),
        done(workspace, model="other", cost=None, cost_state=CostState.UNPRICED, tags={"env": "=1+1"}),
        done(workspace, status=Status.ERROR, cost=1, end_user="@ada", prompt=None),
    ]
    await forge.record.record(made)
    await forge.record.open(pending(workspace))
    return made


async def exported(caller, **query):
    """The answer to an export."""
    query = {name: json.dumps(value) if name == "filter" else value for name, value in query.items()}
    answer = await caller.http.get("/export", params=query, headers={"X-API-Key": caller.key})
    assert answer.status_code == 200, answer.text
    return answer


def lines(answer):
    """The rows of a JSONL export."""
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_it_adds_up_to_the_overview(caller, kept):
    """Every finished execution is one row in every format, and their sums are the overview's, to the last digit."""
    totals = (await caller.ask(TOTALS))["overview"]["totals"]
    wanted = (
        totals["success"] + totals["error"],
        totals["tokenIn"],
        totals["tokenOut"],
        Decimal(totals["cost"]["usd"]),
    )

    answer = await exported(caller)
    texts = lines(answer)
    cells = list(csv.DictReader(io.StringIO((await exported(caller, format="csv")).text)))
    table = pyarrow.parquet.read_table(io.BytesIO((await exported(caller, format="parquet")).content)).to_pylist()

    assert answer.headers["x-promptforge-rows"] == str(len(kept)) == "7"
    for rows in (texts, cells, table):
        assert (
            len(rows),
            sum(int(row["tokenIn"]) for row in rows),
            sum(int(row["tokenOut"]) for row in rows),
            sum(Decimal(row["costUsd"]) for row in rows if row.get("costUsd")),
        ) == wanted
        assert [row["id"] for row in rows] == [row["id"] for row in texts]


async def test_parquet_has_types(caller, kept):
    """Money is Decimal(38, 12), times are in UTC, tags are a map."""
    table = pyarrow.parquet.read_table(io.BytesIO((await exported(caller, format="parquet")).content))
    assert str(table.schema.field("costUsd").type) == "decimal128(38, 12)"
    assert str(table.schema.field("createdAt").type) == "timestamp[ms, tz=UTC]"
    assert ("env", "=1+1") in [pair for row in table.to_pylist() for pair in row["tags"] or ()]


async def test_only_what_is_filtered(caller, kept):
    """The filter is the one of the list, and one that does not fit is refused with a sentence."""
    assert [row["model"] for row in lines(await exported(caller, filter={"model": ["oth*"]}))] == ["other"]
    assert len(lines(await exported(caller, filter={"status": ["error"], "endUser": ["@ada"]}))) == 1
    assert (await exported(caller, filter={"model": ["none"]})).text == ""
    head = await exported(caller, format="csv", filter={"model": ["none"]}, content="false")
    assert (head.text.count("\n"), "output" in head.text) == (1, False)
    for query, words in [
        ({"filter": '{"states": []}'}, "states"),
        ({"filter": "{"}, "JSON"),
        ({"format": "xls"}, "jsonl, csv, parquet"),
        ({"content": "no"}, "true or false"),
    ]:
        refused = await caller.http.get("/export", params=query, headers={"X-API-Key": caller.key})
        assert (refused.status_code, words in refused.json()["errors"][0]["message"]) == (400, True), refused.text


async def test_who_may_not_see_content_gets_the_figures(forge, actor, caller_of, kept):
    """Without the permission there is no content, nor who asked; a search for words is refused; no key, no file."""
    by_role = replace(actor, permissions=OF_ROLE[Role.BILLING])
    found = await forge.executions.export(by_role, content=True)
    rows = [one async for part in found.parts for one in part]
    assert (found.content, len(rows)) == (False, 7)
    assert {(one.content, one.end_user) for one in rows} == {(None, None)}
    assert Permission.NUMBERS in by_role.permissions

    writer = await caller_of(actor, frozenset({Scope.INGEST}))
    refused = await writer.http.get("/export", headers={"X-API-Key": writer.key})
    assert (refused.status_code, (await writer.http.get("/export")).status_code) == (403, 401)


async def test_nothing_shifts_while_it_is_read(forge, actor, kept, monkeypatch):
    """An export is as of the moment it was asked for: what closes while it is read is in the next one."""
    monkeypatch.setattr(reading, "ROWS", 2)
    monkeypatch.setattr(reading, "CHARACTERS", -1)
    found = await forge.record.export(actor.workspace, EVERYTHING, content=True)
    first = await anext(found.parts)
    await forge.record.record(some(actor.workspace, 3, NOON.replace(hour=11)))
    rest = [part async for part in found.parts]
    assert [len(part) for part in (first, *rest)] == [1] * 7
    assert found.count == 7
    assert {one.id for part in (first, *rest) for one in part} == {one.id for one in kept}
    assert all(one.content is not None for part in (first, *rest) for one in part)
    assert (await forge.record.export(actor.workspace, EVERYTHING, content=False)).count == 10


async def test_a_torn_file_is_never_whole(forge, caller, kept, monkeypatch):
    """When the history fails in the middle, the connection breaks instead of ending."""
    monkeypatch.setattr(reading, "ROWS", 2)
    history, asked = forge.record._history, []

    def page(query, upto=None, page=history.page):
        asked.append(query)
        if len(asked) == 3:
            raise RuntimeError("the disk is gone")
        return page(query, upto)

    monkeypatch.setattr(history, "page", page)
    with pytest.raises(httpx.RemoteProtocolError):
        await exported(caller)


async def test_it_moves_with_its_totals(forge, other_actor, caller_of):
    """Exported from one workspace and imported into another, calls have the same totals; again, all are duplicates."""
    workspace = await forge.access.ensure_workspace("demo")
    shop = replace(other_actor, workspace=workspace.id)
    await forge.demo.load(shop, executions=600)
    one, other = await caller_of(shop), await caller_of(other_actor)
    count = (await one.ask(TOTALS))["overview"]["totals"]["calls"]
    assert count > 600  # calls of chains are among them
    for format, fresh in (("jsonl", count), ("csv", 0)):
        file = (await exported(one, format=format)).content
        for caller, stored in ((one, 0), (other, fresh)):
            path = f"/import?preset=export&format={format}"
            answer = await caller.http.post(path, content=file, headers={"X-API-Key": caller.key})
            last = json.loads(answer.text.splitlines()[-1])
            assert (last["received"], last["stored"], last["rejected"]) == (count, stored, 0), last
    here, there = [
        (await forge.record.figures(Breakdown(workspace=workspace, subject=Subject.CALLS))).items[0].figures
        for workspace in (shop.workspace, other_actor.workspace)
    ]
    assert here == replace(there, runs=here.runs)  # chain executions do not move
    await forge.demo.remove(shop)  # other tests of this home load it whole
