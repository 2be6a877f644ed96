"""The tests of the client use a real server."""

from kit.served import served

__all__ = ["served"]
