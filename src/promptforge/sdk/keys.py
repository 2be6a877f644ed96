"""``client.keys``: API keys of the caller's account."""

from collections.abc import Sequence

from promptforge.sdk import documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Rows, build
from promptforge.sdk.filters import Moment, moment
from promptforge.sdk.protocol import Plan, ask, given
from promptforge.sdk.values import CreatedKey, Key


class Keys:
    @call
    def create(
        self, name: str, *, scopes: Sequence[str] | None = None, expires_at: Moment | None = None
    ) -> Plan[CreatedKey]:
        """Create a key; its secret is in the answer and nowhere else, ever."""
        made = {
            "name": name,
            "scopes": None if scopes is None else [scope.upper() for scope in scopes],
            "expiresAt": None if expires_at is None else moment(expires_at),
        }
        data = yield from ask(documents.CREATE_KEY, {"input": given(made)}, repeatable=False)
        return build(CreatedKey, data["createKey"])

    @call
    def revoke(self, id: str) -> Plan[Key]:
        """End a key for good."""
        data = yield from ask(documents.REVOKE_KEY, {"id": id})
        return build(Key, data["revokeKey"])

    # Last, because inside the class the name hides the type.
    @call
    def list(self) -> Plan[Rows[Key]]:
        """List the caller's keys, without their secrets."""
        data = yield from ask(documents.KEYS)
        return [build(Key, raw) for raw in data["me"]["keys"]]


class BlockingKeys(Keys, Blocking):
    pass


class AwaitingKeys(Keys, Awaiting):
    pass
