"""Health: who may see what of the process, and that the numbers add up."""

import re

from kit.executions import NOON, done
from promptforge.core.access import Scope
from promptforge.server.metrics import METRICS

QUESTION = """{ health { at open journaled oldestSeconds history problem freeBytes problems { at text }
  counters { source received stored duplicate rejected } stores { name bytes rows } } }"""


async def test_an_administrator_sees_counters_and_stores(forge, actor, caller):
    """What came in is counted once, and each store says what it takes."""
    before = forge.record.counters()
    run = done(actor.workspace, NOON)
    await forge.record.record([run, run])
    found = (await caller.ask(QUESTION))["health"]
    (api,) = [c for c in found["counters"] if c["source"] == "api"]

    assert api["received"] == api["stored"] + api["duplicate"] + api["rejected"]
    assert api["received"] - (before[run.source].received if run.source in before else 0) >= 2
    assert [store["name"] for store in found["stores"]] == ["journal", "facts", "payloads", "catalog"]
    assert all(store["bytes"] > 0 for store in found["stores"] if store["rows"] != 0)
    assert found["freeBytes"] > 0


async def test_others_see_nothing_of_the_machine(actor, caller_of):
    """A key that reads gets the sums; sizes, space and problems are left out."""
    reader = await caller_of(actor, frozenset({Scope.READ}))
    found = (await reader.ask(QUESTION))["health"]

    assert (found["stores"], found["freeBytes"], found["problems"]) == ([], None, [])
    assert found["history"] is True


async def test_metrics_are_for_those_who_see_numbers(actor, caller_of, http):
    """Without a key 401, without the permission 403, else every metric in the text format, names and values only."""
    ingest, reader = await caller_of(actor, frozenset({Scope.INGEST})), await caller_of(actor, frozenset({Scope.READ}))
    assert (await http.get("/metrics")).status_code == 401
    assert (await http.get("/metrics", headers={"X-API-Key": ingest.key})).status_code == 403
    answer = await http.get("/metrics", headers={"X-API-Key": reader.key})

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = re.findall(r"^(\w+)(?:\{(\w+)=\"([^\"\n]*)\"\})? ([0-9.]+)$", answer.text, re.MULTILINE)
    assert {name for name, *_ in samples} == set(METRICS)
    assert len(samples) + 2 * len(METRICS) == len(answer.text.splitlines())
    values = {(name, label): float(value) for name, _, label, value in samples}
    for label in {label for name, label in values if name == "promptforge_received_total"}:
        parts = [values[f"promptforge_{part}_total", label] for part in ("stored", "duplicate", "rejected")]
        assert values["promptforge_received_total", label] == sum(parts)
