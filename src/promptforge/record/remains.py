"""What remains of a run whose process is gone: how it is closed, and what its id still says where its opened event
cannot be read. Nothing is guessed but the road, which is then the API's."""

import sqlite3
from dataclasses import replace
from typing import TypeVar

from promptforge.core import ids
from promptforge.core.chain_execution import AnyExecution, ChainContent, ChainExecution
from promptforge.core.execution import Content, CostState, ErrorType, Execution, Source, Status
from promptforge.core.usage import UsageSource
from promptforge.record import events
from promptforge.record.body import decode_as
from promptforge.record.schema import moment_of

E = TypeVar("E", Execution, ChainExecution)
_STOPPED = "Interrupted: Prompt Forge stopped before the execution finished"
_DAMAGED = f"{_STOPPED}, and what was written down when it began is damaged"


def interrupted(execution: E) -> E:
    """An open execution as a later process closes it: nobody knows what the provider did."""
    closed = replace(execution, status=Status.ERROR, error_type=ErrorType.INTERRUPTED)
    if isinstance(closed, ChainExecution):
        content = closed.content or ChainContent()
        return replace(closed, content=replace(content, error=content.error or _STOPPED))
    content = closed.content or Content()
    return replace(
        closed,
        usage_source=UsageSource.UNKNOWN,
        cost_state=CostState.UNKNOWN,
        content=replace(content, error=content.error or _STOPPED),
    )


def reopened(connection: sqlite3.Connection) -> tuple[list[AnyExecution], dict[tuple[str, str], str]]:
    """What was opened and not closed, in order, and what is wrong with that of it which cannot be read, by workspace
    and id: of that the event is set aside, and only what its id says is given."""
    found: list[AnyExecution] = []
    damaged: dict[tuple[str, str], str] = {}
    problems: list[tuple[int, str]] = []
    lost: list[tuple[int]] = []
    for seq, workspace, shown, body in events.opened(connection):
        try:
            found.append(decode_as(workspace, shown, body))
        except ValueError as error:
            damaged[workspace, shown] = f"{shown[:60]} was open, and its opened event cannot be read: {error}"
            problems.append((seq, damaged[workspace, shown]))
            if (left := _remains(workspace, shown)) is None:
                lost.append((seq,))
            else:
                found.append(left)
    events.set_aside(connection, problems)
    connection.executemany("DELETE FROM events WHERE seq = ?", lost)
    return found, damaged


def _remains(workspace: str, shown: str) -> AnyExecution | None:
    """The open execution or chain execution as far as its id tells; None where that is no id."""
    for prefix in (ids.EXECUTION, ids.CHAIN_EXECUTION):
        number = ids.parse(prefix, shown)
        if number is None:
            continue
        at = moment_of(ids.milliseconds(number))
        if prefix == ids.CHAIN_EXECUTION:
            return ChainExecution(
                id=shown,
                workspace=workspace,
                created_at=at,
                status=Status.PENDING,
                source=Source.API,
                content=ChainContent(error=_DAMAGED),
            )
        return Execution(
            id=shown,
            workspace=workspace,
            created_at=at,
            status=Status.PENDING,
            source=Source.API,
            model="",
            provider="",
            content=Content(error=_DAMAGED),
        )
    return None
