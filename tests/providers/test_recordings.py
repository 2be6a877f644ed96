"""Every recorded exchange, through the real provider classes, against readers that owe nothing to them."""

import json
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from genai_prices import Usage, calc_price

from kit import bodies
from kit.providers import opened
from kit.replay import recordings
from promptforge.core import money
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.prompt import Message
from promptforge.core.usage import usage
from promptforge.pricing.book import Book
from promptforge.wire.unknown_usage import unknown_usage

pytestmark = pytest.mark.shared
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ANTHROPIC = recordings(
    "anthropic",
    *("message", "message_stream", "prompt_caching", "prompt_caching_stream"),
    *("thinking", "thinking_stream", "tools", "tools_stream"),
)
OPENAI = recordings("openai", "chat", "chat_stream", "tool_calls", "reasoning", "azure_content_filter")
ALL = ANTHROPIC + OPENAI


def asked(model: str, *, stream: bool) -> ModelRequest:
    return ModelRequest(
        model=model, messages=(Message(role="user", content="hi"),), params={}, stream=stream, remaining=30
    )


async def replies(replay, name: str, provider: str, count: int, *, stream: bool) -> list[tuple[list[str], Reply]]:
    """The replies of one file in its order, each with its deltas."""
    base = replay.base(provider, name)
    opening = opened(provider, "k-1", base)
    found = []
    try:
        for _ in range(count):
            deltas: list[str] = []
            async with aclosing(opening.send(asked("any-model", stream=stream))) as answer:
                async for item in answer:
                    if isinstance(item, Delta):
                        deltas.append(item.text)
                    else:
                        found.append((deltas, item))
    finally:
        await opening.close()
    return found


def files():
    """Each file plain and streamed; a recorded stream is read as a stream only."""
    names = sorted({(r.provider, r.name, r.streamed) for r in ALL})
    return [(*name, stream) for *name, streamed in names for stream in ([True] if streamed else [False, True])]


@pytest.mark.parametrize(("provider", "name", "stream"), files())
async def test_every_recording_is_read_as_its_bytes_say(replay_provider, provider, name, stream):
    """Text, model, finish, usage block and leaves are those of an independent reader, plain and streamed."""
    expected = [r for r in ALL if (r.provider, r.name) == (provider, name)]
    got = await replies(replay_provider, name, provider, len(expected), stream=stream)
    turned = {reply.request_id for _, reply in got}
    assert len(got) == len(expected)
    assert len(turned - {None}) in (0, len(expected))
    unread = [(check_text(provider, r.body), check_leaves(provider, r.body), r) for r in expected]
    for deltas, reply in got:
        assert not stream or "".join(deltas) == reply.text
        text, leaves, match = next(
            u for u in unread if reply.text.startswith(u[0]) and dict(reply.usage.leaves) == u[1]
        )
        unread.remove((text, leaves, match))
        assert reply.usage_raw == check_usage(provider, match.body)
        assert reply.model == next(
            m for d in bodies.documents(match.body) if (m := d.get("model") or d.get("message", {}).get("model"))
        )
        assert reply.finish_reason
        assert reply.filtered is (reply.finish_reason == "content_filter")
    assert not unread


def check_text(provider: str, body: bytes) -> str:
    return bodies.anthropic_text(body) if provider == "anthropic" else bodies.openai_text(body)


def check_usage(provider: str, body: bytes) -> dict:
    return bodies.anthropic_usage(body) if provider == "anthropic" else bodies.openai_usage(body)


def check_leaves(provider: str, body: bytes) -> dict[str, int]:
    """The leaves by subtraction, written independently of the dialects."""
    told = check_usage(provider, body)
    if provider == "anthropic":
        leaves = {
            "input": told["input_tokens"],
            "input_cache_read": told.get("cache_read_input_tokens", 0),
            "input_cache_write": told.get("cache_creation_input_tokens", 0),
            "output": told["output_tokens"],
        }
    else:
        cached = (told.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        thought = (told.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
        leaves = {
            "input": told["prompt_tokens"] - cached,
            "input_cache_read": cached,
            "output": told["completion_tokens"] - thought,
            "output_reasoning": thought,
        }
    return {leaf: count for leaf, count in leaves.items() if count}


@pytest.mark.parametrize("recorded", ALL, ids=str)
async def test_the_cost_is_the_catalogues_own_sum(recorded):
    """Our lines add up to what the catalogue's own calculation gives for the counts as the provider wrote them."""
    told = check_usage(recorded.provider, recorded.body)
    model = recorded.request["model"]
    if model == "openllmetry-testing":
        model = "gpt-4.1-mini"  # the name of somebody's deployment
    counted = dict(check_leaves(recorded.provider, recorded.body))
    if recorded.provider == "anthropic":
        fresh = told["input_tokens"]
        read, written = told.get("cache_read_input_tokens", 0), told.get("cache_creation_input_tokens", 0)
        theirs = Usage(
            input_tokens=fresh + read + written,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=told["output_tokens"],
        )
    else:
        theirs = Usage(
            input_tokens=told["prompt_tokens"],
            cache_read_tokens=counted.get("input_cache_read", 0),
            output_tokens=told["completion_tokens"],
        )
    price = calc_price(theirs, model, provider_id=recorded.provider, genai_request_timestamp=NOW)
    lines = BOOK.lines("w", recorded.provider, model, usage(**counted), NOW)
    assert money.decimal(sum(line.amount for line in lines)) == price.total_price


BOOK = Book()

#: Provider and file of a recording: whose preset calls it, and who reads its bytes.
OTHERS = {
    ("google", "generate_content"): ("google", bodies.google_leaves, bodies.google_text),
    ("groq", "chat"): ("groq", bodies.openai_leaves, bodies.openai_text),
    ("mistral", "chat"): ("mistral", bodies.openai_leaves, bodies.openai_text),
    ("ollama", "chat"): ("ollama", bodies.ollama_leaves, bodies.ollama_text),
    ("ollama", "chat_stream"): ("ollama", bodies.ollama_leaves, bodies.ollama_text),
    ("openai", "responses"): ("openai-responses", bodies.openai_leaves, bodies.responses_text),
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("recorded", [r for place in OTHERS for r in recordings(*place)], ids=str)
async def test_the_others_are_read_as_their_bytes_say(replay_provider, recorded, stream):
    """Text, leaves, model and cost of each are those of an independent reader and of the catalogue itself."""
    if "ndjson" in recorded.content_type and not stream:
        return  # a stream is never the answer to a call that asked for none
    preset, leaves_of, text_of = OTHERS[recorded.provider, recorded.name]
    provider = opened(preset, "k-1", replay_provider.base(recorded.provider, recorded.name))
    count = len(recordings(recorded.provider, recorded.name))
    found = []
    try:
        for _ in range(count):
            items = [item async for item in provider.send(asked("any-model", stream=stream))]
            assert "".join(item.text for item in items[:-1]) == (items[-1].text if stream else "")
            found.append(items[-1])
    finally:
        await provider.close()
    leaves = {leaf: n for leaf, n in leaves_of(recorded.body).items() if n}
    reply = next(r for r in found if r.text.startswith(text_of(recorded.body)) and dict(r.usage.leaves) == leaves)
    assert reply.model
    assert reply.finish_reason
    assert unknown_usage(preset, reply.usage_raw) == ()
    lines = BOOK.lines("w", provider.priced_as, reply.model, usage(**leaves), NOW)
    if provider.priced_as == "ollama":
        assert lines is None
        return
    told = Usage(
        input_tokens=reply.usage.token_in,
        cache_read_tokens=leaves.get("input_cache_read", 0),
        output_tokens=reply.usage.token_out,
    )
    price = calc_price(told, reply.model, provider_id=provider.priced_as, genai_request_timestamp=NOW)
    assert money.decimal(sum(line.amount for line in lines)) == price.total_price


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_the_key_travels_in_its_header_and_nowhere_else(replay_provider, provider):
    """What the provider sees is the documented request: path, version header, JSON body without the key."""
    await replies(replay_provider, "message" if provider == "anthropic" else "chat", provider, 1, stream=False)
    seen = replay_provider.last_request()
    assert seen["method"] == "POST"
    assert seen["path"].endswith("/v1/messages" if provider == "anthropic" else "/chat/completions")
    assert seen["headers"]["content-type"] == "application/json"
    assert ("anthropic-version" in seen["headers"]) is (provider == "anthropic")
    assert "k-1" not in str(seen)
    assert "k-2" not in str(seen)


async def test_tool_calls_follow_the_text(replay_provider):
    """A reply with text and tool calls keeps both, plain and streamed."""
    for name in ("tools", "tools_stream"):
        [(_, reply)] = await replies(replay_provider, name, "anthropic", 1, stream=name == "tools_stream")
        text, _, calls = reply.text.rpartition("\n\n")
        assert text.startswith("Certainly!")
        assert [call["name"] for call in json.loads(calls)["tool_calls"]] == ["get_weather", "get_time"]


async def test_thinking_is_not_output(replay_provider):
    """What the model thought is paid for but is not its answer."""
    for name in ("thinking", "thinking_stream"):
        [(_, reply)] = await replies(replay_provider, name, "anthropic", 1, stream=name == "thinking_stream")
        assert reply.text == "The letter 'r' appears 3 times in the word \"strawberry\"."
