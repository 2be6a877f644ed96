"""What becomes of a demo call: an answer with its usage and timing, or one of the failures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from promptforge.core.execution import Attempt, ErrorType, Execution, Json, Status
from promptforge.core.usage import NOTHING, Usage, UsageSource, usage
from promptforge.services.demo.failures import Failure, trace
from promptforge.services.demo.prompts import SPEED

_RETRIED = 22  # in a thousand answers
_WAIT_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call ready to be sent: ``given`` is the caller's input, ``variable`` the one that a careless caller forgets."""

    execution: Execution
    given: Mapping[str, Json] | list[Json]
    messages: Sequence[Mapping[str, Json]]
    params: Mapping[str, Json]
    answer: str
    variable: str
    cached: bool = False
    reasoning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it ended; the fields are those of an execution and its content."""

    latency_ms: int | None
    usage: Usage | None
    usage_source: UsageSource
    usage_raw: Json = None
    first_token_ms: int | None = None
    attempts: tuple[Attempt, ...] = ()
    attempt_errors: tuple[str, ...] = ()
    output: str | None = None
    error: str | None = None
    stack_trace: str | None = None
    finish_reason: str | None = None
    sent: bool = True


def answered(chance: Random, asked: Asked) -> Outcome:
    """A success, now and then after a first attempt that was turned away."""
    open_ = asked.execution
    used, raw = _used(chance, asked, asked.answer)
    first, took = _timing(chance, asked, used)
    attempts: list[Attempt] = []
    errors: list[str] = []
    if chance.random() * 1000 < _RETRIED:
        turned_away = 90 + int(chance.random() * 300)
        attempts.append(_attempt(chance, open_, 1, 0, turned_away, ErrorType.RATE_LIMIT, 429))
        errors.append(f"Rate limit reached at provider '{open_.provider}'")
    offset = attempts[0].latency_ms + _WAIT_MS if attempts else 0
    attempts.append(_attempt(chance, open_, len(attempts) + 1, offset, took, None, 200))
    return Outcome(
        latency_ms=offset + took,
        usage=used,
        usage_source=UsageSource.REPORTED,
        usage_raw=raw,
        first_token_ms=offset + first,
        attempts=tuple(attempts),
        attempt_errors=(*errors, ""),
        output=asked.answer,
        finish_reason="end_turn" if open_.provider == "anthropic" else "stop",
    )


def failed(chance: Random, asked: Asked, failure: Failure) -> Outcome:
    """A failure, with what the record keeps of it."""
    open_ = asked.execution
    sentence = failure.sentences[int(chance.random() * len(failure.sentences))]
    sentence = sentence.format(provider=open_.provider, variable=asked.variable)
    attempts: list[Attempt] = []
    at = 0
    low, high = failure.milliseconds
    for number in range(1, failure.attempts + 1):
        took = low + int(chance.random() * (high - low))
        attempts.append(_attempt(chance, open_, number, at, took, failure.error_type, failure.http_status))
        at += took + (_WAIT_MS << number - 1 if number < failure.attempts else 0)
    used, raw, source = None, None, UsageSource.UNKNOWN
    if failure.refused:
        used, source = NOTHING, UsageSource.NONE
    elif failure.reported:
        (used, raw), source = _used(chance, asked, asked.answer[:40]), UsageSource.REPORTED
    interrupted = failure.error_type is ErrorType.INTERRUPTED
    return Outcome(
        latency_ms=None if interrupted else at,
        usage=used,
        usage_source=source,
        usage_raw=raw,
        attempts=tuple(attempts),
        attempt_errors=(sentence,) * len(attempts),
        output=asked.answer[: len(asked.answer) // 3] or None if failure.partial and open_.streamed else None,
        error=sentence,
        stack_trace=trace(failure),
        finish_reason="content_filter" if failure.error_type is ErrorType.CONTENT_FILTER else None,
        sent=failure.error_type is not ErrorType.VALIDATION,
    )


def _attempt(
    chance: Random,
    open_: Execution,
    number: int,
    offset_ms: int,
    latency_ms: int,
    error_type: ErrorType | None,
    http_status: int | None,
) -> Attempt:
    return Attempt(
        number=number,
        provider=open_.provider,
        model=open_.model,
        offset_ms=offset_ms,
        latency_ms=latency_ms,
        status=Status.ERROR if error_type else Status.SUCCESS,
        error_type=error_type,
        http_status=http_status,
        request_id=f"req_{chance.getrandbits(64):016x}" if http_status else None,
    )


def _used(chance: Random, asked: Asked, answer: str) -> tuple[Usage, Json]:
    """About a token for four bytes, and the block in which the provider would have said so."""
    tokens_in = 9 + sum(len(str(message["content"]).encode()) for message in asked.messages) // 4
    tokens_out = 4 + len(answer.encode()) // 4
    thought = 180 + int(chance.random() * 900) if asked.reasoning and asked.execution.model.startswith("o") else 0
    read = tokens_in * 6 // 10 if asked.cached else 0
    used = usage(input=tokens_in - read, input_cache_read=read, output=tokens_out, output_reasoning=thought)
    if asked.execution.provider == "anthropic":
        raw: dict[str, Json] = {
            "input_tokens": tokens_in - read,
            "cache_read_input_tokens": read,
            "output_tokens": tokens_out,
        }
    else:
        raw = {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out + thought,
            "prompt_tokens_details": {"cached_tokens": read},
            "completion_tokens_details": {"reasoning_tokens": thought},
        }
    return used, raw


def _timing(chance: Random, asked: Asked, used: Usage) -> tuple[int, int]:
    """Milliseconds to the first token and to the last."""
    _, first, per_token = SPEED[asked.execution.model]
    luck = chance.lognormvariate(0, 0.24)
    return round(first * luck), round((first + per_token * used.token_out) * luck)
