"""Services over the real record: who calls, when they were last seen, and what became of what they sent."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from kit.defined import asking, define, says
from promptforge.core import window
from promptforge.core.access import OF_ROLE, Role
from promptforge.core.errors import Forbidden, InvalidInput
from promptforge.core.execution import Source
from promptforge.services.chain_executions import ChainCall
from services.test_overview import FAILED, execution, recorded

DAY = timedelta(days=1)
COST = 4_500_000_000


async def services(forge, actor, **minutes):
    """The services by name, of the last hour unless another window is given."""
    span = window.last_minutes(minutes.get("minutes", 60), "UTC", forge.clock.now())
    return {one.name: one for one in (await forge.services.list(actor, window=span)).items}


async def test_each_service_has_its_own_figures(forge, actor):
    """Calls, errors, tokens, cost and rate are those of the window; last seen is of all time, the newest first."""
    now = forge.clock.now()
    made = [execution(forge, actor, now - timedelta(minutes=n), service="shop") for n in range(12)]
    made += [execution(forge, actor, now, service="shop", source=Source.OTLP, **FAILED)] * 3
    made = [replace(one, id=execution(forge, actor, one.created_at).id) for one in made]
    made += [execution(forge, actor, now - DAY, service="night", source=Source.GATEWAY), execution(forge, actor, now)]
    await recorded(forge, made)

    found = await services(forge, actor)

    assert list(found)[-1] == "night"
    assert set(found) == {"shop", None, "night"}
    shop, night = found["shop"], found["night"]
    assert (shop.figures.calls, shop.figures.runs, shop.figures.error) == (15, 15, 3)
    assert (shop.figures.success_rate, shop.calls_per_minute) == (Decimal("80.00"), Decimal("0.25"))
    assert (shop.figures.cost, shop.figures.token_in, shop.last_seen) == (12 * COST, 60, now)
    assert shop.sources == (Source.API, Source.OTLP)
    assert (night.figures.calls, night.last_seen, night.sources) == (0, now - DAY, (Source.GATEWAY,))
    assert (await services(forge, actor, minutes=3000))["night"].figures.calls == 1


async def test_runs_and_calls_are_both_there(forge, actor):
    """A chain is one run of its service and as many calls as its steps made; success counts runs."""
    mine = replace(actor, service="flows")
    await define(forge, mine, asking("one", 1, params=says("a")), asking("two", 2, params=says("b")), name="pair")
    await forge.chain_executions.execute(mine, ChainCall(name="pair", input={"topic": "x"}))

    (flows,) = (await services(forge, actor)).values()

    assert (flows.name, flows.figures.runs, flows.figures.calls, flows.figures.success) == ("flows", 1, 2, 1)


async def test_all_time_has_no_rate(forge, actor):
    """Nobody knows how long all time is."""
    await recorded(forge, [execution(forge, actor, forge.clock.now() - 300 * DAY, service="old")])

    span = window.all_time("UTC", forge.clock.now())
    (old,) = (await forge.services.list(actor, window=span)).items

    assert (old.figures.calls, old.calls_per_minute) == (1, None)


async def test_what_was_refused_is_told_to_who_may_know(forge, actor):
    """A service whose every item was refused is listed, never seen; the reason only for who may see content."""
    broken = replace(actor, service="broken")
    item = {"createdAt": "2026-03-01T00:00:00Z", "model": "no-such-model"}
    report = await forge.arrivals.record(broken, [item, {**item, "surprise": 1}])
    assert report.rejected == 2

    (seen,) = (await services(forge, actor)).values()
    (billed,) = (await services(forge, replace(actor, permissions=OF_ROLE[Role.BILLING]))).values()

    assert (seen.name, seen.last_seen, seen.figures.calls, seen.rejected.count) == ("broken", None, 0, 2)
    assert "surprise" in seen.rejected.last.text
    assert (billed.rejected.count, billed.rejected.last) == (2, None)


async def test_nobody_sees_more_than_they_may(forge, actor, other_actor):
    """Another workspace is empty; without the permission to see numbers there is no answer; limits are checked."""
    await recorded(forge, [execution(forge, actor, forge.clock.now(), service="mine")])
    assert await services(forge, other_actor) == {}
    with pytest.raises(Forbidden):
        await services(forge, replace(actor, permissions=frozenset()))
    with pytest.raises(InvalidInput):
        await services(forge, actor, minutes=0)
    span = window.last_days(7, "UTC", forge.clock.now())
    with pytest.raises(InvalidInput):
        await forge.services.list(actor, window=span, limit=501)
