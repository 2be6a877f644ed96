"""What of a usage block nobody reads is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.wire import anthropic, openai, responses
from promptforge.wire.unknown_usage import KNOWN, unknown_usage

READERS = [("openai", openai.usage_of), ("openai", responses.usage_of), ("anthropic", anthropic.usage_of)]
NEW = st.text("abcdefghij_", min_size=1).filter(lambda name: all(name not in known for known in KNOWN.values()))


def nested(path: str, value: object) -> dict:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(
    ("provider", "block", "unknown"),
    [
        ("openai", {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, ()),
        ("openai", {"prompt_tokens": 3, "video_tokens": 2}, ("video_tokens",)),
        ("openai", {"prompt_tokens": 3, "video_tokens": 0, "x": None, "y": {}, "z": "", "w": False}, ()),
        (
            "openai",
            {"input_tokens_details": {"cached_tokens": 1, "smell_tokens": 2}, "cost": {"usd": 0.1}},
            ("input_tokens_details.smell_tokens", "cost.usd"),
        ),
        ("openai", {"input_tokens_details": {"cache_write_tokens_details": {"ttl_12h_tokens": 4}}}, None),
        ("anthropic", {"input_tokens": 1, "service_tier": "standard", "inference_geo": "global"}, ()),
        ("anthropic", {"server_tool_use": {"web_search_requests": 1, "code_execution_requests": 2}}, None),
        ("anthropic", {"iterations": [{"type": "message", "input_tokens": 1, "model": "m"}]}, ()),
        (
            "anthropic",
            {"iterations": [{"type": "dream", "input_tokens": 1}] * 2},
            ("iterations.dream.type", "iterations.dream.input_tokens"),
        ),
        ("mistral", {"whatever": 1}, ()),
        ("openai", None, ()),
        ("openai", [3], ("",)),
    ],
)
def test_what_nobody_reads_is_named_by_its_path(provider, block, unknown):
    """A new count, part of a count, text or amount is told; nothing, zero and what is known are not."""
    told = unknown_usage(provider, block)
    assert len(told) == 1 if unknown is None else told == unknown


@given(st.sampled_from(sorted(KNOWN)), NEW, st.integers(1), st.data())
def test_any_new_name_anywhere_is_told(provider, name, count, data):
    """No place in a block is looked past."""
    places = sorted({path.rpartition(".")[0] for path in KNOWN[provider] if "iterations" not in path})
    place = data.draw(st.sampled_from(places))
    path = f"{place}.{name}" if place else name
    assert unknown_usage(provider, nested(path, count)) == (path,)


class Watched(dict):
    """A block that has every field there can be, and tells which were looked at."""

    def __init__(self, seen: set[str], path: str = "") -> None:
        super().__init__()
        self.seen = seen
        self.path = path

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: object = None) -> object:
        path = f"{self.path}.{name}" if self.path else name
        if not name.endswith(("_tokens", "_requests", "_used", "Count", "_count")):
            return Watched(self.seen, path)
        self.seen.add(path)
        return 0


@pytest.mark.parametrize(("provider", "read"), READERS)
def test_the_table_knows_whatever_is_read(provider, read):
    """Every count that a reader looks at is in the table, so the two cannot drift apart."""
    seen: set[str] = set()
    assert read(Watched(seen)) is not None
    assert seen
    assert seen <= KNOWN[provider]
