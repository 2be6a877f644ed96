"""The tests of the command line use a real server."""

from kit.served import served

__all__ = ["served"]
