"""Money in the history: sums are exact in any grouping, to the last of 12 places."""

import itertools
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.executions import NOON, done
from kit.record import history
from promptforge.core import money
from promptforge.core.query import Breakdown, Dimension, Subject

__all__ = ["history"]

_numbers = itertools.count(1)
amounts = st.integers(-(10**6), 10**6) | st.integers(-(2**63), 2**63 - 1)
rows = st.tuples(amounts | st.none(), st.sampled_from("abc"), st.sampled_from([None, "x", "y"]), st.booleans())


@settings(max_examples=20)
@given(given=st.lists(rows, min_size=1, max_size=30))
def test_sums_are_exact_in_any_grouping(history, given):
    """Total, groups and groups of groups equal the sums that Decimal makes, adjustments included."""
    workspace = f"money-{next(_numbers)}"
    runs = [
        done(workspace, cost=cost, model=model, service=service, adjusts=done(workspace).id if adjusts else None)
        for cost, model, service, adjusts in given
    ]
    history.insert(1, list(enumerate(runs, 1)), doubt=False)
    total = sum((money.decimal(run.cost) for run in runs if run.cost is not None), Decimal(0))
    for by in ((), (Dimension.MODEL,), (Dimension.SERVICE, Dimension.MODEL), (Dimension.DAY, Dimension.STATUS)):
        groups = history.figures(Breakdown(workspace=workspace, by=by, subject=Subject.CALLS))
        assert sum((money.decimal(group.figures.cost) for group in groups), Decimal(0)) == total
        if by == (Dimension.MODEL,):
            for group in groups:
                own = [r.cost for r in runs if r.model == group.key[0] and r.cost is not None]
                assert group.figures.cost == sum(own)


def test_lines_add_up_to_the_cost_where_sql_sums_them(history):
    """The nested lines are money too: unit by unit, the engine's sum is the exact one."""
    from promptforge.core.price import PriceSource, Rate, line

    workspace = f"money-{next(_numbers)}"
    rates = [Rate(unit="input", usd=3_000_000), Rate(unit="output", usd=15_000_001)]
    runs = []
    for n in range(1, 50):
        lines = tuple(line(rate, n * 7, source=PriceSource.CATALOGUE, valid_from=NOON) for rate in rates)
        runs.append(done(workspace, lines=lines, cost=sum(x.amount for x in lines)))
    history.insert(1, list(enumerate(runs, 1)), doubt=False)
    summed = history._engine.ask(
        "SELECT unit, sum(amount) FROM facts ARRAY JOIN lines.unit AS unit, lines.amount AS amount "
        "PREWHERE workspace = {w:String} GROUP BY unit",
        {"w": workspace},
    )
    for unit, amount in summed:
        assert money.from_decimal(amount) == sum(x.amount for run in runs for x in run.lines if x.unit == unit)
