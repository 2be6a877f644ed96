"""The figures by the command, the client and the API, of one server: the documented example, and that they agree."""

import json
import urllib.request
from datetime import UTC, datetime

import pytest

from kit.served import Served
from promptforge import PromptForge, ValidationError

QUERY = """{ top(by: MODEL, metric: ERROR_RATE, window: ALL_TIME) {
  total { calls success error successRate cost { usd } } groups { key share figures { calls successRate } }
  rest { groups figures { calls } } } }"""


@pytest.fixture(scope="module")
def example(served: Served) -> Served:
    """1,250 executions, of which 63 failed, of two models and three teams."""
    now = datetime.now(UTC).isoformat()
    made = [
        {
            "externalId": str(n),
            "externalSource": "example",
            "createdAt": now,
            "model": "gpt-4o" if n % 2 else "gpt-4o-mini",
            "status": "error" if n < 63 else "success",
            "errorType": "timeout" if n < 63 else None,
            "latencyMs": 100,
            "tokenIn": 500,
            "tokenOut": 200,
            "tags": {"team": "abc"[n % 3]},
        }
        for n in range(1250)
    ]
    with PromptForge(served.key, served.url) as client:
        stored = sum(client.executions.record(made[at : at + 1000]).stored for at in (0, 1000))
        assert stored == 1250
        while client.figures.top("model").behind:
            pass
    return served


def test_the_documented_success_rate_everywhere(example: Served) -> None:
    """1,187 of 1,250 are 94.96 per cent by the command, the client and the API, in total and as buckets."""
    body = json.dumps({"query": QUERY}).encode()
    headers = {"Content-Type": "application/json", "X-API-Key": example.key}
    with urllib.request.urlopen(urllib.request.Request(f"{example.url}/graphql", body, headers)) as answer:
        api = json.load(answer)["data"]["top"]
    with PromptForge(example.key, example.url) as client:
        top = client.figures.top("model", metric="error_rate", window="all")
        series = client.figures.series("hour", tag="team", window="7d")
        stats = client.executions.stats("all")
    told = example.run("figures", "top", "model", "--metric", "error-rate", "--window", "all", "--json")
    command = json.loads(told.stdout)
    for found in (api["total"], command["total"], top.total.raw, series.total.raw, stats.totals.raw):
        assert (found["calls"], found["success"], found["error"], found["successRate"]) == (1250, 1187, 63, 94.96)
        assert found["cost"]["usd"] == stats.totals.cost.usd
    assert [(one["key"], one["figures"]["calls"]) for one in api["groups"]] == [("gpt-4o-mini", 625), ("gpt-4o", 625)]
    assert [one.key for one in series.groups] == ["a", "b", "c"]
    assert sum(b.figures.calls for b in series.buckets) == 1250


def test_tables_for_people(example: Served) -> None:
    """Ranks with their share, the rest and the total; buckets by group."""
    told = example.run("figures", "top", "--by-tag", "team", "--limit", "1", "--metric", "token-in")
    assert told.returncode == 0, told.stderr
    lines = [line.split("\t") for line in told.stdout.splitlines()]
    assert [(line[0], line[2]) for line in lines] == [
        ("TEAM", "CALLS"),
        ("a", "417"),
        ("(rest: 2)", "833"),
        ("(total)", "1,250"),
    ]
    told = example.run("figures", "series", "week", "--by", "model", "--window", "1d", "--where", "status:error")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[-1].split("\t")[:4] == ["(total)", "", "63", "63"]
    told = example.run("figures", "series")
    assert len(told.stdout.splitlines()) == 1 + 7 + 1


def test_what_cannot_be_asked(example: Served) -> None:
    """Half a question is refused with what is missing."""
    assert example.run("figures", "top").returncode == 2
    with PromptForge(example.key, example.url) as client:
        with pytest.raises(ValidationError, match="by"):
            client.figures.top()
        with pytest.raises(ValidationError, match="not both"):
            client.figures.series(by="model", tag="team")
