"""Killed in every stage of an erasure: done again, it is complete."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kit import dying
from kit.crash import CLI, MODEL, TOTALS, Server, killed_after
from kit.traces import traces

RECORD = "mutation($list: [JSON!]!) { recordExecutions(executions: $list) { stored duplicate } }"
RUN = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"
ERASE = 'mutation { eraseEndUser(endUser: "cnnameq") { executions } }'
FOUND = """query($after: String) { executions(limit: 500, after: $after) {
    id status endUser sessionId tags output tokenIn tokenOut costUsd createdAt cursor } }"""
WHO = {"endUser": "cnnameq", "sessionId": "cnsessionq", "tags": {"cnkeyq": "cnvalueq"}}
WORDS = ("cnnameq", "cnsessionq", "cnkeyq", "cnvalueq", "cninq", "cnoutq", "cnmetaq")
FIGURES = ("id", "tokenIn", "tokenOut", "costUsd", "createdAt")


def items() -> list[dict]:
    """Executions of three weeks, every other one of the end user."""
    item = {"provider": "anthropic", "model": MODEL, "tokenIn": 70, "tokenOut": 7, "metadata": "cnmetaq"}
    now = datetime.now(UTC)
    made = []
    for n in range(400):
        whose = {**WHO, "input": f"cninq {n}", "output": "cnoutq"} if n % 2 else {"output": "other", "metadata": None}
        made.append({**item, "createdAt": (now - timedelta(hours=n)).isoformat(), "externalId": f"x{n}", **whose})
    return made


@pytest.mark.parametrize("stage", dying.ERASING)
async def test_killed_in_a_stage_and_done_again(tmp_path, stage):
    """No file has a word of the end user, others have theirs, and every figure is what it was; repeats stay out."""
    server, given = Server(tmp_path, command=(str(Path(dying.__file__)), stage, "1")), items()
    with killed_after(server):
        server.start()
        server.ask(RECORD, list=given)
        slow = {"model": "demo-small", "demo": {"latency_ms": 100_000}}
        server.ask(RUN, input={"content": "cninq", "params": slow, "wait": False, **WHO})
        before, totals = server.everything(FOUND), server.ask(TOTALS)["overview"]["totals"]
        with pytest.raises(httpx.TransportError):
            server.ask(ERASE)
        server.died()

        server.command = CLI
        server.start()
        server.ask(ERASE)

        assert traces(tmp_path, *WORDS) == {}
        after, left = server.everything(FOUND), server.ask(TOTALS)["overview"]["totals"]
        assert [[one[name] for name in FIGURES] for one in after] == [[one[name] for name in FIGURES] for one in before]
        assert [left[name] for name in ("calls", "tokenIn", "tokenOut")] == [401, 400 * 70, 400 * 7]
        assert left["cost"]["usd"] == totals["cost"]["usd"]
        assert sum(one["output"] == "other" for one in after) == 200
        assert not any(one["endUser"] or one["sessionId"] or one["tags"] for one in after)
        assert server.ask(RECORD, list=given)["recordExecutions"] == {"stored": 0, "duplicate": 400}
        server.stop()
    assert traces(tmp_path, *WORDS) == {}
