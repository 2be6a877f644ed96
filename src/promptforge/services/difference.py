"""What changed between two texts, in time that their size bounds."""

import difflib

#: Comparing lines is quadratic at worst: above this many pairs all lines count as rewritten.
_PAIRS = 4_000_000


def unified(old: str, new: str, old_name: str, new_name: str) -> str:
    """A unified diff; empty when the texts are equal."""
    if old == new:
        return ""
    before, after = old.split("\n"), new.split("\n")
    if len(before) * len(after) <= _PAIRS:
        return "\n".join(difflib.unified_diff(before, after, old_name, new_name, lineterm=""))
    head = [f"--- {old_name}", f"+++ {new_name}", f"@@ -1,{len(before)} +1,{len(after)} @@"]
    return "\n".join([*head, *(f"-{line}" for line in before), *(f"+{line}" for line in after)])
