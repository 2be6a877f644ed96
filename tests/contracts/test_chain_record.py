"""What every ChainRecord promises."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kit.chains import REF, call_of, ended, opened, step, step_of
from kit.clock import FixedClock
from kit.executions import NOON, closed, done, pending
from kit.record import PATIENCE, history, store, workspace
from promptforge.core.chain import ChainRef, StepType
from promptforge.core.chain_execution import ChainContent, ChainPlan, SkippedStep, StepContent, without_content
from promptforge.core.errors import Conflict, InvalidInput
from promptforge.core.execution import Attempt, CostState, ErrorType, Source, Status
from promptforge.core.filter import TOP_LEVEL, All, Not, Operator, Test
from promptforge.core.ports import Claim
from promptforge.core.query import Breakdown, Counts, Dimension, Page, Subject
from promptforge.core.redaction import Redactors
from promptforge.record import open_record

__all__ = ["history", "store", "workspace"]


def full(workspace):
    """A chain execution with every field set to something of its own."""
    failed = step(
        "fetch",
        1,
        type=StepType.API_CALL,
        status=Status.ERROR,
        latency_ms=17,
        error_type=ErrorType.NETWORK,
        attempts=(Attempt(number=1, provider="example.com", model="", offset_ms=1, latency_ms=2, status=Status.ERROR),),
        content=StepContent(input=[1, {"a": None}], error="reset é", stack_trace="  at x\n"),
    )
    return ended(
        opened(workspace),
        step("classify", 0, execution_id=done(workspace).id, cost=None, cost_state=CostState.UNKNOWN, token_in=None),
        step("branch", 1, type=StepType.CONDITION, tag="good", reused_from="chex_1", content=None),
        failed,
        status=Status.ERROR,
        source=Source.SDK,
        user_id="user_1",
        key_id="key_1",
        service="shop",
        end_user="customer 'é' \\ %",
        session_id="session\t1",
        tags={"env": "prod"},
        error_type=ErrorType.NETWORK,
        failed_step="fetch",
        skipped=(SkippedStep(name="reply", order=2, type=StepType.PROMPT, reason="no tag of it is active"),),
        forked_from="chex_0",
        expires_on=date(2027, 11, 24),
        input_hash=2**64 - 1,
        output_hash=7,
        content=ChainContent(
            input={"q": 'say "hi"\n'}, output="a\\n text", error="failed", stack_trace="x", metadata={"k": [1]}
        ),
    )


async def test_a_chain_execution_is_readable_at_every_moment_of_its_life(store, workspace):
    """Opened, with each finished step, and closed: by id and on the page, one row all the time."""
    chain = opened(workspace)
    assert await store.open_chain(chain) == chain.id
    assert await store.get_chain(workspace, chain.id) == chain
    call = call_of(chain, "classify")
    await store.open(call)
    await store.close_step(closed(call), step_of(closed(call)))
    await store.advance(workspace, chain.id, step("shape", 1))
    going = replace(chain, steps=(step_of(closed(call)), step("shape", 1)))
    assert await store.get_chain(workspace, chain.id) == going
    assert list((await store.chain_page(Page(workspace=workspace))).items) == [going]
    assert await store.get(workspace, call.id) == closed(call)
    whole = ended(chain, *going.steps)
    await store.close_chain(whole)
    assert await store.get_chain(workspace, chain.id) == whole
    page = await store.chain_page(Page(workspace=workspace))
    assert (list(page.items), page.freshness.behind) == ([whole], 0)
    assert await store.get_chain(workspace, chain.id) == whole
    assert whole.total_cost == 4_500_000_000


async def test_an_open_call_can_gain_the_attempt_that_was_interrupted(store, workspace):
    """What is kept again takes the place of what was opened, once; a closed call stays as it is."""
    chain = opened(workspace)
    await store.open_chain(chain)
    call = call_of(chain, "classify")
    await store.open(call)
    again = replace(call, tags={"tried": "twice"})
    await store.open_again(again)
    assert list(store.calls_of(workspace, chain.id)) == [again]
    assert await store.get(workspace, call.id) == again
    await store.close_step(closed(call), step_of(closed(call)))
    await store.open_again(again)
    assert list(store.calls_of(workspace, chain.id)) == []
    assert await store.get(workspace, call.id) == closed(call)


@pytest.mark.parametrize(
    "content",
    [
        None,
        ChainContent(),
        ChainContent(input="", output=""),
        ChainContent(input=0, output=False),
        ChainContent(input=[], output=[{"a": 1e20}], metadata={}),
        ChainContent(input={"a": {"b": []}}, output={"steps": []}, error=""),
    ],
)
async def test_every_content_comes_back(store, workspace, content):
    """Missing, empty and falsy values stay what they are, whether or not the steps have content."""
    for number, inner in enumerate((None, StepContent(), StepContent(input=0, output="", error=""))):
        chain = opened(workspace, NOON + timedelta(seconds=number), content=content)
        chain = replace(ended(chain, step("a", content=inner), step("b", 1, content=None)), content=content)
        await store.open_chain(replace(chain, status=Status.PENDING, steps=()))
        await store.close_chain(chain)
        assert list((await store.chain_page(Page(workspace=workspace, limit=1))).items) == [chain]


async def test_every_field_comes_back(store, workspace):
    """From the history, on a page with and without content and by id."""
    chain = full(workspace)
    await store.close_chain(chain)
    page = Page(workspace=workspace)
    assert list((await store.chain_page(page)).items) == [chain]
    assert await store.get_chain(workspace, chain.id) == chain
    bare = replace(chain, content=None, steps=tuple(replace(done, content=None) for done in chain.steps))
    assert list((await store.chain_page(replace(page, content=False))).items) == [bare]
    assert chain.cost_state is CostState.UNKNOWN


async def test_a_step_is_done_once(store, workspace):
    """A second checkpoint of the name changes nothing; its call is closed all the same, once."""
    chain = opened(workspace)
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, step("shape"))
    await store.advance(workspace, chain.id, step("shape", latency_ms=99))
    call = call_of(chain, "shape")
    await store.open(call)
    await store.close_step(closed(call), step_of(closed(call)))
    await store.close_step(closed(call, latency_ms=1), step_of(closed(call)))
    assert store.unfinished(workspace) == (replace(chain, steps=(step("shape"),)),)
    assert (await store.get(workspace, call.id)).latency_ms == 120


async def test_steps_stand_in_order(store, workspace):
    """By order, and in it by when they began, in whatever sequence they end."""
    chain = opened(workspace)
    await store.open_chain(chain)
    for name, order, offset in (("c", 2, 9), ("b2", 1, 7), ("b1", 1, 5), ("a", 0, 0)):
        await store.advance(workspace, chain.id, step(name, order, offset_ms=offset))
    assert [done.name for done in store.unfinished(workspace)[0].steps] == ["a", "b1", "b2", "c"]


async def test_what_is_not_open_does_not_advance(store, workspace):
    """Neither an unknown, nor a closed, nor another workspace's; a call of it is closed, and no step remembered."""
    chain = opened(workspace)
    await store.advance(workspace, chain.id, step("early"))
    await store.open_chain(chain)
    await store.advance(f"{workspace}-other", chain.id, step("foreign"))
    late = call_of(chain, "late")
    await store.open(late)
    assert list(store.calls_of(workspace, chain.id)) == [late]
    await store.close_chain(ended(chain))
    await store.advance(workspace, chain.id, step("late"))
    await store.close_step(closed(late), step_of(closed(late)))
    assert await store.get(workspace, late.id) == closed(late)
    assert (await store.get_chain(workspace, chain.id)).steps == ()
    assert list(store.unfinished()) == list(store.calls_of(workspace, chain.id)) == []


async def test_a_second_close_changes_nothing(store, workspace):
    """The first final state stays."""
    chain = opened(workspace)
    await store.open_chain(chain)
    await store.close_chain(ended(chain))
    await store.close_chain(ended(chain, latency_ms=1))
    assert await store.get_chain(workspace, chain.id) == ended(chain)


async def test_watchers_hear_of_every_step(store, workspace):
    """Opening, each new step, closing; what changes nothing is not announced, and executions are not chains."""
    watcher, calls = store.watch_chains(workspace), store.watch(workspace)
    chain, other = opened(workspace), opened(f"{workspace}-other")
    await store.open_chain(other)
    await store.open_chain(chain)
    call = call_of(chain, "classify")
    await store.open(call)
    await store.close_step(closed(call), step_of(closed(call)))
    await store.advance(workspace, chain.id, step("shape", 1))
    await store.advance(workspace, chain.id, step("shape", 1))
    whole = ended(chain, step_of(closed(call)), step("shape", 1))
    await store.close_chain(whole)
    await store.close_chain(whole)
    heard = [await anext(watcher) for _ in range(4)]
    assert heard == [chain, replace(chain, steps=whole.steps[:1]), replace(chain, steps=whole.steps), whole]
    assert [await anext(calls), await anext(calls)] == [call, closed(call)]


async def test_an_idempotency_key_opens_once(store, workspace):
    """The earlier id comes back; another input is a conflict; the counters say duplicate and rejected."""
    first, second = opened(workspace), opened(workspace)
    await store.open_chain(first, Claim("k", "a"))
    assert await store.open_chain(second, Claim("k", "a")) == first.id
    with pytest.raises(Conflict):
        await store.open_chain(second, Claim("k", "b"))
    assert [chain.id for chain in (await store.chain_page(Page(workspace=workspace))).items] == [first.id]
    assert store.counters()[Source.API] == Counts(received=3, stored=1, duplicate=1, rejected=1)


async def test_secrets_never_reach_it(tmp_path, history, workspace):
    """Not in input, output, errors, metadata, tags or steps, whichever verb brings them."""
    secret = "sk-very-secret-1"
    redactors = Redactors([secret])
    store = await open_record(tmp_path, FixedClock(NOON), history=history, redactors=redactors, min_free_mb=0)
    store.patience = PATIENCE
    dirty = StepContent(input={secret: [secret]}, output=secret, error=secret, stack_trace=secret)
    content = ChainContent(input=secret, output={"a": secret}, error=secret, stack_trace=secret, metadata=[secret])
    chain = opened(workspace, content=content, tags={"t": secret}, end_user=secret)
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, step("a", content=dirty))
    call = call_of(chain, "b")
    await store.open(call)
    await store.close_step(closed(call), step_of(closed(call), content=dirty))
    (going,) = store.unfinished()
    assert len(going.steps) == 2
    assert secret not in repr(going)
    await store.close_chain(ended(replace(chain, content=content), step("a", content=dirty), content=content))
    page = await store.chain_page(Page(workspace=workspace))
    assert page.items[0].content.output == {"a": "[redacted]"}
    assert secret not in repr(page.items)
    await store.shutdown()


async def test_what_cannot_be_kept_is_refused_or_made_storable(store, workspace):
    """An id of something else or of another moment is refused; broken characters and huge numbers are mended."""
    for bad in (done(workspace).id, opened(workspace, NOON + timedelta(seconds=1)).id, "chex_1"):
        with pytest.raises(InvalidInput):
            await store.open_chain(opened(workspace, id=bad))
    with pytest.raises(InvalidInput):
        await store.advance(workspace, opened(workspace).id, step("a", latency_ms=2**70))
    odd = StepContent(input="a\ud800", output=[10**30])
    chain = opened(workspace, content=ChainContent(input={"\ud800": 10**30}))
    await store.open_chain(chain)
    await store.advance(workspace, chain.id, step("a", content=odd))
    await store.close_chain(ended(chain, step("a", content=odd), content=chain.content))
    kept = (await store.chain_page(Page(workspace=workspace))).items[0]
    assert kept.content.input == {"\ufffd": str(10**30)}
    assert kept.steps[0].content == StepContent(input="a\ufffd", output=[str(10**30)])


async def test_pages_hold_open_and_stored_ones_in_one_order(store, workspace):
    """Offsets and cursors see one list, whatever is open or closed; executions are not in it, nor it in theirs."""
    chains = [opened(workspace, NOON + timedelta(seconds=n)) for n in range(9)]
    for chain in chains:
        await store.open_chain(chain)
        call = call_of(chain, "a")
        await store.open(call)
        await store.close_step(closed(call), step_of(closed(call)))
    for chain in chains[::3]:
        await store.close_chain(ended(chain))
    expected = [chain.id for chain in chains[::-1]]
    page = Page(workspace=workspace, limit=4)
    assert [c.id for c in (await store.chain_page(replace(page, limit=50))).items] == expected
    for offset in range(10):
        found = await store.chain_page(replace(page, offset=offset))
        assert [c.id for c in found.items] == expected[offset : offset + 4]
        if offset:
            found = await store.chain_page(replace(page, after=expected[offset - 1], offset=1))
            assert [c.id for c in found.items] == expected[offset + 1 : offset + 5]
    pending_only = replace(page, filter=Test("status", Operator.IN, ("pending",)), content=False)
    found = (await store.chain_page(pending_only)).items
    assert [c.id for c in found] == [c.id for c in chains[::-1] if chains.index(c) % 3][:4]
    assert all(c.content is None and all(s.content is None for s in c.steps) for c in found)
    calls = (await store.page(replace(page, limit=50))).items
    assert len(calls) == 9
    assert all(call.id.startswith("exec_") for call in calls)
    assert list((await store.chain_page(replace(page, after=calls[0].id))).items) == []
    assert list((await store.page(replace(page, after=expected[0]))).items) == []


async def test_filters_mean_the_same_for_open_and_stored_ones(store, workspace):
    """By chain, label, version, words, tags, before closing and after; the calls of a chain are found by it too."""
    chain = opened(workspace, tags={"env": "prod"})
    other = opened(workspace, chain=ChainRef(chain_id="chain_2", chain_name="else", version_id="cver_1", version=1))
    await store.open_chain(chain)
    await store.open_chain(other)
    call = call_of(chain, "classify")
    await store.open(call)
    by_chain = Test("chain_id", Operator.IN, ("chain_1",))
    trees = [
        by_chain,
        Test("chain_name", Operator.LIKE, ("tri*",)),
        Test("chain_version", Operator.AT_LEAST, (2,)),
        All((Test("label", Operator.EXISTS), Not(Test("model", Operator.LIKE, ("demo*",))))),
        All((Test("text", Operator.WORDS, ("lovely SOUP",)), Test("tag", Operator.IN, ("prod",), "env"))),
    ]
    for tree in trees:
        assert [c.id for c in (await store.chain_page(Page(workspace=workspace, filter=tree))).items] == [chain.id]
    await store.close_step(closed(call), step_of(closed(call)))
    await store.close_chain(ended(chain))
    await store.close_chain(ended(other, content=ChainContent(input="lovely", output={"soup": "b\nad"}, error="x")))
    for tree in trees:
        assert [c.id for c in (await store.chain_page(Page(workspace=workspace, filter=tree))).items] == [chain.id]
    words = Test("text", Operator.WORDS, ("soup ad x",))
    assert [c.id for c in (await store.chain_page(Page(workspace=workspace, filter=words))).items] == [other.id]
    assert list((await store.page(Page(workspace=workspace, filter=words))).items) == []
    calls = await store.page(Page(workspace=workspace, filter=by_chain))
    assert [c.id for c in calls.items] == [call.id]


async def test_chains_count_as_runs_and_their_calls_as_calls(store, workspace):
    """Success, latency and pending of runs are those of chains; tokens and cost are those of calls, counted once."""
    await store.record([done(workspace, cost=10, latency_ms=100)])
    chain, failed, going = opened(workspace), opened(workspace), opened(workspace)
    for one in (chain, failed, going):
        await store.open_chain(one)
    calls = [call_of(chain, name) for name in ("a", "b")]
    for call in calls:
        await store.open(call)
        await store.close_step(closed(call, cost=5), step_of(closed(call, cost=5)))
    await store.close_chain(ended(chain, *(step_of(closed(call, cost=5)) for call in calls)))
    await store.close_chain(ended(failed, status=Status.ERROR, error_type=ErrorType.TIMEOUT))
    query = Breakdown(workspace=workspace)
    (runs,) = (await store.figures(query)).items
    figures = runs.figures
    assert (figures.runs, figures.calls, figures.success, figures.error, figures.pending) == (4, 3, 2, 1, 1)
    assert (figures.latency_ms_sum, figures.latency_count) == (1500, 3)
    assert (figures.cost, figures.token_in, figures.priced) == (20, 1500, 3)
    (calls,) = (await store.figures(replace(query, subject=Subject.CALLS))).items
    assert (calls.figures.success, calls.figures.error, calls.figures.pending) == (3, 0, 0)
    (top,) = (await store.figures(replace(query, filter=TOP_LEVEL))).items
    assert (top.figures.runs, top.figures.calls, top.figures.cost) == (4, 1, 10)
    by_chain = (await store.figures(replace(query, by=(Dimension.CHAIN, Dimension.CHAIN_NAME)))).items
    assert [(g.key, g.figures.runs, g.figures.calls, g.figures.cost, g.figures.pending) for g in by_chain] == [
        ((REF.chain_id, REF.chain_name), 3, 2, 10, 1),
        ((None, None), 1, 1, 10, 0),
    ]
    models = (await store.figures(replace(query, by=(Dimension.MODEL,), subject=Subject.CALLS))).items
    assert [(g.key, g.figures.calls) for g in models] == [(("demo-small",), 3)]


async def test_erasing_takes_chains_too(store, workspace):
    """Open ones with their steps, and stored ones; the id may come again."""
    stored, going = opened(workspace), opened(workspace)
    await store.close_chain(ended(stored))
    await store.chain_page(Page(workspace=workspace))
    await store.open_chain(going)
    await store.advance(workspace, going.id, step("a"))
    await store.erase(workspace)
    assert list((await store.chain_page(Page(workspace=workspace))).items) == []
    assert list(store.unfinished(workspace)) == []
    assert store.health().open == 0
    await store.open_chain(going)
    await store.advance(workspace, going.id, step("a"))
    assert store.unfinished(workspace) == (replace(going, steps=(step("a"),)),)


async def test_an_id_says_which_kind_it_is(store, workspace):
    """A call may carry the number of a chain execution: each is found under its own prefix, with its own content."""
    chain = ended(opened(workspace), step("a"))
    call = done(workspace, id=chain.id.replace("chex_", "exec_"))
    await store.close_chain(chain)
    await store.record([call])
    assert list((await store.page(Page(workspace=workspace))).items) == [call]
    assert list((await store.chain_page(Page(workspace=workspace))).items) == [chain]
    assert await store.get(workspace, call.id) == call
    assert await store.get_chain(workspace, chain.id) == chain
    assert await store.get(workspace, chain.id) is None
    assert await store.get_chain(workspace, call.id) is None
    assert store._history.known(workspace, [call.id, chain.id]) == {call.id, chain.id}


async def test_health_counts_what_is_open(store, workspace):
    """Open chain executions and open calls."""
    await store.open_chain(opened(workspace))
    await store.open(pending(workspace))
    assert store.health().open == 2


async def test_what_was_changed_for_a_run_is_content(store, workspace):
    """Overrides come back from history, with other content or alone, and are gone from answers on the same day."""
    plan = ChainPlan(versions={"classify": "ver_1"}, overrides={"classify": {"params": {"temperature": 0.5}}})
    both, alone = ended(opened(workspace, plan=plan)), replace(ended(opened(workspace, plan=plan)), content=None)
    past = replace(both, id=opened(workspace).id, expires_on=NOON.date())
    for chain in (both, alone, past):
        await store.open_chain(replace(chain, status=Status.PENDING))
        await store.close_chain(chain)
    assert await store._shipper.reach(store._journal.last, PATIENCE)
    for chain in (both, alone):
        assert await store.get_chain(workspace, chain.id) == chain
    assert await store.get_chain(workspace, past.id) == without_content(past)
