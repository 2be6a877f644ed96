"""The conformance kit: every provider's usage blocks and streams, against counts and costs worked out by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import bodies
from kit.golden import CHAT, COMPLETIONS, EMBEDDINGS, GOLDEN, MESSAGES, RESPONSES, Golden, Said, body, events
from kit.replay import Recorded, recordings
from promptforge.core.model import Reply
from promptforge.core.usage import Usage
from promptforge.pricing.book import Book
from promptforge.wire.exchange import EXCHANGES
from promptforge.wire.sse import Decoder
from promptforge.wire.unknown_usage import unknown_usage

AT = datetime(2026, 11, 24, tzinfo=UTC)
STREAMED = [golden for golden in GOLDEN if golden.format != EMBEDDINGS]
WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
CALLS = st.tuples(
    st.text("abc123_", min_size=1, max_size=8),
    st.text("abc_", min_size=1, max_size=8),
    st.dictionaries(WORDS, st.integers(-5, 5) | WORDS, max_size=3).map(json.dumps),
)
SAID = st.builds(Said, st.lists(WORDS, max_size=5).map(tuple), st.lists(CALLS, max_size=3).map(tuple))


def whole(golden: Golden, said: Said) -> Reply:
    return EXCHANGES[golden.format].reply(body(golden, said))


def gathered(form: tuple[str, str], raw: bytes, step: int) -> tuple[Reply, list[str]]:
    """The reply of a stream that arrives in pieces of *step* bytes, and its deltas."""
    stream, decoder, deltas = EXCHANGES[form].stream(), Decoder(), []
    for start in range(0, len(raw), step):
        for event in decoder.feed(raw[start : start + step]):
            deltas += [delta.text for delta in stream.feed(event)]
    assert stream.finished
    return stream.reply(), deltas


def said_for(golden: Golden, said: Said) -> Said:
    """What that format can say."""
    return said if golden.format in (CHAT, RESPONSES, MESSAGES) else replace(said, calls=())


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


def test_every_format_that_passes_has_golden_blocks():
    """What passes the gateway is in the kit."""
    assert {golden.format for golden in GOLDEN} == set(EXCHANGES)


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_a_block_comes_to_the_leaves_counted_by_hand(golden):
    """Leaves, terms, block and model are those of the documentation; nothing in the block is unknown."""
    reply = whole(golden, Said())
    assert reply.usage == Usage(golden.leaves)
    assert (reply.usage_raw, reply.terms, reply.model) == (golden.raw, golden.terms, golden.model)
    assert unknown_usage(golden.format[0], golden.raw) == ()


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_leaves_add_up_to_the_totals_of_the_block(golden):
    """Tokens in and out are the provider's own totals, which hold or leave out their parts as its format says."""
    told = golden.block
    if golden.format == MESSAGES:
        parts = [told, *(part for part in told.get("iterations", []) if part["type"] == "compaction")]
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        total_in = sum(part.get(name) or 0 for part in parts for name in names)
        total_out = sum(part["output_tokens"] for part in parts)
    else:
        total_in = told.get("prompt_tokens", told.get("input_tokens"))
        total_out = told.get("completion_tokens", told.get("output_tokens", 0))
    usage = whole(golden, Said()).usage
    assert (usage.token_in, usage.token_out) == (total_in, total_out)


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_the_cost_is_the_sum_of_its_lines(golden, book):
    """Each leaf has one line, and their sum is what the published prices come to; or there is no cost at all."""
    reply = whole(golden, Said())
    lines = book.lines("w", golden.format[0], golden.model, reply.usage, AT, terms=reply.terms)
    if golden.cost is None:
        assert lines is None
        return
    assert {line.unit: line.quantity for line in lines} == golden.leaves
    assert all(line.amount * line.per == line.quantity * line.rate * 10**6 for line in lines)
    assert sum(line.amount for line in lines) == Decimal(golden.cost) * 10**12


def parts_of(block: dict, path: tuple[str, ...] = ()):
    """The paths to all counts inside details."""
    for name, value in block.items():
        if isinstance(value, dict):
            yield from parts_of(value, (*path, name))
        elif path and isinstance(value, int):
            yield (*path, name)


@pytest.mark.parametrize(
    ("golden", "path"),
    [
        pytest.param(golden, path, id=f"{golden} {'.'.join(path)}")
        for golden in GOLDEN
        for path in parts_of(golden.block)
        if path[0].endswith("_details") and path[-1] in golden.block[path[0]]
        if not path[-1].startswith(("text_", "accepted_", "rejected_"))
    ],
)
def test_a_part_larger_than_its_whole_makes_the_usage_unknown(golden, path):
    """A block that contradicts itself is never counted; the provider's words are kept all the same."""
    block = json.loads(json.dumps(golden.block))
    block[path[0]][path[-1]] = 10**9
    reply = whole(replace(golden, block=block, beside={}), Said())
    assert (reply.usage, reply.usage_raw) == (None, block)


@given(st.sampled_from(STREAMED), SAID)
def test_plain_and_streamed_are_one_reply(golden, said):
    """One answer in its two forms is the same reply, and the deltas add up to its text."""
    said = said_for(golden, said)
    reply, deltas = gathered(golden.format, events(golden, said), 1 << 20)
    assert reply == whole(golden, said)
    assert "".join(deltas) == reply.text


@given(st.sampled_from(STREAMED), SAID, st.integers(1, 60))
def test_any_cut_of_a_stream_is_the_same_reply(golden, said, step):
    """Where the network cuts says nothing."""
    said = said_for(golden, said)
    raw = events(golden, said)
    assert gathered(golden.format, raw, step) == gathered(golden.format, raw, len(raw))


@pytest.mark.parametrize("golden", [g for g in GOLDEN if g.format in (CHAT, COMPLETIONS)], ids=str)
def test_a_stream_that_was_not_asked_for_its_usage_has_none(golden):
    """Without ``include_usage`` the text is there, the usage is not, and nothing is made up."""
    reply, _ = gathered(golden.format, events(golden, Said(), tell_usage=False), 50)
    assert reply == replace(whole(golden, Said()), usage=None, usage_raw=None)


# ── what was recorded ──

RECORDED = [
    *(
        (r, CHAT)
        for r in recordings("openai", "chat", "chat_stream", "tool_calls", "reasoning", "azure_content_filter")
    ),
    *((r, CHAT) for r in (*recordings("groq", "chat"), *recordings("mistral", "chat"))),
    *((r, RESPONSES) for r in recordings("openai", "responses")),
    *(
        (r, MESSAGES)
        for kind in ("message", "prompt_caching", "thinking", "tools")
        for r in recordings("anthropic", kind, f"{kind}_stream")
    ),
]


def said_in(form: tuple[str, str], raw: bytes) -> str:
    if form == MESSAGES:
        return bodies.anthropic_text(raw)
    if form == CHAT:
        return bodies.openai_text(raw)
    document = json.loads(raw)
    return "".join(part["text"] for item in document["output"] for part in item.get("content", []))


def told_in(form: tuple[str, str], raw: bytes) -> dict:
    if form == RESPONSES:
        return json.loads(raw)["usage"]
    return bodies.anthropic_usage(raw) if form == MESSAGES else bodies.openai_usage(raw)


def totals_of(form: tuple[str, str], told: dict) -> tuple[int, int]:
    if form == MESSAGES:
        cached = (told.get("cache_read_input_tokens") or 0) + (told.get("cache_creation_input_tokens") or 0)
        return told["input_tokens"] + cached, told["output_tokens"]
    names = ("input_tokens", "output_tokens") if form == RESPONSES else ("prompt_tokens", "completion_tokens")
    return told[names[0]], told[names[1]]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("recorded", "form"), RECORDED, ids=lambda value: str(value) if isinstance(value, Recorded) else ""
)
def test_recorded_exchanges_are_read_as_their_bytes_say(recorded: Recorded, form):
    """Request, text, usage and totals of what providers really sent are those of a naive reader of the same bytes."""
    exchange = EXCHANGES[form]
    asked = exchange.asked(json.dumps(recorded.request).encode())
    assert (asked.model, asked.streamed) == (recorded.request["model"], bool(recorded.request.get("stream")))
    assert asked.body == recorded.request
    if recorded.streamed:
        reply, _ = gathered(form, recorded.body, 7)
    else:
        reply = exchange.reply(recorded.body)
    told = told_in(form, recorded.body)
    assert reply.text.startswith(said_in(form, recorded.body))
    assert reply.usage_raw == told
    assert (reply.usage.token_in, reply.usage.token_out) == totals_of(form, told)
    assert unknown_usage(form[0], told) == ()
