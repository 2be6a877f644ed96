"""A provider on loopback that answers what a test says, in a thread of the test."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Provider:
    """Where it is, and the keys that requests came with, by path."""

    url: str
    keys: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@contextmanager
def providing(pages: Mapping[str, tuple[int, Any]]) -> Iterator[Provider]:
    """Run it; *pages* are status and JSON by the end of the path, and may change meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            provider.keys.append((path, self.headers.get("authorization", "").removeprefix("Bearer ")))
            found = (page for end, page in pages.items() if path.endswith(end))
            status, said = next(found, (404, {"error": {"message": "no such page"}}))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 (the names are those of the base class)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def completion(text: str, model: str = "gpt-4o-mini", **usage: int) -> dict[str, Any]:
    """An answer of chat completions."""
    counted = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "model": model, "choices": [choice], "usage": counted | usage}
