"""What every test may ask for. A whole forge stands in ``kit/forge.py``, named by the folders that open one."""

from hypothesis import settings

from kit.clock import fixed_clock
from kit.home import home
from kit.replay import replay_provider

__all__ = ["fixed_clock", "home", "replay_provider"]

settings.register_profile("default", deadline=None)
settings.register_profile("soak", deadline=None, max_examples=2000)
settings.load_profile("default")
