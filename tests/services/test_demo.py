"""The demo: made-up data that come by the recording path, once, and leave nothing behind."""

import asyncio
from collections import Counter
from contextlib import aclosing

import pytest

from promptforge.core.access import OF_ROLE, Actor, Role
from promptforge.core.errors import Forbidden
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.filter import Operator, Test
from promptforge.core.query import Breakdown, Dimension, Page, Subject
from promptforge.services.demo import Demo
from promptforge.services.demo.schedule import schedule

SIZE = 6_000


@pytest.fixture(scope="module")
async def shop(forge):
    """The actor of a loaded demo workspace."""
    workspace = await forge.access.ensure_workspace("demo")
    me = await forge.access.authenticate(forge.local_key)
    actor = Actor(workspace=workspace.id, user_id=me.user_id, permissions=OF_ROLE[Role.ADMINISTRATOR])
    await forge.demo.load(actor, executions=SIZE)
    while (await forge.record.figures(Breakdown(workspace=actor.workspace))).freshness.behind:
        pass  # each question waits a little for what is on its way
    return actor


async def all_of(forge, actor):
    """Every execution of the workspace, newest first."""
    found, after = [], None
    while page := (await forge.record.page(Page(workspace=actor.workspace, limit=500, after=after))).items:
        found += page
        after = page[-1].id
    return found


async def figures(forge, actor, *by, **options):
    """Figures of the workspace by group."""
    asked = Breakdown(workspace=actor.workspace, by=by, subject=Subject.CALLS, **options)
    return {group.key: group.figures for group in (await forge.record.figures(asked)).items}


async def test_a_load_stores_exactly_what_was_asked_for(forge, shop):
    """The total is exact, all of it says that it is the demo's, and progress ends at the total."""
    found = await all_of(forge, shop)

    assert SIZE == len(found) == len({e.id for e in found})
    assert {Source.DEMO} == {e.source for e in found}
    assert SIZE == forge.demo.done == forge.demo.total
    assert not forge.demo.loading


async def test_a_second_load_stores_nothing(forge, shop):
    """Ids are derived: another process with the same home finds everything there, prompts included."""
    again = Demo(forge.record, forge.prompts, forge.access, forge.prices, forge.retentions, secret=forge.demo._secret)
    before = [(p.id, p.latest) for p in await forge.prompts.list(shop)]

    await again.load(shop, executions=SIZE)

    assert len(await all_of(forge, shop)) == SIZE
    assert before == [(p.id, p.latest) for p in await forge.prompts.list(shop)]
    assert again.done == SIZE


async def test_every_state_and_every_error_is_seen(forge, shop):
    """A page built on the demo meets each error type, cost state and kind of call at least once."""
    found = await all_of(forge, shop)

    assert set(ErrorType) == {e.error_type for e in found if e.error_type}
    assert {CostState.PRICED, CostState.UNPRICED, CostState.UNKNOWN} == {e.cost_state for e in found}
    assert any(e.prompt is None for e in found)
    assert any(e.streamed for e in found)
    assert any(len(e.attempts) > 1 and e.status is Status.SUCCESS for e in found)
    assert any("input_cache_read" in e.usage.leaves for e in found if e.usage)
    assert any("output_reasoning" in e.usage.leaves for e in found if e.usage)
    assert any(count > 1 for session, count in Counter(e.session_id for e in found).items() if session)


async def test_the_figures_add_up(forge, shop):
    """Of every execution: tokens are the sum of its leaves, cost the sum of its lines, and errors have a sentence."""
    for execution in await all_of(forge, shop):
        if execution.usage is not None:
            assert execution.token_in == execution.usage.token_in
            assert execution.token_out == execution.usage.token_out
        if execution.cost_state is CostState.PRICED:
            assert execution.cost == sum(line.amount for line in execution.lines)
        else:
            assert execution.cost is None
        assert (execution.status is Status.ERROR) == bool(execution.content.error) == bool(execution.error_type)
        assert "{" not in (execution.content.error or "")


async def test_success_is_usual_and_one_version_got_worse(forge, shop):
    """About 96 to 97 percent succeed; version 4 of support-reply fails far more often and takes longer."""
    total = (await figures(forge, shop))[()]
    of = Test("prompt_name", Operator.IN, ("support-reply",))
    versions = await figures(forge, shop, Dimension.VERSION, filter=of)
    before, now = versions[1,] + versions[2,] + versions[3,], versions[4,]

    assert 95 <= total.success_rate <= 98
    assert 2 * now.error * before.calls > 3 * before.error * now.calls
    assert now.average_latency_ms > before.average_latency_ms


async def test_prompts_carry_versions_and_labels(forge, shop):
    """Eight prompts, two to five versions each; production points at the newest release, staging at a trial."""
    prompts = {prompt.name: prompt for prompt in await forge.prompts.list(shop)}

    assert len(prompts) == 8
    assert {2, 3, 5} == {prompt.latest for prompt in prompts.values()}
    assert prompts["support-reply"].labels == {"production": 4, "staging": 5}


async def test_only_the_demo_workspace_can_be_loaded_or_removed(forge, actor):
    """A key of another workspace is refused and nothing changes there."""
    with pytest.raises(Forbidden, match="demo"):
        await forge.demo.load(actor)
    with pytest.raises(Forbidden, match="demo"):
        await forge.demo.remove(actor)


async def test_removing_ends_a_load_and_leaves_nothing(forge):
    """Remove while a load runs: the load ends, the workspace and what was recorded in it are gone."""
    workspace = await forge.access.ensure_workspace("demo")
    actor = Actor(workspace=workspace.id, user_id="system", permissions=OF_ROLE[Role.ADMINISTRATOR])
    loading = asyncio.create_task(forge.demo.load(actor, executions=9_000, seed="another"))
    async with aclosing(forge.record.watch(actor.workspace)) as happening:
        await anext(happening)

    await forge.demo.remove(actor)
    await loading

    assert await all_of(forge, actor) == []


def test_the_schedule_is_exact_and_the_same_every_time(fixed_clock):
    """Any end and size: as many moments as asked for, in order, before the end, equal on every call."""
    until = fixed_clock.now()
    drawn = schedule(until, executions=1_234, days=30, seed="s")
    moments = [moment for day in drawn for moment in day.moments]

    assert len(moments) == 1_234
    assert sorted(moments) == moments
    assert moments[-1] < until
    assert drawn == schedule(until, executions=1_234, days=30, seed="s")
