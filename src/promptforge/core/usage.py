"""Usage: what a call consumed, in disjoint leaves.

Providers report overlapping counts (cached inside input, reasoning inside output). Here every unit is counted
once: the leaves whose name starts with ``input`` add up to ``token_in``, those that start with ``output`` to
``token_out``; the rest (``requests``, ``web_searches``, …) are billed without being tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

INPUT = "input"
INPUT_CACHE_READ = "input_cache_read"
INPUT_CACHE_WRITE = "input_cache_write"  # five minutes where the provider distinguishes
INPUT_CACHE_WRITE_1H = "input_cache_write_1h"
INPUT_AUDIO = "input_audio"
INPUT_AUDIO_CACHE_READ = "input_audio_cache_read"
INPUT_IMAGE = "input_image"
OUTPUT = "output"
OUTPUT_REASONING = "output_reasoning"
OUTPUT_AUDIO = "output_audio"
OUTPUT_IMAGE = "output_image"
REQUESTS = "requests"
WEB_SEARCHES = "web_searches"
OTHER_MODEL_TOKENS = "other_model_tokens"  # of a model that this one called; no rate of its own prices them

PRICEABLE = (
    *(INPUT, INPUT_CACHE_READ, INPUT_CACHE_WRITE, INPUT_CACHE_WRITE_1H, INPUT_AUDIO, INPUT_AUDIO_CACHE_READ),
    *(INPUT_IMAGE, OUTPUT, OUTPUT_REASONING, OUTPUT_AUDIO, OUTPUT_IMAGE, REQUESTS, WEB_SEARCHES),
)
"""What a price can be given for."""
TOKENS = frozenset(leaf for leaf in PRICEABLE if leaf.startswith(("input", "output")))
"""Those of them that are tokens, priced by the million."""


class UsageSource(StrEnum):
    """Where the counts come from; ``none`` means the provider did no work."""

    REPORTED = "reported"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts by leaf; zero leaves are left out."""

    leaves: Mapping[str, int]

    def __post_init__(self) -> None:
        for leaf, count in self.leaves.items():
            if count < 0:
                raise ValueError(f"usage leaf {leaf} is negative: {count}")

    @property
    def token_in(self) -> int:
        """All input tokens, cached and cache-write included."""
        return sum([n for leaf, n in self.leaves.items() if leaf.startswith("input")])

    @property
    def token_out(self) -> int:
        """All output tokens, reasoning included."""
        return sum([n for leaf, n in self.leaves.items() if leaf.startswith("output")])


def usage(**leaves: int) -> Usage:
    """Build a Usage, zero leaves dropped: ``usage(input=500, output=200)``."""
    return Usage({leaf: count for leaf, count in leaves.items() if count})


NOTHING = Usage({})
