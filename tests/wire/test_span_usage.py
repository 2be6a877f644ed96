"""Usage out of a span's counts: every token once, whichever way a program counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import otlp as told
from kit.otlp import LLM, OPENAI, read
from promptforge.core.usage import usage
from promptforge.wire import otlp
from promptforge.wire.span_usage import unknown_counts


@pytest.mark.parametrize(
    ("told_counts", "leaves"),
    [
        # the conventions: parts inside their whole
        ({"input": 100, "output": 20, "cache_read": 60}, {"input": 40, "input_cache_read": 60, "output": 20}),
        ({"input": 100, "output": 20, "cache_write": 60}, {"input": 40, "input_cache_write": 60, "output": 20}),
        ({"input": 9, "output": 20, "reasoning": 15}, {"input": 9, "output": 5, "output_reasoning": 15}),
        # a part larger than its whole stands beside it
        ({"input": 4, "output": 20, "cache_read": 1163}, {"input": 4, "input_cache_read": 1163, "output": 20}),
        ({"input": 4, "output": 2, "reasoning": 15}, {"input": 4, "output": 2, "output_reasoning": 15}),
        # a total that only adds up with the parts says so
        (
            {"input": 100, "output": 20, "cache_read": 60, "cache_write": 10, "total": 190},
            {"input": 100, "input_cache_read": 60, "input_cache_write": 10, "output": 20},
        ),
        (
            {"input": 100, "output": 20, "reasoning": 15, "total": 135},
            {"input": 100, "output": 20, "output_reasoning": 15},
        ),
        (
            {"input": 100, "output": 20, "cache_read": 60, "reasoning": 15, "total": 195},
            {"input": 100, "input_cache_read": 60, "output": 20, "output_reasoning": 15},
        ),
        # and one that adds up without them says the other
        (
            {"input": 100, "output": 20, "cache_read": 60, "reasoning": 15, "total": 120},
            {"input": 40, "input_cache_read": 60, "output": 5, "output_reasoning": 15},
        ),
        # a total tells the side that is missing
        ({"input": 100, "total": 120}, {"input": 100, "output": 20}),
        ({"output": 20, "total": 120}, {"input": 100, "output": 20}),
        # half of it is nothing, and what does not add up is nothing
        ({"input": 100}, None),
        ({"output": 100}, None),
        ({"total": 100}, None),
        ({"input": 10, "output": 5, "total": 12, "input_audio": 30}, None),
        ({"input": -1, "output": 5}, None),
        ({"input": "many", "output": 5}, None),
    ],
)
@pytest.mark.parametrize("family", ["gen_ai", "openinference"])
def test_every_token_is_counted_once(family, told_counts, leaves):
    """Whether parts are inside their whole or beside it is seen from the counts, in both families of names."""
    names = {
        "gen_ai": {
            "input": "gen_ai.usage.input_tokens",
            "output": "gen_ai.usage.output_tokens",
            "total": "gen_ai.usage.total_tokens",
            "cache_read": "gen_ai.usage.cache_read.input_tokens",
            "cache_write": "gen_ai.usage.cache_creation.input_tokens",
            "reasoning": "gen_ai.usage.reasoning.output_tokens",
            "input_audio": "gen_ai.usage.audio.input_tokens",
        },
        "openinference": {
            "input": "llm.token_count.prompt",
            "output": "llm.token_count.completion",
            "total": "llm.token_count.total",
            "cache_read": "llm.token_count.prompt_details.cache_read",
            "cache_write": "llm.token_count.prompt_details.cache_write",
            "reasoning": "llm.token_count.completion_details.reasoning",
            "input_audio": "llm.token_count.prompt_details.audio",
        },
    }[family]
    attributes = {names[name]: count for name, count in told_counts.items()}
    span = read(OPENAI | attributes)

    assert span.usage == (usage(**leaves) if leaves else None)
    assert span.usage_raw == attributes


def test_two_conventions_do_not_count_twice():
    """A span that tells its counts by two conventions is counted once, and the parts that only one knows are kept."""
    span = read(
        LLM
        | {
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 202,
            "llm.token_count.prompt": 11,
            "llm.token_count.completion": 202,
            "llm.token_count.completion_details.reasoning": 192,
        }
    )

    assert span.usage == usage(input=11, output=10, output_reasoning=192)


def test_two_conventions_that_differ_are_not_mixed():
    """Where the totals differ, the first convention counts alone."""
    span = read(
        OPENAI
        | {
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
            "llm.token_count.prompt": 20,
            "llm.token_count.completion": 5,
            "llm.token_count.prompt_details.cache_read": 9,
        }
    )

    assert span.usage == usage(input=11, output=5)


def test_audio_and_images_are_leaves():
    """Modalities that have a price of their own are counted apart, cached audio in one leaf only."""
    span = read(
        OPENAI
        | {
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 50,
            "gen_ai.usage.cache_read.input_tokens": 30,
            "gen_ai.usage.audio.input_tokens": 40,
            "gen_ai.usage.audio.cache_read.input_tokens": 10,
            "gen_ai.usage.image.input_tokens": 20,
            "gen_ai.usage.audio.output_tokens": 25,
        }
    )

    assert span.usage == usage(
        input=20,
        input_cache_read=20,
        input_audio=30,
        input_audio_cache_read=10,
        input_image=20,
        output=25,
        output_audio=25,
    )
    assert (span.usage.token_in, span.usage.token_out) == (100, 50)


def test_an_unknown_count_is_kept_word_for_word():
    """A count that no table knows is part of what was reported and named as unknown, and changes nothing."""
    span = read(
        OPENAI
        | {
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.quantum_tokens": 7,
            "llm.token_count.prompt_details.quantum": 3,
        }
    )

    assert span.usage == usage(input=10, output=5)
    assert span.usage_raw["gen_ai.usage.quantum_tokens"] == 7
    assert span.usage_raw["llm.token_count.prompt_details.quantum"] == 3
    assert unknown_counts(span.usage_raw) == (
        "gen_ai.usage.quantum_tokens",
        "llm.token_count.prompt_details.quantum",
    )
    assert len(read(OPENAI | {f"gen_ai.usage.made_up_{n}": n for n in range(500)}).usage_raw) == 100


def test_numbers_of_javascript_are_counts():
    """Whole numbers that come as floats, because the sender has no others, are counted."""
    counts = {"gen_ai.usage.input_tokens": 10.0, "gen_ai.usage.output_tokens": 5.0}

    assert read(OPENAI | counts).usage == usage(input=10, output=5)


_COUNTED = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.total_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.audio.input_tokens",
    "gen_ai.usage.image.input_tokens",
    "gen_ai.usage.audio.output_tokens",
)


@given(said=st.fixed_dictionaries({}, optional=dict.fromkeys(_COUNTED, st.integers(0, 10**9))))
def test_whatever_is_counted_adds_up(said):
    """Leaves are never negative, and the sums are what was told, or that and the parts that stand beside it."""
    counted = otlp.read(told.protobuf(told.span(OPENAI | said)), json=False).spans[0].usage
    if counted is None:
        return
    cached = said.get("gen_ai.usage.cache_read.input_tokens", 0) + said.get(
        "gen_ai.usage.cache_creation.input_tokens", 0
    )
    reasoning = said.get("gen_ai.usage.reasoning.output_tokens", 0)
    total = said.get("gen_ai.usage.total_tokens", 0)
    said_out = said.get("gen_ai.usage.output_tokens", total - said.get("gen_ai.usage.input_tokens", 0))
    said_in = said.get("gen_ai.usage.input_tokens", total - said_out)

    assert all(count > 0 for count in counted.leaves.values())
    assert counted.token_in in (said_in, said_in + cached)
    assert counted.token_out in (said_out, said_out + reasoning)
