"""Prompt Forge: run prompts and chains, and know what every call cost.

The public client and its errors are re-exported here lazily so that ``import promptforge`` stays light;
everything else lives in the rooms described in ARCHITECTURE.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptforge.sdk import (
        AsyncPromptForge,
        AuthenticationError,
        ExecutionError,
        GraphQLError,
        NetworkError,
        NotFoundError,
        PromptForge,
        PromptForgeError,
        ProviderError,
        RateLimitError,
        ValidationError,
    )

__version__ = "0.1.0"
__all__ = [
    "AsyncPromptForge",
    "AuthenticationError",
    "ExecutionError",
    "GraphQLError",
    "NetworkError",
    "NotFoundError",
    "PromptForge",
    "PromptForgeError",
    "ProviderError",
    "RateLimitError",
    "ValidationError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("promptforge.sdk"), name)
    raise AttributeError(f"module 'promptforge' has no attribute '{name}'")
