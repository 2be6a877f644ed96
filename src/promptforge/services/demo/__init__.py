"""The demo workspace: ninety days of a made-up shop, loaded through the recording path like anything from outside."""

from promptforge.services.demo.demo import WORKSPACE, Demo

__all__ = ["WORKSPACE", "Demo"]
