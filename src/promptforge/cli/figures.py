"""Figures as people read them."""

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


def cost_of(execution: Execution) -> str:
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
