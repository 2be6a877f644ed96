"""The ways to providers: what is known, and what calls an endpoint."""

from collections.abc import Callable, Mapping, Sequence

from promptforge.core.address import AllowedHosts
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure
from promptforge.core.ports import ModelProvider
from promptforge.core.provider import Endpoint, Preset
from promptforge.providers import demo
from promptforge.providers.http import HttpProvider
from promptforge.providers.presets import PRESETS
from promptforge.providers.session import Sessions
from promptforge.wire.anthropic import Anthropic
from promptforge.wire.dialect import Dialect, Garbled
from promptforge.wire.google import Google, Vertex
from promptforge.wire.model_list import LISTS, names
from promptforge.wire.ollama import Ollama
from promptforge.wire.openai import OpenAI
from promptforge.wire.openai_like import Azure, Compatible, Mistral
from promptforge.wire.responses import Responses

#: From the name of a format to what speaks it, where an endpoint says how.
DIALECTS: Mapping[str, Callable[[Endpoint], Dialect]] = {
    "openai": lambda _: OpenAI(),
    "responses": lambda _: Responses(),
    "openai-compatible": lambda _: Compatible(),
    "mistral": lambda _: Mistral(),
    "azure": lambda endpoint: Azure(endpoint.api_version),
    "anthropic": lambda _: Anthropic(),
    "google": lambda _: Google(),
    "vertex": lambda endpoint: Vertex(endpoint.project or "", endpoint.region or ""),
    "ollama": lambda _: Ollama(),
}


class HttpConnections:
    """Providers over HTTP, and the simulated one. Nothing connects before the first call."""

    def __init__(self, allowed: AllowedHosts | None = None) -> None:
        self._sessions = Sessions(allowed)
        self._demo = demo.Demo()

    def presets(self) -> Sequence[Preset]:
        """What is known, in the order of a list."""
        return PRESETS

    def of_model(self, model: str) -> str | None:
        """``demo`` for whatever is called like a simulated model; other names say nothing by themselves."""
        return demo.NAME if model.startswith(f"{demo.NAME}-") else None

    def simulated(self) -> ModelProvider:
        """The provider that needs nothing."""
        return self._demo

    def open(self, endpoint: Endpoint) -> HttpProvider:
        """What calls the endpoint; SettingsError when its address is none."""
        return HttpProvider(endpoint, DIALECTS[endpoint.preset.dialect](endpoint), self._sessions)

    async def models(self, endpoint: Endpoint | None, seconds: float) -> Sequence[str] | None:
        """The models that it lists (None: the simulated one), None where it has no list and only was reached."""
        if endpoint is None:
            return sorted(demo.MODELS)
        provider, listed = self.open(endpoint), LISTS.get(endpoint.preset.dialect)
        if listed is None:
            await provider.reach(seconds)
            return None
        try:
            return names(await provider.get(listed.path, seconds), listed)
        except Garbled as error:
            raise ModelFailure(
                f"Provider '{endpoint.name}' sent something unreadable: {error}; check its base URL", ErrorType.PROVIDER
            ) from None

    async def close(self) -> None:
        """Close every connection."""
        await self._sessions.close()
