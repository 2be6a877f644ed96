"""The rules: one class per noun, the actor first in every method. Doors call these, and only these."""
