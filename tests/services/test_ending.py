"""How a call is closed: what earlier attempts used is paid for too, each by its own model."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kit.clock import START
from kit.executions import pending
from promptforge.core.execution import Attempt, CostState, ErrorType, Status
from promptforge.core.model import ModelFailure, Reply
from promptforge.core.usage import Usage, UsageSource
from promptforge.pricing.book import Book
from promptforge.services.ending import Outcome, Spent, closed

BOOK = Book()
MODELS = [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("demo", "demo-small"), ("nobody", "unpriced")]
USAGES = st.fixed_dictionaries({"input": st.integers(1, 10**6), "output": st.integers(0, 10**6)}).map(
    lambda leaves: Usage({leaf: count for leaf, count in leaves.items() if count})
)
ATTEMPTS = st.lists(st.tuples(st.sampled_from(MODELS), st.none() | USAGES), max_size=5)
ENDS = st.sampled_from(["answered", "refused", "cut"])


def attempt(number, provider, model):
    return Attempt(
        number=number, provider=provider, model=model, offset_ms=0, latency_ms=1, status=Status.ERROR, error_type=None
    )


@given(ATTEMPTS, st.sampled_from(MODELS), USAGES, ENDS)
def test_usage_and_cost_are_the_sums_over_the_attempts(earlier, last, used, end):
    """Whatever failed before and however it ends: usage adds up, each line has its attempt, cost is their sum.

    Where nobody said what an attempt used, the sum is what is known, and says that it is an estimate.
    """
    opened = pending("w", START, provider=last[0], model=last[1])
    outcome = {
        "answered": Outcome(reply=Reply(text="x", usage=used, model=last[1])),
        "refused": Outcome(failure=ModelFailure("no", ErrorType.AUTHENTICATION, refused=True)),
        "cut": Outcome(failure=ModelFailure("cut", ErrorType.NETWORK)),
    }[end]
    spent = [
        Spent(attempt=n, model=model, priced_as=provider, usage=usage)
        for n, ((provider, model), usage) in enumerate(earlier, 1)
    ]
    attempts = [attempt(n, *model) for n, model in enumerate([*(model for model, _ in earlier), last], 1)]
    parts = {"attempts": attempts, "attempt_errors": [""] * len(attempts), "latency_ms": 1, "first_token_ms": None}
    done = closed(opened, outcome, **parts, prices=BOOK, secret=b"s", earlier=spent)

    if end == "cut":
        assert (done.usage, done.cost, done.cost_state) == (None, None, CostState.UNKNOWN)
        return
    tried = [(n, model, usage) for n, (model, usage) in enumerate(earlier, 1)]
    final = [(len(attempts), last, used)] if end == "answered" else []
    paid = [(n, model, usage) for n, model, usage in (*tried, *final) if usage is not None]
    sums = Counter()
    for _, _, usage in paid:
        sums.update(usage.leaves)
    assert done.usage.leaves == dict(sums)
    assert (done.token_in, done.token_out) == (sums["input"], sums["output"])
    known = UsageSource.REPORTED if paid else UsageSource.NONE
    unsaid = any(usage is None for _, usage in earlier)
    assert done.usage_source is (UsageSource.ESTIMATED if unsaid else known)
    if any(provider == "nobody" for _, (provider, _), _ in paid):
        assert (done.cost, done.cost_state, done.lines) == (None, CostState.UNPRICED, ())
        return
    wanted = Counter()
    for number, (provider, model), usage in paid:
        wanted[number] = sum(line.amount for line in BOOK.lines("w", provider, model, usage, START))
    assert {n: amount for n, amount in wanted.items() if amount} == {
        n: amount
        for n in {line.attempt for line in done.lines}
        if (amount := sum(line.amount for line in done.lines if line.attempt == n))
    }
    assert done.cost == sum(line.amount for line in done.lines)
