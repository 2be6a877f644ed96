"""The providers by name, opened together and closed together."""

from promptforge.core.errors import InvalidInput
from promptforge.core.ports import ModelProvider
from promptforge.providers import anthropic, demo, openai
from promptforge.providers.http import HttpProvider

#: Names that people will ask for and that this version cannot call yet.
NOT_YET = {"gemini": "gemini", "google": "gemini", "ollama": "ollama"}


class Providers:
    """Every provider that can be called; a provider without a key is there, but not ready."""

    def __init__(self, providers: tuple[ModelProvider, ...]) -> None:
        self._by_name = {provider.name: provider for provider in providers}

    def names(self) -> tuple[str, ...]:
        """The names that ``get`` knows."""
        return tuple(self._by_name)

    def of_model(self, model: str) -> str | None:
        """``demo`` for whatever is called like a simulated model; other names say nothing by themselves."""
        return demo.NAME if model.startswith(f"{demo.NAME}-") else None

    def get(self, name: str) -> ModelProvider:
        """The provider of that name; InvalidInput, listing the names, when there is none.

        One without a key is returned too: its ``send`` fails with the sentence that says which variable to set.
        """
        if provider := self._by_name.get(name):
            return provider
        known = ", ".join(f"'{known}'" for known in self._by_name)
        if name in NOT_YET:
            raise InvalidInput(
                f"Provider '{NOT_YET[name]}' cannot be called by this version yet; it can call {known}",
                path="$.provider",
            )
        raise InvalidInput(f"There is no provider '{name[:60]}'; use one of {known}", path="$.provider")

    def ready(self, name: str) -> bool:
        """Whether a call has what it needs: the provider exists and has its key."""
        provider = self._by_name.get(name)
        return provider.ready if isinstance(provider, HttpProvider) else provider is not None

    async def close(self) -> None:
        """Close every connection."""
        for provider in self._by_name.values():
            await provider.close()


def open_providers(
    *,
    anthropic_key: str | None = None,
    anthropic_url: str | None = None,
    openai_key: str | None = None,
    openai_url: str | None = None,
) -> Providers:
    """Make every provider; nothing connects before its first call."""
    return Providers(
        (
            anthropic.open_anthropic(anthropic_key, anthropic_url),
            openai.open_openai(openai_key, openai_url),
            demo.Demo(),
        )
    )
