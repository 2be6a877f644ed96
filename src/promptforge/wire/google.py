"""Google's generateContent format, of AI Studio and of Vertex.

Its ``promptTokenCount`` holds cached tokens; what the provider's tools put into the prompt stands beside it, thoughts
beside ``candidatesTokenCount``. Each count is told apart by modality in a list of its own, and each chunk of a stream
repeats the usage so far. A prompt that was blocked has no candidates; a candidate that was withheld has a reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import quote

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

#: Why an answer was withheld; other reasons end an answer that may be read.
WITHHELD = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"}
    | {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}
)
#: Names of parameters here, for those that other formats know by another name.
_CONFIG = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
#: What stands in a request beside ``generationConfig``; whatever else is given belongs into it.
_BESIDE = frozenset({"toolConfig", "safetySettings", "cachedContent", "labels", "serviceTier"})
_ROLES = {"user": "user", "assistant": "model"}
_BY_LEVEL = ("gemini-3", "gemini-4")
_USUAL_TIERS = frozenset({"", "standard", "service_tier_standard"})
_TOTAL = "promptTokenCount"
_PER_SEARCH = _BY_LEVEL  # models before it are billed for each answer that searched, however often


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: dict[str, Json] | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    web_search_queries: list[str] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int = 0
    grounding_metadata: _Grounding | None = None

    @property
    def parts(self) -> Sequence[_Part]:
        """What it says."""
        return (self.content and self.content.parts) or ()


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Response(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: dict[str, Json] | None = None
    model_version: str | None = None
    error: Json = None

    @property
    def blocked(self) -> str | None:
        """Why the prompt was refused an answer."""
        return self.prompt_feedback.block_reason if self.prompt_feedback else None


_response = msgspec.json.Decoder(_Response)


def usage_of(block: Mapping[str, Json] | None, searches: int = 0) -> Usage | None:
    """Disjoint leaves of a usage block; None when it cannot be counted. *searches* are billed beside the tokens."""
    if not block or _TOTAL not in block:
        return None
    try:
        asked, cached = _modalities(block, "promptTokensDetails"), _modalities(block, "cacheTokensDetails")
        tools, made = _modalities(block, "toolUsePromptTokensDetails"), _modalities(block, "candidatesTokensDetails")
        total, read = count(block, _TOTAL), count(block, "cachedContentTokenCount")
        audio_read, image_read = cached.get("AUDIO", 0), cached.get("IMAGE", 0)
        if not cached:  # where it is not told, they overlap by what they exceed the whole
            overlap = max(0, read + asked.get("AUDIO", 0) + asked.get("IMAGE", 0) - total)
            audio_read = min(asked.get("AUDIO", 0), read, overlap)
            image_read = min(asked.get("IMAGE", 0), read - audio_read, overlap - audio_read)
        audio, image = asked.get("AUDIO", 0) - audio_read, asked.get("IMAGE", 0) - image_read
        audio, image = audio + tools.get("AUDIO", 0), image + tools.get("IMAGE", 0)
        put_in = count(block, "toolUsePromptTokenCount")
        output, spoken, drawn = count(block, "candidatesTokenCount"), made.get("AUDIO", 0), made.get("IMAGE", 0)
        return leaves(
            input=total - read + put_in - audio - image,
            input_cache_read=read - audio_read,  # cached pictures have no leaf of their own
            input_audio=audio,
            input_audio_cache_read=audio_read,
            input_image=image,
            output=output - spoken - drawn,
            output_reasoning=count(block, "thoughtsTokenCount"),
            output_audio=spoken,
            output_image=drawn,
            web_searches=searches,
        )
    except Uncountable:
        return None


def _modalities(block: Mapping[str, Json], name: str) -> dict[str, int]:
    """The counts of a list that tells tokens apart by what they are."""
    told = block.get(name)
    found: dict[str, int] = {}
    for part in told if is_array(told) else ():
        if is_object(part) and isinstance(kind := part.get("modality"), str):
            found[kind] = found.get(kind, 0) + count(part, "tokenCount")
    return found


def _searches(model: str | None, grounding: Sequence[_Grounding]) -> int:
    """How many searches are billed: each different query of the newer models, one for an answer of the older ones."""
    queries = {query for one in grounding for query in one.web_search_queries or () if query}
    return len(queries) if (model or "").startswith(_PER_SEARCH) else min(len(queries), 1)


def _terms(block: Mapping[str, Json] | None) -> Mapping[str, str]:
    """How the call is billed, in AI Studio's word or in Vertex's, where that is not by the token at the usual price."""
    told = block or {}
    tier = told.get("serviceTier") or told.get("trafficType")
    word = tier.lower().removeprefix("on_demand").lstrip("_") if isinstance(tier, str) else ""
    return {} if word in _USUAL_TIERS else {"service_tier": word}


def _calls_of(parts: Sequence[_Part]) -> list[Mapping[str, Json]]:
    return [
        {"id": call.get("id"), "name": call.get("name"), "arguments": call.get("args", {})}
        for part in parts
        if (call := part.function_call) is not None
    ]


def _text_of(parts: Sequence[_Part]) -> str:
    return "".join(part.text or "" for part in parts if not part.thought)


def _reply(text: str, told: _Response, reason: str | None, grounding: Sequence[_Grounding]) -> Reply:
    return Reply(
        text=text,
        usage=usage_of(told.usage_metadata, _searches(told.model_version, grounding)),
        usage_raw=keepable(told.usage_metadata),
        model=told.model_version,
        finish_reason=reason or told.blocked,
        filtered=reason in WITHHELD or (reason is None and told.blocked is not None),
        terms=_terms(told.usage_metadata),
    )


class Stream(Spoken):
    """Gathers one streamed answer; only the first candidate is output."""

    closed = False

    def __init__(self) -> None:
        super().__init__()
        self._told = _Response()
        self._calls: list[_Part] = []
        self._grounding: list[_Grounding] = []
        self._reason: str | None = None

    def feed(self, event: Event) -> Iterator[Delta]:
        """Take one event in."""
        chunk = dialect.read_event(_response, event)
        if chunk.error:
            raise Complained(dialect.read_complaint(event.data.encode()))
        told = self._told
        told.model_version = chunk.model_version or told.model_version
        told.prompt_feedback = chunk.prompt_feedback or told.prompt_feedback
        if chunk.usage_metadata and (_TOTAL in chunk.usage_metadata or _TOTAL not in (told.usage_metadata or {})):
            told.usage_metadata = chunk.usage_metadata  # each counts anew; some between only say how it is billed
        for candidate in chunk.candidates or ():
            if candidate.index == 0:
                yield from self._candidate(candidate)

    def _candidate(self, candidate: _Candidate) -> Iterator[Delta]:
        if candidate.grounding_metadata:
            self._grounding.append(candidate.grounding_metadata)
        self._calls += [part for part in candidate.parts if part.function_call is not None]
        if text := _text_of(candidate.parts):
            yield self._deliver(text)
        if candidate.finish_reason and not self._reason:
            self._reason = candidate.finish_reason
            yield from self._deliver_calls(_calls_of(self._calls))

    @property
    def usage(self) -> Usage | None:
        """The usage, of which the last chunk has the last word."""
        return self.usage_so_far if self.finished else None

    @property
    def usage_so_far(self) -> Usage | None:
        """What has been counted up to here: the input exactly, the output at least."""
        return usage_of(self._told.usage_metadata, _searches(self._told.model_version, self._grounding))

    @property
    def usage_raw(self) -> Json:
        """The usage block as reported so far."""
        return keepable(self._told.usage_metadata)

    @property
    def finished(self) -> bool:
        """Whether the model has said that it is done, or that it will not begin."""
        return self._reason is not None or self._told.blocked is not None

    def reply(self) -> Reply:
        """The answer, once finished."""
        return replace(_reply(self.text, self._told, self._reason, self._grounding), usage=self.usage)


class Google:
    """The dialect, as AI Studio speaks it. The base URL is the host."""

    title = "Google's generateContent"
    lacks = frozenset({"parallel_tool_calls", "service_tier", "user"})
    request_id_header = "x-request-id"
    _root = "/v1beta/models"

    def path(self, request: ModelRequest) -> str:
        """The model and what is asked of it; a stream is asked for as server-sent events."""
        verb = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
        return f"{self._root}/{quote(request.model.removeprefix('models/'), safe='')}:{verb}"

    def credential(self, key: str) -> Mapping[str, str]:
        """The header that carries the key."""
        return {"x-goog-api-key": key}

    def headers(self, key: str) -> Mapping[str, str]:
        """Nothing beside the key."""
        return self.credential(key)

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send: system turns apart, parameters by their names here in ``generationConfig``."""
        params = dialect.checked_params(request, self.lacks, self.title)
        params.pop("n", None)
        config, beside = _placed(params, request.model)
        system = [{"text": turn.content} for turn in request.messages if turn.role == "system"]
        return {
            "contents": [_turn(turn.role, turn.content) for turn in request.messages if turn.role != "system"],
            **({"systemInstruction": {"parts": system}} if system else {}),
            **({"generationConfig": config} if config else {}),
            **beside,
        }

    def reply(self, raw: bytes) -> Reply:
        """Read a complete answer."""
        told = dialect.read(_response, raw)
        if told.error:
            raise Complained(dialect.read_complaint(raw))
        if not told.candidates:
            if told.blocked is None:
                raise Garbled("its answer holds no 'candidates'")
            return _reply("", told, None, ())
        first = told.candidates[0]
        text = dialect.with_tool_calls(_text_of(first.parts), _calls_of(first.parts))
        grounding = [first.grounding_metadata] if first.grounding_metadata else []
        return _reply(text, told, first.finish_reason, grounding)

    def stream(self) -> Stream:
        """A gatherer for one streamed answer."""
        return Stream()


class Vertex(Google):
    """The same as Vertex speaks it: the project and the place are in the path, the key is an access token."""

    def __init__(self, project: str, region: str) -> None:
        place = f"projects/{quote(project, safe='')}/locations/{quote(region, safe='')}"
        self._root = f"/v1/{place}/publishers/google/models"

    def credential(self, key: str) -> Mapping[str, str]:
        """The header that carries the access token."""
        return {"authorization": f"Bearer {key}"}


def _placed(params: dict[str, Json], model: str) -> tuple[dict[str, Json], dict[str, Json]]:
    """What goes into ``generationConfig``, which wins where it was given, and what stands beside it."""
    native = params.pop("generationConfig", None)
    config: dict[str, Json] = {}
    if (limit := parameters.limit_of(params)) is not None:
        config["maxOutputTokens"] = limit
    if (stop := params.pop("stop", None)) is not None:
        config["stopSequences"] = parameters.stops_of(stop)
    if thinking := parameters.thinking_of(params):
        config["thinkingConfig"] = _thinking(thinking, model)
    if made := parameters.format_of(params.pop("response_format", {"type": "text"})):
        schema = {} if made.schema is None else {"responseJsonSchema": made.schema}
        config |= {"responseMimeType": "application/json", **schema}
    if "top_logprobs" in params:
        config |= {"responseLogprobs": True, "logprobs": params.pop("top_logprobs")}
        params.pop("logprobs", None)
    elif isinstance(params.get("logprobs"), bool):
        config["responseLogprobs"] = params.pop("logprobs")
    beside: dict[str, Json] = {}
    if (tools := params.pop("tools", None)) is not None:
        beside["tools"] = _tools(cast("Sequence[Json]", tools))
    if (choice := parameters.choice_of(params.pop("tool_choice", "auto"))) and choice.kind != "auto":
        mode = {"none": "NONE"}.get(choice.kind, "ANY")
        only = {"allowedFunctionNames": [choice.name]} if choice.name else {}
        beside["toolConfig"] = {"functionCallingConfig": {"mode": mode, **only}}
    for name, value in params.items():
        if name in _BESIDE:
            beside[name] = value
        else:
            config[_CONFIG.get(name, name)] = value
    return {**config, **(native if is_object(native) else {})}, beside


def _thinking(thinking: Thinking, model: str) -> Json:
    """A level for the newer models, a budget for those before them, or where one is given."""
    if thinking.budget is None and model.removeprefix("models/").startswith(_BY_LEVEL):
        return {"thinkingLevel": "minimal" if thinking.word == "none" else thinking.word}
    return {"thinkingBudget": thinking.tokens}


def _tools(given: Sequence[Json]) -> Sequence[Json]:
    """Functions together as one tool; tools of the provider's own stay as they are."""
    own: list[Json] = []
    functions: list[Json] = []
    for position, tool in enumerate(given):
        made = parameters.function_of(tool, position)
        if made is None:
            own.append(tool)
            continue
        said = {"description": made.description} if made.description else {}
        functions.append({"name": made.name, **said, "parametersJsonSchema": made.schema})
    return [*([{"functionDeclarations": functions}] if functions else []), *own]


def _turn(role: str, content: str) -> Json:
    if role not in _ROLES:
        raise InvalidInput(f"provider 'google' knows no role '{role}'", path="$.messages")
    return {"role": _ROLES[role], "parts": [{"text": content}]}
