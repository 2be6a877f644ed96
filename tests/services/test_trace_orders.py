"""Whatever order, split and repetition its spans come in, a trace becomes the same calls and chain execution."""

import itertools
import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.clock import FixedClock
from kit.executions import NOON
from kit.record import PATIENCE, history
from kit.spans import call, trace, under, work
from promptforge.core.access import Actor, Permission, system
from promptforge.core.execution import ErrorType
from promptforge.core.query import Page
from promptforge.core.span import Span
from promptforge.core.usage import usage
from promptforge.record import open_record
from promptforge.services.chain_reader import ChainReader
from promptforge.services.traces import PATIENCE_SECONDS, Traces

__all__ = ["history"]
SECRET = b"for tests only, of no use elsewhere"
_fresh = itertools.count()


@st.composite
def forests(draw) -> list[Span]:
    """Spans of some traces: with a root or without, one that calls a model or not, and anything below."""
    spans: list[Span] = []
    for number in range(draw(st.integers(1, 3))):
        root = (call if draw(st.booleans()) and number else work)(NOON, trace(), name=f"root {number}")
        root = replace(root, span_id=f"{next(_fresh):016x}", metadata={"trace": number})
        parents = [root]
        for place in range(draw(st.integers(0, 4))):
            parent = draw(st.sampled_from(parents))
            made = under(parent, draw(st.integers(-3, 5)), name=f"span {number} {place}")
            if draw(st.booleans()):
                made = replace(made, failed=True, error_type=ErrorType.TIMEOUT, error="late", usage=None)
            else:
                made = replace(made, usage=usage(input=place + 1, output=number))
            parents.append(replace(made, calls_model=draw(st.integers(0, 3)) > 0))
        spans += parents if draw(st.integers(0, 3)) else parents[1:]
    return spans


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_the_same_result(tmp_path, history, forge, data):
    """One request with everything, or any permutation of it in any requests, some of them twice: nobody can tell."""
    spans = data.draw(forests())
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    clock = FixedClock(NOON)
    store = await open_record(tmp_path / f"{next(_fresh)}", clock, history=history, min_free_mb=0)
    store.patience = PATIENCE
    traces = Traces(store, store, forge.prompts, forge.price_book, clock, forge.retentions, secret=SECRET)
    seen = []
    for whole in (True, False):
        workspace = f"orders-{next(_fresh)}"
        actor = Actor(workspace=workspace, user_id="user_1", permissions=frozenset(Permission))
        for request in [spans] if whole else requests(spans, chance):
            done = await traces.take(actor, request)
            assert done.received == done.stored + done.duplicate + done.rejected
        await traces.sweep(system("default"))
        clock.advance(PATIENCE_SECONDS)
        await traces.sweep(system("default"))
        assert (store.unfinished(workspace), store.roots(workspace)) == ((), [])
        seen.append((await calls(store, workspace), await chains(store, actor)))
    await store.shutdown()
    assert seen[0] == seen[1]
    assert len(seen[0][0]) == sum(span.calls_model for span in spans)


def requests(spans: list[Span], chance: random.Random) -> list[list[Span]]:
    """The spans in some order, cut into requests, a few of which come again."""
    left = chance.sample(spans, len(spans))
    cut: list[list[Span]] = []
    while left:
        size = chance.randint(1, len(left))
        cut.append(left[:size])
        left = left[size:]
    return chance.sample([*cut, *chance.choices(cut, k=2)], len(cut) + 2) if cut else []


async def calls(store, workspace) -> list:
    """Every call but for what says which workspace it is in."""
    found = (await store.page(Page(workspace=workspace, limit=500))).items
    kept = [
        (run.step and run.step.step, run.status, run.created_at, run.token_in, run.cost, run.content) for run in found
    ]
    return sorted(kept, key=repr)


async def chains(store, actor) -> list:
    """Every chain execution but for the moment in its id, which is that of the first request."""
    found = (await ChainReader(store, store).page(actor, limit=500)).items
    kept = [
        (
            one.chain and one.chain.chain_name,
            (one.status, one.error_type, one.started_at, one.latency_ms, one.content),
            (one.token_in, one.token_out, one.total_cost, one.cost_state),
            [(step.name, step.order, step.offset_ms, step.cost) for step in one.steps],
        )
        for one in found
    ]
    return sorted(kept, key=repr)
