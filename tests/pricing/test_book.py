"""The price book over the bundled catalogue."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from genai_prices.data import providers as catalogue
from genai_prices.types import ModelPrice, StartDateConstraint
from hypothesis import given, settings
from hypothesis import strategies as st

from promptforge.core import money
from promptforge.core.price import PriceSource
from promptforge.core.usage import NOTHING, Usage, usage
from promptforge.pricing.book import Book

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
BOOK = Book()
COUNT = st.integers(0, 400_000)


def models(provider: str) -> list[str]:
    """Model names that the catalogue prices per token, each by a name that finds it."""
    found = next(p for p in catalogue if p.id == provider)
    return [m.id for m in found.models if found.find_model(m.id, all_providers=catalogue) is m]


def cost(model: str, used: Usage, *, provider: str = "openai", at: datetime = NOW, **terms: str) -> Decimal | None:
    lines = BOOK.lines("w", provider, model, used, at, terms=terms)
    return None if lines is None else money.decimal(sum(line.amount for line in lines))


def test_the_documented_example_is_exact():
    """500 in and 200 out of Claude 3.5 Sonnet cost 0.0015 + 0.0030 = 0.0045, in two lines that explain themselves."""
    lines = BOOK.lines("w", "anthropic", "claude-3-5-sonnet-20241022", usage(input=500, output=200), NOW)
    assert [(line.unit, line.quantity, line.rate, line.per) for line in lines] == [
        ("input", 500, 3_000_000, 1_000_000),
        ("output", 200, 15_000_000, 1_000_000),
    ]
    assert [money.four(line.amount) for line in lines] == ["0.0015", "0.0030"]
    total = sum(line.amount for line in lines)
    assert (money.exact(total), money.four(total)) == ("0.0045", "0.0045")
    assert {(line.source, line.rounded, line.attempt) for line in lines} == {(PriceSource.CATALOGUE, False, 1)}


@settings(max_examples=300)
@given(st.data(), COUNT, COUNT, COUNT, COUNT, COUNT, COUNT)
def test_lines_add_up_to_the_catalogues_own_calculation(data, fresh, read, short, long, output, thought):
    """For every model of both providers, at any date, tiers included, exactly."""
    provider = data.draw(st.sampled_from(["anthropic", "openai"]))
    model = data.draw(st.sampled_from(models(provider)))
    at = datetime(2023, 6, 1, tzinfo=UTC) + timedelta(days=data.draw(st.integers(0, 1400)))
    if provider == "openai":
        short = long = 0
    ours = cost(
        model,
        usage(
            input=fresh,
            input_cache_read=read,
            input_cache_write=short,
            input_cache_write_1h=long,
            output=output,
            output_reasoning=thought,
        ),
        provider=provider,
        at=at,
    )
    if ours is None:
        return  # which leaves stay unpriced is the next tests' subject
    theirs = TheirUsage(
        input_tokens=fresh + read + short + long,
        cache_read_tokens=read,
        cache_write_tokens=short + long,
        cache_write_1h_tokens=long,
        output_tokens=output + thought,
    )
    assert ours == calc_price(theirs, model, provider_id=provider, genai_request_timestamp=at).total_price


@pytest.mark.parametrize(
    "model", ["claude-3-5-sonnet-20241022", "claude-sonnet-4-5", "claude-haiku-4-5-20251001", "claude-3-opus-20240229"]
)
def test_every_leaf_of_claude_is_priced(model):
    """Fresh, cached, written for five minutes and for an hour, thought and searched: all have their rate."""
    leaves = dict.fromkeys(["input", "input_cache_read", "input_cache_write", "input_cache_write_1h"], 1000)
    leaves |= {"output": 10, "output_reasoning": 10}
    lines = BOOK.lines("w", "anthropic", model, Usage(leaves), NOW)
    assert {line.unit for line in lines} == set(leaves)
    rate = {line.unit: line.rate for line in lines}
    assert rate["input_cache_read"] < rate["input"] < rate["input_cache_write"] < rate["input_cache_write_1h"]
    assert rate["output_reasoning"] == rate["output"]


@pytest.mark.parametrize(
    "model", ["gpt-4o-mini-2024-07-18", "gpt-4.1-mini-2025-04-14", "gpt-5-nano-2025-08-07", "gpt-3.5-turbo-0125"]
)
def test_dated_names_resolve(model):
    """A snapshot's name has the price of its model."""
    plain = model[: model.index("-20")] if "-20" in model else "gpt-3.5-turbo"
    assert cost(model, usage(input=7, output=9)) == cost(plain, usage(input=7, output=9)) is not None


def test_a_price_begins_at_its_day():
    """The row in force at the moment prices it, start inclusive, and the line says since when it holds."""
    start, used = datetime(2025, 6, 10, tzinfo=UTC), usage(input=1_000_000)
    assert cost("o3", used, at=start - timedelta(milliseconds=1)) == 10
    assert cost("o3", used, at=start) == 2
    [line] = BOOK.lines("w", "openai", "o3", used, NOW)
    assert line.valid_from == start
    [line] = BOOK.lines("w", "openai", "o3", used, start - timedelta(days=1))
    assert line.valid_from is None


def test_every_dated_row_of_the_catalogue_says_since_when():
    """``valid_from`` is the start of the entry used, for each dated entry of both providers."""
    for provider in (p for p in catalogue if p.id in ("anthropic", "openai")):
        for model in provider.models:
            if isinstance(model.prices, ModelPrice) or model.id not in models(provider.id):
                continue
            for entry in model.prices:
                if not isinstance(entry.constraint, StartDateConstraint):
                    continue
                day: date = entry.constraint.start_date
                at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
                lines = BOOK.lines("w", provider.id, model.id, usage(input=1), at)
                assert lines is None or lines[0].valid_from == at.replace(hour=0)


def test_a_large_input_has_its_tier():
    """Beyond the threshold every token costs the tier's rate; at it, none does. All input counts, cached too."""
    rates = [
        {line.unit: line.rate for line in BOOK.lines("w", "anthropic", "claude-sonnet-4-5", used, NOW)}
        for used in (
            usage(input=100_000, input_cache_read=100_000, output=1),
            usage(input=100_000, input_cache_read=100_001, output=1),
        )
    ]
    assert (rates[0]["input"], rates[1]["input"]) == (3_000_000, 6_000_000)
    assert (rates[0]["output"], rates[1]["output"]) == (15_000_000, 22_500_000)


def test_what_has_no_price_leaves_the_call_unpriced():
    """One leaf without a rate, an unknown model or an unknown provider: no cost rather than a wrong one."""
    assert cost("gpt-4o", usage(input=5, output_audio=1)) is None
    assert cost("gpt-4o-audio-preview", usage(input=5, input_audio=1)) is None
    assert cost("gpt-4o", usage(input=5, moon=1)) is None
    assert cost("no-such-model", usage(input=5)) is None
    assert cost("gpt-4o", usage(input=5), provider="no-such-provider") is None
    assert cost("x" * 10_000, usage(input=5)) is None


def test_nothing_used_costs_nothing():
    """A refused call is priced, at zero, whatever its model."""
    assert BOOK.lines("w", "no-such-provider", "no-such-model", NOTHING, NOW) == ()


def test_terms_have_their_own_price_or_none():
    """A flexible or priority call is billed otherwise, from the day that the catalogue knows; nothing is guessed."""
    used = usage(input=1_000_000)
    assert cost("gpt-5-nano", used) == Decimal("0.05")
    assert cost("gpt-5-nano", used, service_tier="default") == Decimal("0.05")
    assert cost("gpt-5-nano", used, service_tier="flex") == Decimal("0.025")
    [line] = BOOK.lines("w", "openai", "gpt-5-nano", used, NOW, terms={"service_tier": "flex"})
    assert line.valid_from == datetime(2026, 10, 12, tzinfo=UTC)
    assert cost("gpt-5-nano", used, at=datetime(2026, 1, 1, tzinfo=UTC), service_tier="flex") is None
    assert cost("gpt-5-nano", used, service_tier="unheard-of") is None


def test_a_search_is_a_line_per_thousand():
    """What is not a token is billed by its own unit."""
    lines = BOOK.lines("w", "anthropic", "claude-sonnet-4-5", usage(input=1, web_searches=3), NOW, attempt=2)
    [search] = [line for line in lines if line.unit == "web_searches"]
    assert (search.quantity, search.per, money.exact(search.amount), search.attempt) == (3, 1000, "0.03", 2)


def test_a_finer_rate_is_rounded_and_marked():
    """A catalogue rate beyond six decimals is rounded half even and says so."""
    [line] = BOOK.lines("w", "huggingface_together", "Qwen/Qwen3-VL-8B-Instruct", usage(input=1), NOW)
    assert (line.rate, line.rounded) == (180_000, True)


@pytest.mark.parametrize("model", ["demo-small", "demo-large", "demo-reasoning"])
def test_the_simulated_models_have_a_price(model):
    """The demonstration shows costs."""
    lines = BOOK.lines("w", "demo", model, usage(input=10, input_cache_read=5, output=5, output_reasoning=2), NOW)
    assert sum(line.amount for line in lines) > 0
    assert BOOK.lines("w", "openai", model, usage(input=1), NOW) is None


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-3-5-sonnet-20241022", "anthropic"),
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("o3", "openai"),
        ("gemini-2.0-flash", "google"),
        ("demo-small", "demo"),
        ("who-knows", None),
        ("", None),
    ],
)
def test_a_model_name_says_its_provider(model, provider):
    """Where the name alone says it, the provider need not be given."""
    assert BOOK.provider_of(model) == provider
