"""``client.providers``: who runs models for the workspace. What it returns stands here too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptforge.sdk import provider_documents as documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Json, Rows, build, listed, moment, one, raw_json
from promptforge.sdk.protocol import Plan, ask


@dataclass(frozen=True, kw_only=True)
class ProviderState:
    """Calls on their way and waiting; ``breaker``: ``CLOSED``, ``OPEN`` (it is not called) or ``HALF_OPEN``."""

    running: int = 0
    waiting: int = 0
    breaker: str = "CLOSED"
    failures: int = 0
    open_since: datetime | None = moment()
    retry_at: datetime | None = moment()
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Provider:
    """``why`` says why it is not ready. ``settings`` are by the API's names, None where nothing is set."""

    name: str = ""
    title: str = ""
    preset: str = ""
    own: bool = False
    ready: bool = False
    why: str | None = None
    key_source: str = ""
    key_name: str = ""
    key_set_at: datetime | None = moment()
    address: str | None = None
    needs: tuple[str, ...] = listed()
    proxy_credentials: bool = False
    settings: Mapping[str, Any] | None = field(default=None)
    state: ProviderState = one(lambda: ProviderState)
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class ProviderTest:
    """``problem`` says exactly what is wrong, None when it is well; ``models`` is None where none are listed."""

    ok: bool = False
    latency_ms: int = 0
    problem: str | None = None
    error_type: str | None = None
    models: int | None = None
    raw: Json = raw_json()


class Providers:
    @call
    def save(self, name: str, settings: Mapping[str, Any] | None = None) -> Plan[Provider]:
        """Say all that is set for a provider, by the API's names (``baseUrl``, ``atOnce``, …); keys stay."""
        data = yield from ask(documents.SAVE_PROVIDER, {"input": {**(settings or {}), "name": name}})
        return build(Provider, data["saveProvider"])

    @call
    def remove(self, name: str) -> Plan[bool]:
        """Forget all that is set for a provider, its key with it."""
        data = yield from ask(documents.REMOVE_PROVIDER, {"name": name}, repeatable=False)
        return bool(data["removeProvider"])

    @call
    def set_key(self, name: str, key: str) -> Plan[Provider]:
        """Store the workspace's key for a provider, in the place of an earlier one."""
        data = yield from ask(documents.SET_PROVIDER_KEY, {"name": name, "key": key})
        return build(Provider, data["setProviderKey"])

    @call
    def remove_key(self, name: str) -> Plan[Provider]:
        """Forget the workspace's key for a provider."""
        data = yield from ask(documents.REMOVE_PROVIDER_KEY, {"name": name}, repeatable=False)
        return build(Provider, data["removeProviderKey"])

    @call
    def test(self, name: str) -> Plan[ProviderTest]:
        """Try the connection with one request that calls no model, where the provider lists its models."""
        data = yield from ask(documents.TEST_PROVIDER, {"name": name}, repeatable=False)
        return build(ProviderTest, data["testProvider"])

    @call
    def models(self, name: str) -> Plan[Sequence[str]]:
        """List the models that the provider offers, as of some minutes ago at most."""
        data = yield from ask(documents.PROVIDER_MODELS, {"provider": name})
        return tuple(data["providerModels"])

    # Last, because inside the class the name hides the type.
    @call
    def list(self) -> Plan[Rows[Provider]]:
        """List every provider that is known, set or not."""
        data = yield from ask(documents.PROVIDERS)
        return [build(Provider, raw) for raw in data["providers"]]


class BlockingProviders(Providers, Blocking):
    pass


class AwaitingProviders(Providers, Awaiting):
    pass
