"""Usage blocks as the providers' public documentation describes them, with what they come to, counted by hand.

``body`` and ``events`` put an answer around a block, whole and streamed, as that format has it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

CHAT, RESPONSES = ("openai", "/chat/completions"), ("openai", "/responses")
EMBEDDINGS, COMPLETIONS = ("openai", "/embeddings"), ("openai", "/completions")
MESSAGES = ("anthropic", "/messages")
SONNET, OPUS = "claude-sonnet-4-5-20250929", "claude-opus-4-6"


@dataclass(frozen=True, kw_only=True)
class Golden:
    """``cost`` is in dollars, from the published prices; None where a unit or a term has no published price.

    ``beside`` are fields that stand beside the block and belong to it.
    """

    name: str
    format: tuple[str, str]
    model: str
    block: Mapping[str, object]
    leaves: Mapping[str, int]
    cost: str | None
    terms: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.format[0]}{self.format[1]} {self.name}"

    @property
    def raw(self) -> Mapping[str, object]:
        """The block as it is kept."""
        told = {name: value for name, value in self.beside.items() if name == "tool_usage"}
        return {**self.block, **told}


@dataclass(frozen=True)
class Said:
    """What the model says: pieces of text, then calls of tools (id, name, arguments as JSON)."""

    pieces: tuple[str, ...] = ("Paris", " is the", " capital.")
    calls: tuple[tuple[str, str, str], ...] = ()

    @property
    def text(self) -> str:
        return "".join(self.pieces)


GOLDEN = (
    Golden(
        name="plain",
        format=CHAT,
        model="gpt-4o-2024-08-06",
        block={"prompt_tokens": 500, "completion_tokens": 200, "total_tokens": 700},
        leaves={"input": 500, "output": 200},
        cost="0.00325",
    ),
    Golden(
        name="parts that are null",
        format=CHAT,
        model="gpt-4o-2024-08-06",
        block={
            "prompt_tokens": 500,
            "completion_tokens": 200,
            "prompt_tokens_details": None,
            "completion_tokens_details": {"reasoning_tokens": None, "audio_tokens": 0},
        },
        leaves={"input": 500, "output": 200},
        cost="0.00325",
    ),
    Golden(
        name="cached",
        format=CHAT,
        model="gpt-4o-2024-08-06",
        block={
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        leaves={"input": 86, "input_cache_read": 1920, "output": 300},
        cost="0.005615",
    ),
    Golden(
        name="cached, in DeepSeek's words",
        format=CHAT,
        model="gpt-4o-2024-08-06",
        block={
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_cache_hit_tokens": 1920,
            "prompt_cache_miss_tokens": 86,
        },
        leaves={"input": 86, "input_cache_read": 1920, "output": 300},
        cost="0.005615",
    ),
    Golden(
        name="audio",
        format=CHAT,
        model="gpt-audio",
        block={
            "prompt_tokens": 1000,
            "completion_tokens": 500,
            "total_tokens": 1500,
            "prompt_tokens_details": {"audio_tokens": 400, "text_tokens": 600, "cached_tokens": 0},
            "completion_tokens_details": {"audio_tokens": 300, "text_tokens": 200, "reasoning_tokens": 0},
        },
        leaves={"input": 600, "input_audio": 400, "output": 200, "output_audio": 300},
        cost="0.0355",
    ),
    Golden(
        name="cached audio",
        format=CHAT,
        model="gpt-4o-realtime-preview",
        block={
            "prompt_tokens": 1000,
            "completion_tokens": 10,
            "prompt_tokens_details": {
                "audio_tokens": 400,
                "cached_tokens": 500,
                "cached_tokens_details": {"audio_tokens": 100, "text_tokens": 400},
            },
        },
        leaves={
            "input": 200,
            "input_audio": 300,
            "input_audio_cache_read": 100,
            "input_cache_read": 400,
            "output": 10,
        },
        cost="0.01445",
    ),
    Golden(
        name="pictures, partly cached",
        format=CHAT,
        model="gpt-4o-2024-08-06",
        block={
            "prompt_tokens": 1000,
            "completion_tokens": 10,
            "prompt_tokens_details": {"image_tokens": 900, "text_tokens": 100, "cached_tokens": 768},
        },
        leaves={"input_image": 232, "input_cache_read": 768, "output": 10},
        cost="0.00164",
    ),
    Golden(
        name="reasoning",
        format=CHAT,
        model="o3",
        block={
            "prompt_tokens": 75,
            "completion_tokens": 1186,
            "total_tokens": 1261,
            "completion_tokens_details": {"reasoning_tokens": 1024},
        },
        leaves={"input": 75, "output": 162, "output_reasoning": 1024},
        cost="0.009638",
    ),
    Golden(
        name="predictions, which are inside the completion",
        format=CHAT,
        model="gpt-4o-2024-08-06",
        block={
            "prompt_tokens": 280,
            "completion_tokens": 245,
            "total_tokens": 525,
            "completion_tokens_details": {"accepted_prediction_tokens": 90, "rejected_prediction_tokens": 110},
        },
        leaves={"input": 280, "output": 245},
        cost="0.00315",
    ),
    Golden(
        name="cache writes",
        format=CHAT,
        model="gpt-5.6-sol",
        block={
            "prompt_tokens": 2000,
            "completion_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 500},
        },
        leaves={"input": 500, "input_cache_read": 1000, "input_cache_write": 500, "output": 100},
        cost="0.0069",
    ),
    Golden(
        name="flex",
        format=CHAT,
        model="gpt-5",
        block={"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        leaves={"input": 1000, "output": 100},
        cost="0.001125",
        terms={"service_tier": "flex"},
        beside={"service_tier": "flex"},
    ),
    Golden(
        name="plain",
        format=RESPONSES,
        model="gpt-4o-2024-08-06",
        block={"input_tokens": 500, "output_tokens": 200, "total_tokens": 700},
        leaves={"input": 500, "output": 200},
        cost="0.00325",
        beside={"service_tier": "default"},
    ),
    Golden(
        name="cached and reasoning",
        format=RESPONSES,
        model="o3",
        block={
            "input_tokens": 2006,
            "input_tokens_details": {"cached_tokens": 1920},
            "output_tokens": 300,
            "output_tokens_details": {"reasoning_tokens": 256},
            "total_tokens": 2306,
        },
        leaves={"input": 86, "input_cache_read": 1920, "output": 44, "output_reasoning": 256},
        cost="0.003532",
    ),
    Golden(
        name="cache writes",
        format=RESPONSES,
        model="gpt-5.6-sol",
        block={
            "input_tokens": 2000,
            "input_tokens_details": {
                "cached_tokens": 1000,
                "cache_write_tokens": 500,
                "cache_write_tokens_details": {"ttl_30m_tokens": 500, "ttl_12h_tokens": 0},
            },
            "output_tokens": 100,
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        leaves={"input": 500, "input_cache_read": 1000, "input_cache_write": 500, "output": 100},
        cost="0.0069",
    ),
    Golden(
        name="web searches",
        format=RESPONSES,
        model="gpt-4o-2024-08-06",
        block={"input_tokens": 500, "output_tokens": 200, "total_tokens": 700},
        leaves={"input": 500, "output": 200, "web_searches": 3},
        cost="0.03325",
        beside={"tool_usage": {"web_search": {"num_requests": 3}, "image_gen": {"total_tokens": 0}}},
    ),
    Golden(
        name="pictures made by another model, which have no price here",
        format=RESPONSES,
        model="gpt-5",
        block={"input_tokens": 500, "output_tokens": 200, "total_tokens": 700},
        leaves={"input": 500, "output": 200, "other_model_tokens": 4200},
        cost=None,
        beside={
            "tool_usage": {
                "image_gen": {
                    "input_tokens": 40,
                    "input_tokens_details": {"image_tokens": 0, "text_tokens": 40},
                    "output_tokens": 4160,
                    "output_tokens_details": {"image_tokens": 4160, "text_tokens": 0},
                    "total_tokens": 4200,
                }
            }
        },
    ),
    Golden(
        name="priority",
        format=RESPONSES,
        model="gpt-5",
        block={"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
        leaves={"input": 1000, "output": 100},
        cost="0.0045",
        terms={"service_tier": "priority"},
        beside={"service_tier": "priority"},
    ),
    Golden(
        name="input alone",
        format=EMBEDDINGS,
        model="text-embedding-3-small",
        block={"prompt_tokens": 1000, "total_tokens": 1000},
        leaves={"input": 1000},
        cost="0.00002",
    ),
    Golden(
        name="plain",
        format=COMPLETIONS,
        model="gpt-3.5-turbo-instruct",
        block={"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
        leaves={"input": 1000, "output": 100},
        cost="0.0017",
    ),
    Golden(
        name="plain",
        format=MESSAGES,
        model=SONNET,
        block={
            "input_tokens": 500,
            "output_tokens": 200,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": None,
            "service_tier": "standard",
            "server_tool_use": None,
            "inference_geo": "not_available",
        },
        leaves={"input": 500, "output": 200},
        cost="0.0045",
    ),
    Golden(
        name="cache read and written, before lifetimes were told",
        format=MESSAGES,
        model=SONNET,
        block={
            "input_tokens": 21,
            "cache_creation_input_tokens": 1000,
            "cache_read_input_tokens": 188_086,
            "output_tokens": 393,
        },
        leaves={"input": 21, "input_cache_write": 1000, "input_cache_read": 188_086, "output": 393},
        cost="0.0661338",
    ),
    Golden(
        name="cache written for five minutes and for an hour",
        format=MESSAGES,
        model=SONNET,
        block={
            "input_tokens": 2048,
            "cache_read_input_tokens": 1800,
            "cache_creation_input_tokens": 556,
            "cache_creation": {"ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 100},
            "output_tokens": 503,
        },
        leaves={
            "input": 2048,
            "input_cache_read": 1800,
            "input_cache_write": 456,
            "input_cache_write_1h": 100,
            "output": 503,
        },
        cost="0.016539",
    ),
    Golden(
        name="web searches and fetches",
        format=MESSAGES,
        model=SONNET,
        block={
            "input_tokens": 105,
            "output_tokens": 600,
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        },
        leaves={"input": 105, "output": 600, "web_searches": 2},
        cost="0.029315",
    ),
    Golden(
        name="thinking",
        format=MESSAGES,
        model=SONNET,
        block={"input_tokens": 40, "output_tokens": 900, "output_tokens_details": {"thinking_tokens": 700}},
        leaves={"input": 40, "output": 200, "output_reasoning": 700},
        cost="0.01362",
    ),
    Golden(
        name="batch",
        format=MESSAGES,
        model=SONNET,
        block={"input_tokens": 500, "output_tokens": 200, "service_tier": "batch"},
        leaves={"input": 500, "output": 200},
        cost="0.00225",
        terms={"processing": "batch"},
    ),
    Golden(
        name="priority, whose price is agreed on in private",
        format=MESSAGES,
        model=SONNET,
        block={"input_tokens": 500, "output_tokens": 200, "service_tier": "priority"},
        leaves={"input": 500, "output": 200},
        cost=None,
        terms={"service_tier": "priority"},
    ),
    Golden(
        name="kept in a region, which costs more than the catalogue knows",
        format=MESSAGES,
        model=OPUS,
        block={"input_tokens": 500, "output_tokens": 200, "inference_geo": "us"},
        leaves={"input": 500, "output": 200},
        cost=None,
        terms={"inference_geo": "us"},
    ),
    Golden(
        name="compacted on the way, which the totals leave out",
        format=MESSAGES,
        model=OPUS,
        block={
            "input_tokens": 23_000,
            "output_tokens": 1000,
            "iterations": [
                {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3500},
                {"type": "message", "input_tokens": 23_000, "output_tokens": 1000},
            ],
        },
        leaves={"input": 203_000, "output": 4500},
        cost="1.1275",
    ),
    Golden(
        name="advised by another model, which has other prices",
        format=MESSAGES,
        model=SONNET,
        block={
            "input_tokens": 400,
            "output_tokens": 100,
            "iterations": [
                {"type": "message", "input_tokens": 400, "output_tokens": 100, "model": SONNET},
                {"type": "advisor_message", "input_tokens": 800, "output_tokens": 60, "model": OPUS},
            ],
        },
        leaves={"input": 400, "output": 100, "other_model_tokens": 860},
        cost=None,
    ),
)


def body(golden: Golden, said: Said) -> bytes:
    """The whole answer."""
    make = {CHAT: _chat, COMPLETIONS: _completion, RESPONSES: _response, EMBEDDINGS: _vectors, MESSAGES: _message}
    return json.dumps(make[golden.format](golden, said)).encode()


def events(golden: Golden, said: Said, *, tell_usage: bool = True) -> bytes:
    """The same answer as a stream; *tell_usage* is what OpenAI's ``include_usage`` asks for."""
    if golden.format == RESPONSES:
        return _named(_response_events(golden, said))
    if golden.format == MESSAGES:
        return _named(_message_events(golden, said))
    make = _chat_events if golden.format == CHAT else _completion_events
    chunks = [json.dumps(each) for each in make(golden, said, tell_usage=tell_usage)]
    return b"".join(f"data: {data}\n\n".encode() for data in [*chunks, "[DONE]"])


def _named(events: list[dict]) -> bytes:
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)


# ── OpenAI ──


def _chat(golden: Golden, said: Said) -> dict:
    calls = [_function(*call) for call in said.calls]
    message = {"role": "assistant", "content": said.text or None, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {"object": "chat.completion", "model": golden.model, "choices": [choice], "usage": golden.block} | dict(
        golden.beside
    )


def _function(call_id: str, name: str, arguments: str) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _chat_events(golden: Golden, said: Said, *, tell_usage: bool) -> list[dict]:
    deltas: list[dict] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in said.pieces)]
    for index, (call_id, name, arguments) in enumerate(said.calls):
        deltas.append({"tool_calls": [{"index": index, **_function(call_id, name, "")}]})
        half = len(arguments) // 2
        parts = (arguments[:half], arguments[half:])
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in parts]
    ends = [*([None] * len(deltas)), "tool_calls" if said.calls else "stop"]
    choices = [{"index": 0, "delta": d, "finish_reason": e} for d, e in zip([*deltas, {}], ends, strict=True)]
    return _chunks(golden, choices, tell_usage=tell_usage)


def _chunks(golden: Golden, choices: list[dict], *, tell_usage: bool) -> list[dict]:
    head = {"model": golden.model, **golden.beside, **({"usage": None} if tell_usage else {})}
    last = [head | {"choices": [], "usage": golden.block}] if tell_usage else []
    return [*(head | {"choices": [choice]} for choice in choices), *last]


def _completion(golden: Golden, said: Said) -> dict:
    choice = {"index": 0, "text": said.text, "finish_reason": "stop"}
    return {"object": "text_completion", "model": golden.model, "choices": [choice], "usage": golden.block}


def _completion_events(golden: Golden, said: Said, *, tell_usage: bool) -> list[dict]:
    choices = [{"index": 0, "text": piece, "finish_reason": None} for piece in said.pieces]
    return _chunks(golden, [*choices, {"index": 0, "text": "", "finish_reason": "stop"}], tell_usage=tell_usage)


def _vectors(golden: Golden, said: Said) -> dict:
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
    return {"object": "list", "model": golden.model, "data": data, "usage": golden.block}


def _response(golden: Golden, said: Said) -> dict:
    output: list[dict] = [{"type": "reasoning", "id": "rs_1", "summary": []}]
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": []}
        output.append({"type": "message", "id": "msg_1", "role": "assistant", "content": [part]})
    for call_id, name, arguments in said.calls:
        output.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
    told = {"model": golden.model, "status": "completed", "output": output, "usage": golden.block}
    return {"object": "response", "error": None, "incomplete_details": None} | told | dict(golden.beside)


def _response_events(golden: Golden, said: Said) -> list[dict]:
    whole = _response(golden, said)
    opened = {"model": golden.model, "status": "in_progress", "output": [], "usage": None}
    told: list[dict] = [{"type": "response.created", "response": opened}]
    for index, item in enumerate(whole["output"]):
        told.append({"type": "response.output_item.added", "output_index": index, "item": {"type": item["type"]}})
        at = {"output_index": index, "content_index": 0}
        if item["type"] == "message":
            told += [{"type": "response.output_text.delta", **at, "delta": piece} for piece in said.pieces]
            told.append({"type": "response.output_text.done", **at, "text": said.text})
        if item["type"] == "function_call":
            told.append({"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]})
            told.append({"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]})
        told.append({"type": "response.output_item.done", "output_index": index, "item": item})
    told.append({"type": "response.completed", "response": whole})
    return [{**each, "sequence_number": number} for number, each in enumerate(told)]


# ── Anthropic ──


def _message(golden: Golden, said: Said) -> dict:
    content = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    content += [{"type": "text", "text": said.text}] if said.text else []
    content += [
        {"type": "tool_use", "id": call_id, "name": name, "input": json.loads(arguments)}
        for call_id, name, arguments in said.calls
    ]
    reason = "tool_use" if said.calls else "end_turn"
    told = {"content": content, "model": golden.model, "stop_reason": reason, "usage": golden.block}
    return {"type": "message", "role": "assistant", "stop_sequence": None} | told


def _message_events(golden: Golden, said: Said) -> list[dict]:
    """The input is told at the start, with a placeholder for the output, and the final counts at the end."""
    whole = _message(golden, said)
    late = ("output_tokens", "output_tokens_details", "server_tool_use", "iterations")
    first = {name: value for name, value in golden.block.items() if name not in late} | {"output_tokens": 1}
    last = {name: value for name, value in golden.block.items() if name in late}
    told: list[dict] = [
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None, "usage": first}},
        {"type": "ping"},
    ]
    for index, block in enumerate(whole["content"]):
        empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}
        told.append({"type": "content_block_start", "index": index, "content_block": block | empty[block["type"]]})
        if block["type"] == "thinking":
            deltas = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}]
        elif block["type"] == "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in said.pieces]
        else:
            arguments = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", arguments[:2], arguments[2:])]
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    return [*told, {"type": "message_delta", "delta": end, "usage": last}, {"type": "message_stop"}]
