"""The sums per quarter of an hour say exactly what the rows say."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import ended, opened, step
from kit.executions import NOON, done
from kit.record import history, workspace
from promptforge.core.execution import CostState, ErrorType, PromptRef, Status, StepRef
from promptforge.core.filter import EVERYTHING, All, Operator, Test
from promptforge.core.query import Breakdown, Dimension, Subject

__all__ = ["history", "workspace"]

EVERY_ROW = 1 << 40
"""A journal number beyond all: the bound makes the history look at the rows themselves."""
FILTERS = [
    EVERYTHING,
    Test("model", Operator.IN, ("large", "small")),
    All((Test("model", Operator.LIKE, ("sm*",)), Test("prompt_id", Operator.EXISTS))),
]
GROUPINGS = [
    (),
    (Dimension.DAY, Dimension.ERROR_TYPE),
    (Dimension.PROMPT, Dimension.PROMPT_NAME, Dimension.PROVIDER, Dimension.MODEL),
]


def _made(workspace, draw, number):
    prompt = draw.randrange(4)
    ref = PromptRef(prompt_id=f"p{prompt}", prompt_name=f"n{prompt}", version_id=f"v{prompt}", version=1)
    failed = draw.random() < 0.3
    at = NOON - timedelta(milliseconds=draw.randrange(6 * 86_400_000))
    if number % 4 == 0:
        chain = ended(opened(workspace, at), step("a"), latency_ms=draw.choice([None, draw.randrange(10_000)]))
        return replace(chain, status=Status.ERROR, error_type=draw.choice(list(ErrorType))) if failed else chain
    return done(
        workspace,
        at,
        step=StepRef(chain_execution_id="chex_1") if number % 4 == 1 else None,
        model=draw.choice(["small", "large", "other"]),
        prompt=ref if prompt else None,
        status=Status.ERROR if failed else Status.SUCCESS,
        error_type=draw.choice(list(ErrorType)) if failed else None,
        latency_ms=None if number % 7 == 0 else draw.randrange(10_000),
        token_in=None if failed else draw.randrange(10**6),
        token_out=None if failed else draw.randrange(10**6),
        cost=None if failed else draw.randrange(-(10**15), 10**18),
        cost_state=CostState.UNKNOWN if failed else CostState.PRICED,
    )


@pytest.mark.parametrize("by", GROUPINGS, ids=["total", "days", "names"])
def test_sums_and_rows_agree(history, workspace, by):
    """For any window, on quarters of an hour or beside them, in zones of every offset, with and without a filter."""
    draw = random.Random(len(by))
    history.insert(1, list(enumerate((_made(workspace, draw, n) for n in range(400)), 1)), doubt=False)

    for _ in range(12):
        start = NOON - timedelta(milliseconds=draw.randrange(7 * 86_400_000))
        query = Breakdown(
            workspace=workspace,
            filter=draw.choice(FILTERS),
            start=draw.choice([None, start, start.replace(minute=15, second=0, microsecond=0)]),
            end=draw.choice([None, NOON, start + timedelta(milliseconds=draw.randrange(3 * 86_400_000))]),
            by=by,
            subject=draw.choice(list(Subject)),
            zone=draw.choice(["UTC", "Asia/Kathmandu", "America/St_Johns", "Europe/Zurich", "Pacific/Chatham"]),
        )

        assert list(history.figures(query, EVERY_ROW)) == list(history.figures(query))
