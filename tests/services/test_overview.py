"""Overviews over the real record: sums that agree with each other, days that are all there, words that are kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from kit.defined import asking, define, says
from promptforge.core import ids, window
from promptforge.core.access import OF_ROLE, Permission, Role
from promptforge.core.errors import Forbidden, InvalidInput
from promptforge.core.execution import Content, CostState, ErrorType, Execution, PromptRef, Source, Status, StepRef
from promptforge.core.filter import EVERYTHING, TOP_LEVEL, All, Any, Not, Operator
from promptforge.core.filter import Test as Where
from promptforge.core.query import Dimension, Page, Subject
from promptforge.services.chain_executions import ChainCall
from promptforge.services.overview import subject_of

ZURICH = "Europe/Zurich"


def execution(forge, actor, at, **changes):
    """A finished execution of a moment."""
    number = ids.number(round(at.timestamp() * 1000), forge.clock.bits())
    made = Execution(
        id=ids.text(ids.EXECUTION, number),
        workspace=actor.workspace,
        created_at=at,
        started_at=at,
        status=Status.SUCCESS,
        source=Source.API,
        model="demo-small",
        provider="demo",
        latency_ms=100,
        token_in=5,
        token_out=7,
        cost=4_500_000_000,
        cost_state=CostState.PRICED,
        expires_on=at.date() + timedelta(days=300),
        content=Content(output="hello"),
    )
    return replace(made, **changes)


def named(name, version=1):
    return PromptRef(prompt_id=f"prompt_{name}", prompt_name=name, version_id=f"ver_{name}_{version}", version=version)


async def recorded(forge, executions):
    """Record them and see them arrive in history."""
    await forge.record.record(executions)
    query = Page(workspace=executions[0].workspace, limit=1, content=False)
    while (await forge.record.page(query)).freshness.behind:
        pass  # each question waits a while for what was acknowledged before it


FAILED = {"status": Status.ERROR, "error_type": ErrorType.TIMEOUT, "latency_ms": None, "cost": None,
          "cost_state": CostState.UNKNOWN, "token_in": None, "token_out": None}  # fmt: skip


async def test_the_documented_success_rate(forge, actor):
    """1,250 executions of which 1,187 succeeded and 63 failed make 94.96 per cent."""
    now = forge.clock.now()
    made = [execution(forge, actor, now, **(FAILED if n < 63 else {})) for n in range(1250)]
    await recorded(forge, made)

    found = await forge.overviews.overview(actor, window=window.last_days(7, "UTC", now))

    totals = found.totals
    assert (totals.runs, totals.calls, totals.success, totals.error) == (1250, 1250, 1187, 63)
    assert totals.success_rate == Decimal("94.96")
    assert totals.cost == 1187 * 4_500_000_000
    assert (totals.priced, totals.unknown) == (1187, 63)
    assert [(e.error_type, e.count) for e in found.errors] == [(ErrorType.TIMEOUT, 63)]


@pytest.mark.parametrize("zone", ["UTC", ZURICH, "Pacific/Kiritimati", "America/St_Johns"])
async def test_days_are_all_there_and_add_up(forge, actor, zone):
    """Every day of the window has an entry, in the zone asked for, and their sum is the total."""
    now = forge.clock.now()
    moments = [now - timedelta(hours=9 * n) for n in range(40)]
    await recorded(forge, [execution(forge, actor, at, latency_ms=n) for n, at in enumerate(moments)])
    span = window.last_days(7, zone, now)

    found = await forge.overviews.overview(actor, window=span)

    assert [day.date for day in found.daily] == list(span.dates)
    assert sum(day.figures.runs for day in found.daily) == found.totals.runs
    for day in found.daily:
        expected = [at for at in moments if at.astimezone(window.zone(zone)).date() == day.date]
        assert day.figures.calls == len(expected)


async def test_all_time_begins_with_the_first_day(forge, actor):
    """Without a start the days run from the first with data to today, the empty ones between included."""
    now = forge.clock.now()
    first = now - timedelta(days=20)
    await recorded(forge, [execution(forge, actor, first), execution(forge, actor, now)])

    found = await forge.overviews.overview(actor, window=window.all_time("UTC", now))

    assert [day.date for day in found.daily] == [first.date() + timedelta(days=n) for n in range(21)]
    assert (found.totals.calls, found.previous) == (2, None)


async def test_the_span_before_is_cut_at_the_same_time(forge, actor):
    """The previous span ends where today has got to, so that a morning is compared with a morning."""
    now = forge.clock.now()
    week = timedelta(days=7)
    before, after = now - week - timedelta(minutes=5), now - week + timedelta(minutes=5)
    await recorded(forge, [execution(forge, actor, before), execution(forge, actor, after)])
    span = window.last_days(7, "UTC", now)
    cut = window.before(span, now)
    expected = sum(cut.start <= at < cut.end for at in (before, after))

    found = await forge.overviews.overview(actor, window=span)

    assert found.previous.calls == expected == 1


async def test_an_empty_workspace_has_days_and_no_rate(forge, actor):
    """Nothing recorded: zeros, no rate, no average, and still every day of the window."""
    found = await forge.overviews.overview(actor, window=window.last_days(30, "UTC", forge.clock.now()))

    assert found.totals.calls == 0
    assert found.totals.success_rate is None
    assert found.totals.average_latency_ms is None
    assert len(found.daily) == 30
    assert found.prompts == found.models == found.errors == []


async def test_most_used_first(forge, actor):
    """Prompts and models come by their number of calls; calls without a prompt are no prompt."""
    now = forge.clock.now()
    used = [("a", "m1")] * 3 + [("b", "m2")] * 2 + [("b", "m1")] * 2 + [(None, "m3")] * 9
    await recorded(
        forge, [execution(forge, actor, now, prompt=named(name) if name else None, model=model) for name, model in used]
    )

    found = await forge.overviews.overview(actor, window=window.last_days(7, "UTC", now))

    assert [(p.prompt_name, p.figures.calls) for p in found.prompts] == [("b", 4), ("a", 3)]
    assert [(m.model, m.figures.calls) for m in found.models] == [("m3", 9), ("m1", 5), ("m2", 2)]
    assert all(m.provider == "demo" for m in found.models)


async def test_steps_are_calls_and_not_runs(forge, actor):
    """A call inside a chain counts as a call with its tokens and cost; as a run only where calls are asked for."""
    now = forge.clock.now()
    step = StepRef(chain_execution_id=ids.text(ids.CHAIN_EXECUTION, ids.number(1, 1)))
    await recorded(
        forge,
        [execution(forge, actor, now, prompt=named("p")), execution(forge, actor, now, prompt=named("p"), step=step)],
    )
    span = window.last_days(7, "UTC", now)

    everything = await forge.overviews.overview(actor, window=span)
    filtered = await forge.overviews.overview(actor, window=span, filter=Where("prompt_name", Operator.IN, ("p",)))

    assert (everything.totals.runs, everything.totals.calls, everything.totals.success) == (1, 2, 1)
    assert everything.totals.cost == 2 * 4_500_000_000
    assert (filtered.subject, filtered.totals.success) == (Subject.CALLS, 2)
    assert (filtered.totals.runs, filtered.totals.calls) == (1, 2)
    assert everything.prompts[0].figures.success == 2


async def test_chains_most_used_first(forge, actor):
    """Chains by their runs, with the cost of their calls; a failed run is one of them."""
    await define(forge, actor, asking("one", 1, params=says("a")), name="often")
    await define(forge, actor, asking("one", 1, params=says("a", fail="validation")), name="seldom")
    ran = [
        await forge.chain_executions.execute(actor, ChainCall(name=name, input={"topic": "x"}))
        for name in ("often", "seldom", "often")
    ]

    found = await forge.overviews.overview(actor, window=window.last_days(7, "UTC", forge.clock.now()))

    assert [("often", 2, 2, 0), ("seldom", 1, 0, 1)] == [
        (one.chain_name, one.figures.runs, one.figures.success, one.figures.error) for one in found.chains
    ]
    assert sum(one.figures.cost for one in found.chains) == sum(done.total_cost for done in ran) > 0


def test_what_is_counted():
    """Filters by prompt, version, model, provider or a chain's run count calls, wherever they stand; others runs."""
    by_model = Where("model", Operator.IN, ("m",))
    by_user = Where("end_user", Operator.IN, ("u",))

    assert subject_of(EVERYTHING) is subject_of(by_user) is subject_of(TOP_LEVEL) is Subject.RUNS
    assert subject_of(by_model) is subject_of(Not(by_model)) is Subject.CALLS
    assert subject_of(All((by_user, Any((by_model, by_user))))) is Subject.CALLS
    assert subject_of(Where("chain_execution_id", Operator.IN, ("chex_1",))) is Subject.CALLS


async def test_values_come_most_frequent_first(forge, actor):
    """What the filters offer: values with their number of calls, without the calls that have none."""
    now = forge.clock.now()
    users = ["u1"] * 2 + ["u2"] * 3 + [None] * 5
    await recorded(forge, [execution(forge, actor, now, end_user=user) for user in users])

    assert await forge.overviews.values(actor, Dimension.END_USER) == [("u2", 3), ("u1", 2)]
    assert await forge.overviews.values(actor, Dimension.END_USER, 1) == [("u2", 3)]
    with pytest.raises(InvalidInput, match="1 to 500"):
        await forge.overviews.values(actor, Dimension.END_USER, 0)


async def test_numbers_are_enough_unless_words_are_searched(forge, actor):
    """Who may see numbers only gets every figure, but cannot find content out by filtering for its words."""
    billing = replace(actor, permissions=OF_ROLE[Role.BILLING])
    nobody = replace(actor, permissions=frozenset({Permission.RUN}))
    span = window.last_days(7, "UTC", forge.clock.now())
    words = All((Where("text", Operator.WORDS, ("salary",)),))

    await forge.overviews.overview(billing, window=span)

    with pytest.raises(Forbidden):
        await forge.overviews.overview(billing, window=span, filter=words)
    with pytest.raises(Forbidden):
        await forge.overviews.overview(nobody, window=span)
    with pytest.raises(Forbidden):
        await forge.overviews.values(nobody, Dimension.MODEL)


async def test_other_workspaces_are_not_counted(forge, actor, other_actor):
    """A sum is a workspace's own."""
    now = forge.clock.now()
    await recorded(forge, [execution(forge, actor, now)])

    found = await forge.overviews.overview(other_actor, window=window.all_time("UTC", now))

    assert found.totals.calls == 0
    assert found.daily == []


async def test_a_day_of_twenty_five_hours(forge, actor):
    """Where clocks go back, the day's extra hour belongs to that day."""
    when = datetime(2025, 10, 25, 22, 0, tzinfo=UTC)  # midnight of the 26th in Zurich, a day of 25 hours
    await recorded(forge, [execution(forge, actor, when + timedelta(hours=n, minutes=30)) for n in range(26)])
    span = window.last_days(2, ZURICH, datetime(2025, 10, 27, 12, 0, tzinfo=UTC))

    found = await forge.overviews.overview(actor, window=span, previous=False)

    assert [(d.date, d.figures.calls) for d in found.daily] == [(date(2025, 10, 26), 25), (date(2025, 10, 27), 1)]
