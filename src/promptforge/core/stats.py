"""What is counted, and how the counts become rates and averages.

Runs are chain executions plus executions outside chains; calls are all executions. Tokens and cost live on calls.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Sums over some executions. ``cost`` is 10^-12 dollars, adjustments included.

    ``success``, ``error`` and ``pending`` count the subjects (runs, or calls where something was filtered or
    grouped by prompt, version, model or provider); latency sums over finished subjects with a known latency.
    """

    runs: int = 0
    calls: int = 0
    success: int = 0
    error: int = 0
    pending: int = 0
    latency_ms_sum: int = 0
    latency_count: int = 0
    token_in: int = 0
    token_out: int = 0
    cost: int = 0
    priced: int = 0
    unpriced: int = 0
    unknown: int = 0
    estimated: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in FIGURES})

    @property
    def success_rate(self) -> Decimal | None:
        """Percent of the finished that succeeded, two decimals half up; None when nothing finished."""
        return success_rate(self.success, self.error)

    @property
    def average_latency_ms(self) -> Decimal | None:
        """Mean latency in milliseconds with one decimal; None when no latency is known."""
        return average(self.latency_ms_sum, self.latency_count, places=1)


FIGURES = tuple(Figures.__dataclass_fields__)


def total(parts: Iterable[Figures]) -> Figures:
    """The sum of figures over disjoint groups."""
    sums = dict.fromkeys(FIGURES, 0)
    for part in parts:
        for name in FIGURES:
            sums[name] += getattr(part, name)
    return Figures(**sums)


def success_rate(success: int, error: int) -> Decimal | None:
    """success / (success + error) in percent: 1187 and 63 give 94.96."""
    return share(success, success + error)


def share(part: int, whole: int) -> Decimal | None:
    """A part in percent, two decimals, half up; None of nothing."""
    return None if not whole else _rounded(Decimal(part * 100) / whole, 2)


def average(total: int, count: int, *, places: int) -> Decimal | None:
    """A mean rounded half up; None for no values."""
    return None if not count else _rounded(Decimal(total) / count, places)


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
