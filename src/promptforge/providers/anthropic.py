"""Anthropic. The base URL is what its own client takes: the host, to which ``/v1/messages`` is added."""

from promptforge.providers.http import HttpProvider
from promptforge.wire.anthropic import Anthropic

NAME = "anthropic"
URL = "https://api.anthropic.com"


def open_anthropic(key: str | None, url: str | None = None) -> HttpProvider:
    """Make the provider; nothing connects before the first call."""
    return HttpProvider(NAME, url or URL, key, Anthropic(), prefix="ANTHROPIC")
