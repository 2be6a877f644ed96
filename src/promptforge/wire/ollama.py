"""Ollama's chat format: a stream is lines of JSON, of which the last is done and has the counts.

Options of the model stand in ``options``; what is thought before answering is no part of the text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import msgspec

from promptforge.core.json import Json, is_object, keepable
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.usage import Usage
from promptforge.wire import dialect, openai, parameters
from promptforge.wire.dialect import Complained, Garbled, Spoken
from promptforge.wire.openai import Bearer
from promptforge.wire.sse import Event
from promptforge.wire.usage import Uncountable, count, leaves

#: What stands in a request beside ``options``; whatever else is given belongs into them.
_BESIDE = frozenset({"format", "keep_alive", "think", "logprobs", "top_logprobs"})
_EFFORTS = ("low", "medium", "high")
#: The fields of the last line that tell what was used.
_COUNTS = ("prompt_eval_count", "eval_count")
_TIMES = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Json = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_Call] | None = None


class _Answer(msgspec.Struct):
    model: str | None = None
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Json = None
    eval_count: Json = None
    total_duration: Json = None
    load_duration: Json = None
    prompt_eval_duration: Json = None
    eval_duration: Json = None
    error: Json = None

    @property
    def block(self) -> dict[str, Json] | None:
        """What it says about usage, counts and nanoseconds."""
        told = {name: value for name in (*_COUNTS, *_TIMES) if (value := getattr(self, name)) is not None}
        return told or None


_answer = msgspec.json.Decoder(_Answer)


def usage_of(block: Mapping[str, Json] | None) -> Usage | None:
    """Disjoint leaves of the counts; None when one is missing, as older servers leave a prompt out that was cached."""
    if not block or any(name not in block for name in _COUNTS):
        return None
    try:
        return leaves(input=count(block, "prompt_eval_count"), output=count(block, "eval_count"))
    except Uncountable:
        return None


def _calls_of(calls: Sequence[_Call]) -> list[Mapping[str, Json]]:
    return [
        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        for call in calls
        if call.function
    ]


def _reply(text: str, last: _Answer) -> Reply:
    return Reply(
        text=text,
        usage=usage_of(last.block),
        usage_raw=keepable(last.block),
        model=last.model,
        finish_reason=last.done_reason or ("stop" if last.done else None),
    )


class Stream(Spoken):
    """Gathers one streamed answer."""

    def __init__(self) -> None:
        super().__init__()
        self._last = _Answer()
        self._calls: list[_Call] = []

    def feed(self, event: Event) -> Iterator[Delta]:
        """Take one line in."""
        told = dialect.read_event(_answer, event)
        if told.error:
            raise Complained(dialect.read_complaint(event.data.encode()))
        message = told.message or _Message()
        told.model = told.model or self._last.model
        self._last = told
        self._calls += message.tool_calls or ()
        if message.content:
            yield self._deliver(message.content)
        if told.done:
            yield from self._deliver_calls(_calls_of(self._calls))

    @property
    def usage(self) -> Usage | None:
        """The usage, which the last line tells."""
        return self.usage_so_far if self.finished else None

    @property
    def usage_so_far(self) -> Usage | None:
        """Nothing before the end."""
        return usage_of(self._last.block)

    @property
    def usage_raw(self) -> Json:
        """The counts as reported so far."""
        return keepable(self._last.block)

    @property
    def finished(self) -> bool:
        """Whether the model has said that it is done."""
        return self._last.done

    @property
    def closed(self) -> bool:
        """Nothing follows the line that is done."""
        return self._last.done

    def reply(self) -> Reply:
        """The answer, once finished."""
        return replace(_reply(self.text, self._last), usage=self.usage)


def _placed(params: dict[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    """What goes into ``options``, which win where they were given, and what stands beside them."""
    native = params.pop("options", None)
    options: dict[str, Json] = {}
    beside: dict[str, Json] = {}
    if (limit := parameters.limit_of(params)) is not None:
        options["num_predict"] = limit
    if (stop := params.pop("stop", None)) is not None:
        options["stop"] = parameters.stops_of(stop)
    if thinking := parameters.thinking_of(params):
        beside["think"] = thinking.word if thinking.word in _EFFORTS else thinking.word != "none"
    if made := parameters.format_of(params.pop("response_format", {"type": "text"})):
        beside["format"] = "json" if made.schema is None else made.schema
    if (tools := params.pop("tools", None)) is not None:
        beside["tools"] = [openai.tool(tool, n) for n, tool in enumerate(cast("Sequence[Json]", tools))]
    for name, value in params.items():
        (beside if name in _BESIDE else options)[name] = value
    return {**options, **(native if is_object(native) else {})}, beside


class Ollama(Bearer):
    """The dialect. The base URL is the host; a key is for what may stand before the server."""

    title = "Ollama's chat"
    lacks = frozenset({"tool_choice", "parallel_tool_calls", "service_tier", "user"})

    def path(self, request: ModelRequest) -> str:
        """Always the same."""
        return "/api/chat"

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send: parameters by their names here in ``options``."""
        params = dialect.checked_params(request, self.lacks, self.title)
        params.pop("n", None)
        options, beside = _placed(params)
        return {
            "model": request.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            "stream": request.stream,  # without it, the server streams
            **({"options": options} if options else {}),
            **beside,
        }

    def reply(self, raw: bytes) -> Reply:
        """Read a complete answer."""
        told = dialect.read(_answer, raw)
        if told.error:
            raise Complained(dialect.read_complaint(raw))
        if told.message is None:
            raise Garbled("its answer holds no 'message'")
        calls = _calls_of(told.message.tool_calls or ())
        return _reply(dialect.with_tool_calls(told.message.content or "", calls), told)

    def stream(self) -> Stream:
        """A gatherer for one streamed answer."""
        return Stream()
