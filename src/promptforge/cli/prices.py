"""``promptforge price``: the workspace's own prices, what a model costs, and what has no price."""

from collections.abc import Sequence
from typing import TextIO

import click

from promptforge.cli.figures import count
from promptforge.cli.output import Column
from promptforge.cli.talking import Session, command
from promptforge.sdk.prices import Price, PriceRate

_COLUMNS = (
    Column("ID", key=True),
    *(Column(name) for name in ("PROVIDER", "MODEL", "FROM", "UNTIL", "TERMS", "RATES", "NOTE")),
)
_RATES = (Column("UNIT", key=True), *(Column(name) for name in ("USD", "PER", "TIERS")))
_UNPRICED = (Column("MODEL", key=True), *(Column(name) for name in ("PROVIDER", "CALLS", "TOKENS IN", "TOKENS OUT")))


@click.group()
def price() -> None:
    """Add, end, list, import and export prices, and find what has none."""


@command(price, "list")
@click.argument("search", required=False)
@click.option("--ended", is_flag=True, help="Those too that hold no more.")
async def list_prices(session: Session, /, search: str | None, ended: bool) -> None:
    """List the workspace's own prices; SEARCH is part of a provider, a model or a note."""
    found = await session.client.prices.list(search, ended=ended)
    session.output.value([one.raw for one in found])
    session.output.table(_COLUMNS, [_row(one) for one in found])


@command(price, "show")
@click.argument("provider")
@click.argument("model")
@click.option("--at", metavar="TIME", help="At a moment other than now (ISO 8601).")
@click.option("--term", "terms", multiple=True, metavar="NAME=VALUE", help="Of the call, such as processing=batch.")
async def show(session: Session, /, provider: str, model: str, at: str | None, terms: tuple[str, ...]) -> None:
    """Show what MODEL of PROVIDER costs, by a price of the workspace or by the catalogue."""
    found = await session.client.prices.of(provider, model, at=at, terms=_pairs(terms, "--term"))
    session.output.value(found.raw if found else None)
    if found is None:
        session.output.note(f"{provider} {model} has no price: add one with 'promptforge price add'")
        return
    session.output.fields({"Source": found.source, "Valid from": found.valid_from})
    rows = [(rate.unit, rate.usd, count(rate.per), _tiers(rate)) for rate in found.rates]
    session.output.table(_RATES, rows)


@command(price, "add")
@click.argument("provider")
@click.argument("model")
@click.option("--rate", "rates", multiple=True, metavar="UNIT=USD", help="For a million tokens, or one of the rest.")
@click.option("--self-hosted", is_flag=True, help="Everything costs 0.")
@click.option("--from", "valid_from", metavar="TIME", help="From another moment than now (ISO 8601).")
@click.option("--until", "valid_until", metavar="TIME", help="The first moment at which it holds no more.")
@click.option("--term", "terms", multiple=True, metavar="NAME=VALUE", help="For calls of these terms only.")
@click.option("--any-terms", is_flag=True, help="For calls of whatever terms.")
@click.option("--note", default="", help="Where it comes from.")
async def add(
    session: Session,
    /,
    provider: str,
    model: str,
    rates: tuple[str, ...],
    self_hosted: bool,
    valid_from: str | None,
    valid_until: str | None,
    terms: tuple[str, ...],
    any_terms: bool,
    note: str,
) -> None:
    """Say what MODEL of PROVIDER costs; in MODEL a * at the end stands for anything."""
    made = await session.client.prices.add(
        provider,
        model,
        _pairs(rates, "--rate"),
        self_hosted=self_hosted,
        valid_from=valid_from,
        valid_until=valid_until,
        terms=_pairs(terms, "--term") or None,
        any_terms=any_terms,
        note=note,
    )
    session.output.value(made.raw)
    session.output.table(_COLUMNS, [_row(made)])


@command(price, "end")
@click.argument("id")
@click.option("--at", metavar="TIME", help="At another moment than now (ISO 8601).")
async def end(session: Session, /, id: str, at: str | None) -> None:
    """Let the price ID hold no more."""
    ended = await session.client.prices.end(id, at)
    session.output.value(ended.raw)
    session.output.table(_COLUMNS, [_row(ended)])


@command(price, "import")
@click.argument("file", type=click.File(encoding="utf-8"))
async def import_prices(session: Session, /, file: TextIO) -> None:
    """Add the prices of a CSV FILE, all of them or none; - reads stdin."""
    made = await session.client.prices.import_(file.read())
    session.output.value([one.raw for one in made])
    session.output.table(_COLUMNS, [_row(one) for one in made])


@command(price, "export")
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", metavar="FILE")
async def export(session: Session, /, output: TextIO) -> None:
    """Write the workspace's prices to a CSV file, those too that have ended."""
    output.write(await session.client.prices.export())


@command(price, "unpriced")
@click.option("--window", default="30d", show_default=True, help="7d, 30d, another number of days, or all.")
@click.option("--timezone", metavar="ZONE", help="Whose days are counted (IANA name; UTC unless said otherwise).")
async def unpriced(session: Session, /, window: str, timezone: str | None) -> None:
    """List the models that calls had no price for, the most called first."""
    found = await session.client.prices.unpriced(window, timezone=timezone)
    session.output.value([one.raw for one in found])
    rows = [
        (one.model, one.provider, count(own.calls), count(own.token_in), count(own.token_out))
        for one in found
        for own in (one.figures,)
    ]
    session.output.table(_UNPRICED, rows)
    if found:
        first = f"{found[0].provider} '{found[0].model}'"
        session.output.note(f"give one a price: promptforge price add {first} --rate input=USD --rate output=USD")


def _row(one: Price) -> tuple[object, ...]:
    terms = "any" if one.terms is None else ", ".join(f"{name}={value}" for name, value in one.terms.items())
    rates = "all 0" if all(rate.usd == "0" for rate in one.rates) else ", ".join(_rate(rate) for rate in one.rates)
    return one.id, one.provider, one.model, one.valid_from, one.valid_until, terms, rates, one.note


def _rate(rate: PriceRate) -> str:
    return f"{rate.unit} {rate.usd}{'…' if rate.tiers else ''}"


def _tiers(rate: PriceRate) -> str:
    return ", ".join(f"{tier.usd} above {count(tier.above_input)}" for tier in rate.tiers)


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` arguments by name; each name once."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"{option} is NAME=VALUE, not '{text}'")
        if name in found:
            raise click.UsageError(f"{option} {name} is given twice")
        found[name] = value
    return found
