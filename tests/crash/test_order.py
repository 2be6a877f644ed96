"""Law 7, seen from outside the process: what is announced is on disk first."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kit.served import surroundings

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-5-sonnet-20241022",
    "content": [{"type": "text", "text": "canary"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}
QUERY = "mutation($i: ExecutePromptInput!) { executePrompt(input: $i) { id status } }"


class _Provider(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider():
    """A provider that answers one small message."""
    with HTTPServer(("127.0.0.1", 0), _Provider) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_opened_is_on_disk_before_the_call_and_closed_before_the_answer(tmp_path, provider):
    """In the system calls: sync of the journal, connect to the provider, sync of the journal, answer to the caller."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-yy", "-s", "300", "-o", str(trace)]
    command += ["-e", "trace=fdatasync,fsync,connect,write,writev,sendto,sendmsg"]
    process = subprocess.Popen(
        [*command, sys.executable, "-m", "promptforge.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **surroundings(tmp_path / "home"),
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{provider}",
        },
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        key = (tmp_path / "home" / "local.key").read_text().strip()
        call = {"content": "x", "params": {"model": "claude-3-5-sonnet-20241022", "max_tokens": 9}}
        request = urllib.request.Request(
            f"{url}/graphql",
            json.dumps({"query": QUERY, "variables": {"i": call}}).encode(),
            {"content-type": "application/json", "x-api-key": key},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert "success" == json.load(answer)["data"]["executePrompt"]["status"]
    finally:
        home = json.loads((tmp_path / "home" / "server.json").read_text())
        os.kill(home["pid"], signal.SIGTERM)
        process.communicate(timeout=60)

    events = list(_events(trace.read_text().splitlines(), provider))
    called = events.index("connect")
    answered = events.index("answer")
    assert "sync" == events[called - 1], "the opened event is synced just before the provider is called"
    assert "sync" in events[called:answered], "the closed event is synced before the caller is told"


def _events(lines, port):
    """Finished calls in order: a sync of the journal, a connect to the provider, the answer with the execution."""
    for line in lines:
        if re.search(r"f(data)?sync(\(.*journal\.db-wal| resumed)", line) and "= 0" in line:
            yield "sync"
        elif "connect(" in line and f"htons({port})" in line:
            yield "connect"
        elif "executePrompt" in line and re.search(r"(write|writev|sendto|sendmsg)\(", line):
            yield "answer"
