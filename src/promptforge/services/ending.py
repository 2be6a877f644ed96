"""How a call ended, and the closed record of it: the same for runs of our own and for calls that pass through."""

import json
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from promptforge.core.altered import altered
from promptforge.core.execution import Attempt, Content, CostState, ErrorType, Execution, Status
from promptforge.core.ids import derived_bits
from promptforge.core.model import ModelFailure, Reply
from promptforge.core.ports import PriceBook
from promptforge.core.price import Line
from promptforge.core.usage import NOTHING, Usage, UsageSource

_HASH_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call: a reply, or the failure that ended it, and then whatever text had come.

    ``estimated`` is the usage where the provider never said.
    """

    reply: Reply | None = None
    failure: ModelFailure | None = None
    text: str = ""
    estimated: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an attempt used that was followed by another: it is paid for as well. None: it may have, nobody said."""

    attempt: int
    model: str
    priced_as: str
    usage: Usage | None


def closed(
    opened: Execution,
    outcome: Outcome,
    *,
    latency_ms: int,
    first_token_ms: int | None,
    attempts: Sequence[Attempt],
    attempt_errors: Sequence[str],
    prices: PriceBook,
    secret: bytes,
    priced_as: str | None = None,
    earlier: Sequence[Spent] = (),
) -> Execution:
    """The closed record of an open call; *priced_as*: whose prices hold, where the provider has a name of its own.

    *earlier* attempts that used something are in usage and cost, each priced by its own model.
    """
    failure, reply = outcome.failure, outcome.reply
    usage, source, lines = _paid(opened, outcome, priced_as, len(attempts) or 1, earlier, prices)
    content = opened.content or Content()
    output = reply.text if reply else (failure.text if failure else "") or outcome.text or None
    return altered(
        opened,
        status=Status.ERROR if failure else Status.SUCCESS,
        error_type=failure.error_type if failure else None,
        response_model=reply.model if reply else None,
        finish_reason=reply.finish_reason if reply else None,
        latency_ms=latency_ms,
        first_token_ms=first_token_ms,
        usage=usage,
        usage_source=source,
        token_in=usage.token_in if usage else None,
        token_out=usage.token_out if usage else None,
        lines=lines or (),
        cost=None if lines is None else sum(line.amount for line in lines),
        cost_state=_cost_state(usage, lines),
        attempts=tuple(attempts),
        output_hash=text_hash(secret, output),
        output_chars=len(output or ""),
        content=altered(
            content,
            output=output,
            error=str(failure) if failure else None,
            stack_trace=trace_of(failure),
            usage_raw=reply.usage_raw if reply else failure.usage_raw if failure else None,
            attempt_errors=tuple(attempt_errors),
        ),
    )


def _paid(
    opened: Execution,
    outcome: Outcome,
    priced_as: str | None,
    attempt: int,
    earlier: Sequence[Spent],
    prices: PriceBook,
) -> tuple[Usage | None, UsageSource, tuple[Line, ...] | None]:
    """What all attempts used, who says so, and the lines that it comes to; *attempt* is the last one."""
    usage, source = _usage(outcome)
    if usage is None:
        return None, source, None
    lines = _lines(opened, priced_as, usage, outcome.reply, attempt, prices)
    if not earlier:
        return usage, source, lines
    known = [spent for spent in earlier if spent.usage is not None]
    if len(known) < len(earlier):
        source = UsageSource.ESTIMATED  # it is what is known, and may be more
    elif source is UsageSource.NONE:
        source = UsageSource.REPORTED
    return _together(usage, known), source, _with_earlier(opened, lines, known, prices)


def _usage(outcome: Outcome) -> tuple[Usage | None, UsageSource]:
    found = outcome.reply.usage if outcome.reply else outcome.failure.usage if outcome.failure else None
    if found is not None:
        return found, UsageSource.REPORTED
    if outcome.failure is not None and outcome.failure.refused:
        return NOTHING, UsageSource.NONE
    if outcome.estimated is not None:
        return outcome.estimated, UsageSource.ESTIMATED
    return None, UsageSource.UNKNOWN


def _together(usage: Usage, earlier: Sequence[Spent]) -> Usage:
    sums = Counter(usage.leaves)
    for spent in earlier:
        sums.update(spent.usage.leaves if spent.usage else {})
    return Usage(dict(sums))


def _with_earlier(
    opened: Execution, lines: tuple[Line, ...] | None, earlier: Sequence[Spent], prices: PriceBook
) -> tuple[Line, ...] | None:
    """The lines of all attempts in their order; None where one of them has no price."""
    found: list[Line] = []
    for spent in earlier:
        used = spent.usage or NOTHING
        own = prices.lines(
            opened.workspace, spent.priced_as, spent.model, used, opened.created_at, attempt=spent.attempt
        )
        if own is None:
            return None
        found += own
    return None if lines is None else (*found, *lines)


def _lines(
    opened: Execution, priced_as: str | None, usage: Usage, reply: Reply | None, attempt: int, prices: PriceBook
) -> tuple[Line, ...] | None:
    if not usage.leaves:
        return ()
    for name in dict.fromkeys(((reply.model if reply else None) or opened.model, opened.model)):
        lines = prices.lines(
            opened.workspace,
            priced_as or opened.provider,
            name,
            usage,
            opened.created_at,
            attempt=attempt,
            terms=reply.terms if reply else None,
        )
        if lines is not None:
            return lines
    return None


def _cost_state(usage: Usage | None, lines: tuple[Line, ...] | None) -> CostState:
    if usage is None:
        return CostState.UNKNOWN
    return CostState.UNPRICED if lines is None else CostState.PRICED


def refused(execution: Execution, error: Exception, error_type: ErrorType) -> Execution:
    """The closed record of a call that was refused before any provider was asked: nothing used, nothing paid."""
    return altered(
        execution,
        status=Status.ERROR,
        error_type=error_type,
        latency_ms=0,
        usage=NOTHING,
        usage_source=UsageSource.NONE,
        token_in=0,
        token_out=0,
        cost=0,
        cost_state=CostState.PRICED,
        content=altered(execution.content or Content(), error=str(error), stack_trace=trace_of(error)),
    )


def filtered(provider: str, reply: Reply) -> ModelFailure:
    """The failure that a reply amounts to when the provider withheld it."""
    return ModelFailure(
        f"Provider '{provider}' withheld the answer: its content filter stopped it ({reply.finish_reason})",
        ErrorType.CONTENT_FILTER,
        text=reply.text,
        usage=reply.usage,
        usage_raw=reply.usage_raw,
        request_id=reply.request_id,
    )


def trace_of(error: BaseException | None) -> str | None:
    """The stack trace without local variables; None where there was no error."""
    return None if error is None else "".join(traceback.format_exception(error)).rstrip()


def text_hash(secret: bytes, text: str | None) -> int:
    """64 bits that say whether two texts of one workspace are equal and nothing else; 0 for no text."""
    if not text:
        return 0
    return derived_bits(secret, text) & ((1 << _HASH_BITS) - 1) or 1


def json_hash(secret: bytes, value: object) -> int:
    """The same for a JSON value, whatever the order of its keys."""
    return text_hash(secret, json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
