"""The price book of a workspace: its own rows, which come before the public catalogue.

Rows are added and ended, never changed, so that what was once agreed can still be read. A new row prices calls from
then on; what is recorded keeps the lines it has.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.catalog_ports import PriceCatalog
from promptforge.core.errors import Conflict, InvalidInput, NotFound
from promptforge.core.filter import Operator, Test
from promptforge.core.ports import Clock, Record
from promptforge.core.price import Price
from promptforge.core.price_row import PriceRow, check
from promptforge.core.query import Breakdown, Dimension, Freshness, Subject
from promptforge.core.stats import Figures
from promptforge.core.window import Window
from promptforge.pricing.book import Book
from promptforge.pricing.rows import Rows
from promptforge.pricing.tariff import Tariff

MAX_PRICES = 5_000
MAX_AT_ONCE = 1_000
MAX_MODELS = 1_000


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A model that calls of the window had no price for."""

    provider: str
    model: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class UnpricedList:
    models: Sequence[Unpriced]
    freshness: Freshness


class Prices:
    """Shows and changes the rows of workspaces, and tells the price book."""

    def __init__(self, catalog: PriceCatalog, rows: Rows, book: Book, record: Record, clock: Clock) -> None:
        self._catalog = catalog
        self._rows = rows
        self._book = book
        self._record = record
        self._clock = clock
        self._changing = asyncio.Lock()

    async def start(self, actor: Actor) -> None:
        """Tell the price book of the rows of every workspace."""
        actor.require(Permission.ADMIN)
        for workspace, prices in groupby(await self._catalog.all(), key=lambda price: price.workspace):
            self._rows.put(workspace, list(prices))

    async def list(self, actor: Actor, *, search: str | None = None, ended: bool = False) -> Sequence[Price]:
        """The rows by provider and model; *search*: part of a name or a note; *ended*: those too that hold no more."""
        actor.require(Permission.NUMBERS)
        now, part = self._clock.now(), (search or "").lower()
        return [
            price
            for price in await self._catalog.list(actor.workspace)
            if (ended or price.valid_until is None or price.valid_until > now)
            and any(part in text.lower() for text in (price.provider, price.model, price.note))
        ]

    async def add(self, actor: Actor, rows: Sequence[PriceRow]) -> Sequence[Price]:
        """Add rows, all of them or none; Conflict where one like it begins at the same moment."""
        actor.require(Permission.ADMIN)
        if not 1 <= len(rows) <= MAX_AT_ONCE:
            raise InvalidInput(f"add 1 to {MAX_AT_ONCE:,} prices at once, not {len(rows):,}", path="$.input")
        for row in rows:
            check(row)
        async with self._changing:
            known = list(await self._catalog.list(actor.workspace))
            if len(known) + len(rows) > MAX_PRICES:
                raise InvalidInput(f"a workspace has at most {MAX_PRICES:,} prices", path="$.input")
            made = [self._made(actor, row) for row in rows]
            taken = {_subject(price) for price in known if price.valid_until != price.valid_from}
            for price in made:
                if _subject(price) in taken:
                    raise Conflict(
                        f"there is a price of {price.provider} {price.model} from {price.valid_from.isoformat()} on "
                        "already: end that one, or let this one begin at another time"
                    )
                taken.add(_subject(price))
            await self._catalog.add(made)
            self._rows.put(actor.workspace, [*known, *made])
        return made

    async def end(self, actor: Actor, price_id: str, at: datetime | None = None) -> Price:
        """Let a row hold until *at* (now, where not said); before its beginning it never held. NotFound for no row."""
        actor.require(Permission.ADMIN)
        async with self._changing:
            known = {price.id: price for price in await self._catalog.list(actor.workspace)}
            if (price := known.get(price_id)) is None:
                raise NotFound(f"there is no price '{price_id[:60]}' in this workspace")
            until = max(at or self._clock.now(), price.valid_from)
            await self._catalog.end(actor.workspace, price_id, until)
            after = await self._catalog.list(actor.workspace)
            self._rows.put(actor.workspace, after)
        return next(each for each in after if each.id == price_id)

    def of(
        self,
        actor: Actor,
        provider: str,
        model: str,
        at: datetime | None = None,
        terms: Mapping[str, str] | None = None,
    ) -> Tariff | None:
        """What a model costs at a moment, own rows first; None where it has no price."""
        actor.require(Permission.NUMBERS)
        return self._book.tariff(actor.workspace, provider, model, at or self._clock.now(), terms or {})

    async def unpriced(self, actor: Actor, window: Window) -> UnpricedList:
        """The models that calls of a window had no price for, the most called first."""
        actor.require(Permission.NUMBERS)
        found = await self._record.figures(
            Breakdown(
                workspace=actor.workspace,
                filter=Test("cost_state", Operator.IN, ("unpriced",)),
                start=window.start,
                end=window.end,
                by=(Dimension.PROVIDER, Dimension.MODEL),
                subject=Subject.CALLS,
                zone=window.zone,
                limit=MAX_MODELS,
            )
        )
        models = [Unpriced(str(g.key[0] or ""), str(g.key[1] or ""), g.figures) for g in found.items]
        return UnpricedList(models, found.freshness)

    def _made(self, actor: Actor, row: PriceRow) -> Price:
        now = self._clock.now()
        start = row.valid_from or now
        if row.valid_until is not None and row.valid_until <= start:
            raise InvalidInput("validUntil must be after validFrom", path="$.validUntil")
        return Price(
            id=ids.made(ids.PRICE, now, self._clock.bits()),
            workspace=actor.workspace,
            provider=row.provider,
            model=row.model,
            rates=row.rates,
            valid_from=start.replace(microsecond=start.microsecond // 1000 * 1000),
            valid_until=row.valid_until,
            terms=row.terms,
            note=row.note,
            created_at=now,
            created_by=actor.user_id,
        )


def _subject(price: Price) -> tuple[object, ...]:
    """What no two rows have in common."""
    terms = None if price.terms is None else tuple(sorted(price.terms.items()))
    return price.provider, price.model, terms, price.valid_from
