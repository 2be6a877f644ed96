"""``client.chains``: the chains that exist."""

from promptforge.sdk import documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Rows, build
from promptforge.sdk.errors import NotFoundError
from promptforge.sdk.protocol import Plan, ask
from promptforge.sdk.values import Chain


class Chains:
    @call
    def get(self, id: str) -> Plan[Chain]:
        """Get a chain."""
        data = yield from ask(documents.CHAIN, {"id": id})
        if data["chain"] is None:
            raise NotFoundError(f"there is no chain '{id}' in this workspace", code="NOT_FOUND")
        return build(Chain, data["chain"])

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
