"""Running a prompt: the call as arguments, the call as the API wants it, and waiting for its end.

Every run carries an idempotency key, made here when the caller gives none. So whatever is lost on the way is sent
again, and the provider is paid once.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from promptforge.sdk import documents
from promptforge.sdk.building import build
from promptforge.sdk.errors import NetworkError, ProviderError, execution_error
from promptforge.sdk.protocol import Pause, Plan, StreamPlan, ask, given, subscribe
from promptforge.sdk.values import Execution, StreamEvent

#: The server's own deadline for a prompt run.
DEADLINE_MS = 120_000
#: How much longer than the deadline to wait for the answer.
GRACE = 15.0


class Options(TypedDict, total=False):
    """How to run. ``params`` overrides the version's; ``deadline_ms`` bounds the run, retries included.

    ``tags`` are for filters, ``metadata`` is any JSON kept with the execution, ``end_user`` is your own user's id.
    """

    params: Mapping[str, Any] | None
    provider: str | None
    tags: Mapping[str, str] | None
    metadata: Any
    end_user: str | None
    session_id: str | None
    idempotency_key: str | None
    deadline_ms: int | None


_NAMES = {
    "end_user": "endUser",
    "session_id": "sessionId",
    "idempotency_key": "idempotencyKey",
    "deadline_ms": "deadlineMs",
}


def of_prompt(
    prompt: str, variables: Mapping[str, Any] | None, version: int | None, label: str | None, options: Options
) -> dict[str, Any]:
    """The ExecutePromptInput for a version of a prompt, given by id or name."""
    return _call({"promptId": prompt, "version": version, "label": label, "variables": dict(variables or {})}, options)


def of_text(model: str, text: str | Sequence[Mapping[str, str]], options: Options) -> dict[str, Any]:
    """The ExecutePromptInput for a model and a text, or the turns of a conversation."""
    params = {**(options.get("params") or {}), "model": model}
    said = {"content": text} if isinstance(text, str) else {"messages": [dict(turn) for turn in text]}
    return _call(said, {**options, "params": params})


def executed(call: dict[str, Any], wait: bool) -> Plan[Execution]:
    """Run to the end, or only until it is accepted when not *wait*; raise what it ended in when that is an error."""
    limit = (call.get("deadlineMs") or DEADLINE_MS) / 1000 + GRACE
    data = yield from ask(documents.EXECUTE, {"input": {**call, "wait": wait}}, timeout=limit if wait else None)
    execution = build(Execution, data["executePrompt"])
    return (yield from ended(execution, limit)) if wait else _succeeded(execution)


def streamed(call: dict[str, Any]) -> StreamPlan[StreamEvent]:
    """Find the events of a run; raise what it ended in when that is an error."""
    limit = (call.get("deadlineMs") or DEADLINE_MS) / 1000 + GRACE
    running: Execution | None = None

    def read(data: dict[str, Any]) -> StreamEvent:
        nonlocal running
        event = build(StreamEvent, data["executePromptStream"])
        running = event.execution or running
        if event.execution is not None:
            _succeeded(event.execution)
        return event

    try:
        yield from subscribe(documents.EXECUTE_STREAM, {"input": call}, read, timeout=limit)
    except NetworkError as error:
        error.execution = error.execution or running
        raise


def ended(execution: Execution, limit: float) -> Plan[Execution]:
    """Ask until it has ended, for about *limit* seconds (a second request of the same key can find it running)."""
    waited, pause = 0.0, 0.1
    while execution.pending:
        if waited > limit:
            raise ProviderError(f"the execution {execution.id} is still pending", code="timeout", execution=execution)
        yield Pause(pause)
        waited, pause = waited + pause, min(2.0, pause * 1.5)
        data = yield from ask(documents.EXECUTION, {"id": execution.id})
        execution = build(Execution, data["execution"] or execution.raw)
    return _succeeded(execution)


def _succeeded(execution: Execution) -> Execution:
    if execution.status == "error":
        raise execution_error(execution)
    return execution


def _call(what: dict[str, Any], options: Options) -> dict[str, Any]:
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise TypeError(f"unknown arguments: {', '.join(sorted(unknown))}")
    how: dict[str, Any] = {_NAMES.get(name, name): value for name, value in options.items()}
    how["idempotencyKey"] = how.get("idempotencyKey") or secrets.token_hex(16)
    return given({**what, **how})
