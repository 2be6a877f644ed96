"""Traces: what programs capture of themselves and send as spans, on its way into the record.

A span that calls a model is an execution. What stands above such calls in one trace is a chain execution: its root says
how it went, its calls say what it cost. The record joins the two in whatever order they come; a root that never comes
is missed after ten minutes without a span.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from promptforge.core import ids
from promptforge.core.access import Actor, Permission, system
from promptforge.core.chain_execution import ChainContent, ChainExecution
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.execution import ErrorType, Execution, Source, Status
from promptforge.core.ports import Clock, PriceBook, Record
from promptforge.core.span import Span
from promptforge.services.chain_reader import calls_of
from promptforge.services.fields import MAX_COUNT
from promptforge.services.foreign import Foreign
from promptforge.services.prompts import Prompts
from promptforge.services.retention import Retentions
from promptforge.services.spans import AHEAD, BITS, FIRST, Request, Spans, asked_of, moment, nanoseconds, retained

PATIENCE_SECONDS = 600.0
"""So long after its last span a trace waits for its root, or for a call."""
SWEEP_SECONDS = 15.0
MANY = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a request: its calls of models and what was refused are received, and nothing else is counted.

    received = stored + duplicate + rejected; ``problems`` say why something was rejected.
    """

    received: int
    stored: int
    duplicate: int
    rejected: int
    problems: Sequence[str] = ()


class Traces:
    """Takes spans in, and waits for what is missing of a trace."""

    def __init__(
        self,
        record: Record,
        chains: ChainRecord,
        prompts: Prompts,
        prices: PriceBook,
        clock: Clock,
        retentions: Retentions,
        *,
        secret: bytes,
    ) -> None:
        self._record = record
        self._chains = chains
        self._clock = clock
        self._retentions = retentions
        self._foreign = Foreign(prompts, prices)
        self._spans = Spans(self._foreign, secret=secret)
        self._last: dict[tuple[str, int], float] = {}
        """When the last span of a trace came, by workspace and bits; what is no longer waited for leaves by itself."""
        self._sweeping: asyncio.Task[None] | None = None

    async def take(self, actor: Actor, spans: Sequence[Span], refused: Sequence[str] = ()) -> Taken:
        """Keep the calls and the roots among *spans*, each exactly once; *refused* is counted with what is wrong here.

        Unavailable when nothing could be kept.
        """
        actor.require(Permission.INGEST)
        good, bad = self._checked(spans)
        calls = [span for span in good if span.calls_model]
        roots = {span.trace_id: span for span in reversed(good) if span.parent_id is None and not span.calls_model}
        request = Request(
            actor,
            self._clock.now(),
            await self._retentions.of(actor),
            await self._foreign.refs(actor, filter(None, map(asked_of, calls))),
            await self._chain_ids(actor.workspace, good, roots),
        )
        self._touch(actor.workspace, good, request.chains)

        def make() -> tuple[list[Execution], list[ChainExecution]]:
            made = [self._spans.call(request, span) for span in calls]
            return made, self._halves(request, made, roots)

        made, halves = await asyncio.to_thread(make) if len(calls) > MANY else make()
        recorded = await (self._chains.capture(made, halves) if halves else self._record.record(made))
        # a request comes from one program, which its spans name
        program = next((span.service for span in spans if span.service), None)
        for why in refused:
            self.refuse(actor, why, service=program)
        for span, why in bad:
            self.refuse(actor, why, service=span.service)
        problems = [*refused, *(why for _, why in bad)]
        return Taken(
            received=len(calls) + len(problems),
            stored=recorded.stored,
            duplicate=recorded.duplicate,
            rejected=recorded.rejected + len(problems),
            problems=problems,
        )

    def refuse(self, actor: Actor, why: str, *, service: str | None = None) -> None:
        """Count a span that makes no sense, or a request that cannot be read at all."""
        actor.require(Permission.INGEST)
        self._record.refused(actor.workspace, Source.OTLP, 1, service=service or actor.service, why=why)

    def _checked(self, spans: Sequence[Span]) -> tuple[list[Span], list[tuple[Span, str]]]:
        """The spans that can be kept, and the others, each with what is wrong."""
        first, last = nanoseconds(FIRST), nanoseconds(self._clock.now() + AHEAD)
        good: list[Span] = []
        bad: list[tuple[Span, str]] = []
        for span in spans:
            if not first <= span.started_ns <= last:
                when = "before the year 2000" if span.started_ns < first else "more than 24 hours ahead"
                bad.append((span, f"span {span.span_id}: it began {when}"))
            elif span.usage is not None and max(span.usage.leaves.values(), default=0) > MAX_COUNT:
                bad.append((span, f"span {span.span_id}: it counts more than {MAX_COUNT} tokens"))
            else:
                good.append(span)
        return good, bad

    async def _chain_ids(self, workspace: str, spans: Sequence[Span], roots: Mapping[str, Span]) -> Mapping[str, str]:
        """The ids of the chain executions of those traces that have one, or may have."""
        named = {span.trace_id for span in spans if span.calls_model and span.parent_id is not None} | roots.keys()
        if not named:
            return {}
        began: dict[str, int] = {}
        for span in spans:
            if span.trace_id in named:
                began[span.trace_id] = min(span.started_ns, began.get(span.trace_id, span.started_ns))
        wanted = {
            trace: ids.made(ids.CHAIN_EXECUTION, moment(began[trace]), self._spans.chain_bits(workspace, trace))
            for trace in began
        }
        return await self._chains.trace_ids(workspace, wanted)

    def _touch(self, workspace: str, spans: Sequence[Span], chains: Mapping[str, str]) -> None:
        """Wait from now on, for traces that have a chain execution or are waited for already."""
        now = self._clock.monotonic()
        for trace in chains:
            self._last[workspace, self._spans.chain_bits(workspace, trace)] = now
        if not self._last:
            return
        for trace in {span.trace_id for span in spans if span.parent_id is not None} - chains.keys():
            key = workspace, self._spans.chain_bits(workspace, trace)
            if key in self._last:
                self._last[key] = now

    def _halves(self, request: Request, made: Sequence[Execution], roots: Mapping[str, Span]) -> list[ChainExecution]:
        """What this request says of the chain execution of each trace: its root, else that it is open."""
        calls: dict[str, list[Execution]] = defaultdict(list)
        for call in made:
            if call.step is not None:
                calls[call.step.chain_execution_id].append(call)
        return [
            self._spans.root(request, roots[trace], calls[chain])
            if trace in roots
            else self._spans.open(request, trace, calls[chain])
            for trace, chain in request.chains.items()
        ]

    # ── what is missing ───────────────────────────────────────────────────────────────────────────────────────────

    def start(self, actor: Actor) -> None:
        """Look after what waits, from now until ``stop``."""
        actor.require(Permission.ADMIN)
        self._sweeping = self._sweeping or asyncio.create_task(self._sweep_on(actor), name="traces")

    async def stop(self, actor: Actor) -> None:
        """Leave what waits to the next process."""
        actor.require(Permission.ADMIN)
        task, self._sweeping = self._sweeping, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _sweep_on(self, actor: Actor) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                await self.sweep(actor)
            except Exception:  # the stores may be away for a while; what waits goes on waiting
                _log.warning("traces that wait for their root could not be closed", exc_info=True)

    async def sweep(self, actor: Actor) -> int:
        """Close chain executions whose root is missing, and let go of roots without calls; how many that were.

        What an earlier process left waits its ten minutes anew.
        """
        actor.require(Permission.ADMIN)
        now = self._clock.monotonic()
        unfinished = [chain for chain in self._chains.unfinished() if chain.source is Source.OTLP]
        roots = self._chains.roots()
        self._last = {key: self._last.get(key, now) for key in map(_key, (*unfinished, *roots))}
        late: dict[str, list[ChainExecution]] = defaultdict(list)
        for chain in unfinished:
            if now - self._last[_key(chain)] >= PATIENCE_SECONDS:
                late[chain.workspace].append(chain)
        closed = 0
        for workspace, chains in late.items():
            for start in range(0, len(chains), MANY):
                closed += await self._close(workspace, chains[start : start + MANY])
        if alone := [root for root in roots if now - self._last[_key(root)] >= PATIENCE_SECONDS]:
            await self._chains.forget_roots(alone)
        return closed + len(alone)

    async def _close(self, workspace: str, chains: Sequence[ChainExecution]) -> int:
        """Close chain executions by what their calls say; how many, none while these are not all there to be asked."""
        found, behind = await calls_of(self._record, workspace, chains, content=False)
        if behind:
            return 0
        calls: dict[str, list[Execution]] = {chain.id: [] for chain in chains}
        for call in found.values():
            if call.step is not None:
                calls[call.step.chain_execution_id].append(call)
        retention = await self._retentions.of(system(workspace))
        now = self._clock.now()
        ended = [retained(retention, _missed(chain, calls[chain.id]), calls[chain.id], now) for chain in chains]
        await asyncio.gather(*[self._chains.close_chain(chain) for chain in ended])
        return len(ended)


def _missed(chain: ChainExecution, calls: Sequence[Execution]) -> ChainExecution:
    """How a chain execution ended whose root never came: as the call that ended last."""
    closed = replace(chain, content=ChainContent(metadata={"root": "missing"}))
    if not calls:
        return replace(closed, status=Status.ERROR, error_type=ErrorType.INTERRUPTED)
    start = min(call.created_at for call in calls)
    last = max(calls, key=lambda call: (_end(call), call.status is Status.ERROR, call.error_type or ""))
    return replace(
        closed,
        status=last.status,
        error_type=last.error_type,
        started_at=start,
        latency_ms=(_end(last) - start) // timedelta(milliseconds=1),
    )


def _end(call: Execution) -> datetime:
    return call.created_at + timedelta(milliseconds=call.latency_ms or 0)


def _key(chain: ChainExecution) -> tuple[str, int]:
    return chain.workspace, (ids.parse(ids.CHAIN_EXECUTION, chain.id) or 0) & BITS
