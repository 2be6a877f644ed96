"""``client.chains``: the chains that exist, and running them."""

from collections.abc import Mapping
from typing import Any, Unpack

from promptforge.sdk import chain_running, documents
from promptforge.sdk.binding import Awaiting, Blocking, call, stream
from promptforge.sdk.building import Rows, build
from promptforge.sdk.chain_running import ChainOptions
from promptforge.sdk.chain_values import ChainEvent, ChainExecution
from promptforge.sdk.errors import NotFoundError
from promptforge.sdk.protocol import Plan, StreamPlan, ask
from promptforge.sdk.values import Chain


class Chains:
    @call
    def get(self, id: str) -> Plan[Chain]:
        """Get a chain."""
        data = yield from ask(documents.CHAIN, {"id": id})
        if data["chain"] is None:
            raise NotFoundError(f"there is no chain '{id}' in this workspace", code="NOT_FOUND")
        return build(Chain, data["chain"])

    @call
    def execute(
        self,
        id: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        wait: bool = True,
        **options: Unpack[ChainOptions],
    ) -> Plan[ChainExecution]:
        """Run a chain, by id or name; with *wait* false return the pending execution."""
        return chain_running.executed(chain_running.of_chain(id, input, version, label, options), wait)

    @stream
    def stream(
        self,
        id: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        **options: Unpack[ChainOptions],
    ) -> StreamPlan[ChainEvent]:
        """Run a chain and iterate over its steps as they begin and end."""
        return chain_running.streamed(chain_running.of_chain(id, input, version, label, options))

    # Last, because inside the class the name hides the type.
    @call
    def list(self, *, mine: bool | None = None, limit: int | None = None) -> Plan[Rows[Chain]]:
        """List chains, newest first."""
        data = yield from ask(documents.CHAINS, {"mine": mine, "limit": limit})
        return [build(Chain, raw) for raw in data["chains"]]


class BlockingChains(Chains, Blocking):
    pass


class AwaitingChains(Chains, Awaiting):
    pass
