"""A server before a provider that answers with recorded bytes, and programs of other people's packages before both."""

import json
from dataclasses import dataclass

import pytest

from kit.answering import Answering, Asked, speaks_of
from kit.crash import Server, killed_after
from kit.programs import said_by
from kit.replay import TOOL

CREATE_KEY = """mutation($name: String!, $scopes: [Scope!]) {
    createKey(input: {name: $name, scopes: $scopes}) { secret } }"""
FOUND = """query($after: String, $service: [String!]) {
    executions(limit: 500, after: $after, filter: {service: $service}) {
    id status source errorType error stackTrace input request output latencyMs firstTokenMs tokenIn tokenOut usageSource
    usage usageRaw cost { usd state lines { amountUsd } claimedUsd } model responseModel provider finishReason streamed
    service endUser sessionId tags promptName promptVersion { version } label chainExecutionId chainName step metadata
    createdAt attempts { number httpStatus requestId errorType } cursor } }"""
CHAINS = """query($service: [String!]) { chainExecutions(limit: 500, filter: {service: $service}) {
    id status startedAt latencyMs chainName service source input output error errorType stackTrace tokenIn tokenOut
    cost { usd } stepCount
    steps { order name type status executionId tokenIn tokenOut costExact latencyMs } } }"""
#: The provider's keys that the server was started with; no caller may see them, and no record hold them.
STORED = {"openai": "sk-stored-openai-0123456789", "anthropic": "sk-ant-stored-0123456789"}


@dataclass
class Ran:
    """One run of a program: what it said, what the provider was asked, what the record holds of it."""

    lines: dict[str, dict]
    asked: list[Asked]
    records: list[dict]

    def said(self, case: str) -> dict:
        """What the program got."""
        return self.lines[case]

    def exchanges(self, case: str) -> list[Asked]:
        """The requests of a case, as they came to the provider."""
        return [asked for asked in self.asked if speaks_of(case, asked.body.decode())]

    def found(self, case: str) -> list[dict]:
        """The executions of a case, oldest first."""
        return [one for one in reversed(self.records) if speaks_of(case, json.dumps(one["input"]))]

    def one(self, case: str) -> dict:
        """The only execution of a case."""
        (found,) = self.found(case)
        return found


@dataclass
class Stage:
    """The server and its provider."""

    server: Server
    provider: Answering

    def key(self, name: str, *scopes: str) -> str:
        """A key; what comes with it and says nothing else is of the service of that name."""
        return self.server.ask(CREATE_KEY, name=name, scopes=list(scopes) or None)["createKey"]["secret"]

    def run(self, name: str, program: str, cases: list[str], *arguments: str, **environment: str) -> Ran:
        """Run a program whose calls are of the service *name*, and gather what came of it."""
        before = len(self.provider.asked)
        lines = said_by(program, cases, *arguments, **environment)
        return Ran(lines, self.provider.asked[before:], self.records(name))

    def records(self, service: str) -> list[dict]:
        """Every execution of a service, once none is running."""
        while self.server.ask("{ executions(limit: 1, filter: {status: pending}) { id } }")["executions"]:
            pass  # the end of a call that nobody waits for
        return self.server.everything(FOUND, service=[service])


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    """A server with stored keys whose providers are the answering one; skips where the recordings are not."""
    if not TOOL.exists():
        pytest.skip("needs ../shared")
    provider = Answering()
    environment = {
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "OPENAI_API_KEY": STORED["openai"],
        "ANTHROPIC_BASE_URL": provider.url,
        "ANTHROPIC_API_KEY": STORED["anthropic"],
    }
    try:
        with killed_after(Server(tmp_path_factory.mktemp("capture"), environment)) as server:
            server.start()
            yield Stage(server, provider)
            server.stop()
    finally:
        provider.stop()
