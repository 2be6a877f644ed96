"""Usage in disjoint leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core import usage as leaf
from promptforge.core.usage import NOTHING, Usage, usage

INPUTS = [leaf.INPUT, leaf.INPUT_CACHE_READ, leaf.INPUT_CACHE_WRITE, leaf.INPUT_CACHE_WRITE_1H]
INPUTS += [leaf.INPUT_AUDIO, leaf.INPUT_AUDIO_CACHE_READ, leaf.INPUT_IMAGE]
OUTPUTS = [leaf.OUTPUT, leaf.OUTPUT_REASONING, leaf.OUTPUT_AUDIO, leaf.OUTPUT_IMAGE]
OTHERS = [leaf.REQUESTS, leaf.WEB_SEARCHES]


@given(st.dictionaries(st.sampled_from(INPUTS + OUTPUTS + OTHERS), st.integers(0, 10**12)))
def test_leaves_add_up(leaves):
    """Tokens in are all input leaves, tokens out all output leaves, and what is no token is in neither."""
    counted = Usage(leaves)
    assert counted.token_in == sum(leaves.get(name, 0) for name in INPUTS)
    assert counted.token_out == sum(leaves.get(name, 0) for name in OUTPUTS)


@given(st.dictionaries(st.sampled_from(INPUTS), st.integers(0, 3)))
def test_zero_leaves_are_left_out(leaves):
    """A leaf of zero and no leaf are the same usage."""
    assert usage(**leaves) == Usage({name: count for name, count in leaves.items() if count})


def test_a_negative_count_is_impossible():
    """A leaf below zero is a defect that must not reach a cost."""
    with pytest.raises(ValueError, match="usage leaf output is negative"):
        usage(input=1, output=-1)


def test_nothing_is_no_tokens():
    """The usage of a refused call."""
    assert (NOTHING.token_in, NOTHING.token_out, dict(NOTHING.leaves)) == (0, 0, {})
