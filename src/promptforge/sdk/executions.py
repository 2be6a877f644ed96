"""``client.executions``: the record of what ran, its figures, and what happens now."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from promptforge.sdk import documents
from promptforge.sdk.binding import Awaiting, Blocking, call, stream
from promptforge.sdk.building import Rows, build
from promptforge.sdk.chain_values import ChainExecution
from promptforge.sdk.errors import NotFoundError
from promptforge.sdk.filters import Filters, filter_input
from promptforge.sdk.protocol import Plan, StreamPlan, ask, download, subscribe
from promptforge.sdk.values import Execution, Overview, RecordReport
from promptforge.sdk.windows import of_days


class Executions:
    @call
    def get(self, id: str) -> Plan[Execution]:
        """Get an execution with everything that is recorded of it."""
        data = yield from ask(documents.EXECUTION, {"id": id})
        if data["execution"] is None:
            raise NotFoundError(f"there is no execution '{id}' in this workspace", code="NOT_FOUND")
        return build(Execution, data["execution"])

    @call
    def cancel(self, id: str) -> Plan[Execution]:
        """Stop a pending execution; it ends in error, ``cancelled``."""
        data = yield from ask(documents.CANCEL, {"id": id})
        return build(Execution, data["cancelExecution"])

    @call
    def record(self, executions: Sequence[Mapping[str, Any]]) -> Plan[RecordReport]:
        """Hand in executions that ran elsewhere, at most 1,000; what is handed in twice is stored once."""
        data = yield from ask(documents.RECORD, {"executions": [*executions]})
        return build(RecordReport, data["recordExecutions"])

    @call
    def stats(self, window: str = "7d", *, timezone: str | None = None, **filters: Unpack[Filters]) -> Plan[Overview]:
        """Sum up a window: ``7d``, ``30d``, any other number of days, or ``all``."""
        variables = {**of_days(window), "timezone": timezone, "filter": filter_input(filters)}
        data = yield from ask(documents.OVERVIEW, variables)
        return build(Overview, data["overview"])

    @stream
    def changes(self, **filters: Unpack[Filters]) -> StreamPlan[Execution]:
        """Iterate over executions as they are opened and closed, for ever."""
        variables = {"filter": filter_input(filters)}
        yield from subscribe(documents.CHANGES, variables, lambda data: build(Execution, data["executionChanges"]))

    @stream
    def export(
        self,
        format: str = "jsonl",
        *,
        content: bool = True,
        told: Callable[[int], None] | None = None,
        **filters: Unpack[Filters],
    ) -> StreamPlan[bytes]:
        """Iterate over the bytes of a file of everything that is finished: ``jsonl``, ``csv`` or ``parquet``.

        *told* hears first how many executions it will hold. NetworkError when it breaks off.
        """
        wanted = filter_input(filters)
        query = {
            "format": format,
            "content": None if content else "false",
            "filter": None if wanted is None else json.dumps(wanted),
        }

        def heard(headers: Mapping[str, str]) -> None:
            if told is not None:
                told(int(headers["x-promptforge-rows"]))

        yield from download("/export", query, heard)

    @call
    def list_chain_executions(
        self,
        *,
        chain_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> Plan[Rows[ChainExecution]]:
        """List chain executions, newest first; ``client.chain_executions`` knows more of them."""
        variables = {"chainId": chain_id, "status": status, "limit": limit, "offset": offset}
        data = yield from ask(documents.CHAIN_EXECUTIONS, variables)
        return [build(ChainExecution, raw) for raw in data["chainExecutions"]]

    # Last, because inside the class the name hides the type.
    @call
    def list(
        self,
        *,
        limit: int | None = None,
        offset: int | None = None,
        after: str | None = None,
        content: bool = False,
        **filters: Unpack[Filters],
    ) -> Plan[Rows[Execution]]:
        """List executions, newest first; with *content* also what went in and came out.

        To read on, give the last one's ``cursor`` as *after*.
        """
        document = documents.EXECUTIONS_ALL if content else documents.EXECUTIONS
        variables = {"limit": limit, "offset": offset, "after": after, "filter": filter_input(filters)}
        data = yield from ask(document, variables)
        return [build(Execution, raw) for raw in data["executions"]]


class BlockingExecutions(Executions, Blocking):
    pass


class AwaitingExecutions(Executions, Awaiting):
    pass
