"""What the exporters of real programs send, handed in again, in another order, late, and in the other format."""

import base64
import gzip
import json
import random
import time

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kit import otlp
from kit.receiver import receiving
from kit.stage import CHAINS

pytestmark = pytest.mark.shared

PROTOBUF, JSON = "application/x-protobuf", "application/json"
NAME = "recorded"
CASES = {"langchain_calls.py": ["plain", "chain", "stream", "error401"], "openai_calls.py": ["chat", "error500"]}
INSTRUMENTED = {"langchain_calls.py": "openinference-langchain", "openai_calls.py": "openinference-openai"}
#: What may differ between two runs of the same calls.
OWN = {"id", "cursor", "chainExecutionId", "service", "executionId"}


@pytest.fixture(scope="module")
def recorded(stage):
    """The requests of two programs, one span in each, in the order in which they were sent."""
    base = {"OPENAI_BASE_URL": f"{stage.provider.url}/v1", "OPENAI_API_KEY": "sk-of-the-caller"}
    with receiving() as receiver:
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SERVICE_NAME": NAME}
        for program, cases in CASES.items():
            one_each = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}
            stage.run(NAME, program, cases, INSTRUMENTED[program], **base, **exporting, **one_each)
        return list(receiver.bodies)


def as_of(bodies: list[bytes], service: str, turn: int) -> list[bytes]:
    """The same requests as of another service, whose traces are others; names of one length keep the format whole."""
    assert len(service) == len(NAME)
    traces = {
        span.trace_id
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    changed = []
    for body in bodies:
        other = body.replace(NAME.encode(), service.encode())
        for trace in traces:
            other = other.replace(trace, bytes((byte + turn) % 256 for byte in trace))
        changed.append(other)
    return changed


def as_json(body: bytes) -> bytes:
    """The JSON of a request, in which ids are hex."""
    told = MessageToDict(ExportTraceServiceRequest.FromString(body))
    for resource in told["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(told).encode()


def hand_in(stage, bodies, kind=PROTOBUF, zipped=False):
    """Send requests one after another, as an exporter does."""
    headers = {"content-type": kind, "x-api-key": stage.server.key}
    if zipped:
        bodies, headers = [gzip.compress(body) for body in bodies], headers | {"content-encoding": "gzip"}
    with httpx.Client(base_url=stage.server.url, headers=headers, timeout=30) as client:
        for body in bodies:
            assert client.post("/v1/traces", content=body).status_code == 200


def without(value):
    """The same without what is each run's own."""
    if isinstance(value, dict):
        return {name: without(inner) for name, inner in value.items() if name not in OWN}
    return [without(inner) for inner in value] if isinstance(value, list) else value


def known(stage, service):
    """All that the record holds of a service, in the order of their beginnings."""
    calls = sorted(stage.records(service), key=lambda one: (one["createdAt"], json.dumps(one["input"])))
    chains = sorted(stage.server.ask(CHAINS, service=[service])["chainExecutions"], key=lambda one: one["startedAt"])
    return without(calls), without(chains)


ORDERS = {
    "in-order": lambda bodies: bodies,
    "twice---": lambda bodies: [body for body in bodies for _ in range(2)],
    "reversed": lambda bodies: bodies[::-1],
    "shuffled": lambda bodies: random.Random(5).sample(bodies, len(bodies)),
    "backward": lambda bodies: bodies[::-1] + bodies,
}


def test_no_order_and_no_repetition_makes_a_difference(stage, recorded):
    """In order, twice, reversed, shuffled, again afterwards: the calls, the chain executions above them, their steps,
    tokens and cost are the same."""
    results = {}
    for turn, (service, order) in enumerate(ORDERS.items(), 1):
        hand_in(stage, order(as_of(recorded, service, turn)))
        results[service] = known(stage, service)
    calls, chains = results["in-order"]
    assert (len(calls), len(chains)) == (7, 3)
    assert {chain["status"] for chain in chains} == {"success", "error"}
    assert [service for service in results if results[service] != results["in-order"]] == []


@pytest.mark.parametrize("zipped", [False, True])
def test_the_other_format_tells_the_same(stage, recorded, zipped):
    """The JSON of a request, as it is or compressed, is the same spans: after the protobuf they are known, and alone
    they come to the same."""
    service, turn = f"json-{zipped:03}", 50 + zipped
    bodies = as_of(recorded, service, turn)
    hand_in(stage, [as_json(body) for body in bodies], JSON, zipped)
    alone = known(stage, service)
    hand_in(stage, bodies)
    assert known(stage, service) == alone
    hand_in(stage, as_of(recorded, f"both-{zipped:03}", turn + 10))
    assert known(stage, f"both-{zipped:03}") == alone


def test_a_span_names_a_prompt_of_ours(stage):
    """``gen_ai.prompt.name`` and its version link the call; an exception becomes error type, message and trace."""
    prompt = stage.server.ask('mutation { createPrompt(input: {name: "teller"}) { id } }')["createPrompt"]["id"]
    fields = 'promptId: $id, content: "Joke", params: {model: "gpt-4o"}'
    stage.server.ask(f"mutation($id: ID!) {{ createPromptVersion(input: {{{fields}}}) {{ version }} }}", id=prompt)
    named = otlp.OPENAI | {"gen_ai.prompt.name": "teller", "gen_ai.prompt.version": "1"}
    said = {"exception.type": "openai.RateLimitError", "exception.message": "slow down", "exception.stacktrace": "T 1"}
    failed = otlp.span(named, status=2, start=time.time_ns(), events=[otlp.event("exception", said)])
    hand_in(stage, [otlp.as_json(failed, service="naming")], JSON, zipped=True)
    (record,) = stage.records("naming")
    assert (record["promptName"], record["promptVersion"]["version"]) == ("teller", 1)
    assert (record["errorType"], record["error"], record["stackTrace"]) == (
        "rate_limit",
        "RateLimitError: slow down",
        "T 1",
    )
