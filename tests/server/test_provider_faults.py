"""Many providers that are down, slow or lying at once, before a real server: nothing hangs, nothing is lost."""

import asyncio
import gzip
from pathlib import Path

import pytest

from kit.crash import Server, killed_after
from kit.site import answer, site

SAVE = "mutation($input: SaveProviderInput!) { saveProvider(input: $input) { name } }"
KEY = "mutation($name: String!, $key: String!) { setProviderKey(name: $name, key: $key) { ready } }"
RUN = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) {
    id status errorType error output tokenIn costUsd latencyMs cost { state } } }"""
STATES = "{ providers { name state { running waiting breaker } } executions(limit: 1, status: pending) { id } }"
REPLY = b"""{"model": "gpt-4o", "choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2}}"""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
PIECE = b'data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n'
#: What the server may take beyond what it had: two answers of the largest size that is read, and room to turn around.
MEMORY_MB = 450


def endless(head, piece, pause=0.0):
    """A page that goes on until the other side leaves."""

    async def page(_reader, writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return page


def bomb():
    """A page of a megabyte that unpacks to a gigabyte."""
    packed = gzip.compress(b" " * 2**30, 6)
    return HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed


#: Name, page, type of the error and words of its sentence.
FAULTS = {
    "html": (answer(b"<html>Welcome</html>", content_type="text/html"), "provider", "where JSON was expected"),
    "cut": (answer(REPLY[:40]), "provider", "unreadable"),
    "half": (HEAD + b"content-length: 999\r\n\r\n" + REPLY[:40], "network", "lost before its answer was complete"),
    "error-200": (
        answer(b'{"error": {"message": "out of order", "type": "server_error"}}'),
        "provider",
        "out of order",
    ),
    "endless": (endless(HEAD + b"content-length: 1073741824\r\n\r\n", b" " * 2**20), "provider", "sent more than"),
    "drip": (endless(HEAD + b"content-length: 9999\r\n\r\n", b" ", 0.2), "timeout", "did not finish its answer within"),
    "headers": (endless(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n", 0.001), "", "provider"),
    "stream": (endless(STREAM, PIECE * 1000, 0.01), "", "provider"),
    "silent": (endless(b"", b"", 0.2), "timeout", "did not answer within"),
    "bomb": (None, "provider", "sent more than"),
}


def memory(process):
    """The most that a process has had resident, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@pytest.mark.timeout(180)
async def test_nothing_hangs_and_nothing_is_lost(tmp_path):
    """Ten ways to be wrong at the same time, each a provider of its own: every run is closed with a sentence that says
    what happened, a good provider answers meanwhile, and memory stays bounded."""
    async with site() as here:
        for name, (page, *_) in FAULTS.items():
            here.pages[f"/{name}/chat/completions"] = bomb() if page is None else page
        here.pages["/good/chat/completions"] = answer(REPLY)
        with killed_after(Server(tmp_path, {"PROMPTFORGE_OUTBOUND_ALLOW": "127.0.0.1"})) as server:
            await asyncio.to_thread(server.start)
            async with server.client() as client:
                client.timeout = 60

                async def ask(query, **variables):
                    got = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
                    assert "errors" not in got, got
                    return got["data"]

                async def run(name):
                    given = {
                        "content": "hi",
                        "params": {"model": "gpt-4o"},
                        "provider": f"p-{name}",
                        "deadlineMs": 6000,
                    }
                    return (await ask(RUN, input=given))["executePrompt"]

                for name in (*FAULTS, "good"):
                    url = f"http://127.0.0.1:{here.port}/{name}"
                    await ask(SAVE, input={"name": f"p-{name}", "preset": "openai-compatible", "baseUrl": url})
                before = await asyncio.to_thread(memory, server.process)
                faulty = asyncio.gather(*(run(name) for name in FAULTS))
                good = [await run("good") for _ in range(10)]
                ended = dict(zip(FAULTS, await faulty, strict=True))
                after = await asyncio.to_thread(memory, server.process)
                assert {one["status"] for one in good} == {"success"}
                for name, (_, error_type, says) in FAULTS.items():
                    one = ended[name]
                    assert one["status"] == "error", (name, one)
                    assert one["errorType"] == error_type or not error_type, (name, one)
                    assert says in one["error"].lower() or says in one["error"], (name, one)
                    assert f"'p-{name}'" in one["error"], (name, one)
                assert after - before < MEMORY_MB, (before, after)
                states = await ask(STATES)
                assert states["executions"] == []
                assert {(one["state"]["running"], one["state"]["waiting"]) for one in states["providers"]} == {(0, 0)}
                print(f"{before} MB before, {after} MB at most")
            await asyncio.to_thread(server.stop)
