"""OpenAI's responses format: a list of items comes back, of which messages and calls for the caller are output.

What the provider does on its side (searches, programs, pictures, reasoning) is no text of the answer; its cost is in
the usage. The last event of a stream repeats the whole response, which settles whatever was missed before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import msgspec

from promptforge.core.json import Json, is_array, is_object, keepable
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.usage import Usage
from promptforge.wire import dialect, openai, parameters
from promptforge.wire.dialect import Complained, Garbled
from promptforge.wire.sse import Event
from promptforge.wire.usage import Uncountable, count, leaves

#: Items by which the model asks the caller to do something, and where they say what.
_CALLS = frozenset(
    {"function_call", "custom_tool_call", "mcp_approval_request"}
    | {"computer_call", "local_shell_call", "shell_call", "apply_patch_call"}
)
_ASKED_IN = ("arguments", "input", "action", "actions", "operation")
_DELTAS = frozenset({"response.output_text.delta", "response.refusal.delta"})
#: States of a response that goes on in the background after its answer, which is then none.
RUNNING = frozenset({"queued", "in_progress"})
_ENDS = frozenset({"completed", "incomplete", "failed", "cancelled"})
#: Where a response tells what the provider's own tools used, beside the usage of the model.
_TOOLS = "tool_usage"

_Item = Mapping[str, Json]


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    output: list[dict[str, Json]] | None = None
    status: str | None = None
    incomplete_details: _Incomplete | None = None
    model: str | None = None
    usage: dict[str, Json] | None = None
    tool_usage: dict[str, Json] | None = None
    service_tier: str | None = None
    error: Json = None

    @property
    def block(self) -> dict[str, Json] | None:
        """The usage block; what tools of the provider used stands beside it, and is kept in it."""
        return {**self.usage, _TOOLS: self.tool_usage} if self.usage and self.tool_usage else self.usage


class _Event(msgspec.Struct):
    type: str = ""
    output_index: Json = None
    delta: Json = None
    item: Json = None
    response: _Response | None = None


_response = msgspec.json.Decoder(_Response)
_event = msgspec.json.Decoder(_Event)


def usage_of(block: Mapping[str, Json] | None) -> Usage | None:
    """Disjoint leaves of a usage block; None when it cannot be counted."""
    if not block or "input_tokens" not in block:
        return None
    try:
        return leaves(
            **openai.leaves_of(block, "input_tokens", "output_tokens"),
            web_searches=count(block, _TOOLS, "web_search", "num_requests"),
            other_model_tokens=count(block, _TOOLS, "image_gen", "total_tokens"),
        )
    except Uncountable:
        return None


def _format(wanted: Json) -> Json:
    """A ``response_format`` as this format has it: what a schema says stands beside its type."""
    made = parameters.format_of(wanted)
    if made is None or made.schema is None:
        return {"type": "json_object" if made else "text"}
    strict = {} if made.strict is None else {"strict": made.strict}
    return {"type": "json_schema", "name": made.name, "schema": made.schema, **strict}


def _tool(tool: Json, position: int) -> Json:
    """A tool in this format's form; one of the provider's own stays as it is."""
    made = parameters.function_of(tool, position)
    if made is None:
        return tool
    return {"type": "function", "name": made.name, **made.said, "parameters": made.schema}


def _text_of(items: Sequence[_Item]) -> tuple[str, bool]:
    """What the messages say, and whether that is a refusal."""
    written, refused = list[str](), False
    for item in items:
        parts = item.get("content") if item.get("type") == "message" else None
        for part in parts if is_array(parts) else ():
            if is_object(part):
                said = part.get("refusal") or part.get("text")
                refused = refused or bool(part.get("refusal"))
                written.append(said if isinstance(said, str) else "")
    return "".join(written), refused


def _calls_of(items: Sequence[_Item]) -> list[Mapping[str, Json]]:
    return [_call(item) for item in items if item.get("type") in _CALLS]


def _call(item: _Item) -> Mapping[str, Json]:
    name, call_id = item.get("name") or item.get("type"), item.get("call_id") or item.get("id")
    arguments = item.get("arguments")
    if isinstance(arguments, str):
        return {**dialect.tool_call(None, None, arguments), "id": call_id, "name": name}
    wanted = next((item[field] for field in _ASKED_IN if item.get(field) is not None), None)
    return {"id": call_id, "name": name, "arguments": wanted}


def _reply(text: str, response: _Response, *, refused: bool) -> Reply:
    reason = (response.incomplete_details and response.incomplete_details.reason) or response.status
    return Reply(
        text=text,
        usage=usage_of(response.block),
        usage_raw=keepable(response.block),
        model=response.model,
        finish_reason=reason,
        filtered=refused or reason == "content_filter",
        terms=openai.terms_of(response.service_tier),
    )


def _failed(response: _Response) -> Complained:
    error = msgspec.json.encode({"error": keepable(response.error)})
    return Complained(dialect.read_complaint(error), usage_of(response.block), keepable(response.block))


class Stream(dialect.Spoken):
    """Gathers one streamed response."""

    def __init__(self) -> None:
        super().__init__()
        self._response = _Response()
        self._done: list[_Item] = []
        self._refused = False
        self.closed = False

    def feed(self, event: Event) -> Iterator[Delta]:
        """Take one event in."""
        if event.data.strip() == openai.DONE:
            self.closed = True
            return
        told = dialect.read_event(_event, event)
        if told.type == "error":
            raise Complained(dialect.read_complaint(event.data.encode()))
        if told.type in _DELTAS and isinstance(told.delta, str):
            self._refused = self._refused or told.type == "response.refusal.delta"
            if told.delta:
                yield self._deliver(told.delta)
        elif told.type == "response.output_item.done" and is_object(told.item):
            self._done.append(told.item)
        elif told.response is not None and not self.closed:
            self._response = told.response
            self._response.status = told.response.status or told.type.removeprefix("response.")
            if self._response.status in _ENDS:
                yield from self._end()

    def _end(self) -> Iterator[Delta]:
        self.closed = True
        if self._response.status == "failed":
            raise _failed(self._response)
        items = self._response.output or self._done
        text, refused = _text_of(items)
        self._refused = self._refused or refused
        if text.startswith(self.text) and len(text) > len(self.text):  # a server may deliver nothing before the end
            yield self._deliver(text[len(self.text) :])
        yield from self._deliver_calls(_calls_of(items))

    @property
    def usage(self) -> Usage | None:
        """The usage, which the last event tells, also that of a response that failed."""
        return self.usage_so_far if self._response.status in _ENDS else None

    @property
    def usage_so_far(self) -> Usage | None:
        """Nothing before the end, as a rule."""
        return usage_of(self._response.block)

    @property
    def usage_raw(self) -> Json:
        """The usage block as reported so far."""
        return keepable(self._response.block)

    @property
    def finished(self) -> bool:
        """Whether the response has come to an end that is an answer."""
        return self._response.status in _ENDS - {"failed"}

    def reply(self) -> Reply:
        """The answer, once finished."""
        return replace(_reply(self.text, self._response, refused=self._refused), usage=self.usage)


class Responses(openai.Bearer):
    """The dialect."""

    title = "OpenAI's responses"
    lacks = frozenset({"top_k", "stop", "seed", "frequency_penalty", "presence_penalty", "logprobs"})

    def path(self, request: ModelRequest) -> str:
        """Always the same."""
        return "/responses"

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send; what chat completions call otherwise is said in the words of this format."""
        params = dialect.checked_params(request, self.lacks, self.title)
        params.pop("n", None)
        if (limit := parameters.limit_of(params)) is not None:
            params.setdefault("max_output_tokens", limit)
        native = params.get("reasoning")
        if thinking := parameters.thinking_of(params):
            told = (
                {name: value for name, value in native.items() if name != "budget_tokens"} if is_object(native) else {}
            )
            params["reasoning"] = {**told, "effort": thinking.word}
        elif native is not None:
            params["reasoning"] = native
        if (wanted := params.pop("response_format", None)) is not None:
            text = params.get("text")
            params["text"] = {**(text if is_object(text) else {}), "format": _format(wanted)}
        if "tools" in params:
            params["tools"] = [_tool(tool, n) for n, tool in enumerate(cast("Sequence[Json]", params["tools"]))]
        if (choice := parameters.choice_of(params.get("tool_choice"))) and choice.name:
            params["tool_choice"] = {"type": "function", "name": choice.name}
        return {
            "model": request.model,
            "input": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            **params,
            **({"stream": True} if request.stream else {}),
        }

    def reply(self, raw: bytes) -> Reply:
        """Read a complete response; one that runs in the background has no text and no usage yet."""
        response = dialect.read(_response, raw)
        if response.status == "failed" or (response.error and response.output is None):
            raise _failed(response)
        if response.output is None:
            raise Garbled("its answer holds no 'output'")
        text, refused = _text_of(response.output)
        return _reply(dialect.with_tool_calls(text, _calls_of(response.output)), response, refused=refused)

    def stream(self) -> Stream:
        """A gatherer for one streamed response."""
        return Stream()
