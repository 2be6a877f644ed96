"""What every price book keeps, whatever its rows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.price import PriceSource, Rate, Tiered
from promptforge.core.usage import Usage, usage
from promptforge.pricing.book import Book
from promptforge.pricing.tariff import Tariff

AT = datetime(2026, 11, 24, tzinfo=UTC)
LEAVES = st.dictionaries(
    st.sampled_from(["input", "input_cache_read", "output", "output_reasoning", "output_audio", "odd"]),
    st.integers(0, 10**9),
)


class OwnRows:
    """A workspace's own price for one model: the shape of rows that come before the catalogue."""

    def find(self, workspace, provider, model, at, terms):
        if (workspace, model) != ("mine", "gpt-4o"):
            return None
        return Tariff(rates={"input": Tiered(Rate(unit="input", usd=7))}, source=PriceSource.WORKSPACE)

    def provider_of(self, model):
        return None


BOOKS = {"catalogue": Book(), "own rows first": Book([OwnRows()])}
PAIRS = [
    ("openai", "gpt-4o"),
    ("anthropic", "claude-3-5-sonnet-20241022"),
    ("demo", "demo-small"),
    ("openai", "nobody"),
]


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
@given(LEAVES, st.integers(1, 5))
def test_all_leaves_are_priced_or_none(book, pair, leaves, attempt):
    """Lines cover every leaf that was used exactly once, each amount is quantity times rate; or there are no lines."""
    used = Usage(leaves)
    lines = book.lines("w", *pair, used, AT, attempt=attempt)
    if lines is None:
        return
    assert {line.unit: line.quantity for line in lines} == {leaf: n for leaf, n in leaves.items() if n}
    for line in lines:
        assert line.amount == line.quantity * line.rate * (1_000_000 // line.per)
        assert line.attempt == attempt
    assert lines == book.lines("w", *pair, used, AT, attempt=attempt)


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_the_time_decides_and_never_the_clock(book):
    """Equal arguments give equal lines, and another time gives the rows of that time."""
    early, late = datetime(2025, 6, 9, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)
    then, now = (book.lines("w", "openai", "o3", usage(input=1), at)[0].rate for at in (early, late))
    assert then > now


def test_a_workspaces_own_rows_come_first_and_stay_its_own():
    """Own prices win where they exist, for that workspace alone."""
    book = BOOKS["own rows first"]
    assert book.lines("mine", "openai", "gpt-4o", usage(input=1), AT)[0].source is PriceSource.WORKSPACE
    assert book.lines("other", "openai", "gpt-4o", usage(input=1), AT)[0].source is PriceSource.CATALOGUE
    assert book.lines("mine", "openai", "gpt-4o", usage(output=1), AT) is None
