"""OpenAI and servers like it. The base URL is what its own client takes: it includes ``/v1``."""

from promptforge.providers.http import HttpProvider
from promptforge.wire.openai import OpenAI

NAME = "openai"
URL = "https://api.openai.com/v1"


def open_openai(key: str | None, url: str | None = None) -> HttpProvider:
    """Make the provider; nothing connects before the first call."""
    return HttpProvider(NAME, url or URL, key, OpenAI(), prefix="OPENAI")
