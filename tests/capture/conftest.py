"""What the tests of capture share."""

from kit.stage import stage

__all__ = ["stage"]
