"""What every test may ask for. A whole forge stands in ``kit/forge.py``, named by the folders that open one."""

from kit.clock import fixed_clock

__all__ = ["fixed_clock"]
