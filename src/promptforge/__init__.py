"""Prompt Forge: run prompts and chains, and know what every call cost.

The public client is re-exported here lazily so that ``import promptforge`` stays light; everything else
lives in the rooms described in ARCHITECTURE.md.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["AsyncPromptForge", "PromptForge", "__version__"]


def __getattr__(name: str) -> object:
    if name in {"AsyncPromptForge", "PromptForge"}:
        return getattr(import_module("promptforge.sdk"), name)
    raise AttributeError(name)
