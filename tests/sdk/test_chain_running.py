"""The client runs chains, on a real server."""

import pytest

from kit.defined import asking, define, says
from promptforge import AuthenticationError, NotFoundError


async def test_a_chain_runs_and_is_followed(forge, actor, client):
    """execute gives the closed chain execution, stream its steps as they begin and end, and both the same output."""
    await define(forge, actor, asking("one", 1, params=says("a")), asking("two", 2, params=says("b")))

    done = await client.chains.execute("talk", {"topic": "x"}, tags={"env": "test"}, max_cost_usd=None)
    events = [event async for event in client.chains.stream("talk", {"topic": "x"})]

    assert ("success", "b", ["one", "two"]) == (done.status, done.output, [step.name for step in done.steps])
    assert {"env": "test"} == done.tags
    assert ["started", *["step_started", "step_finished"] * 2, "finished"] == [event.kind for event in events]
    assert ["a", "b"] == [event.step.output for event in events if event.kind == "step_finished"]
    assert done.output == events[-1].chain_execution.output


async def test_what_a_chain_ended_in_is_raised(forge, actor, client):
    """The error is that of the step, with the chain execution on it; a chain that is not there is an error as well."""
    await define(forge, actor, asking("classify", 1, params=says("a", fail="authentication")))

    with pytest.raises(AuthenticationError, match=r"Step 1 \(classify\): Invalid API key") as caught:
        await client.chains.execute("talk", {"topic": "x"})
    with pytest.raises(NotFoundError):
        await client.chains.execute("nobody")

    assert "classify" == caught.value.chain_execution.failed_step


async def test_forked_and_cancelled(forge, actor, client):
    """A fork reuses what came before; what runs in the background can be stopped."""
    await define(forge, actor, asking("one", 1, params=says("a")), asking("two", 2, params=says("b")))
    first = await client.chains.execute("talk", {"topic": "x"})

    forked = await client.chain_executions.fork(first.id, "two", overrides={"two": {"params": says("c")}})
    slow = {"one": {"params": says("a", latency_ms=60_000)}}
    pending = await client.chains.execute("talk", {"topic": "x"}, wait=False, overrides=slow)
    cancelled = await client.chain_executions.cancel(pending.id)

    assert ("c", first.id, first.id) == (forked.output, forked.forked_from, forked.steps[0].reused_from)
    assert (True, "cancelled") == (pending.pending, cancelled.error_type)
