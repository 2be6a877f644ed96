"""``POST /v1/traces``: what an exporter may send, what it is answered, and what is on disk by then."""

import asyncio
import gzip
import json
import random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from kit import otlp
from kit.spans import nanoseconds, trace
from promptforge.core.access import Scope
from promptforge.core.errors import Unavailable
from promptforge.core.query import Page
from promptforge.server import otlp as door

PROTOBUF, JSON = "application/x-protobuf", "application/json"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 500,
}


def span(forge, attributes=CHAT, **more) -> Span:
    """A span of a trace of its own that began this moment."""
    more = {"trace": trace(), "id": f"{random.getrandbits(64):016x}", "start": nanoseconds(forge.clock.now())} | more
    return otlp.span(attributes, **more)


@pytest.fixture
def send(http, caller):
    """Send a body as an exporter does."""

    async def sent(body: bytes, content_type: str = PROTOBUF, **headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"content-type": content_type, "authorization": f"Bearer {caller.key}"} | named
        return await http.post("/v1/traces", content=body, headers=given)

    return sent


async def kept(forge, actor) -> list:
    """Every call of the workspace."""
    return list((await forge.record.page(Page(workspace=actor.workspace, limit=500))).items)


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON, "application/json; charset=utf-8"])
@pytest.mark.parametrize("compressed", [False, True])
async def test_spans_are_taken(forge, actor, send, content_type, compressed):
    """Either format, as it is or gzipped, is on disk when the answer comes, which is empty and in the same format."""
    made = [span(forge), span(forge)]
    body = otlp.protobuf(*made) if content_type == PROTOBUF else otlp.as_json(*made)
    headers = {"content_encoding": "gzip"} if compressed else {}
    answer = await send(gzip.compress(body) if compressed else body, content_type, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type.partition(";")[0])
    assert answer.content == (b"" if content_type == PROTOBUF else b"{}")
    found = await kept(forge, actor)
    assert [(run.service, run.source, run.token_in) for run in found] == [("shop", "otlp", 1_000)] * 2
    assert all(run.key_id for run in found)


async def test_many_spans(forge, actor, send):
    """A large request is taken as a small one is, once however often it comes."""
    body = otlp.protobuf(*[span(forge, parent="0" * 16) for _ in range(400)])
    answers = await asyncio.gather(*[send(body) for _ in range(4)])
    assert {answer.status_code for answer in answers} == {200}
    assert len(await kept(forge, actor)) == 400


async def test_part_of_it(forge, actor, send):
    """Spans without sense are told as the protocol says, in the request's format; the others are kept."""
    made = [span(forge), span(forge, start=0), span(forge, start=1)]
    answer = await send(otlp.protobuf(*made))
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 2)
    assert "before the year 2000" in partial.error_message
    told = (await send(otlp.as_json(*made), JSON)).json()["partialSuccess"]
    assert told == {"rejectedSpans": "2", "errorMessage": partial.error_message}
    assert len(await kept(forge, actor)) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "status"),
    [
        (b"\xff\xff", PROTOBUF, {}, 400),
        (b"[1", JSON, {}, 400),
        (b"no gzip", PROTOBUF, {"content_encoding": "gzip"}, 400),
        (gzip.compress(b"cut off", mtime=0)[:-3], PROTOBUF, {"content_encoding": "gzip"}, 400),
        (b"", PROTOBUF, {"content_encoding": "br"}, 415),
        (b"", "text/plain", {}, 415),
    ],
)
async def test_what_cannot_be_read(send, body, content_type, headers, status):
    """A body that is none, or comes in a way that is not spoken here, is refused for good, with a sentence."""
    answer = await send(body, content_type, **headers)
    assert (answer.status_code, "retry-after" in answer.headers) == (status, False)
    if content_type == JSON:
        assert answer.json()["message"]
    else:
        assert answer.content.startswith(b"\x12")


async def test_limits(forge, actor, send, monkeypatch):
    """What is too large, also only when it is inflated, is refused before it takes up memory; nothing is kept."""
    bomb = gzip.compress(gzip.compress(bytes(door.MAX_INFLATED + 1)))
    assert (await send(gzip.decompress(bomb), content_encoding="gzip")).status_code == 413
    assert (await send(bytes(door.MAX_BODY + 1))).status_code == 413
    monkeypatch.setattr(door, "MAX_UNDER_WAY", 100)
    answer = await send(otlp.protobuf(span(forge)))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, door.RETRY_SECONDS)
    assert await kept(forge, actor) == []
    monkeypatch.undo()
    assert (await send(otlp.protobuf(span(forge)))).status_code == 200


async def test_gzip_in_pieces(forge, actor, send):
    """A body of several gzip members, which is legal, is read whole."""
    first, second = otlp.protobuf(span(forge)), otlp.protobuf(span(forge))
    await send(gzip.compress(first) + gzip.compress(second), content_encoding="gzip")
    assert len(await kept(forge, actor)) == 2


async def test_no_room(forge, actor, send, monkeypatch):
    """While nothing can be kept the sender is told to come again, and what it sends then is there once."""
    body = otlp.protobuf(span(forge))

    def full(_):
        raise Unavailable("the disk is full")

    with monkeypatch.context() as away:
        away.setattr(forge.record._room, "require", full)
        answer = await send(body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, door.RETRY_SECONDS)
    assert b"the disk is full" in answer.content
    assert (await send(body)).status_code == 200
    assert len(await kept(forge, actor)) == 1


async def test_who_may(forge, actor, http, caller_of):
    """A key for ingesting is enough, in the header for keys too; one for reading is not."""
    writer, reader = await caller_of(actor, {Scope.INGEST}), await caller_of(actor, {Scope.READ})
    body = otlp.protobuf(span(forge))
    headers = {"content-type": PROTOBUF}
    assert (await http.post("/v1/traces", content=body, headers=headers)).status_code == 401
    for key, status in ((reader.key, 403), (writer.key, 200)):
        answer = await http.post("/v1/traces", content=body, headers=headers | {"x-api-key": key})
        assert answer.status_code == status


async def test_a_trace_in_the_api(forge, caller, send):
    """A captured trace is a chain execution in the API, named after its root, with its calls as steps."""
    root = span(forge, {}, name="answer a question", took_ms=2_000)
    parent = root.span_id.hex()
    calls = [span(forge, trace=root.trace_id.hex(), parent=parent, name=f"call {n}") for n in range(2)]
    assert (await send(otlp.as_json(root, *calls), JSON)).status_code == 200
    data = await caller.ask(
        """{ chainExecutions { id status chainName chainId version chain { id } source service stepCount totalCost
        tokenIn tokenOut usage latencyMs cost { usd state } steps { name type cost tokenIn execution { model } } }
        executions(topLevel: true) { id } overview(window: ALL_TIME) { totals { runs calls success cost { usd } } } }"""
    )
    (found,) = data["chainExecutions"]
    assert (found["status"], found["chainName"], found["source"]) == ("success", "answer a question", "otlp")
    assert (found["chainId"], found["version"], found["chain"]) == (None, None, None)
    assert (found["stepCount"], found["totalCost"], found["tokenIn"], found["latencyMs"]) == (2, "0.0150", 2_000, 2_000)
    assert (found["cost"], found["usage"]) == ({"usd": "0.015", "state": "priced"}, {"input": 2_000, "output": 1_000})
    assert [(step["type"], step["execution"]["model"]) for step in found["steps"]] == [("PROMPT", "gpt-4o")] * 2
    assert data["executions"] == []
    assert data["overview"]["totals"] == {"runs": 1, "calls": 2, "success": 1, "cost": {"usd": "0.015"}}
    by_name = '{ chainExecutions(filter: {chainName: "answer a question"}) { id } }'
    assert (await caller.ask(by_name))["chainExecutions"] == [{"id": found["id"]}]


async def test_it_is_counted(forge, http, caller, send):
    """What was received is what was stored, known or refused; a body that cannot be read counts as one refused."""
    body = json.loads(otlp.as_json(span(forge), span(forge, start=0)))
    for _ in range(2):
        await send(json.dumps(body).encode(), JSON)
    await send(b"{", JSON)
    metrics = (await http.get("/metrics", headers={"x-api-key": caller.key})).text
    for name, count in (("received", 5), ("stored", 1), ("duplicate", 1), ("rejected", 3)):
        assert f'promptforge_{name}_total{{source="otlp"}} {count}\n' in metrics
