"""A provider on loopback, as fast as Python can: fixed answers in the formats of OpenAI and Anthropic.

``python -m bench._upstream [FILE]`` prints its URL. What asks for a stream gets the recorded stream of FILE (as in
``../shared/data/recorded``), or a made-up one: the first event at once, the others 20 ms later, so that a proxy that
waits for the whole answer shows.
"""

import asyncio
import json
import sys
from pathlib import Path

import uvloop
import yaml

PAUSE = 0.02
TEXT = "Positive, with confidence 0.95."
OPENAI = {
    "id": "chatcmpl-load",
    "object": "chat.completion",
    "created": 1737455400,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 45, "completion_tokens": 28, "total_tokens": 73},
}
ANTHROPIC = {
    "id": "msg_load",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-5-sonnet-20241022",
    "content": [{"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 45, "output_tokens": 28},
}


def whole(answer: dict) -> bytes:
    """The answer with its head."""
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def stream(path: Path | None) -> list[bytes]:
    """The head and the first event, then the rest."""
    if path:
        with path.open("rb") as file:
            text = yaml.safe_load(file)["interactions"][0]["response"]["body"]["string"]
        events = [f"{event}\n\n".encode() for event in text.replace("\r\n", "\n").split("\n\n") if event.strip()]
    else:
        chunk = {**OPENAI, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "word "}}]}
        events = [b"data: %s\n\n" % json.dumps(chunk).encode()] * 100 + [b"data: [DONE]\n\n"]
    first, *rest = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head + first, b"".join(rest) + b"0\r\n\r\n"]


class Provider(asyncio.Protocol):
    """One connection."""

    answers = (whole(OPENAI), whole(ANTHROPIC))
    streamed: list[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.got = transport, b""

    def data_received(self, data: bytes) -> None:
        self.got += data
        head, found, body = self.got.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at >= 0:
            complete = len(body) >= int(lower[at + 15 :].split(b"\r\n", 1)[0])
        else:
            complete = b"transfer-encoding: chunked" not in lower or body.endswith(b"0\r\n\r\n")
        if not complete:
            return
        self.got = b""
        if b'"stream":true' in body or b'"stream": true' in body:
            self.transport.write(self.streamed[0])
            asyncio.get_running_loop().call_later(PAUSE, self.finish)
        else:
            self.transport.write(self.answers[b"anthropic" in head.split(b"\r\n", 1)[0]])

    def finish(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.streamed[1])


async def serve() -> None:
    """Answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    Provider.streamed = stream(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    uvloop.run(serve())
