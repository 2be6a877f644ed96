"""Spans for tests, as they are read: short to write, with times around now."""

import itertools
from dataclasses import replace
from datetime import datetime

from kit.clock import START
from promptforge.core.span import Span
from promptforge.core.usage import usage

_numbers = itertools.count(1)
_MS = 1_000_000


def nanoseconds(at: datetime) -> int:
    """A moment as programs have it."""
    return int(at.timestamp() * 1000) * _MS


def trace() -> str:
    """The id of a trace that no other test has."""
    return f"{next(_numbers):032x}"


def call(at: datetime, trace_id: str | None = None, **changes) -> Span:
    """A call of a model, half a second long; without a parent unless one is given."""
    start = nanoseconds(at)
    made = Span(
        trace_id=trace_id or trace(),
        span_id=f"{next(_numbers):016x}",
        parent_id=None,
        name="chat gpt-4o",
        started_ns=start,
        ended_ns=start + 500 * _MS,
        calls_model=True,
        provider="openai",
        model="gpt-4o",
        usage=usage(input=1_000, output=500),
        input=[{"role": "user", "content": "Say hello."}],
        output="Hello.",
    )
    return replace(made, **changes)


def work(at: datetime, trace_id: str, **changes) -> Span:
    """Work around calls, two seconds long: the root of its trace unless a parent is given."""
    start = nanoseconds(at)
    made = Span(
        trace_id=trace_id,
        span_id=f"{next(_numbers):016x}",
        parent_id=None,
        name="answer a question",
        started_ns=start,
        ended_ns=start + 2_000 * _MS,
        calls_model=False,
        input={"question": "Why?"},
        output="Because.",
    )
    return replace(made, **changes)


def under(parent: Span, seconds: float = 0.0, **changes) -> Span:
    """A call of a model within the trace of *parent*, so many seconds after its start."""
    start = parent.started_ns + int(seconds * 1000) * _MS
    made = call(START, parent.trace_id, parent_id=parent.span_id, started_ns=start, ended_ns=start + 500 * _MS)
    return replace(made, **changes)
