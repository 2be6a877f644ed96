"""Ids that carry their moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core import ids

MOMENTS = st.integers(0, 2**48 - 1)
BITS = st.integers(0, 2**80 - 1)
PREFIXES = st.sampled_from(
    [ids.EXECUTION, ids.CHAIN_EXECUTION, ids.PROMPT, ids.VERSION, ids.USER, ids.KEY, ids.WORKSPACE]
)
NUMBERS = st.builds(ids.number, MOMENTS, BITS)


@given(PREFIXES, MOMENTS, BITS)
def test_an_id_comes_back(prefix, moment, bits):
    """What is shown can be read, and the moment is inside."""
    value = ids.number(moment, bits)
    shown = ids.text(prefix, value)
    assert ids.parse(prefix, shown) == value
    assert ids.milliseconds(value) == moment
    assert shown.startswith(f"{prefix}_")
    assert len(shown) == len(prefix) + 27


@given(PREFIXES, NUMBERS, NUMBERS)
def test_texts_sort_as_numbers_do(prefix, one, other):
    """Sorting what is shown is sorting by time, so a list of ids is a list in order."""
    assert (ids.text(prefix, one) < ids.text(prefix, other)) is (one < other)


@given(PREFIXES, NUMBERS)
def test_case_and_look_alikes_are_forgiven(prefix, value):
    """An id read from paper is found: capitals, and i, l, o for the digits they resemble."""
    body = ids.text("", value)[1:]
    typed = body.upper().replace("1", "I").replace("0", "O")
    assert ids.parse(prefix, f"{prefix}_{typed}") == value
    assert ids.parse(prefix, f"{prefix}_{body.replace('1', 'l')}") == value


@given(st.text(max_size=40))
def test_what_is_no_id_is_none(text):
    """Any other text is no id, and never an error."""
    value = ids.parse(ids.EXECUTION, text)
    assert value is None or ids.parse(ids.EXECUTION, ids.text(ids.EXECUTION, value)) == value


@pytest.mark.parametrize(
    "shown",
    [
        "exec_",
        "exec",
        "",
        "exec_abc123",
        "chex_" + "0" * 26,
        "exec_" + "z" * 26,
        "exec_" + "u" * 26,
        "exec_" + "0" * 27,
    ],
)
def test_near_misses_are_none(shown):
    """Another kind's prefix, a wrong length, a letter outside the alphabet, a number too large."""
    assert ids.parse(ids.EXECUTION, shown) is None


@pytest.mark.parametrize(("moment", "bits"), [(-1, 0), (2**48, 0), (0, -1), (0, 2**80)])
def test_a_moment_or_bits_that_do_not_fit_are_refused(moment, bits):
    """An id is never cut to fit."""
    with pytest.raises(ValueError, match="48 bits of milliseconds"):
        ids.number(moment, bits)


@given(st.binary(min_size=1, max_size=64), st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_derived_bits_depend_on_every_part(secret, parts):
    """The same parts give the same bits; parts joined otherwise, or another secret, give others."""
    bits = ids.derived_bits(secret, *parts)
    assert bits == ids.derived_bits(secret, *parts)
    assert 0 <= bits < 2**80
    assert bits != ids.derived_bits(secret, *parts, "")
    assert bits != ids.derived_bits(secret + b"x", *parts) or len(secret) == 64
    if len(parts) > 1:
        assert bits != ids.derived_bits(secret, parts[0] + parts[1], *parts[2:])


def test_parts_are_kept_apart():
    """("ab", "c") and ("a", "bc") are different things, text and its bytes the same."""
    assert ids.derived_bits(b"k", "ab", "c") != ids.derived_bits(b"k", "a", "bc")
    assert ids.derived_bits(b"k", "é") == ids.derived_bits(b"k", "é".encode())
