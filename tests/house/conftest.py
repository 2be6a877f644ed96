"""The README is tried on a real server."""

from kit.served import served

__all__ = ["served"]
