"""Health: who may see what of the process, and that the numbers add up."""

import json
import re

import pytest

from kit.caller import Caller
from kit.executions import NOON, closed, done, pending
from promptforge.core.access import Scope
from promptforge.server.metrics import METRICS
from promptforge.services.calls import Call
from promptforge.wire.tables import MAX_RECORD

QUESTION = """{ health { at whole open journaled oldestSeconds history problem freeBytes problems { at text }
  counters { source received stored duplicate rejected } stores { name bytes rows } } }"""
RECORD = (
    """mutation($items: [JSON!]!) { recordExecutions(executions: $items) { received stored duplicate rejected } }"""
)
ARRIVAL = {"createdAt": "2026-03-01T00:00:00Z", "model": "gpt-4o", "tokenIn": 1}
PARTS = ("received", "stored", "duplicate", "rejected")


def gained(before, after):
    """What was counted between two answers, over all sources; in each the sum must hold."""
    for state in (before, after):
        for one in state["counters"]:
            assert one["received"] == one["stored"] + one["duplicate"] + one["rejected"]
    totals = [{part: sum(one[part] for one in state["counters"]) for part in PARTS} for state in (before, after)]
    return {part: totals[1][part] - totals[0][part] for part in PARTS}


@pytest.fixture
def operator(forge, http, url):
    """An administrator of the workspace `default`."""
    return Caller(http, url, forge.local_key)


async def test_the_operator_sees_the_whole(forge, actor, operator):
    """What came in anywhere is counted once, and each store says what it takes."""
    before = (await operator.ask(QUESTION))["health"]
    run = done(actor.workspace, NOON)
    await forge.record.record([run, run])
    found = (await operator.ask(QUESTION))["health"]

    assert found["whole"] is True
    assert gained(before, found) == {"received": 2, "stored": 1, "duplicate": 1, "rejected": 0}
    assert [store["name"] for store in found["stores"]] == ["journal", "facts", "payloads", "catalog"]
    assert all(store["bytes"] > 0 for store in found["stores"] if store["rows"] != 0)
    assert found["freeBytes"] > 0


@pytest.mark.parametrize("scopes", [frozenset(Scope), frozenset({Scope.READ})], ids=["administrator", "reader"])
async def test_others_see_their_workspace_only(forge, actor, other_actor, caller_of, scopes):
    """Their own runs and counts, whoever they are there; nothing of other workspaces, and nothing of the machine."""
    caller = await caller_of(actor, scopes)
    await forge.record.record([done(other_actor.workspace, NOON)])
    await forge.record.open(pending(other_actor.workspace, NOON))
    found = (await caller.ask(QUESTION))["health"]
    assert found == {
        "whole": False,
        "history": True,
        "problem": None,
        "freeBytes": None,
        "problems": [],
        "stores": [],
        "open": 0,
        "journaled": 0,
        "oldestSeconds": 0,
        "counters": [],
        "at": found["at"],
    }
    await forge.record.open(run := pending(actor.workspace, NOON))
    found = (await caller.ask(QUESTION))["health"]
    assert (found["open"], found["counters"]) == (
        1,
        [{"source": "api", "received": 1, "stored": 1, "duplicate": 0, "rejected": 0}],
    )
    await forge.record.close(closed(run))


async def test_a_problem_is_for_the_operator(forge, actor, caller, operator, http, monkeypatch):
    """The sentence of a history that fails is told to the operator; to others that it does, to strangers a reason."""
    with forge.record._shipper.lock:  # so that it does not find meanwhile that all is well
        monkeypatch.setattr(forge.record._shipper, "problem", "no space left on /secret/path")
        whole, mine = (await operator.ask(QUESTION))["health"], (await caller.ask(QUESTION))["health"]
        ready = await http.get("/readyz")
    assert (whole["history"], whole["problem"]) == (False, "no space left on /secret/path")
    assert (mine["history"], mine["problem"]) == (False, None)
    assert (ready.status_code, ready.json()) == (
        503,
        {"status": "unavailable", "problem": "history does not take what it is given"},
    )


async def test_what_waits_is_counted_by_workspace(forge, actor, other_actor, caller, operator):
    """While nothing can be shipped, everybody sees their own part of what waits, and the operator all of it."""
    with forge.record._shipper.lock:
        await forge.record.record([done(actor.workspace), done(actor.workspace), done(other_actor.workspace)])
        mine = await forge.health.state(actor)
        assert (mine.record.journaled, mine.record.oldest >= 0) == (2, True)
        assert (await forge.health.state(other_actor)).record.journaled == 1
        assert forge.record.health().journaled >= 3


async def test_metrics_are_for_those_who_see_numbers(forge, actor, caller_of, http):
    """Without a key 401, without the permission 403, else the metrics in the text format, names and values only; those
    of the machine are for the operator."""
    ingest, reader = await caller_of(actor, frozenset({Scope.INGEST})), await caller_of(actor, frozenset({Scope.READ}))
    assert (await http.get("/metrics")).status_code == 401
    assert (await http.get("/metrics", headers={"X-API-Key": ingest.key})).status_code == 403
    await forge.executions.execute(actor, Call(content="hi", params={"model": "demo-small"}))
    answer = await http.get("/metrics", headers={"X-API-Key": reader.key})

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = re.findall(
        r"^(\w+)(?:\{(\w+)=\"([^\"\n]*)\"(?:,\w+=\"[^\"\n]*\")*\})? ([0-9.]+)$", answer.text, re.MULTILINE
    )
    machine = {"promptforge_free_bytes", "promptforge_memory_bytes"}
    assert {name for name, *_ in samples} == set(METRICS) - machine
    assert len(samples) + 2 * len(set(METRICS) - machine) == len(answer.text.splitlines())
    values = {(name, label): float(value) for name, _, label, value in samples}
    for label in {label for name, label in values if name == "promptforge_received_total"}:
        parts = [values[f"promptforge_{part}_total", label] for part in ("stored", "duplicate", "rejected")]
        assert values["promptforge_received_total", label] == sum(parts)
    assert f'promptforge_provider_open{{workspace="{actor.workspace}",provider="demo"}} 0' in answer.text
    whole = (await http.get("/metrics", headers={"X-API-Key": forge.local_key})).text
    assert set(re.findall(r"^# TYPE (\w+)", whole, re.MULTILINE)) == set(METRICS)


BAD = [{}, 7, {**ARRIVAL, "tokens": 1}, {**ARRIVAL, "createdAt": "2999-01-01T00:00:00Z"}]


async def test_items_that_are_no_executions_are_counted(caller):
    """Of a list, what is refused item by item, and all of one that is too long, is received and rejected."""
    before = (await caller.ask(QUESTION))["health"]
    report = (await caller.ask(RECORD, items=[ARRIVAL, *BAD, ARRIVAL]))["recordExecutions"]
    assert report == {"received": 6, "stored": 2, "duplicate": 0, "rejected": 4}
    assert gained(before, (await caller.ask(QUESTION))["health"]) == report
    refused = await caller.refused(RECORD, items=[1] * 1_001)
    assert "at most 1000" in refused["message"]
    after = gained(before, (await caller.ask(QUESTION))["health"])
    assert after == {"received": 1_007, "stored": 2, "duplicate": 0, "rejected": 1_005}


LONG = '{"input": "' + "x" * MAX_RECORD + '"}'


@pytest.mark.parametrize(
    ("format", "lines", "report"),
    [
        ("jsonl", [json.dumps(ARRIVAL), "{", "7", "[]", "\xff", json.dumps({"no": 1}), LONG], (7, 1, 0, 6)),
        ("csv", ["createdAt,model", "2026-03-01T00:00:00Z,gpt-4o", "1", "1,2,3", "x,\xff", 'y,"'], (5, 1, 0, 4)),
        ("csv", ["createdAt,model", "", "2026-03-01T00:00:00Z,gpt-4o", "2026-03-01T00:00:00Z,", ""], (2, 1, 0, 1)),
    ],
)
async def test_lines_that_cannot_be_read_are_counted(caller, http, format, lines, report):
    """Of a file, each line that is no execution is received and rejected, and the metrics say what the answer says."""
    before = (await caller.ask(QUESTION))["health"]
    body = "\n".join(lines).encode("latin-1")
    answer = await http.post(f"/import?format={format}", content=body, headers={"X-API-Key": caller.key})
    said = json.loads(answer.text.splitlines()[-1])
    assert tuple(said[part] for part in PARTS) == report
    assert tuple(gained(before, (await caller.ask(QUESTION))["health"]).values()) == report
    metrics = (await http.get("/metrics", headers={"X-API-Key": caller.key})).text
    counted = {
        part: int(value)
        for part, value in re.findall(r'^promptforge_(\w+)_total\{source="import"\} (\d+)$', metrics, re.MULTILINE)
    }
    assert tuple(counted[part] for part in PARTS) == report


async def test_a_file_that_is_refused_as_a_whole_is_not_counted(caller, http):
    """Nobody knows what is in a file whose columns are missing, so nothing of it was received."""
    answer = await http.post("/import?map=model=no", content=b"a\n1\n2\n", headers={"X-API-Key": caller.key})
    assert answer.status_code == 400
    assert (await caller.ask(QUESTION))["health"]["counters"] == []
