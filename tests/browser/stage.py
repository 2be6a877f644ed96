"""What a browser test stands on: a real server with a home of its own, and a page that watches for what is wrong."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from kit.served import surroundings

ZONE = "Europe/Zurich"
#: What a model or a caller may send, hoping that a page believes it.
HOSTILE = (
    '<img src=x onerror="window.hurt=1"><script>window.hurt=2</script> '
    '[x](javascript:window.hurt=3) "><svg onload=window.hurt=4>'
)


@dataclass(frozen=True)
class Server:
    """A running server: where it is, what opens it."""

    url: str
    login: str
    key: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The data, asked for until it is as fresh as what was acknowledged before; errors fail the test."""
        body = {"query": query, "variables": variables}
        while True:
            answer = httpx.post(f"{self.url}/graphql", json=body, headers={"X-API-Key": self.key}, timeout=30).json()
            assert "errors" not in answer, answer["errors"]
            if not answer.get("extensions", {}).get("freshness", {}).get("behind"):
                return answer["data"]

    def execute(self, **given: Any) -> Any:
        """Run something with the simulated model; *demo* sets what it does."""
        demo = given.pop("demo", {})
        given.setdefault("params", {"model": "demo-small", "demo": demo} if "name" not in given else {"demo": demo})
        return self.ask(
            "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status } }", input=given
        )["executePrompt"]


@contextmanager
def serving(home: Path, *options: str, **environment: str) -> Iterator[Server]:
    """`promptforge serve` as people start it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "promptforge.cli", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**surroundings(home), **environment},
    )
    assert process.stdout is not None
    said = ""
    try:
        while not (link := re.search(r"(http://\S+)/login\?token=\S+", said)):
            line = process.stdout.readline()
            assert line, f"the server ended: {said}"
            said += line
        yield Server(link[1], link[0], (home / "local.key").read_text().strip())
    finally:
        process.terminate()
        process.communicate(timeout=20)


def filled(server: Server) -> Server:
    """Give the workspace something to show: versions, every outcome, hostile text, more than a page."""
    prompt = server.ask('mutation { createPrompt(input: {name: "ticket-triage"}) { id } }')["createPrompt"]["id"]
    for text in ("Sort: {{ticket}}", "Sort this ticket: {{ticket}}"):
        server.ask(
            "mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id } }",
            input={"promptId": prompt, "content": text, "params": {"model": "demo-small"}, "label": "production"},
        )
    for fail in ("authentication", "timeout", "provider", "provider", "rate_limit"):
        server.execute(content=f"fail with {fail}", demo={"fail": fail}, deadlineMs=10_000, endUser="user-7")
    for n in range(70):
        server.execute(content=f"Count to {n}", demo={"token_in": 500 + n, "token_out": 200})
    for n in range(8):
        server.execute(name="ticket-triage", variables={"ticket": f"Parcel {n} is late"}, tags={"team": "care"})
    server.execute(content="Answer in JSON", demo={"text": '{"category": "billing", "score": 0.93}'})
    server.execute(name="ticket-triage", variables={"ticket": HOSTILE}, demo={"text": HOSTILE}, sessionId=HOSTILE[:60])
    return server


def logged_in(server: Server, browser: Browser) -> Any:
    """Follow the login link and keep what the browser keeps."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.login)
    page.get_by_role("heading", level=1).first.wait_for()
    state = context.storage_state()
    context.close()
    return state


def opened(browser: Browser, server: Server, state: Any, **options: Any) -> Page:
    """A page that fails the test for errors, foreign hosts and scripts that were smuggled in."""
    context = browser.new_context(
        base_url=server.url, storage_state=state, timezone_id=ZONE, viewport={"width": 1440, "height": 900}, **options
    )
    page = context.new_page()
    page.wrong = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.wrong.append(f"error: {error}"))  # type: ignore[attr-defined]
    page.on("console", lambda said: page.wrong.append(said.text) if said.type == "error" else None)  # type: ignore[attr-defined]
    page.on("dialog", lambda dialog: page.wrong.append(f"dialog: {dialog.message}"))  # type: ignore[attr-defined]
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((server.url, "data:", "blob:")) else page.wrong.append(asked.url),  # type: ignore[attr-defined]
    )
    return page


def settled(page: Page) -> None:
    """Nothing went wrong on that page, and nothing hostile ran."""
    assert page.evaluate("window.hurt") is None
    assert page.wrong == []  # type: ignore[attr-defined]
    page.context.close()
