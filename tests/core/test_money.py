"""Money, against Decimal."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core import money
from promptforge.core.errors import InvalidInput

AMOUNTS = st.integers(-(10**22), 10**22)
QUANTITIES = st.integers(0, 10**12)
RATES = st.integers(0, money.MAX_RATE)
PER = st.sampled_from(money.PER)


@pytest.fixture(autouse=True)
def wide():
    """The oracle computes with more digits than any amount has."""
    with localcontext() as context:
        context.prec = 90
        yield


def dollars(amount: int) -> Decimal:
    return Decimal(amount) / Decimal(10**12)


@given(QUANTITIES, RATES, PER)
def test_an_amount_is_exact(quantity, rate, per):
    """Quantity times rate is the same number in integers and in Decimal, for any unit."""
    with localcontext() as context:
        context.prec = 90
        assert dollars(money.amount(quantity, rate, per)) == Decimal(quantity) * Decimal(rate) / 10**6 / per


@given(st.lists(AMOUNTS, max_size=30), st.randoms(use_true_random=False))
def test_a_sum_has_no_order_and_no_grouping(amounts, random: Random):
    """Amounts added in any order and in any groups give the sum that Decimal gives."""
    shuffled = random.sample(amounts, len(amounts))
    groups, rest = [], shuffled
    while rest:
        size = random.randint(1, len(rest))
        groups.append(sum(rest[:size]))
        rest = rest[size:]
    with localcontext() as context:
        context.prec = 90
        assert dollars(sum(groups)) == sum(map(dollars, amounts), Decimal(0))


@given(AMOUNTS)
def test_exact_text_and_decimal_lose_nothing(amount):
    """All twelve places come back from the text and from the Decimal, and the text has no trailing zeros."""
    text = money.exact(amount)
    assert money.parse_usd(text) == amount
    assert money.from_decimal(money.decimal(amount)) == amount
    assert "." not in text or not text.endswith(("0", "."))
    assert "e" not in text.lower()


@given(AMOUNTS)
def test_four_places_are_rounded_half_away_from_zero(amount):
    """The API's costUsd is the exact amount rounded half up, and never minus zero."""
    with localcontext() as context:
        context.prec = 90
        expected = dollars(amount).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert Decimal(money.four(amount)) == expected
    assert len(money.four(amount).partition(".")[2]) == 4
    assert expected or not money.four(amount).startswith("-")


@pytest.mark.parametrize(
    ("usd", "four"),
    [
        ("0.00005", "0.0001"),
        ("0.000049999999", "0.0000"),
        ("-0.00005", "-0.0001"),
        ("-0.00001", "0.0000"),
        ("0.0045", "0.0045"),
        ("12", "12.0000"),
        ("1234567.99995", "1234568.0000"),
    ],
)
def test_four_places_at_the_edges(usd, four):
    """Halves go up, small debts are zero without a sign."""
    assert money.four(money.parse_usd(usd)) == four


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0"),
        ("0.0045", "$0.0045"),
        ("0.00000123", "$0.0000012"),
        ("0.000000000001", "$0.000000000001"),
        ("0.00996", "$0.010"),
        ("0.01", "$0.01"),
        ("0.015", "$0.02"),
        ("1.005", "$1.01"),
        ("1234567.891", "$1,234,567.89"),
        ("-0.0045", "-$0.0045"),
        ("-3.5", "-$3.50"),
    ],
)
def test_people_read_cents_or_two_significant_digits(usd, shown):
    """From one cent up cents, below two significant digits."""
    assert money.human(money.parse_usd(usd)) == shown


@given(AMOUNTS)
def test_what_is_not_zero_is_never_shown_as_zero(amount):
    """A cost that exists is seen, with its sign, and within half a unit of its last digit."""
    shown = money.human(amount)
    value = Decimal(shown.replace("$", "").replace(",", ""))
    assert (value == 0) is (amount == 0)
    with localcontext() as context:
        context.prec = 90
        assert abs(value - dollars(amount)) <= max(Decimal("0.005"), abs(dollars(amount)) / 10)


@given(
    st.text(max_size=12)
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "1e-13", "0.0000000000001", "", " ", "1,5", "$1"])
)
def test_an_amount_that_is_none_is_refused_with_a_sentence(text):
    """A caller's amount is either exact at twelve places or refused; nothing in between and no other error."""
    try:
        amount = money.parse_usd(text)
    except InvalidInput:
        return
    assert amount == Decimal(text) * 10**12


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e-13", "0.0000000000001", "", "1,5", "$1"])
def test_no_amount(text):
    """Not a number, not finite, too fine, or not in plain digits."""
    with pytest.raises(InvalidInput, match="is not an amount in US dollars"):
        money.parse_usd(text)


@given(RATES)
def test_a_rate_comes_back(rate):
    """Six decimals of a user's rate are kept exactly."""
    assert money.parse_rate(Decimal(rate) / 10**6) == rate


@pytest.mark.parametrize("text", ["-1", "0.0000001", "1000001", "NaN", "Infinity", "free", ""])
def test_a_rate_that_is_none_is_refused(text):
    """Negative, too fine, absurdly high or no number at all: a sentence says what to give."""
    with pytest.raises(InvalidInput, match="is not a rate"):
        money.parse_rate(text)


@given(st.decimals(0, 100_000, places=9))
def test_a_catalogues_rate_is_rounded_half_even_and_marked(usd):
    """A finer rate is rounded to six decimals, and the flag is true exactly when that changed it."""
    rate, rounded = money.catalogue_rate(usd)
    with localcontext() as context:
        context.prec = 90
        assert Decimal(rate) / 10**6 == usd.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
        assert rounded is (Decimal(rate) / 10**6 != usd)
