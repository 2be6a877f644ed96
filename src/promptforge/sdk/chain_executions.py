"""``client.chain_executions``: the record of the chains that ran, step by step."""

from collections.abc import Mapping
from typing import Any, Unpack

from promptforge.sdk import chain_running, documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Rows, build
from promptforge.sdk.chain_values import ChainExecution
from promptforge.sdk.errors import NotFoundError
from promptforge.sdk.filters import ChainFilters, chain_filter_input
from promptforge.sdk.protocol import Plan, ask


class ChainExecutions:
    @call
    def get(self, id: str) -> Plan[ChainExecution]:
        """Get a chain execution with everything that is recorded of it and of its steps."""
        data = yield from ask(documents.CHAIN_EXECUTION, {"id": id})
        if data["chainExecution"] is None:
            raise NotFoundError(f"there is no chain execution '{id}' in this workspace", code="NOT_FOUND")
        return build(ChainExecution, data["chainExecution"])

    @call
    def cancel(self, id: str) -> Plan[ChainExecution]:
        """Stop a pending chain execution; it ends in error, ``cancelled``."""
        data = yield from ask(documents.CANCEL_CHAIN_EXECUTION, {"id": id})
        return build(ChainExecution, data["cancelChainExecution"])

    @call
    def fork(
        self,
        id: str,
        from_step: str,
        *,
        version: int | None = None,
        label: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        wait: bool = True,
    ) -> Plan[ChainExecution]:
        """Run a finished chain again from a step; what succeeded before it is taken over at cost 0.

        *version* and *label* are the chain's; *overrides* changes steps: ``{"answer": {"version": 5}}``.
        """
        variables = {"id": id, "fromStep": from_step, "version": version, "label": label, "overrides": overrides}
        return chain_running.forked(variables, wait)

    # Last, because inside the class the name hides the type.
    @call
    def list(
        self,
        *,
        limit: int | None = None,
        offset: int | None = None,
        after: str | None = None,
        content: bool = False,
        **filters: Unpack[ChainFilters],
    ) -> Plan[Rows[ChainExecution]]:
        """List chain executions, newest first; with *content* also what went in and came out, of each step too.

        To read on, give the last one's ``cursor`` as *after*.
        """
        document = documents.CHAIN_EXECUTIONS_ALL if content else documents.CHAIN_EXECUTIONS
        variables = {"limit": limit, "offset": offset, "after": after, "filter": chain_filter_input(filters)}
        data = yield from ask(document, variables)
        return [build(ChainExecution, raw) for raw in data["chainExecutions"]]


class BlockingChainExecutions(ChainExecutions, Blocking):
    pass


class AwaitingChainExecutions(ChainExecutions, Awaiting):
    pass
