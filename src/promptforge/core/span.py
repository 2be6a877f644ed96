"""The span: one piece of work that a program told of, read by the conventions of whoever wrote it down.

Only what the record asks for; the words of the conventions stay in ``wire/conventions``. Ids and times are the
program's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptforge.core.execution import ErrorType
from promptforge.core.json import Json
from promptforge.core.usage import Usage


# Not frozen, unlike its fellows: thousands a second are made, and a frozen one of this size takes four times as long.
@dataclass(slots=True, kw_only=True)
class Span:
    """One span. ``trace_id`` and ``span_id`` are lower-case hex; times are nanoseconds since 1970, UTC.

    ``calls_model``: it is a call of a model itself, not work around one. ``provider`` and ``model`` are None when it
    did not say. ``claimed`` is the cost it says, in 10^-12 dollars; ``terms`` are those of ``core.model.Reply``.
    ``prompt_version`` is the number of a version of ours; ``scope`` the instrumentation that wrote the span;
    ``metadata`` what it said beyond all that, verbatim.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    calls_model: bool
    service: str | None = None
    scope: str | None = None
    failed: bool = False
    error_type: ErrorType | None = None
    error: str | None = None
    stack_trace: str | None = None
    provider: str | None = None
    model: str | None = None
    response_model: str | None = None
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    input: Json = None
    output: str | None = None
    usage: Usage | None = None
    usage_raw: Json = None
    terms: Mapping[str, str] = field(default_factory=dict[str, str])
    claimed: int | None = None
    finish_reason: str | None = None
    request_id: str | None = None
    first_token_ms: int | None = None
    streamed: bool = False
    prompt_name: str | None = None
    prompt_version: int | None = None
    end_user: str | None = None
    session_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Json = None
