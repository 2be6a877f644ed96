"""Providers opened by hand, at the address of a test's own."""

from promptforge.core.address import allowed_hosts
from promptforge.core.provider import Endpoint
from promptforge.providers.directory import HttpConnections
from promptforge.providers.presets import BY_NAME

HINT = "set it"


def endpoint(name: str, url: str | None = None, key: str | None = None, **given) -> Endpoint:
    """Where the preset of that name is, as an operator would have it."""
    preset = BY_NAME[name]
    if name == "vertex":
        given = {"project": "p", "region": "r", **given}
    given = {"name": name, "trusted": True, "key_name": preset.key_variable or "", "hint": HINT, **given}
    return Endpoint(preset=preset, base_url=url or preset.base_url, key=key, **given)


def opened(name: str, key: str | None = None, url: str | None = None, *, allow=(), **given):
    """What calls it; ``close`` closes its connections too. *allow*: the hosts that the operator allowed."""
    connections = HttpConnections(allowed_hosts(allow))
    provider = connections.open(endpoint(name, url, key, **given))
    provider.close = connections.close
    return provider


def open_openai(key, url=None):
    """OpenAI at an address."""
    return opened("openai", key, url)


def open_anthropic(key, url=None):
    """Anthropic at an address."""
    return opened("anthropic", key, url)
