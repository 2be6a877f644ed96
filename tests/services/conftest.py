"""Services are tested in a real forge."""

from kit.forge import actor, forge, other_actor

__all__ = ["actor", "forge", "other_actor"]
