"""The demo workspace: ninety days of a made-up shop, loaded through the recording path like anything from outside."""

from promptforge.services.demo.demo import Demo

__all__ = ["Demo"]
