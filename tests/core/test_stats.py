"""Rates and averages of counts."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.stats import FIGURES, Figures, average, success_rate


def test_the_documented_example_gives_94_96():
    """1,187 of 1,250 finished executions succeeded: 94.96 %."""
    assert Decimal("94.96") == success_rate(1187, 63)


def test_nothing_finished_has_no_rate():
    """Pending runs alone give no success rate, neither 0 nor 100."""
    assert success_rate(0, 0) is None
    assert Figures(pending=3).success_rate is None
    assert average(0, 0, places=1) is None


def test_halves_are_rounded_up():
    """66.665 becomes 66.67."""
    assert Decimal("66.67") == success_rate(13333, 6667)


@given(st.lists(st.builds(Figures, **{name: st.integers(0, 10**15) for name in FIGURES}), max_size=5))
def test_figures_add_field_by_field(parts):
    """A sum of figures is the figures of the sum, in every field."""
    total = sum(parts, start=Figures())

    for name in FIGURES:
        assert sum(getattr(p, name) for p in parts) == getattr(total, name)
