"""Captured spans in the words of the record: calls of models as executions, roots of traces as chain executions.

Every id is derived from what the program says that the thing is, so whatever comes twice is one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from promptforge.core import ids
from promptforge.core.access import Actor
from promptforge.core.chain import ChainRef, StepType
from promptforge.core.chain_execution import ChainContent, ChainExecution, StepRun
from promptforge.core.execution import Attempt, Content, ErrorType, Execution, PromptRef, Source, Status, StepRef
from promptforge.core.retention import Ending, Retention, expires_on, keeps, retained_chain
from promptforge.core.span import Span
from promptforge.core.usage import NOTHING, Usage, UsageSource
from promptforge.services.ending import text_hash
from promptforge.services.fields import MAX_COUNT, Asked
from promptforge.services.foreign import Foreign

START = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""What is said to be earlier is a clock that was never set."""
AHEAD = timedelta(hours=24)
UNKNOWN = "unknown"
"""The model, or the provider, of a call that names none."""
BITS = (1 << ids.RANDOM_BITS) - 1
_MILLISECOND_NS = 1_000_000
_REFUSED = frozenset({ErrorType.AUTHENTICATION, ErrorType.VALIDATION, ErrorType.RATE_LIMIT})
"""Ends of a call for which the provider did no work, unless the program says what it used."""
_written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_NOTHING = Content()
_NO_CHAIN_CONTENT = ChainContent()


@dataclass(frozen=True, slots=True)
class Request:
    """What holds for all spans of a request; *chains* are the ids of the chain executions of traces."""

    actor: Actor
    now: datetime
    retention: Retention
    refs: Mapping[Asked, PromptRef | None]
    chains: Mapping[str, str]


def moment(nanoseconds: int) -> datetime:
    """A moment of a program's, cut to milliseconds."""
    return START + timedelta(milliseconds=nanoseconds // _MILLISECOND_NS)


def nanoseconds(at: datetime) -> int:
    """A moment of ours as programs have it."""
    return (at - START) // timedelta(milliseconds=1) * _MILLISECOND_NS


def asked_of(span: Span) -> Asked | None:
    """The prompt that a span names."""
    return (None, span.prompt_name, span.prompt_version, None) if span.prompt_name else None


def latency_of(span: Span) -> int:
    """How long it took, in milliseconds; more than any clock measures is a clock that was set."""
    return min(max(0, span.ended_ns - span.started_ns) // _MILLISECOND_NS, MAX_COUNT)


class Spans:
    """Makes executions of spans."""

    def __init__(self, foreign: Foreign, *, secret: bytes) -> None:
        self._foreign = foreign
        self._secret = secret

    def chain_bits(self, workspace: str, trace_id: str) -> int:
        """What tells the chain execution of a trace from others."""
        return ids.derived_bits(self._secret, "trace", workspace, trace_id)

    def call(self, request: Request, span: Span) -> Execution:
        """A span that calls a model, as an execution."""
        actor, at = request.actor, moment(span.started_ns)
        bits = ids.derived_bits(self._secret, "span", actor.workspace, span.trace_id, span.span_id)
        asked = asked_of(span)
        ref, tags = request.refs.get(asked) if asked else None, span.tags
        if asked and ref is None:
            tags = {"prompt": span.prompt_name or "", **tags}
        status = Status.ERROR if span.failed else Status.SUCCESS
        error_type = (span.error_type or ErrorType.PROVIDER) if span.failed else None
        model = span.model or UNKNOWN
        provider = span.provider or self._foreign.provider_of(model) or UNKNOWN
        used, source = _usage(span, error_type)
        models = (span.response_model, model) if span.response_model else (model,)
        ending = Ending(created_at=at, status=status, prompt=ref, tags=tags, key_id=actor.key_id)
        latency_ms = latency_of(span)
        return Execution(
            id=ids.made(ids.EXECUTION, at, bits),
            workspace=actor.workspace,
            created_at=at,
            status=status,
            source=Source.OTLP,
            model=model,
            provider=provider,
            prompt=ref,
            step=_step(request, span),
            response_model=span.response_model,
            user_id=actor.user_id,
            key_id=actor.key_id,
            service=span.service or actor.service,
            end_user=span.end_user,
            session_id=span.session_id,
            tags=tags,
            error_type=error_type,
            finish_reason=span.finish_reason,
            started_at=at,
            recorded_at=request.now,
            latency_ms=latency_ms,
            first_token_ms=span.first_token_ms,
            usage_source=source,
            **self._foreign.cost(actor, provider, models, used, span.claimed, at, span.terms),
            attempts=_attempts(span, provider, model, status, error_type, latency_ms),
            streamed=span.streamed,
            expires_on=expires_on(request.retention, ending, since=max(at, request.now)),
            **self._content(span, kept=keeps(request.retention, ending)),
        )

    def root(self, request: Request, span: Span, calls: Sequence[Execution]) -> ChainExecution:
        """The root of a trace, as how its chain execution ended; *calls* are those that are known of the trace."""
        chain = self._of_trace(request, request.chains[span.trace_id], calls)
        content = ChainContent(
            input=span.input,
            output=span.output,
            error=span.error,
            stack_trace=span.stack_trace,
            metadata=span.metadata,
        )
        made = replace(
            chain,
            status=Status.ERROR if span.failed else Status.SUCCESS,
            chain=ChainRef(chain_id="", chain_name=span.name, version_id="", version=0) if span.name else None,
            service=span.service or chain.service,
            end_user=span.end_user or chain.end_user,
            session_id=span.session_id or chain.session_id,
            tags=span.tags,
            error_type=(span.error_type or ErrorType.INTERNAL) if span.failed else None,
            started_at=moment(span.started_ns),
            recorded_at=request.now,
            latency_ms=latency_of(span),
            input_hash=0 if span.input is None else text_hash(self._secret, _written(span.input)),
            output_hash=text_hash(self._secret, span.output),
            content=content if content != _NO_CHAIN_CONTENT else None,
        )
        return retained(request.retention, made, calls, request.now)

    def open(self, request: Request, trace_id: str, calls: Sequence[Execution]) -> ChainExecution:
        """The chain execution of a trace whose root has not come."""
        made = self._of_trace(request, request.chains[trace_id], calls)
        return retained(request.retention, made, calls, request.now)

    def _of_trace(self, request: Request, chain_id: str, calls: Sequence[Execution]) -> ChainExecution:
        at = moment_of_id(chain_id)

        def said(name: str) -> Any:
            return next((value for call in calls if (value := getattr(call, name))), None)

        return ChainExecution(
            id=chain_id,
            workspace=request.actor.workspace,
            created_at=at,
            status=Status.PENDING,
            source=Source.OTLP,
            user_id=request.actor.user_id,
            key_id=request.actor.key_id,
            service=said("service") or request.actor.service,
            end_user=said("end_user"),
            session_id=said("session_id"),
            started_at=min([call.created_at for call in calls], default=at),
        )

    def _content(self, span: Span, *, kept: bool) -> dict[str, Any]:
        """What went in and came out, where it is kept, and what is known of it without reading it."""
        given, output = span.input, span.output
        text = None if given is None else _written(given)
        content = Content(
            input=given,
            request=dict(span.params) if span.params else None,
            output=output,
            error=span.error,
            stack_trace=span.stack_trace,
            usage_raw=span.usage_raw,
            metadata=span.metadata,
        )
        return {
            "input_hash": text_hash(self._secret, text),
            "output_hash": text_hash(self._secret, output),
            "input_chars": len(given) if isinstance(given, str) else len(text or ""),
            "output_chars": len(output or ""),
            "content": content if kept and content != _NOTHING else None,
        }


def moment_of_id(chain_id: str) -> datetime:
    """The moment that the id of a chain execution carries."""
    number = ids.parse(ids.CHAIN_EXECUTION, chain_id) or 0
    return START + timedelta(milliseconds=ids.milliseconds(number))


def retained(retention: Retention, chain: ChainExecution, calls: Sequence[Execution], now: datetime) -> ChainExecution:
    """The chain execution of a trace as it may be journaled: no rule for a prompt that it called is broken."""
    prompts = {call.id: call.prompt.prompt_id for call in calls if call.prompt}
    ran = tuple(
        StepRun(name=call.id, order=0, type=StepType.PROMPT, status=call.status) for call in calls if call.prompt
    )
    kept = retained_chain(retention, replace(chain, steps=ran), prompts, since=max(chain.created_at, now))
    return replace(kept, steps=())


def _step(request: Request, span: Span) -> StepRef | None:
    if span.parent_id is None:
        return None
    return StepRef(chain_execution_id=request.chains[span.trace_id], step=span.name)


def _usage(span: Span, error_type: ErrorType | None) -> tuple[Usage | None, UsageSource]:
    if span.usage is not None:
        return span.usage, UsageSource.REPORTED
    if error_type in _REFUSED:
        return NOTHING, UsageSource.NONE
    return None, UsageSource.UNKNOWN


def _attempts(
    span: Span, provider: str, model: str, status: Status, error_type: ErrorType | None, latency_ms: int
) -> tuple[Attempt, ...]:
    """The one attempt that is known of, where there is more to say of it than the execution does."""
    if span.request_id is None:
        return ()
    attempt = Attempt(
        number=1,
        provider=provider,
        model=model,
        offset_ms=0,
        latency_ms=latency_ms,
        status=status,
        error_type=error_type,
        request_id=span.request_id,
    )
    return (attempt,)
