"""The simulated model: everything works with no key, and nothing pretends.

Its name and its output say that it is simulated. The answer depends on the request alone; a ``demo`` object among
the parameters sets latency, tokens, text and failures.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

import msgspec

from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType, Json
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.usage import Usage, usage

NAME = "demo"
_WORD = re.compile(r"\s*\S+\s*")
_REMEMBERED = 10_000
_CLOSINGS = (
    "Ask a real provider for a real answer.",
    "The same request always gets this same answer.",
    "Its tokens and its cost are as simulated as its words.",
    "Set ANTHROPIC_API_KEY or OPENAI_API_KEY to talk to a real model.",
)


@dataclass(frozen=True, slots=True)
class _Model:
    """How a simulated model behaves when the request does not say."""

    latency_ms: int = 0
    chunk_ms: int = 0
    reasoning: int = 0


MODELS: Mapping[str, _Model] = {
    "demo-small": _Model(),
    "demo-large": _Model(latency_ms=350, chunk_ms=15),
    "demo-reasoning": _Model(latency_ms=600, chunk_ms=15, reasoning=120),
}


class Options(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What ``params.demo`` may hold.

    ``fail`` names an error type and ``fail_times`` how many calls of this same request fail before one succeeds
    (all of them, when left out); ``fail_after`` lets that many words of a stream through first. ``usage`` gives
    counts by leaf, or null for a provider that does not tell.
    """

    latency_ms: int | None = None
    chunk_ms: int | None = None
    token_in: int | None = None
    token_out: int | None = None
    text: str | None = None
    usage: dict[str, int] | msgspec.UnsetType | None = msgspec.UNSET
    fail: ErrorType | None = None
    fail_times: int | None = None
    fail_after: int = 0
    retry_after: float | None = None
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class _Fault:
    sentence: str
    status: int | None = None
    refused: bool = False
    retryable: bool = False


_FAULTS: Mapping[ErrorType, _Fault] = {
    ErrorType.AUTHENTICATION: _Fault("Invalid API key for provider 'demo'", 401, refused=True),
    ErrorType.VALIDATION: _Fault("Invalid request to provider 'demo': simulated", 400, refused=True),
    ErrorType.RATE_LIMIT: _Fault("Rate limit reached at provider 'demo': simulated", 429, refused=True, retryable=True),
    ErrorType.TIMEOUT: _Fault("Provider 'demo' timed out: simulated", 504),
    ErrorType.PROVIDER: _Fault("Provider 'demo' is overloaded: simulated", 529, retryable=True),
    ErrorType.NETWORK: _Fault("Connection to provider 'demo' was lost: simulated", retryable=True),
    ErrorType.CONTENT_FILTER: _Fault("Content filtered by provider 'demo': simulated", 400, refused=True),
    ErrorType.CANCELLED: _Fault("The run was cancelled: simulated"),
    ErrorType.INTERRUPTED: _Fault("The run was interrupted: simulated"),
    ErrorType.INTERNAL: _Fault("Something broke inside provider 'demo': simulated", 500),
}


class Demo:
    """The provider ``demo``."""

    name = priced_as = NAME

    def __init__(self) -> None:
        self._failed: OrderedDict[bytes, int] = OrderedDict()

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The request as a real provider would see it; InvalidInput for options that are not known."""
        _options(request)
        return {
            "model": request.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
            **request.params,
            **({"stream": True} if request.stream else {}),
        }

    async def send(self, request: ModelRequest) -> AsyncGenerator[Delta | Reply, None]:
        """Answer, or fail as asked, after the asked time or at the deadline."""
        options, model = _options(request), MODELS.get(request.model)
        if model is None:
            names = ", ".join(f"'{name}'" for name in MODELS)
            raise ModelFailure(
                f"Not found at provider 'demo': there is no model '{request.model[:60]}', but {names}",
                ErrorType.VALIDATION,
                refused=True,
                http_status=404,
            )
        text = _text(request) if options.text is None else options.text
        counted = _usage(request, options, model, text)
        request_id = f"demo_{_fingerprint(request).hex()}"
        fault = self._fault(request, options, request_id)
        wait = _Wait(request.remaining)
        await wait.milliseconds(model.latency_ms if options.latency_ms is None else options.latency_ms)
        delivered = ""
        if request.stream:
            pause = model.chunk_ms if options.chunk_ms is None else options.chunk_ms
            for word in _words(text, options.fail_after if fault else None):
                await wait.milliseconds(pause, delivered)
                delivered += word
                yield Delta(word)
        if fault:
            if delivered:
                fault.text, fault.refused = delivered, False
            raise fault
        yield Reply(
            text=text,
            usage=counted,
            usage_raw=None if counted is None else dict(counted.leaves),
            model=request.model,
            finish_reason=options.finish_reason,
            request_id=request_id,
            filtered=options.finish_reason == "content_filter",
        )

    async def close(self) -> None:
        """Nothing to close."""

    def _fault(self, request: ModelRequest, options: Options, request_id: str) -> ModelFailure | None:
        if options.fail is None:
            return None
        if options.fail_times is not None:
            key = _fingerprint(request)
            times = self._failed.pop(key, 0)
            if times >= options.fail_times:
                return None  # and forgotten: the next run of this request fails anew
            self._failed[key] = times + 1
            if len(self._failed) > _REMEMBERED:
                self._failed.popitem(last=False)
        fault = _FAULTS[options.fail]
        return ModelFailure(
            fault.sentence,
            options.fail,
            refused=fault.refused,
            retryable=fault.retryable,
            retry_after=options.retry_after,
            http_status=fault.status,
            request_id=request_id,
        )


class _Wait:
    """Waits that end at the deadline, with the failure a real provider's silence would give."""

    def __init__(self, remaining: float) -> None:
        self._remaining = remaining
        self._deadline = asyncio.get_running_loop().time() + remaining

    async def milliseconds(self, milliseconds: int, delivered: str = "") -> None:
        left = self._deadline - asyncio.get_running_loop().time()
        if milliseconds / 1000 >= left:
            await asyncio.sleep(max(0.0, left))
            raise ModelFailure(
                f"Provider 'demo' did not answer within {self._remaining:.3g} s", ErrorType.TIMEOUT, text=delivered
            )
        if milliseconds:
            await asyncio.sleep(milliseconds / 1000)


def _options(request: ModelRequest) -> Options:
    try:
        options = msgspec.convert(request.params.get("demo") or {}, Options)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"params.demo is not right: {error}", path="$.params.demo") from None
    counts = [options.latency_ms, options.chunk_ms, options.token_in, options.token_out, options.fail_after]
    if isinstance(options.usage, dict):
        counts += options.usage.values()
    if any(count is not None and count < 0 for count in counts):
        raise InvalidInput("params.demo is not right: no count or time may be negative", path="$.params.demo")
    return options


def _text(request: ModelRequest) -> str:
    turns = [turn for turn in request.messages if turn.role == "user"] or list(request.messages)
    asked = " ".join(turns[-1].content.split()) if turns else ""
    shown = asked if len(asked) <= 160 else f"{asked[:159]}…"
    closing = _CLOSINGS[_fingerprint(request)[0] % len(_CLOSINGS)]
    return f"[simulated] {request.model} is not a real model and read only this: “{shown}”. {closing}"


def _usage(request: ModelRequest, options: Options, model: _Model, text: str) -> Usage | None:
    if options.usage is not msgspec.UNSET:
        return None if options.usage is None else usage(**options.usage)
    asked = sum(len(turn.content) for turn in request.messages)
    token_in = options.token_in if options.token_in is not None else asked // 4 + 4 * len(request.messages)
    token_out = options.token_out if options.token_out is not None else len(text) // 4 + 1 + model.reasoning
    reasoning = min(model.reasoning, token_out)
    return usage(input=token_in, output=token_out - reasoning, output_reasoning=reasoning)


def _words(text: str, most: int | None) -> list[str]:
    words = _WORD.findall(text)
    return words if most is None else words[:most]


def _fingerprint(request: ModelRequest) -> bytes:
    told = [request.model, [(turn.role, turn.content) for turn in request.messages], dict(request.params)]
    return hashlib.blake2b(msgspec.json.encode(told, order="sorted"), digest_size=8).digest()
