"""The replaying provider as the SDKs of providers need it: one base URL, each request names its answer.

A request says in ``x-replay`` which behaviour of the replaying server it wants (``rec/openai/chat``, ``status/429``,
``cut/700/…``; several with commas for one try after another). What was asked, and the bytes of each answer, are kept.
"""

import asyncio
import json
import re
import sys
import threading
from dataclasses import dataclass, field

from kit.replay import RECORDED, TOOL

JSON, STREAM = "application/json", "text/event-stream"


@dataclass
class Asked:
    """One request that came to the provider and the answer that it got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    answered: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""
    """The bytes of the whole answer, cut where it was cut."""

    @property
    def kind(self) -> str:
        """The content type of the answer."""
        return dict(self.answered)["content-type"]

    @property
    def request_id(self) -> str | None:
        """What the provider calls it."""
        named = dict(self.answered)
        return named.get("x-request-id") or named.get("request-id")


def speaks_of(case: str, text: str) -> bool:
    """Whether a text names a case of a program."""
    return re.search(rf"for {case}\b", text) is not None


class Answering:
    """A provider on loopback, in a thread of the test's process."""

    def __init__(self) -> None:
        sys.path.insert(0, str(TOOL.parent))
        try:
            import replay_provider as tool
        finally:
            sys.path.remove(str(TOOL.parent))
        self.asked: list[Asked] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        served = _server(tool, self.asked)
        opening = asyncio.start_server(served.client, "127.0.0.1", 0, limit=1 << 24)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def about(self, case: str) -> list[Asked]:
        """The requests whose body names a case, in the order they came."""
        return [asked for asked in self.asked if speaks_of(case, asked.body.decode(errors="replace"))]

    def stop(self) -> None:
        """End it, whoever is still connected."""
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ended(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _server(tool, asked_for: list[Asked]):
    class Server(tool.Server):
        """The replaying server; ``made/…`` are answers of which there is no recording."""

        async def answer(self, method, path, headers, body, writer):
            asked = Asked(method, path, headers, body)
            asked_for.append(asked)
            behaviours = headers["x-replay"].split(",")
            behaviour = behaviours[min(int(headers.get("x-stainless-retry-count", 0)), len(behaviours) - 1)]
            replying = _Noting(self, asked)
            if behaviour.startswith("made/"):
                kind, raw = MADE[behaviour]
                return await replying.send(writer, 200, [("content-type", kind)], raw, kind == STREAM)
            return await tool.Server.answer(replying, method, f"/{behaviour}{path}", headers, body, writer)

    class _Noting(tool.Server):
        """The same server for one request: notes the answer."""

        def __init__(self, server, asked):
            self.__dict__ = {**server.__dict__, "asked": asked}

        async def send(self, writer, status, headers, raw, streamed=False, cut=None, pause=0.0):
            asked = self.asked
            asked.status, asked.answered = status, headers
            asked.answer = _events(raw, cut) if streamed else raw[:cut]
            return await super().send(writer, status, headers, raw, streamed, cut, pause)

    return Server(tool.Recordings(RECORDED), 0.0)


def _events(raw: bytes, cut: int | None) -> bytes:
    """What the replaying server makes of a recorded stream: events between blank lines, also after a cut."""
    events = raw.replace(b"\r\n", b"\n")[:cut].split(b"\n\n")
    return b"".join(event + b"\n\n" for event in events if event.strip())


def _stream(*documents: dict, named: bool = False, end: bytes = b"data: [DONE]\n\n") -> bytes:
    head = [f"event: {document['type']}\n".encode() if named else b"" for document in documents]
    data = [b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents]
    return b"".join(first + second for first, second in zip(head, data, strict=True)) + end


def _chunk(delta: dict | None, finish: str | None = None, usage: dict | None = None) -> dict:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    made = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-3.5-turbo-0125"}
    return made | {"choices": choices, "usage": usage}


def _call(arguments: str, **more: object) -> dict:
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}, **more}]}


_USAGE = {"prompt_tokens": 81, "completion_tokens": 18, "total_tokens": 99}
_CALLED = {"id": "call_1", "type": "function"}
_FUNCTION = {"name": "get_current_weather", "arguments": '{"location": "Boston"}'}
_ANSWER = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-4.1-nano-2025-04-14",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
_BEGUN = _ANSWER | {"status": "in_progress", "output": []}
_TEXT = {"type": "output_text", "text": "Paris it is.", "annotations": []}
_MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [_TEXT]}
_RESPONSES_USAGE = {
    "input_tokens": 14,
    "output_tokens": 4,
    "total_tokens": 18,
    "input_tokens_details": {"cached_tokens": 6},
    "output_tokens_details": {"reasoning_tokens": 0},
}
_WHERE = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}

MADE: dict[str, tuple[str, bytes]] = {
    "made/openai/embedding": (
        JSON,
        json.dumps(
            {
                "object": "list",
                "model": "text-embedding-3-small",
                "data": [{"object": "embedding", "index": n, "embedding": [0.25, -0.5]} for n in range(2)],
                "usage": {"prompt_tokens": 5, "total_tokens": 5},
            }
        ).encode(),
    ),
    "made/openai/models": (
        JSON,
        json.dumps(
            {
                "object": "list",
                "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "openai"}],
            }
        ).encode(),
    ),
    "made/openai/tool_call": (
        JSON,
        json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": "gpt-3.5-turbo-0125",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "tool_calls",
                        "message": {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [{**_CALLED, "function": _FUNCTION}],
                        },
                    }
                ],
                "usage": _USAGE,
            }
        ).encode(),
    ),
    "made/openai/tool_stream": (
        STREAM,
        _stream(
            _chunk({"role": "assistant", **_call("", **_CALLED, function=_FUNCTION | {"arguments": ""})}),
            _chunk(_call('{"location"')),
            _chunk(_call(': "Boston"}')),
            _chunk({}, "tool_calls"),
            _chunk(None, usage=_USAGE),
        ),
    ),
    "made/openai/responses_stream": (
        STREAM,
        _stream(
            {"type": "response.created", "sequence_number": 0, "response": _BEGUN},
            {"type": "response.output_text.delta", "sequence_number": 1, "delta": "Paris ", **_WHERE},
            {"type": "response.output_text.delta", "sequence_number": 2, "delta": "it is.", **_WHERE},
            {
                "type": "response.completed",
                "sequence_number": 3,
                "response": _ANSWER | {"status": "completed", "output": [_MESSAGE], "usage": _RESPONSES_USAGE},
            },
            named=True,
            end=b"",
        ),
    ),
}
