"""Figures as people read them."""

from promptforge.sdk.chain_values import ChainExecution
from promptforge.sdk.values import Execution, Figures


def duration(milliseconds: float | None) -> str:
    """``840 ms``, ``3.2 s``, ``2 min 5 s``; nothing when not known."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s"


def count(number: int | None) -> str:
    """With separators."""
    return "" if number is None else f"{number:,}"


def cost_of(execution: Execution | ChainExecution) -> str:
    """The cost as people read it, or why there is none."""
    if execution.cost is None:
        return ""
    return execution.cost.display or ("" if execution.pending else execution.cost.state)


def total_cost(figures: Figures) -> str:
    """The sum as people read it, and what it leaves out."""
    missing = [
        f"{count(number)} {name}"
        for number, name in ((figures.cost.unpriced, "without a price"), (figures.cost.unknown, "of unknown usage"))
        if number
    ]
    return figures.cost.display + (f" (without {', '.join(missing)})" if missing else "")


def percent(rate: float | None) -> str:
    """Two decimals; nothing when nothing finished."""
    return "" if rate is None else f"{rate:.2f} %"


def bar(offset_ms: int, latency_ms: int, whole_ms: int, width: int = 24) -> str:
    """Where a span lies within a whole that begins at 0, in characters; never nothing."""
    if whole_ms <= 0:
        return ""
    start = min(width - 1, width * offset_ms // whole_ms)
    return " " * start + "█" * max(1, min(width, round(width * (offset_ms + latency_ms) / whole_ms)) - start)
