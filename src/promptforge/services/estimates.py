"""What a call would use and cost, before it is made: at most, and as it usually was.

At most: a token is at least one byte, so a request has no more tokens than bytes, and the output no more than its
limit; without a limit there is no upper bound. What a provider's own tools put into the prompt is beyond that. As it
usually was is the mean of the version's calls of the last days with that model that succeeded, where there are any.
"""

import json
from dataclasses import dataclass
from datetime import timedelta

from promptforge.core.access import Actor, Permission
from promptforge.core.filter import All, Operator, Test
from promptforge.core.ports import Clock, PriceBook, Record
from promptforge.core.query import Breakdown, Subject
from promptforge.core.stats import Figures
from promptforge.core.usage import usage
from promptforge.services.calls import Call, Calls
from promptforge.services.guard import most_output

DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Means over *calls* whose usage is known; ``cost`` is over those with a price, None where there are none."""

    calls: int
    token_in: int
    token_out: int
    cost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """At most. ``token_out`` is None where there is no limit, ``cost`` (10^-12 dollars) also without a price."""

    provider: str
    model: str
    token_in: int
    token_out: int | None
    cost: int | None
    priced: bool
    usual: Usual | None


class Estimates:
    """Answers without calling anybody."""

    def __init__(self, record: Record, calls: Calls, prices: PriceBook, clock: Clock) -> None:
        self._record = record
        self._calls = calls
        self._prices = prices
        self._clock = clock

    async def estimate(self, actor: Actor, call: Call) -> Estimate:
        """Of one attempt at the model that is asked first; InvalidInput for a call that could not be made."""
        actor.require(Permission.RUN)
        ref, way = await self._calls.planned(actor, call)
        body, model, provider = way.provider.body(way.request), way.request.model, way.provider
        asked, most = len(json.dumps(body, ensure_ascii=False).encode()), most_output(body)
        used = usage(input=asked, output=most or 0)
        lines = self._prices.lines(actor.workspace, provider.priced_as, model, used, self._clock.now())
        return Estimate(
            provider=provider.name,
            model=model,
            token_in=asked,
            token_out=most,
            cost=None if lines is None or most is None else sum(line.amount for line in lines),
            priced=lines is not None,
            usual=None if ref is None else await self._usual(actor, ref.version_id, model),
        )

    async def _usual(self, actor: Actor, version_id: str, model: str) -> Usual | None:
        tests = (
            Test("version_id", Operator.IN, (version_id,)),
            Test("model", Operator.IN, (model,)),
            Test("status", Operator.IN, ("success",)),  # what was refused used nothing
        )
        start = self._clock.now() - timedelta(days=DAYS)
        query = Breakdown(workspace=actor.workspace, filter=All(tests), start=start, subject=Subject.CALLS)
        found = sum((group.figures for group in (await self._record.figures(query)).items), Figures())
        known = found.priced + found.unpriced
        if not known:
            return None
        return Usual(
            calls=known,
            token_in=round(found.token_in / known),
            token_out=round(found.token_out / known),
            cost=found.cost // found.priced if found.priced else None,
        )
