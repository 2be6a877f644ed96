"""OpenAI's chat completions format, which many other servers speak too.

Its ``prompt_tokens`` hold cached and audio tokens, its ``completion_tokens`` hold reasoning and audio tokens; a
stream tells its usage only when asked, in a last chunk without choices.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

import msgspec

from promptforge.core.json import Json, is_object, keepable
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.usage import Usage
from promptforge.wire import dialect, parameters
from promptforge.wire.dialect import Complained, Garbled, Spoken
from promptforge.wire.sse import Event
from promptforge.wire.usage import Uncountable, count, leaves

#: Models that refuse ``max_tokens`` and want ``max_completion_tokens``.
_REASONING = re.compile(r"^(?:openai/)?(?:o[1-9](?![a-z0-9])|gpt-[5-9](?!\d))")
DONE = "[DONE]"
#: Tiers at the standard price, by the names that servers of this format have for them.
USUAL_TIERS = frozenset({"", "auto", "default", "standard", "on_demand"})


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    text: str | None = None


class _Audio(msgspec.Struct):
    transcript: str | None = None


class _Turn(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None
    audio: _Audio | None = None

    @property
    def text(self) -> str:
        """What the model wrote: content, else the transcript of its speech, else its refusal."""
        content = self.content
        written = "".join(part.text or "" for part in content) if isinstance(content, list) else content
        return written or (self.audio and self.audio.transcript) or self.refusal or ""


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Turn | None = None
    delta: _Turn | None = None
    text: str | None = None
    finish_reason: str | None = None
    error: Json = None  # where a gateway to other servers tells that one of them failed

    @property
    def turn(self) -> _Turn:
        """What was said, whole or in part; completions without messages say it as a text."""
        return self.message or self.delta or _Turn(content=self.text)


class _Groq(msgspec.Struct):
    """Where Groq tells of a stream what others tell at the top."""

    usage: dict[str, Json] | None = None
    error: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: dict[str, Json] | None = None
    service_tier: str | None = None
    x_groq: _Groq | None = None
    error: Json = None

    @property
    def told(self) -> dict[str, Json] | None:
        """The usage block, wherever it stands."""
        return self.usage or (self.x_groq and self.x_groq.usage)

    @property
    def complaint(self) -> Json:
        """The error that came instead of an answer, or of the rest of it."""
        first = self.choices[0].error if self.choices else None
        return self.error or first or (self.x_groq and self.x_groq.error)


_completion = msgspec.json.Decoder(_Completion)


def usage_of(block: Mapping[str, Json] | None) -> Usage | None:
    """Disjoint leaves of a usage block; None when it cannot be counted."""
    if not block or "prompt_tokens" not in block:
        return None
    try:
        # each source that xAI's live search read is billed
        searched = count(block, "num_sources_used")
        return leaves(**leaves_of(block, "prompt_tokens", "completion_tokens"), web_searches=searched)
    except Uncountable:
        return None


def leaves_of(block: Mapping[str, Json], asked: str, answered: str) -> dict[str, int]:
    """The leaves inside the two totals that have these names; Uncountable where there are none."""
    return {**_input(block, asked), **_output(block, asked, answered)}


def _input(block: Mapping[str, Json], asked: str) -> dict[str, int]:
    total, details = count(block, asked), f"{asked}_details"
    cached = count(block, details, "cached_tokens")
    cached = (
        cached or count(block, "prompt_cache_hit_tokens") or count(block, "cached_tokens")
    )  # DeepSeek's, Together's
    audio = count(block, details, "audio_tokens")
    image, written = count(block, details, "image_tokens"), count(block, details, "cache_write_tokens")
    cached_audio = count(block, details, "cached_tokens_details", "audio_tokens")
    cached_image = count(block, details, "cached_tokens_details", "image_tokens")
    if not (cached_audio or cached_image):  # where it is not told, they overlap by what they exceed the whole
        overlap = max(0, cached + audio + image + written - total)
        cached_audio = min(audio, cached, overlap)
        cached_image = min(image, cached - cached_audio, overlap - cached_audio)
    return {
        "input": total - cached - audio - image - written + cached_audio + cached_image,
        "input_cache_read": cached - cached_audio,  # cached pictures have no leaf of their own
        "input_cache_write": written,
        "input_audio": audio - cached_audio,
        "input_audio_cache_read": cached_audio,
        "input_image": image - cached_image,
    }


def _output(block: Mapping[str, Json], asked: str, answered: str) -> dict[str, int]:
    total, details = count(block, answered), f"{answered}_details"
    reasoning, audio = count(block, details, "reasoning_tokens"), count(block, details, "audio_tokens")
    image = count(block, details, "image_tokens")
    if count(block, "total_tokens") == count(block, asked) + total + reasoning:
        total += reasoning  # some servers count reasoning beside the completion
    return {
        "output": total - reasoning - audio - image,
        "output_reasoning": reasoning,
        "output_audio": audio,
        "output_image": image,
    }


def _reply(text: str, completion: _Completion, finish_reason: str | None, *, refused: bool) -> Reply:
    return Reply(
        text=text,
        usage=usage_of(completion.usage),
        usage_raw=keepable(completion.usage),
        model=completion.model,
        finish_reason=finish_reason,
        filtered=refused or finish_reason == "content_filter",
        terms=terms_of(completion.service_tier),
    )


def _complained(told: _Completion) -> Complained:
    error = msgspec.json.encode({"error": keepable(told.complaint)})
    return Complained(dialect.read_complaint(error), usage_of(told.told), keepable(told.told))


def terms_of(tier: str | None) -> Mapping[str, str]:
    """How a call of that service tier is billed, where it is not the standard way."""
    return {"service_tier": tier} if tier and tier not in USUAL_TIERS else {}


class Stream(Spoken):
    """Gathers one streamed completion; only the first choice is output."""

    def __init__(self) -> None:
        super().__init__()
        self._completion = _Completion()
        self._calls: dict[int, _Call] = {}
        self._refused = False
        self._finish_reason: str | None = None
        self.closed = False

    def feed(self, event: Event) -> Iterator[Delta]:
        """Take one event in."""
        if event.data.strip() == DONE:
            self.closed = True
            return
        chunk = dialect.read_event(_completion, event)
        told = self._completion
        told.model, told.usage = chunk.model or told.model, chunk.told or told.usage
        if chunk.complaint:
            raise _complained(chunk)
        told.service_tier = chunk.service_tier or told.service_tier
        for choice in chunk.choices or ():
            if choice.index == 0:
                yield from self._choice(choice)

    def _choice(self, choice: _Choice) -> Iterator[Delta]:
        turn = choice.turn
        self._refused = self._refused or bool(turn.refusal)
        if text := turn.text:
            yield self._deliver(text)
        for call in turn.tool_calls or ():
            self._call(call)
        if turn.function_call:
            self._call(_Call(function=turn.function_call))
        if choice.finish_reason and not self._finish_reason:
            self._finish_reason = choice.finish_reason
            yield from self._deliver_calls(_calls(list(self._calls.values())))

    def _call(self, piece: _Call) -> None:
        call = self._calls.setdefault(piece.index, _Call(function=_Function(arguments="")))
        call.id = piece.id or call.id
        if call.function and piece.function:
            call.function.name = piece.function.name or call.function.name
            call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")

    @property
    def usage(self) -> Usage | None:
        """The usage; its chunk is only ever sent whole, though some servers repeat it with growing counts."""
        return self.usage_so_far if self._finish_reason else None

    @property
    def usage_so_far(self) -> Usage | None:
        """Nothing before the end, but from servers that tell it with every chunk."""
        return usage_of(self._completion.usage)

    @property
    def usage_raw(self) -> Json:
        """The usage block as reported so far."""
        return keepable(self._completion.usage)

    @property
    def finished(self) -> bool:
        """Whether the model has said that it is done."""
        return self._finish_reason is not None

    def reply(self) -> Reply:
        """The answer, once finished."""
        told = _reply(self.text, self._completion, self._finish_reason, refused=self._refused)
        return replace(told, usage=self.usage)


def _calls(calls: list[_Call]) -> list[Mapping[str, Json]]:
    return [
        dialect.tool_call(call.id, call.function.name, call.function.arguments or "") for call in calls if call.function
    ]


class Bearer:
    """What the formats of OpenAI have in common: how a key is carried."""

    request_id_header = "x-request-id"

    def credential(self, key: str) -> Mapping[str, str]:
        """The header that carries the key; none where the server asks for none."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def headers(self, key: str) -> Mapping[str, str]:
        """Nothing beside the key."""
        return self.credential(key)


def tool(given: Json, position: int) -> Json:
    """A tool in this format's form; one of the provider's own stays as it is."""
    made = parameters.function_of(given, position)
    if made is None or (is_object(given) and "function" in given):
        return given
    return {"type": "function", "function": {"name": made.name, **made.said, "parameters": made.schema}}


class OpenAI(Bearer):
    """The dialect."""

    title = "OpenAI's chat completions"
    lacks = frozenset({"top_k"})

    def path(self, request: ModelRequest) -> str:
        """Always the same."""
        return "/chat/completions"

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send; a stream is asked for its usage, a reasoning model is limited by the name it knows."""
        params = dialect.checked_params(request, self.lacks, self.title)
        if _REASONING.match(request.model) and "max_tokens" in params:
            limit = params.pop("max_tokens")
            params.setdefault("max_completion_tokens", limit)
        if "reasoning" in params and (thinking := parameters.thinking_of(params)):
            params["reasoning_effort"] = thinking.word
        if "tools" in params:
            params["tools"] = [tool(one, n) for n, one in enumerate(cast("list[Json]", params["tools"]))]
        if (choice := parameters.choice_of(params.get("tool_choice"))) and choice.name:
            params["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        options = params.pop("stream_options", None)
        told = cast("dict[str, Json]", options) if isinstance(options, dict) else dict[str, Json]()
        return {
            "model": request.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            **params,
            **({"stream": True, "stream_options": {**told, "include_usage": True}} if request.stream else {}),
        }

    def reply(self, raw: bytes) -> Reply:
        """Read a complete completion."""
        completion = dialect.read(_completion, raw)
        if completion.complaint:
            raise _complained(completion)
        if not completion.choices:
            raise Garbled("its answer holds no 'choices'")
        choice = completion.choices[0]
        turn = choice.turn
        calls = list(turn.tool_calls or ()) or ([_Call(function=turn.function_call)] if turn.function_call else [])
        text = dialect.with_tool_calls(turn.text, _calls(calls))
        return _reply(text, completion, choice.finish_reason, refused=bool(turn.refusal))

    def stream(self) -> Stream:
        """A gatherer for one streamed completion."""
        return Stream()
