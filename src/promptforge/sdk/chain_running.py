"""Running a chain: the call as the API wants it, and waiting for its end.

As with prompts, every run carries an idempotency key, so whatever is lost on the way is sent again and paid once.
"""

import secrets
from collections.abc import Mapping
from typing import Any, TypedDict

from promptforge.sdk import documents
from promptforge.sdk.building import build
from promptforge.sdk.chain_values import ChainEvent, ChainExecution
from promptforge.sdk.errors import NetworkError, ProviderError, chain_error
from promptforge.sdk.protocol import Pause, Plan, StreamPlan, ask, given, subscribe
from promptforge.sdk.running import GRACE

#: The server's own deadline for a chain.
DEADLINE_MS = 15 * 60 * 1000


class ChainOptions(TypedDict, total=False):
    """How to run. ``overrides`` changes steps for this run alone: ``{"classify": {"version": 4}}``.

    ``max_cost_usd`` (text) stops the chain before the step that could cross it; ``deadline_ms`` bounds all of it.
    ``tags``, ``metadata``, ``end_user`` and ``session_id`` as for prompts; its calls carry them too.
    """

    overrides: Mapping[str, Any] | None
    tags: Mapping[str, str] | None
    metadata: Any
    end_user: str | None
    session_id: str | None
    idempotency_key: str | None
    deadline_ms: int | None
    max_cost_usd: str | None


_NAMES = {
    "end_user": "endUser",
    "session_id": "sessionId",
    "idempotency_key": "idempotencyKey",
    "deadline_ms": "deadlineMs",
    "max_cost_usd": "maxCostUsd",
}


def of_chain(
    chain: str, input: Mapping[str, Any] | None, version: int | None, label: str | None, options: ChainOptions
) -> dict[str, Any]:
    """The ExecuteChainInput for a version of a chain, given by id or name."""
    unknown = set(options) - set(ChainOptions.__annotations__)
    if unknown:
        raise TypeError(f"unknown arguments: {', '.join(sorted(unknown))}")
    how: dict[str, Any] = {_NAMES.get(name, name): value for name, value in options.items()}
    how["idempotencyKey"] = how.get("idempotencyKey") or secrets.token_hex(16)
    return given({"chainId": chain, "version": version, "label": label, "input": dict(input or {}), **how})


def executed(call: dict[str, Any], wait: bool) -> Plan[ChainExecution]:
    """Run to the end, or only until it is accepted when not *wait*; raise what it ended in when that is an error."""
    limit = _limit(call)
    data = yield from ask(documents.EXECUTE_CHAIN, {"input": {**call, "wait": wait}}, timeout=limit if wait else None)
    execution = build(ChainExecution, data["executeChain"])
    return (yield from ended(execution, limit)) if wait else _succeeded(execution)


def forked(variables: dict[str, Any], wait: bool) -> Plan[ChainExecution]:
    """Run again from a step. It is not sent twice: nobody could tell the second run from a wish."""
    data = yield from ask(
        documents.FORK_CHAIN_EXECUTION,
        {**variables, "wait": wait},
        repeatable=False,
        timeout=DEADLINE_MS / 1000 + GRACE if wait else None,
    )
    return _succeeded(build(ChainExecution, data["forkChainExecution"]))


def streamed(call: dict[str, Any]) -> StreamPlan[ChainEvent]:
    """Find the events of a run; raise what it ended in when that is an error."""
    running: ChainExecution | None = None

    def read(data: dict[str, Any]) -> ChainEvent:
        nonlocal running
        event = build(ChainEvent, data["executeChainStream"])
        running = event.chain_execution or running
        if event.chain_execution is not None:
            _succeeded(event.chain_execution)
        return event

    try:
        yield from subscribe(documents.EXECUTE_CHAIN_STREAM, {"input": call}, read, timeout=_limit(call))
    except NetworkError as error:
        error.chain_execution = error.chain_execution or running
        raise


def ended(execution: ChainExecution, limit: float) -> Plan[ChainExecution]:
    """Ask until it has ended, for about *limit* seconds (a second request of the same key can find it running)."""
    waited, pause = 0.0, 0.1
    while execution.pending:
        if waited > limit:
            raise ProviderError(
                f"the chain execution {execution.id} is still pending", code="timeout", chain_execution=execution
            )
        yield Pause(pause)
        waited, pause = waited + pause, min(2.0, pause * 1.5)
        data = yield from ask(documents.CHAIN_EXECUTION, {"id": execution.id})
        execution = build(ChainExecution, data["chainExecution"] or execution.raw)
    return _succeeded(execution)


def _limit(call: dict[str, Any]) -> float:
    return (call.get("deadlineMs") or DEADLINE_MS) / 1000 + GRACE


def _succeeded(execution: ChainExecution) -> ChainExecution:
    if execution.status == "error":
        raise chain_error(execution)
    return execution
