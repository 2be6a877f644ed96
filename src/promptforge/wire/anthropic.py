"""Anthropic's messages format.

Its ``input_tokens`` leave cached tokens out, and the counts of a stream's ``message_delta`` are totals so far, not
increments. Thinking is paid for but is not output text.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import msgspec

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object, keepable
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.usage import Usage
from promptforge.wire import dialect, parameters
from promptforge.wire.dialect import Complained, Garbled, Spoken
from promptforge.wire.parameters import Thinking
from promptforge.wire.sse import Event
from promptforge.wire.usage import Uncountable, count, leaves

VERSION = "2023-06-01"
#: The format demands a limit; this is what every model of it can give.
DEFAULT_MAX_TOKENS = 4096
#: Models that decide by themselves how much to think, and are told an effort.
_ADAPTIVE = re.compile(r"claude-(?:opus|sonnet|haiku)-(?:4-[6-9](?!\d)|[5-9](?!\d))")
#: Where a call may have run at the standard price; keeping it in a region costs more.
_ANYWHERE = frozenset({"", "global", "not_available"})


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: Json = None


class _Message(msgspec.Struct):
    type: str | None = None
    content: list[_Block] | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: dict[str, Json] | None = None


class _Change(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Change | None = None
    usage: dict[str, Json] | None = None
    error: Json = None


_message = msgspec.json.Decoder(_Message)
_event = msgspec.json.Decoder(_Event)


def usage_of(block: Mapping[str, Json] | None) -> Usage | None:
    """Disjoint leaves of a usage block; None when it cannot be counted."""
    if not block:
        return None
    try:
        counts = Counter(_counts(block))
        for part in _iterations(block):
            if part.get("type") == "compaction":  # paid for, and left out of the totals
                counts.update(_counts(part))
            elif part.get("type") == "advisor_message":
                counts["other_model_tokens"] += sum(_counts(part).values())
        return leaves(**counts)
    except Uncountable:
        return None


def _counts(block: Mapping[str, Json]) -> dict[str, int]:
    written = count(block, "cache_creation_input_tokens")
    short_lived = count(block, "cache_creation", "ephemeral_5m_input_tokens")
    long_lived = count(block, "cache_creation", "ephemeral_1h_input_tokens")
    output, thinking = count(block, "output_tokens"), count(block, "output_tokens_details", "thinking_tokens")
    return {
        "input": count(block, "input_tokens"),
        "input_cache_read": count(block, "cache_read_input_tokens"),
        "input_cache_write": max(written - long_lived, short_lived),
        "input_cache_write_1h": long_lived,
        "output": output - thinking,
        "output_reasoning": thinking,
        "web_searches": count(block, "server_tool_use", "web_search_requests"),
    }


def _iterations(block: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """The parts of a call that ran several times on the provider's side; most are sums that the totals hold."""
    parts = block.get("iterations")
    return [part for part in parts if is_object(part)] if is_array(parts) else []


def terms_of(block: Mapping[str, Json] | None) -> Mapping[str, str]:
    """How the call is billed, where the usage block says that it is not the standard way."""
    told = block or {}
    tier, speed, region = told.get("service_tier"), told.get("speed"), told.get("inference_geo")
    terms: dict[str, str] = {}
    if isinstance(tier, str) and tier != "standard":
        terms |= {"processing": "batch"} if tier == "batch" else {"service_tier": tier}
    if isinstance(speed, str) and speed != "standard":
        terms["speed"] = speed
    if isinstance(region, str) and region not in _ANYWHERE:
        terms["inference_geo"] = region
    return terms


def _reply(text: str, message: _Message) -> Reply:
    return Reply(
        text=text,
        usage=usage_of(message.usage),
        usage_raw=keepable(message.usage),
        model=message.model,
        finish_reason=message.stop_reason,
        filtered=message.stop_reason == "refusal",
        terms=terms_of(message.usage),
    )


def _call(block: _Block, arguments: str = "") -> Mapping[str, Json]:
    """A call of a tool; streamed, its arguments come in pieces of JSON after the block."""
    if arguments:
        return dialect.tool_call(block.id, block.name, arguments)
    return {"id": block.id, "name": block.name, "arguments": {} if block.input is None else block.input}


class Stream(Spoken):
    """Gathers one streamed message."""

    def __init__(self) -> None:
        super().__init__()
        self._message = _Message()
        self._tools: dict[int, tuple[_Block, list[str]]] = {}
        self._counted = False
        self.finished = False
        self.closed = False

    def feed(self, event: Event) -> Iterator[Delta]:
        """Take one event in."""
        told = dialect.read_event(_event, event)
        match told.type:
            case "error":
                raise Complained(dialect.read_complaint(event.data.encode()))
            case "message_start":
                self._message = told.message or _Message()
            case "content_block_start":
                yield from self._start(told)
            case "content_block_delta":
                yield from self._change(told)
            case "message_delta":
                yield from self._finish(told)
            case "message_stop":
                self.closed = True
            case _:
                pass  # pings, block ends, and what is still to be invented

    def _start(self, told: _Event) -> Iterator[Delta]:
        block = told.content_block or _Block()
        if block.type == "tool_use":
            self._tools[told.index] = (block, [])
        elif block.type == "text" and block.text:
            yield self._deliver(block.text)

    def _change(self, told: _Event) -> Iterator[Delta]:
        change = told.delta or _Change()
        if change.type == "text_delta" and change.text:
            yield self._deliver(change.text)
        elif change.type == "input_json_delta" and told.index in self._tools:
            self._tools[told.index][1].append(change.partial_json or "")

    def _finish(self, told: _Event) -> Iterator[Delta]:
        if told.usage:
            known = self._message.usage or {}
            news = {name: value for name, value in told.usage.items() if value is not None or name not in known}
            self._message.usage = {**known, **news}
            self._counted = True
        if told.delta and told.delta.stop_reason:
            self._message.stop_reason = told.delta.stop_reason
            self.finished = True
            yield from self._deliver_calls([_call(block, "".join(parts)) for block, parts in self._tools.values()])

    @property
    def usage(self) -> Usage | None:
        """The usage; what ``message_start`` says of the output is a placeholder, so it does not count alone."""
        return self.usage_so_far if self._counted else None

    @property
    def usage_so_far(self) -> Usage | None:
        """The input is told first, by ``message_start``."""
        return usage_of(self._message.usage)

    @property
    def usage_raw(self) -> Json:
        """The usage block as reported so far."""
        return keepable(self._message.usage)

    def reply(self) -> Reply:
        """The answer, once finished."""
        return replace(_reply(self.text, self._message), usage=self.usage)


def _thinking(thinking: Thinking, model: str, limit: int | None, config: Json) -> dict[str, Json]:
    """An effort in the newer models' words; else a budget, which the limit of the output must leave room for."""
    if thinking.budget is None and _ADAPTIVE.match(model) and thinking.word != "none":
        effort = "low" if thinking.word == "minimal" else thinking.word
        return {"thinking": {"type": "adaptive"}, "output_config": _with(config, effort=effort)}
    tokens = thinking.tokens
    if tokens == 0:
        return {"thinking": {"type": "disabled"}}
    if limit is not None and limit <= tokens:
        raise InvalidInput(
            f"max_tokens must be more than the {tokens} tokens that may be thought, not {limit}",
            path="$.params.max_tokens",
        )
    enough = {} if limit is not None else {"max_tokens": tokens + DEFAULT_MAX_TOKENS}
    return {**enough, "thinking": {"type": "enabled", "budget_tokens": tokens}}


def _format(wanted: Json, config: Json) -> dict[str, Json]:
    made = parameters.format_of(wanted)
    if made is None:
        return {}
    if made.schema is None:
        raise InvalidInput(
            "Anthropic's messages cannot promise JSON without a schema: give a response_format of type json_schema",
            path="$.params.response_format",
        )
    return {"output_config": _with(config, format={"type": "json_schema", "schema": made.schema})}


def _with(given: Json, **more: Json) -> dict[str, Json]:
    return {**given, **more} if is_object(given) else more


def _tool(tool: Json, position: int) -> Json:
    """A tool in this format's form; one of the provider's own stays as it is."""
    made = parameters.function_of(tool, position)
    if made is None:
        return tool
    return {"name": made.name, **made.said, "input_schema": made.schema}


def _choice(given: Json, parallel: Json) -> dict[str, Json]:
    if given is None and parallel is not False:
        return {}
    choice = parameters.choice_of("auto" if given is None else given)
    if choice is None:
        return {"tool_choice": given}
    kind = {"required": "any"}.get(choice.kind, choice.kind)
    named: dict[str, Json] = {"name": choice.name} if choice.name else {}
    alone: dict[str, Json] = {"disable_parallel_tool_use": True} if parallel is False and kind != "none" else {}
    return {"tool_choice": {"type": kind, **named, **alone}}


class Anthropic:
    """The dialect."""

    title = "Anthropic's messages"
    lacks = frozenset({"seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"})
    request_id_header = "request-id"

    def path(self, request: ModelRequest) -> str:
        """Always the same."""
        return "/v1/messages"

    def credential(self, key: str) -> Mapping[str, str]:
        """The header that carries the key."""
        return {"x-api-key": key}

    def headers(self, key: str) -> Mapping[str, str]:
        """The key, and the format's version."""
        return {**self.credential(key), "anthropic-version": VERSION}

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send: system turns apart, ``stop`` by its name here, a limit in any case."""
        params = dialect.checked_params(request, self.lacks, self.title)
        params.pop("n", None)
        if (stop := params.pop("stop", None)) is not None:
            params.setdefault("stop_sequences", parameters.stops_of(stop))
        limit, thinking = parameters.limit_of(params), parameters.thinking_of(params)
        params["max_tokens"] = DEFAULT_MAX_TOKENS if limit is None else limit
        if thinking:
            params |= _thinking(thinking, request.model, limit, params.get("output_config"))
        if (user := params.pop("user", None)) is not None:
            params["metadata"] = _with(params.get("metadata"), user_id=user)
        if (wanted := params.pop("response_format", None)) is not None:
            params |= _format(wanted, params.get("output_config"))
        if "tools" in params:
            params["tools"] = [_tool(tool, n) for n, tool in enumerate(cast("Sequence[Json]", params["tools"]))]
        params |= _choice(params.pop("tool_choice", None), params.pop("parallel_tool_calls", None))
        system = "\n\n".join(turn.content for turn in request.messages if turn.role == "system")
        turns = [{"role": turn.role, "content": turn.content} for turn in request.messages if turn.role != "system"]
        for turn in turns:
            if turn["role"] not in ("user", "assistant"):
                raise InvalidInput(f"provider 'anthropic' knows no role '{turn['role']}'", path="$.messages")
        return {
            "model": request.model,
            **({"system": system} if system else {}),
            "messages": turns,
            **params,
            **({"stream": True} if request.stream else {}),
        }

    def reply(self, raw: bytes) -> Reply:
        """Read a complete message."""
        message = dialect.read(_message, raw)
        if message.type == "error":
            raise Complained(dialect.read_complaint(raw))
        if message.content is None:
            raise Garbled("its answer holds no 'content'")
        text = "".join(block.text or "" for block in message.content if block.type == "text")
        calls = [_call(block) for block in message.content if block.type == "tool_use"]
        return _reply(dialect.with_tool_calls(text, calls), message)

    def stream(self) -> Stream:
        """A gatherer for one streamed message."""
        return Stream()
