"""The demo: made-up data that come by the recording path, once, and leave nothing behind."""

import asyncio
from collections import Counter
from contextlib import aclosing
from datetime import timedelta
from itertools import pairwise

import pytest

from promptforge.core.access import OF_ROLE, Actor, Role
from promptforge.core.chain import StepType
from promptforge.core.chain_ports import MemoryPlace
from promptforge.core.errors import Forbidden
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.filter import Operator, Test
from promptforge.core.query import Breakdown, Dimension, Page, Subject
from promptforge.services.chain_executions import ChainCall
from promptforge.services.demo import Demo
from promptforge.services.demo.schedule import schedule

SIZE = 6_000
CHAINS = SIZE // 100


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


@pytest.fixture(scope="module")
async def found(forge, shop):
    """Every call of the loaded demo."""
    return await all_of(forge, shop)


@pytest.fixture(scope="module")
async def chains(forge, shop):
    """Every chain execution of the loaded demo, with its content."""
    return await chains_of(forge, shop)


async def all_of(forge, actor):
    """Every execution of the workspace, newest first."""
    found, after = [], None
    while page := (await forge.record.page(Page(workspace=actor.workspace, limit=500, after=after))).items:
        found += page
        after = page[-1].id
    return found


async def chains_of(forge, actor):
    """Every chain execution of the workspace with its content, newest first."""
    found = (await forge.record.chain_page(Page(workspace=actor.workspace, limit=500))).items
    return await asyncio.gather(*(forge.record.get_chain(actor.workspace, chain.id) for chain in found))


def another(forge):
    """The demo as another process with the same home has it."""
    f = forge
    return Demo(f.record, f.record, f.prompts, f.chains, f.access, f.price_book, f.retentions, secret=f.demo._secret)


async def figures(forge, actor, *by, **options):
    """Figures of the workspace by group."""
    asked = Breakdown(workspace=actor.workspace, by=by, subject=Subject.CALLS, **options)
    return {group.key: group.figures for group in (await forge.record.figures(asked)).items}


async def test_a_load_stores_exactly_what_was_asked_for(forge, found, chains):
    """Calls outside chains are as many as asked for, all of it is the demo's, and progress ends at the total."""
    assert len(found) == len({e.id for e in found})
    assert len([e for e in found if e.step is None]) == SIZE
    assert len([chain for chain in chains if chain.forked_from is None]) == CHAINS
    assert {Source.DEMO} == {e.source for e in (*found, *chains)}
    assert SIZE + CHAINS == forge.demo.done == forge.demo.total
    assert not forge.demo.loading


async def test_a_second_load_stores_nothing(forge, shop):
    """Ids are derived: another process with the same home finds everything there, prompts included."""
    again = another(forge)

    async def there():
        defined = [*await forge.prompts.list(shop), *await forge.chains.list(shop)]
        kept = (await figures(forge, shop))[()].calls, [chain.id for chain in await chains_of(forge, shop)]
        return [(one.id, one.latest) for one in defined], kept

    before = await there()

    await again.load(shop, executions=SIZE)

    assert before == await there()
    assert again.done == again.total


async def test_every_state_and_every_error_is_seen(found):
    """A page built on the demo meets each error type, cost state and kind of call at least once."""
    assert set(ErrorType) == {e.error_type for e in found if e.error_type}
    assert {CostState.PRICED, CostState.UNPRICED, CostState.UNKNOWN} == {e.cost_state for e in found}
    assert any(e.prompt is None for e in found)
    assert any(e.streamed for e in found)
    assert any(len(e.attempts) > 1 and e.status is Status.SUCCESS for e in found)
    assert any("input_cache_read" in e.usage.leaves for e in found if e.usage)
    assert any("output_reasoning" in e.usage.leaves for e in found if e.usage)
    assert any(count > 1 for session, count in Counter(e.session_id for e in found).items() if session)


async def test_the_figures_add_up(found):
    """Of every execution: tokens are the sum of its leaves, cost the sum of its lines, and errors have a sentence."""
    for execution in found:
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
    """Eight prompts, two to five versions each, and four that only chains call; staging points at a trial."""
    prompts = {prompt.name: prompt for prompt in await forge.prompts.list(shop)}

    assert len(prompts) == 8 + 4
    assert {1, 2, 3, 5} == {prompt.latest for prompt in prompts.values()}
    assert prompts["support-reply"].labels == {"production": 4, "staging": 5}


async def test_chains_have_versions_with_visible_changes(forge, shop):
    """Three chains; production is the second version, and the third, the latest, asks the simulated model."""
    chains = await forge.chains.list(shop)

    assert {"answer-review", "publish-product", "answer-customer"} == {chain.name for chain in chains}
    for chain in chains:
        assert chain.labels == {"production": 2, "simulated": 3}
        assert await forge.chains.validate(shop, chain.id) == []
        assert await forge.chain_files.compare(shop, chain.id, 1, 2)
    used = {step.type for chain in chains for step in chain.draft.steps}
    assert used == set(StepType)


async def test_the_history_of_chains_shows_what_can_become_of_one(chains):
    """Both branches, a failed step that ended its chain and one that did not, an API out of reach, a fork, versions."""
    steps = [step for chain in chains for step in chain.steps]
    failed = [chain for chain in chains if chain.failed_step]

    assert {1, 2} == {chain.chain.version for chain in chains}
    assert {"apology", "thanks"} <= {step.name for step in steps}
    assert {"the tag 'happy' was not activated"} < {s.reason for chain in chains for s in chain.skipped}
    assert any(chain.content.error.startswith("Step 0 (") for chain in failed)
    assert {step.name for step in steps if step.status is Status.ERROR} - {chain.failed_step for chain in failed}
    assert any(step.type is StepType.API_CALL and step.attempts and step.status is Status.ERROR for step in steps)
    fork = next(chain for chain in chains if chain.forked_from)
    assert fork.forked_from in {chain.id for chain in failed}
    assert fork.status is Status.SUCCESS
    assert 85 < 100 * sum(chain.status is Status.SUCCESS for chain in chains) / len(chains) < 100


async def test_the_figures_of_chains_add_up(found, chains):
    """Of each: waves follow one another, and every model's step is a recorded call with its very cost."""
    calls = {call.id: call for call in found if call.step is not None}

    for chain in chains:
        orders = sorted({step.order for step in chain.steps})
        for order, following in pairwise(orders):
            ends = max(s.offset_ms + s.latency_ms for s in chain.steps if s.order == order)
            assert all(s.offset_ms >= ends for s in chain.steps if s.order == following and not s.reused_from)
        assert chain.latency_ms >= max(step.offset_ms + step.latency_ms for step in chain.steps)
        for step in chain.steps:
            if step.type is StepType.PROMPT and step.reused_from is None:
                call = calls.pop(step.execution_id)
                assert (call.step.chain_execution_id, call.step.step) == (chain.id, step.name)
                assert (call.cost, call.token_in, call.token_out) == (step.cost, step.token_in, step.token_out)
                assert call.created_at == chain.created_at + timedelta(milliseconds=step.offset_ms)
    assert calls == {}


async def test_a_demo_chain_runs_by_hand_without_a_key(forge, shop):
    """The latest version of each chain answers from the simulated model; what the shop's API cannot say is left out."""
    given = {
        "answer-review": {"review": "The strap broke."},
        "publish-product": {"product": "Aurora 3", "features": "90 g"},
        "answer-customer": {"question": "Where is it?", "product": "Aurora 3", "order": "NL-1"},
    }
    for name, inputs in given.items():
        done = await forge.chain_executions.execute(shop, ChainCall(name=name, input=inputs, end_user="customer-0001"))

        assert done.status is Status.SUCCESS, done.content.error
        assert {step.status for step in done.steps if step.name != "delivery"} == {Status.SUCCESS}


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


async def test_removing_the_demo_removes_its_chains(forge):
    """Chains, chain executions, their calls and what they remember are gone, and a new demo starts with none of it."""
    workspace = await forge.access.ensure_workspace("demo")
    actor = Actor(workspace=workspace.id, user_id="system", permissions=OF_ROLE[Role.ADMINISTRATOR])
    await forge.demo.load(actor, executions=600)
    chain = await forge.chains.named(actor, "answer-customer")
    asked = {"question": "Where is it?", "product": "Aurora 3", "order": "NL-1"}
    call = ChainCall(name=chain.name, input=asked, end_user="customer-0001")
    await forge.chain_executions.execute(actor, call)
    place = MemoryPlace(actor.workspace, chain.id, "customer-0001", "questions")
    assert await forge.catalog.memory.read(place, forge.clock.now()) == ["Where is it?"]

    await forge.demo.remove(actor)

    assert await forge.chains.list(actor) == []
    assert await chains_of(forge, actor) == await all_of(forge, actor) == []
    assert await forge.catalog.memory.read(place, forge.clock.now()) is None


def test_the_schedule_is_exact_and_the_same_every_time(fixed_clock):
    """Any end and size: as many moments as asked for, in order, before the end, equal on every call."""
    until = fixed_clock.now()
    drawn = schedule(until, executions=1_234, days=30, seed="s")
    moments = [moment for day in drawn for moment in day.moments]

    assert len(moments) == 1_234
    assert sorted(moments) == moments
    assert moments[-1] < until
    assert drawn == schedule(until, executions=1_234, days=30, seed="s")
