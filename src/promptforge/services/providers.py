"""Providers of models, as each workspace has them: what it set, where its keys come from, and what may be called.

Which key goes out: the workspace's own (the secret ``OPENAI_API_KEY``, say), else, in the workspace ``default`` and to
the address that the operator chose, the one that the process was started with. An address that a workspace gave is
called only if it is public or the operator allowed it.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from promptforge.core.access import Actor, Permission, system
from promptforge.core.address import AllowedHosts
from promptforge.core.catalog_ports import ProviderCatalog
from promptforge.core.errors import InvalidInput, NotFound, Unavailable
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.core.ports import Clock, Connections, ModelProvider
from promptforge.core.provider import Endpoint, KeySource, Limits, Preset, Provider, ProviderState, Tested
from promptforge.core.secret import Secret
from promptforge.engine.breaker import THRESHOLD
from promptforge.services.access import DEFAULT
from promptforge.services.backup import of_the_machine
from promptforge.services.guard import Guard, Guarded, with_default
from promptforge.services.provider_rules import checked, credentials_name, key_name, split_proxy
from promptforge.services.secrets import Secrets

MAX_PROVIDERS = 50
#: Seconds that a test may take, and that a list of models is remembered.
TEST_SECONDS = 15.0
MODELS_SECONDS = 300.0
SIMULATED = Preset(name="demo", title="Demo (simulated)", dialect="demo", base_url="", needs_key=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A provider as a workspace has it. ``why`` says why it cannot be called yet, None where it can.

    ``key`` is the workspace's stored key, without its value; ``proxy_key`` the proxy's credentials likewise.
    """

    name: str
    preset: Preset
    settings: Provider | None
    key_source: KeySource
    key_name: str
    key: Secret | None = None
    proxy_key: Secret | None = None
    address: str | None = None
    why: str | None = None

    @property
    def ready(self) -> bool:
        """Whether a call has what it needs."""
        return self.why is None


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers of workspaces. *keys* and *urls* are the operator's, by variable."""

    catalog: ProviderCatalog
    secrets: Secrets
    connections: Connections
    clock: Clock
    keys: Mapping[str, str] = field(repr=False)
    urls: Mapping[str, str]
    allowed: AllowedHosts
    at_once: int = 256
    """Calls on their way to one provider for one workspace, where that has set no limit."""
    _settings: dict[str, Mapping[str, Provider]] = field(default_factory=dict[str, Mapping[str, Provider]], repr=False)
    _opened: dict[tuple[str, str], tuple[Endpoint, ModelProvider]] = field(
        default_factory=dict[tuple[str, str], tuple[Endpoint, ModelProvider]], repr=False
    )

    _models: dict[tuple[str, str], tuple[Endpoint | None, float, Sequence[str]]] = field(
        default_factory=dict[tuple[str, str], tuple[Endpoint | None, float, Sequence[str]]], repr=False
    )
    _guards: dict[tuple[str, str], Guard] = field(default_factory=dict[tuple[str, str], Guard], repr=False)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def list(self, actor: Actor) -> Sequence[Standing]:
        """All that are known, set or not, and then those of the workspace's own naming."""
        actor.require(Permission.NUMBERS)
        settings, stored = await self._of(actor.workspace), await self._stored(actor.workspace)
        presets = self._presets()
        own = [(name, presets[one.preset]) for name, one in settings.items() if name not in presets]
        return [
            self._standing(actor.workspace, name, preset, settings.get(name), stored)
            for name, preset in (*presets.items(), *own)
        ]

    async def get_standing(self, actor: Actor, name: str) -> Standing:
        """One of them; InvalidInput, listing the names, when there is none."""
        await self._preset(actor, name)
        return next(one for one in await self.list(actor) if one.name == name)

    async def save(self, actor: Actor, given: Provider) -> Standing:
        """Store what a workspace sets for a provider, in the place of everything it had set before, but for keys.

        Credentials in the proxy's URL are sealed apart; a proxy without any keeps those that were given for it.
        """
        actor.require(Permission.ADMIN)
        presets = {preset.name: preset for preset in self.connections.presets()}
        proxy, credentials = split_proxy(given.proxy)
        provider = checked(given, proxy, presets, self.allowed)
        settings = await self._of(actor.workspace)
        if provider.name not in settings and len(settings) >= MAX_PROVIDERS:
            raise InvalidInput(f"a workspace has at most {MAX_PROVIDERS} providers: remove one first", path="$.name")
        before = settings.get(provider.name)
        sealed = credentials_name(provider.name)
        if credentials is not None:
            await self.secrets.set(actor, sealed, credentials)
        elif before is not None and before.proxy != provider.proxy:
            await self._forget(actor, sealed)
        async with self._changing:
            await self.catalog.put(provider)
            self._settings.pop(actor.workspace, None)
        return await self.get_standing(actor, provider.name)

    async def remove(self, actor: Actor, name: str) -> None:
        """Forget what was set for a provider, its key with it; NotFound when nothing was."""
        actor.require(Permission.ADMIN)
        preset = await self._preset(actor, name)
        async with self._changing:
            removed = await self.catalog.remove(actor.workspace, name)
            self._settings.pop(actor.workspace, None)
        forgotten = [await self._forget(actor, each) for each in (key_name(name, preset), credentials_name(name))]
        if not removed and not any(forgotten):
            raise NotFound(f"nothing is set for the provider '{name[:60]}' in this workspace")

    async def set_key(self, actor: Actor, name: str, key: str) -> Standing:
        """Store the workspace's key for a provider, in the place of an earlier one; the next call goes out with it."""
        actor.require(Permission.ADMIN)
        preset = await self._preset(actor, name)
        if preset is SIMULATED:
            raise InvalidInput("the provider 'demo' is simulated and takes no key", path="$.name")
        if not (key.isascii() and key.isprintable()):
            raise InvalidInput("the key holds characters that no key has: look at how it was copied", path="$.key")
        await self.secrets.set(actor, key_name(name, preset), key)
        return await self.get_standing(actor, name)

    async def remove_key(self, actor: Actor, name: str) -> Standing:
        """Forget the workspace's key; NotFound when there is none."""
        actor.require(Permission.ADMIN)
        preset = await self._preset(actor, name)
        if not await self._forget(actor, key_name(name, preset)):
            raise NotFound(f"no key for the provider '{name[:60]}' is stored in this workspace")
        return await self.get_standing(actor, name)

    async def get(self, actor: Actor, name: str) -> Guarded:
        """What calls the provider of that name for one run; InvalidInput when there is none, or it has no address yet.

        One without a key is returned too: its ``send`` fails with the sentence that says what to do.
        """
        actor.require(Permission.RUN)
        if name == SIMULATED.name:
            return self._guarded(actor.workspace, self.connections.simulated(), None)
        endpoint = await self.endpoint(actor, name)
        place = (actor.workspace, name)
        found = self._opened.get(place)
        if found is None or found[0] != endpoint:
            found = self._opened[place] = (endpoint, self.connections.open(endpoint))
        return self._guarded(actor.workspace, found[1], (await self._of(actor.workspace)).get(name))

    def of_model(self, actor: Actor, model: str) -> str | None:
        """The provider that owns a model name outright, None for the rest."""
        actor.require(Permission.RUN)
        return self.connections.of_model(model)

    async def endpoint(self, actor: Actor, name: str) -> Endpoint:
        """Everything that a call needs; for use in this process only."""
        if actor.permissions.isdisjoint({Permission.RUN, Permission.INGEST}):
            actor.require(Permission.RUN)
        preset = await self._preset(actor, name)
        workspace, within = actor.workspace, system(actor.workspace)
        settings = (await self._of(workspace)).get(name)
        address = self._address(preset, settings)
        if address is None:
            raise InvalidInput(f"Provider '{name}' cannot be called yet: {_NO_ADDRESS.format(name=name)}")
        secret = key_name(name, preset)
        key = await self.secrets.find(within, secret)
        if key is None and self._may_use_own(workspace, preset, settings):
            key = self.keys.get(preset.key_variable or "")
        proxied = settings is not None and settings.proxy is not None
        return Endpoint(
            name=name,
            preset=preset,
            base_url=address,
            trusted=self._is_operators(workspace, preset, settings),
            key=key,
            key_name=secret,
            hint=self._hint(workspace, name, preset, settings),
            region=settings and settings.region,
            project=settings and settings.project,
            api_version=settings and settings.api_version,
            connect_ms=settings and settings.connect_ms,
            idle_ms=settings and settings.idle_ms,
            proxy=settings and settings.proxy,
            proxy_credentials=await self.secrets.find(within, credentials_name(name)) if proxied else None,
            ca=settings and settings.ca,
        )

    def state(self, actor: Actor, name: str) -> ProviderState:
        """What goes on at a provider for the workspace."""
        actor.require(Permission.NUMBERS)
        guard = self._guards.get((actor.workspace, name))
        return guard.state() if guard is not None else ProviderState()

    def states(self, actor: Actor) -> Mapping[tuple[str, str], ProviderState]:
        """By workspace and provider, what goes on: everywhere for whoever sees the machine, else in their own."""
        actor.require(Permission.NUMBERS)
        whole = of_the_machine(actor)
        return {place: guard.state() for place, guard in self._guards.items() if whole or place[0] == actor.workspace}

    async def test(self, actor: Actor, name: str) -> Tested:
        """Try the connection with one request, which calls no model; nothing is recorded."""
        actor.require(Permission.ADMIN)
        began = self.clock.monotonic()
        try:
            found = await self._listed(actor, name)
        except InvalidInput as error:
            if error.path is not None:
                raise
            return Tested(latency_ms=0, problem=str(error), error_type=ErrorType.VALIDATION)
        except ModelFailure as failure:
            return Tested(latency_ms=self._since(began), problem=str(failure), error_type=failure.error_type)
        return Tested(latency_ms=self._since(began), models=None if found is None else len(found))

    async def models(self, actor: Actor, name: str) -> Sequence[str]:
        """The models that a provider lists, remembered for some minutes; none where it has no list.

        Unavailable, with what is wrong, when it cannot be asked.
        """
        actor.require(Permission.RUN)
        endpoint = None if name == SIMULATED.name else await self.endpoint(actor, name)
        place, now = (actor.workspace, name), self.clock.monotonic()
        found = self._models.get(place)
        if found is None or found[0] != endpoint or now - found[1] > MODELS_SECONDS:
            try:
                listed = await self._listed(actor, name)
            except ModelFailure as failure:
                raise Unavailable(str(failure)) from None
            found = self._models[place] = (endpoint, now, listed or ())
        return found[2]

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listed(self, actor: Actor, name: str) -> Sequence[str] | None:
        if name == SIMULATED.name:
            return await self.connections.models(None, TEST_SECONDS)
        return await self.connections.models(await self.endpoint(actor, name), TEST_SECONDS)

    def _since(self, began: float) -> int:
        return max(0, round((self.clock.monotonic() - began) * 1000))

    def _guarded(self, workspace: str, provider: ModelProvider, settings: Provider | None) -> Guarded:
        # the simulated one fails when it is asked to, which says nothing of the next call
        threshold = sys.maxsize if provider.name == SIMULATED.name else THRESHOLD
        guard = self._guards.setdefault(
            (workspace, provider.name), Guard(provider.name, self.clock, threshold=threshold)
        )
        return Guarded(provider, guard, with_default(settings.limits if settings else Limits(), self.at_once))

    def _presets(self) -> Mapping[str, Preset]:
        return {preset.name: preset for preset in (*self.connections.presets(), SIMULATED)}

    async def _preset(self, actor: Actor, name: str) -> Preset:
        presets, settings = self._presets(), await self._of(actor.workspace)
        if name in settings:
            return presets[settings[name].preset]
        if name not in presets:
            known = ", ".join(f"'{one}'" for one in (*presets, *settings))
            raise InvalidInput(f"There is no provider '{name[:60]}'; use one of {known}", path="$.provider")
        return presets[name]

    async def _of(self, workspace: str) -> Mapping[str, Provider]:
        """What was set, by name; remembered until it changes."""
        found = self._settings.get(workspace)
        if found is None:
            async with self._changing:
                known, listed = self._presets(), await self.catalog.list(workspace)
                found = self._settings[workspace] = {one.name: one for one in listed if one.preset in known}
        return found

    async def _stored(self, workspace: str) -> Mapping[str, Secret]:
        return {secret.name: secret for secret in await self.secrets.list(system(workspace))}

    async def _forget(self, actor: Actor, secret: str) -> bool:
        try:
            await self.secrets.remove(actor, secret)
        except NotFound:
            return False
        return True

    def _address(self, preset: Preset, settings: Provider | None) -> str | None:
        own = _without_user(self.urls.get(preset.url_variable or ""))
        region = (settings and settings.region) or ""
        known = preset.base_url and preset.base_url.replace("{region}", region)
        known = known and known.replace("//global-", "//")  # a place that is in no name
        address = (settings and settings.base_url) or own or known
        missing = [need for need in preset.needs if need != "base_url" and not getattr(settings, need, None)]
        return None if missing else address

    def _is_operators(self, workspace: str, preset: Preset, settings: Provider | None) -> bool:
        """Whether the address is the operator's choice. One on the operator's machine is for the workspace ``default``,
        and for others once the operator has set it."""
        if settings is not None and settings.base_url is not None:
            return False
        return not preset.local or workspace == DEFAULT or bool(self.urls.get(preset.url_variable or ""))

    def _may_use_own(self, workspace: str, preset: Preset, settings: Provider | None) -> bool:
        """The operator's key is for the workspace ``default`` alone, and for nobody else to read on its way."""
        if settings is None or workspace != DEFAULT:
            return workspace == DEFAULT
        readable = settings.proxy is not None and not (self._address(preset, settings) or "").startswith("https://")
        return settings.base_url is None and settings.ca is None and not readable

    def _hint(self, workspace: str, name: str, preset: Preset, settings: Provider | None) -> str:
        hint = f"an administrator stores it with 'promptforge provider key {name}' or on the page Providers"
        if preset.key_variable and self._may_use_own(workspace, preset, settings):
            hint += f", or the server is started with {preset.key_variable}"
        return hint

    def _standing(
        self, workspace: str, name: str, preset: Preset, settings: Provider | None, stored: Mapping[str, Secret]
    ) -> Standing:
        secret = key_name(name, preset)
        source = KeySource.NONE_NEEDED if not preset.needs_key else KeySource.MISSING
        if secret in stored:
            source = KeySource.WORKSPACE
        elif self._may_use_own(workspace, preset, settings) and self.keys.get(preset.key_variable or ""):
            source = KeySource.PROCESS
        address, why = self._address(preset, settings), None
        if address is None:
            why = _NO_ADDRESS.format(name=name)
        elif not self._is_operators(workspace, preset, settings) and not (settings and settings.base_url):
            why = _LOCAL.format(variable=preset.url_variable or "an address of its own", name=name)
        elif source is KeySource.MISSING:
            why = f"it has no key: {self._hint(workspace, name, preset, settings)}"
        return Standing(
            name=name,
            preset=preset,
            settings=settings,
            key_source=source,
            key_name=secret,
            key=stored.get(secret),
            proxy_key=stored.get(credentials_name(name)) if settings and settings.proxy else None,
            address=address or None,
            why=why,
        )


def _without_user(url: str | None) -> str | None:
    """The key is the credential, and an address is shown to administrators."""
    head, slashes, rest = (url or "").partition("://")
    authority, slash, path = rest.partition("/")
    return f"{head}{slashes}{authority.rpartition('@')[2]}{slash}{path}" if url else None


_LOCAL = (
    "it is on the operator's machine: the operator shares it by setting {variable}, or an administrator says where "
    "another one is with 'promptforge provider set {name}'"
)
_NO_ADDRESS = "an administrator says where it is with 'promptforge provider set {name}' or on the page Providers"
