"""Two tellings of one call: an SDK, the instrumentation around it and a framework above may each write a span of it.

Recorded twice, it would cost twice. The outer telling stays a call and takes over what only the inner one knew; the
inner one stays a span and is no call. Both come in one request, but for a call whose end falls between two requests.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set

from promptforge.core.json import is_object
from promptforge.core.span import Span
from promptforge.wire.conventions import FIRST_HAND

#: What the outer telling takes over where it does not know it itself.
_SHARED = (
    *("model", "response_model", "input", "output", "usage", "finish_reason", "request_id", "first_token_ms"),
    *("prompt_name", "prompt_version", "end_user", "session_id", "claimed"),
)
#: How many spans with the same answer are looked through for the twin of one: more begin at once in no program.
_NEAR = 32


def once(spans: Iterable[Span]) -> None:
    """Leave of the spans that tell of one call a single one that is a call.

    They are of different instrumentations. One is right above the other; or both name the same answer and their times
    overlap (played back, an answer has the same name at another time); or, where one names none, it is around the other
    and both end alike: with the same error, or with the same text and counts. Of an SDK's own telling,
    which may know no text and is right about counts, those of the output are enough.
    """
    calls = [span for span in spans if span.calls_model]
    if len({call.scope for call in calls}) < 2:
        return
    sure = {id(call) for call in calls if call.scope in FIRST_HAND}
    _under_calls(calls, sure)
    named: defaultdict[object, list[Span]] = defaultdict(list)
    alike: defaultdict[object, list[Span]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: (call.started_ns, -call.ended_ns, call.trace_id, call.span_id)):
        if call.calls_model and call.request_id:
            named[call.request_id].append(call)
        if call.calls_model and (call.usage or call.error_type):
            alike[call.provider, call.error_type, call.usage and call.usage.token_out].append(call)
    for same in named.values():
        _fold_each(same, sure, lambda inner, outer: inner.started_ns <= outer.ended_ns)
    for same in alike.values():
        _fold_each(same, sure, lambda inner, outer: _end_alike(inner, outer, sure))


def _end_alike(inner: Span, outer: Span, sure: Set[int]) -> bool:
    if inner.ended_ns > outer.ended_ns or (inner.request_id and outer.request_id):
        return False
    if id(inner) in sure:
        return inner.output == outer.output or inner.output is None
    return inner.output == outer.output and (inner.usage == outer.usage or _counts_no_input(outer))


def _counts_no_input(span: Span) -> bool:
    """Whether it counts what no call is: one without input, as frameworks do of streams."""
    return span.usage is not None and span.usage.token_in == 0


def _under_calls(calls: Sequence[Span], sure: set[int]) -> None:
    above = {(call.trace_id, call.span_id): call for call in calls}
    # from within to without; the ids keep the order in which spans are told from making a difference
    for call in sorted(calls, key=lambda call: (call.ended_ns - call.started_ns, call.trace_id, call.span_id)):
        parent = above.get((call.trace_id, call.parent_id)) if call.parent_id else None
        if parent is not None and parent.calls_model and parent.scope != call.scope:
            _fold(call, parent, sure)


def _fold_each(same: Sequence[Span], sure: set[int], twins: Callable[[Span, Span], bool]) -> None:
    """Give each call at most one twin of each instrumentation: as many calls as there were at a time stay."""
    for at, outer in enumerate(same):
        scopes = {outer.scope}
        for inner in same[at + 1 : at + 1 + _NEAR] if outer.calls_model else ():
            if inner.calls_model and inner.scope not in scopes and twins(inner, outer):
                scopes.add(inner.scope)
                _fold(inner, outer, sure)


def _fold(inner: Span, outer: Span, sure: set[int]) -> None:
    """*sure* are those that have their counts from a provider's own SDK, which are believed before any other."""
    inner.calls_model = False
    for name in _SHARED:
        if getattr(outer, name) is None:
            setattr(outer, name, getattr(inner, name))
    if id(inner) in sure or (inner.usage is not None and _counts_no_input(outer)):
        outer.usage = inner.usage  # none, where the SDK did not hear the end: what others made of the beginning is half
    if id(inner) in sure:
        outer.response_model = inner.response_model or outer.response_model
        sure.add(id(outer))
    outer.streamed = outer.streamed or inner.streamed
    outer.terms = outer.terms or inner.terms
    if is_object(outer.usage_raw) and is_object(inner.usage_raw):
        outer.usage_raw = {**outer.usage_raw, **inner.usage_raw}
    else:
        outer.usage_raw = outer.usage_raw or inner.usage_raw
