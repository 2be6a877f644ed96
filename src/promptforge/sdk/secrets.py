"""``client.secrets``: named values of the workspace that chains may use and nobody is shown."""

from promptforge.sdk import documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Rows, build
from promptforge.sdk.protocol import Plan, ask
from promptforge.sdk.values import Secret


class Secrets:
    @call
    def set(self, name: str, value: str) -> Plan[Secret]:
        """Store a value under a name, in the place of an earlier one."""
        data = yield from ask(documents.SET_SECRET, {"name": name, "value": value})
        return build(Secret, data["setSecret"])

    @call
    def remove(self, name: str) -> Plan[bool]:
        """Forget a secret."""
        data = yield from ask(documents.REMOVE_SECRET, {"name": name}, repeatable=False)
        return bool(data["removeSecret"])

    # Last, because inside the class the name hides the type.
    @call
    def list(self) -> Plan[Rows[Secret]]:
        """List secrets by name, without their values."""
        data = yield from ask(documents.SECRETS)
        return [build(Secret, raw) for raw in data["secrets"]]


class BlockingSecrets(Secrets, Blocking):
    pass


class AwaitingSecrets(Secrets, Awaiting):
    pass
