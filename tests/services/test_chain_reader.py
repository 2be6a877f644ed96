"""Reading chain executions through the service."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import recorded
from kit.executions import NOON
from promptforge.core.access import Permission
from promptforge.core.chain_execution import ChainPlan
from promptforge.core.errors import Forbidden, NotFound
from promptforge.core.filter import Operator, Test
from promptforge.core.query import Dimension


async def test_figures_come_without_what_was_said(forge, actor):
    """Who may not see content gets every figure, and neither content, nor who asked, nor what a run changed."""
    whole = await recorded(
        forge.record, actor.workspace, end_user="ada", session_id="s", plan=ChainPlan(overrides={"reply": {"x": 1}})
    )
    clerk = replace(actor, permissions=frozenset({Permission.NUMBERS}))

    one = await forge.chain_reader.get(clerk, whole.id)
    (listed,) = (await forge.chain_reader.page(clerk, content=False)).items
    calls = await forge.chain_reader.calls(clerk, [one], content=False)

    assert (one.total_cost, one.latency_ms, len(one.steps)) == (10_000_000_000, 701, 4)
    for shown in (one, listed):
        assert (shown.content, shown.end_user, shown.session_id, shown.plan.overrides) == (None, None, None, {})
        assert {step.content for step in shown.steps} == {None}
    assert {(call.content, call.end_user) for call in calls.values()} == {(None, None)}
    assert len(calls) == 3
    words = Test("text", Operator.WORDS, ("soup",))
    for asking in (
        forge.chain_reader.page(clerk),
        forge.chain_reader.page(clerk, filter=words, content=False),
        forge.chain_reader.calls(clerk, [one]),
        anext(forge.chain_reader.watch(clerk, words)),
    ):
        with pytest.raises(Forbidden):
            await asking


async def test_workspaces_stay_apart(forge, actor, other_actor):
    """Another workspace's chain executions are not there, nor their calls."""
    whole = await recorded(forge.record, actor.workspace)

    with pytest.raises(NotFound, match="there is no chain execution"):
        await forge.chain_reader.get(other_actor, whole.id)
    assert list((await forge.chain_reader.page(other_actor)).items) == []
    assert await forge.chain_reader.calls(other_actor, [whole]) == {}


async def test_all_the_calls_of_many_chain_executions_are_found(forge, actor):
    """More chain executions than one question names, and more calls than one page holds: every call is found."""
    made = [await recorded(forge.record, actor.workspace, NOON + timedelta(seconds=n)) for n in range(210)]

    calls = await forge.chain_reader.calls(actor, made)

    assert calls.keys() == {step.execution_id for one in made for step in one.steps if step.execution_id}
    assert await forge.chain_reader.calls(actor, []) == {}
    assert {call.id for call in calls.values() if call.content is None} == set()


async def test_the_filters_offer_chains_by_their_runs(forge, actor):
    """The names of the chains that ran, with how often they did, however many calls they made."""
    for n in range(3):
        await recorded(forge.record, actor.workspace, forge.clock.now() - timedelta(minutes=n))

    assert await forge.overviews.values(actor, Dimension.CHAIN_NAME) == [("triage", 3)]
