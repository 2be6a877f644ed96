"""The client reads chain executions, from a real server."""

from datetime import timedelta

import pytest

from kit.chains import recorded
from kit.executions import NOON
from promptforge import ValidationError


async def test_one_chain_execution_with_everything(forge, actor, client):
    """Content, steps with time and money, what was left out, and the chain's name and version."""
    whole = await recorded(forge.record, actor.workspace, tags={"env": "prod"})

    found = await client.chain_executions.get(whole.id)

    assert (found.id, found.status, found.pending) == (whole.id, "success", False)
    assert (found.chain.name, found.chain_name, found.version, found.label) == ("triage", "triage", 3, "production")
    assert (found.total_cost, found.cost.usd, found.latency_ms) == ("0.0100", "0.01", 701)
    assert (found.input, found.output["mood"], found.tags) == ({"review": "Lovely soup"}, "good", {"env": "prod"})
    assert found.critical_path == ("classify", "branch", "reply")
    assert [(s.name, s.offset_ms, s.critical, s.share_of_cost) for s in found.steps] == [
        ("classify", 0, True, "40.00"),
        ("branch", 400, True, "0.00"),
        ("reply", 401, True, "20.00"),
        ("log", 401, False, "40.00"),
    ]
    assert [s.name for s in found.skipped_steps] == ["sorry"]
    assert (found.created_at, found.usage) == (NOON, {"input": 591, "output": 211})


async def test_lists(forge, actor, client):
    """Filtered, without content unless asked for, read on by cursor, and under the documented name too."""
    made = [await recorded(forge.record, actor.workspace, NOON + timedelta(minutes=n)) for n in range(3)]
    newest = [one.id for one in reversed(made)]

    first = await client.chain_executions.list(limit=2)
    rest = await client.chain_executions.list(after=first[-1].cursor, chain_name="tri*", content=True)

    assert [one.id for one in (*first, *rest)] == newest
    assert (first[0].output, rest[0].output["mood"]) == (None, "good")
    assert [one.id for one in await client.chain_executions.list(created_from=NOON + timedelta(minutes=2))] == newest[
        :1
    ]
    assert await client.chain_executions.list(status="error") == []
    assert len(await client.chain_executions.list(limit=500, content=True)) == 3
    documented = await client.executions.list_chain_executions(chain_id="chain_1", limit=10)
    assert [(one.chain.name, one.status, one.latency_ms, len(one.steps)) for one in documented] == [
        ("triage", "success", 701, 4)
    ] * 3


async def test_an_unknown_filter_is_named(client):
    """A filter that chain executions do not have is refused before anything is asked."""
    with pytest.raises(ValidationError, match="there is no filter 'model'; there are: status, chain_id"):
        await client.chain_executions.list(model="gpt-4")
