"""``promptforge services``: which programs call, and how they do."""

import click

from promptforge.cli.figures import count, percent, total_cost
from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.values import Service

_COLUMNS = (
    Column("SERVICE", key=True),
    *(Column(name) for name in ("LAST SEEN", "SOURCES", "CALLS", "A MINUTE", "RUNS", "ERRORS", "SUCCESS")),
    *(Column(name) for name in ("PENDING", "TOKENS", "COST", "REJECTED")),
)


@command(name="services")
@click.option("--window", default="7d", show_default=True, help="15m, 24h, 7d, 30d, another such span, or all.")
@click.option("--timezone", metavar="ZONE", help="Whose days are counted (IANA name; UTC unless said otherwise).")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="At most so many.")
async def services(session: Session, /, window: str, timezone: str | None, limit: int) -> None:
    """List the programs that ever sent anything, the last seen first, with their figures of a window."""
    found = await session.client.services(window, timezone=timezone, limit=limit)
    session.output.value([one.raw for one in found])
    session.output.table(_COLUMNS, [_row(one) for one in found])
    for one in found:
        if one.last_rejection is not None:
            session.output.note(f"{one.name or 'no service'}: last rejected for: {one.last_rejection.text}")


def _row(one: Service) -> tuple[object, ...]:
    own = one.figures
    return (
        one.name or "(none)",
        one.last_seen,
        one.sources,
        count(own.calls),
        "" if one.calls_per_minute is None else f"{one.calls_per_minute:,.2f}",
        count(own.runs),
        count(own.error),
        percent(own.success_rate),
        count(own.pending),
        count(own.token_in + own.token_out),
        total_cost(own),
        count(one.rejected),
    )
