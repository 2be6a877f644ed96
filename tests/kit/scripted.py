"""Transports that follow a script of recorded GraphQL shapes, for both drivers."""

import json
from typing import Any

from promptforge.sdk.errors import PromptForgeError
from promptforge.sdk.protocol import Reply, Request

EXECUTION = {
    "id": "exec_abc123",
    "status": "success",
    "input": {"ticket": "Where is my parcel?"},
    "output": "On its way.",
    "error": None,
    "errorType": None,
    "latencyMs": 1240,
    "tokenIn": 500,
    "tokenOut": 200,
    "costUsd": "0.0045",
    "cost": {"usd": "0.0045", "display": "$0.0045", "state": "priced", "claimedUsd": None, "lines": []},
    "createdAt": "2025-01-21T10:30:00.000Z",
    "promptVersion": {"id": "ver_1", "version": 2, "model": "gpt-4", "prompt": {"id": "cm1", "name": "support-reply"}},
    "tags": {"team": "care"},
}
FAILED = {
    **EXECUTION,
    "status": "error",
    "output": None,
    "error": "Invalid API key for provider 'anthropic'",
    "errorType": "authentication",
    "tokenIn": 0,
    "tokenOut": 0,
    "costUsd": "0.0000",
}
PENDING = {**EXECUTION, "status": "pending", "output": None, "tokenIn": None, "tokenOut": None, "costUsd": None}


def reply(data: Any = None, *, errors: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    body = {"data": data} if errors is None else {"data": data, "errors": errors}
    return Reply(status, headers or {}, json.dumps(body).encode())


def failure(code: str | None, message: str = "no", **extensions: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **extensions} if code else {}}


class Script:
    """Blocking: answers requests with the replies in turn, and a websocket with the messages in turn."""

    def __init__(self, *replies: Reply | PromptForgeError, messages: tuple[dict[str, Any] | None, ...] = ()) -> None:
        self.replies = list(replies)
        self.messages = list(messages)
        self.sent: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.pauses: list[float] = []
        self.closed = 0

    def send(self, request: Request) -> Reply:
        self.sent.append(json.loads(request.body) | {"timeout": request.timeout})
        answer = self.replies.pop(0)
        if isinstance(answer, PromptForgeError):
            raise answer
        return answer

    def open(self) -> "Script":
        return self

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def say(self, text: str) -> None:
        self.said.append(json.loads(text))

    def hear(self, patience: float | None) -> str | None:
        message = self.messages.pop(0)
        return None if message is None else json.dumps(message)

    def close(self) -> None:
        self.closed += 1

    @property
    def inputs(self) -> list[Any]:
        return [sent["variables"].get("input") for sent in self.sent]


class AsyncScript:
    """The same, awaited."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def send(self, request: Request) -> Reply:
        return self.script.send(request)

    async def open(self) -> "AsyncScript":
        return self

    async def pause(self, seconds: float) -> None:
        self.script.pause(seconds)

    async def say(self, text: str) -> None:
        self.script.say(text)

    async def hear(self, patience: float | None) -> str | None:
        return self.script.hear(patience)

    async def close(self) -> None:
        self.script.close()
