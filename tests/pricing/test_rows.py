"""A workspace's own prices: which row prices a call, and how."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.price import Price, PriceSource
from promptforge.core.price_row import FREE, PriceRow, check, rate
from promptforge.core.usage import PRICEABLE, Usage, usage
from promptforge.pricing.book import Book
from promptforge.pricing.rows import PART_OF, Rows
from promptforge.wire import price_file

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def price(number=1, provider="openai", model="gpt-4o", rates=None, **more):
    made = {unit: rate(unit, usd) for unit, usd in (rates or {"input": "1", "output": "2"}).items()}
    given = {"id": f"price_{number}", "workspace": "w", "valid_from": START, "created_at": START, "created_by": "u"}
    return Price(provider=provider, model=model, rates=made, **given | more)


def book(*prices):
    rows = Rows()
    rows.put("w", prices)
    return Book([rows])


def cost(book, used, at=START, model="gpt-4o", provider="openai", workspace="w", **terms):
    lines = book.lines(workspace, provider, model, used, at, terms=terms)
    return None if lines is None else sum(line.amount for line in lines)


def test_a_row_prices_from_its_first_moment_to_before_its_last():
    """Start inclusive, end exclusive; outside of it the catalogue prices."""
    own = book(price(valid_until=START + DAY))
    sources = [
        own.lines("w", "openai", "gpt-4o", usage(input=1), at)[0].source
        for at in (START - DAY / 86_400_000, START, START + DAY - DAY / 86_400_000, START + DAY)
    ]
    assert sources == [PriceSource.CATALOGUE, PriceSource.WORKSPACE, PriceSource.WORKSPACE, PriceSource.CATALOGUE]


def test_the_more_exact_row_wins_then_the_later_one():
    """Exact model, longer beginning, exact provider, later beginning, later written."""
    rows = [
        price(1, provider="*", model="*", rates={"input": "1"}),
        price(2, model="*", rates={"input": "2"}),
        price(3, model="gpt-*", rates={"input": "3"}),
        price(4, model="gpt-4*", rates={"input": "4"}),
        price(5, provider="*", model="gpt-4o", rates={"input": "5"}),
        price(6, rates={"input": "6"}),
        price(7, rates={"input": "7"}, valid_from=START + DAY),
        price(8, rates={"input": "8"}, valid_from=START + DAY, created_at=START + DAY),
    ]
    for upto, wanted in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8)):
        for order in (rows[:upto], rows[:upto][::-1]):
            assert cost(book(*order), usage(input=1), START + 2 * DAY) == wanted * 10**6


def test_terms_must_be_those_of_the_row():
    """A price for standard calls does not price batch; one for whatever terms does."""
    used = usage(input=1)
    standard, batch, any_terms = (
        price(model="x"),
        price(model="x", terms={"processing": "batch"}),
        price(model="x", terms=None),
    )
    assert [cost(book(row), used, model="x") for row in (standard, batch, any_terms)] == [10**6, None, 10**6]
    assert [cost(book(row), used, model="x", processing="batch") for row in (standard, batch, any_terms)] == [
        None,
        10**6,
        10**6,
    ]


def test_a_leaf_takes_the_rate_of_what_it_is_part_of_and_no_other():
    """Cached input is input and reasoning is output; audio without a rate leaves the whole call without a price."""
    own = book(price(model="x"))
    for part, whole in PART_OF.items():
        if whole in ("input", "output"):
            assert cost(own, Usage({part: 7}), model="x") == cost(own, Usage({whole: 7}), model="x")
    for alone in ("input_audio", "output_audio", "output_image", "input_cache_write_1h", "web_searches"):
        assert cost(own, Usage({alone: 1, "input": 1}), model="x") is None


def test_tiers_requests_and_free():
    """The whole call takes the tier that its input exceeds; a request is charged once; free is 0 and priced."""
    tiered = replace(
        price(model="x"), rates={"input": rate("input", "1", tiers=[(10, "2")]), "requests": rate("requests", "0.5")}
    )
    assert cost(book(tiered), usage(input=10), model="x") == 10 * 10**6 + 5 * 10**11
    assert cost(book(tiered), usage(input=11), model="x") == 22 * 10**6 + 5 * 10**11
    free = replace(price(model="x"), rates=FREE, terms=None)
    assert cost(book(free), Usage(dict.fromkeys(PRICEABLE, 9)), model="x", speed="fast") == 0


def test_rows_are_of_their_workspace():
    """Another workspace has the catalogue's price."""
    own = book(price())
    assert cost(own, usage(input=10), workspace="other") != cost(own, usage(input=10)) == 10 * 10**6


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"], exclude_characters="*"), min_size=1, max_size=9
)
usd = st.integers(0, 10**9).map(lambda micro: f"{micro // 10**6}.{micro % 10**6:06d}")
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@st.composite
def rows(draw):
    units = draw(st.lists(st.sampled_from(PRICEABLE), min_size=1, unique=True))
    bounds = draw(st.lists(st.integers(1, 10**6), max_size=3, unique=True).map(sorted))
    rates = {}
    for unit in units:
        tiers = [(bound, draw(usd)) for bound in bounds] if unit not in ("requests", "web_searches") else []
        rates[unit] = rate(unit, draw(usd), draw(st.sampled_from([None, 1, 1000, 10**6])), tiers)
    row = PriceRow(
        provider=draw(names),
        model=draw(names) + draw(st.sampled_from(["", "*"])),
        rates=rates,
        valid_from=draw(moments),
        terms=draw(st.none() | st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]))),
        note=draw(names),
    )
    check(row)
    return row


@given(st.lists(rows(), max_size=4, unique_by=lambda row: (row.provider, row.model)))
def test_a_file_of_prices_reads_back_as_it_was(given_rows):
    """Export and import are inverse: every rate to the digit, tiers, terms, times and notes."""
    about = {"id": "price_1", "workspace": "w", "created_at": START, "created_by": "u"}
    prices = [Price(**about, **{f: getattr(row, f) for f in PriceRow.__dataclass_fields__}) for row in given_rows]
    assert list(price_file.read(price_file.written(prices))) == given_rows


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("provider,model,unit\n", "the column 'usd' is missing"),
        ("provider,model,unit,usd,colour\n", "there is no column 'colour'"),
        ("provider,model,unit,usd\na,b,tokens,1\n", "line 2: 'tokens' is no unit of usage"),
        ("provider,model,unit,usd\na,b,input,1\na,b,output,x\n", "line 3: 'x' is not a rate"),
        ("provider,model,unit,usd\na,b,input,0.0000001\n", "line 2: '0.0000001' is not a rate"),
        ("provider,model,unit,usd\na,b,input,1\na,b,input,2\n", "line 2: 'input' has 2 lines without aboveInput"),
        ("provider,model,unit,usd,aboveInput\na,b,input,1,5\n", "has 0 lines without aboveInput"),
        ("provider,model,unit,usd,validFrom\na,b,input,1,soon\n", "line 2: 'soon' is not a time"),
        ("provider,model,unit,usd,terms\na,b,input,1,batch\n", "terms are written name=value"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_line(text, says):
    """The sentence names the line and what is wrong there."""
    with pytest.raises(InvalidInput, match=says):
        price_file.read(text)
