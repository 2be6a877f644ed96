"""What of a provider's usage block no leaf reads: a new unit to pay for shows itself instead of being lost.

A table of the names that are understood: counts that leaves read, sums and parts of those, and what is free. Billing
that is no count, such as a tier, is among the terms of a reply and known here too.
"""

from collections.abc import Iterator, Mapping

from promptforge.core.json import Json, is_array, is_object


def _within(where: str, *names: str) -> frozenset[str]:
    return frozenset(f"{where}.{name}" for name in names)


_OPENAI_INPUT = (
    *("cached_tokens", "audio_tokens", "image_tokens", "text_tokens", "cache_write_tokens"),
    *(f"cached_tokens_details.{kind}_tokens" for kind in ("audio", "image", "text")),
    "cache_write_tokens_details.ttl_30m_tokens",
)
_OPENAI_OUTPUT = (
    *("reasoning_tokens", "audio_tokens", "image_tokens", "text_tokens"),
    *("accepted_prediction_tokens", "rejected_prediction_tokens"),  # both are inside the total
)
_ANTHROPIC_TOTALS = (
    *("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"),
    *("cache_creation.ephemeral_5m_input_tokens", "cache_creation.ephemeral_1h_input_tokens"),
)

_GOOGLE_TOTALS = ("promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "toolUsePromptTokenCount")
_GOOGLE_LISTS = ("promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails", "toolUsePromptTokensDetails")

KNOWN: Mapping[str, frozenset[str]] = {
    "openai": frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"})
    | _within("prompt_tokens_details", *_OPENAI_INPUT)
    | _within("input_tokens_details", *_OPENAI_INPUT)
    | _within("completion_tokens_details", *_OPENAI_OUTPUT)
    | _within("output_tokens_details", *_OPENAI_OUTPUT)
    | _within("tool_usage.web_search", "num_requests")
    | _within("tool_usage.image_gen", "input_tokens", "output_tokens", "total_tokens")
    | _within("tool_usage.image_gen.input_tokens_details", "image_tokens", "text_tokens")
    | _within("tool_usage.image_gen.output_tokens_details", "image_tokens", "text_tokens")
    | frozenset({"prompt_cache_hit_tokens", "prompt_cache_miss_tokens"})  # DeepSeek's
    # how long it took, as some servers of this format tell it
    | frozenset({"queue_time", "prompt_time", "completion_time", "total_time"})
    | frozenset({"num_sources_used", "cost_in_usd_ticks"})  # xAI's
    | frozenset({"cost", "is_byok", "num_cached_tokens", "cached_tokens"})  # of OpenRouter, Mistral, Together
    | _within("cost_details", *(f"upstream_inference_{part}cost" for part in ("", "prompt_", "completions_"))),
    "anthropic": frozenset({*_ANTHROPIC_TOTALS, "service_tier", "speed", "inference_geo"})
    | _within("output_tokens_details", "thinking_tokens")
    | _within("server_tool_use", "web_search_requests", "web_fetch_requests")  # a fetch costs nothing but its tokens
    | _within("iterations.message", "type", "model", *_ANTHROPIC_TOTALS)
    | _within("iterations.fallback_message", "type", "model", *_ANTHROPIC_TOTALS)
    | _within("iterations.compaction", "type", *_ANTHROPIC_TOTALS)
    | _within("iterations.advisor_message", "type", "model", *_ANTHROPIC_TOTALS),
    "google": frozenset({*_GOOGLE_TOTALS, "thoughtsTokenCount", "totalTokenCount", "trafficType", "serviceTier"})
    | frozenset(f"{name}.{part}" for name in _GOOGLE_LISTS for part in ("modality", "tokenCount")),
    "ollama": frozenset({"prompt_eval_count", "eval_count", "total_duration", "load_duration"})
    | frozenset({"prompt_eval_duration", "eval_duration"}),
}
"""By format: the paths in a block that are understood. A list of objects is told apart by their ``type``."""

_SIGNS = {"prompt_tokens": "openai", "promptTokenCount": "google", "eval_count": "ollama"}
"""What shows the format of a block, where the provider's name does not."""


def unknown_usage(provider: str, block: Json) -> tuple[str, ...]:
    """The paths in a usage block that say something and that nobody reads; none for a format without a table."""
    known = KNOWN.get(provider)
    if known is None and is_object(block):
        known = KNOWN.get(next((form for sign, form in _SIGNS.items() if sign in block), ""))
    return () if known is None else tuple(dict.fromkeys(path for path in _told(block, "") if path not in known))


def _told(value: Json, path: str) -> Iterator[str]:
    """The paths to whatever is not nothing: null, false, zero and empty say nothing."""
    if is_object(value):
        for name, inner in value.items():
            yield from _told(inner, f"{path}.{name}" if path else name)
    elif is_array(value):
        for inner in value:
            kind = inner.get("type") if is_object(inner) else None
            yield from _told(inner, f"{path}.{kind}" if isinstance(kind, str) else path)
    elif value:
        yield path
