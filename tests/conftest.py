"""What every test may ask for. The forge stands here, so that every folder's tests share one."""

from hypothesis import settings

from kit.clock import fixed_clock
from kit.forge import actor, forge, other_actor, url
from kit.home import home
from kit.replay import replay_provider

__all__ = ["actor", "fixed_clock", "forge", "home", "other_actor", "replay_provider", "url"]

settings.register_profile("default", deadline=None)
settings.register_profile("soak", deadline=None, max_examples=2000)
settings.load_profile("default")
