"""Spans of the real instrumentations, of real calls of the real SDKs, in a real server's record."""

import json
from decimal import Decimal

import pytest

from kit.expected import expected
from kit.stage import CHAINS

pytestmark = pytest.mark.shared

OPENAI = ("chat", "chat_stream", "tools", "tool_stream", "reasoning", "async_chat", "async_stream")
ANTHROPIC = (
    *("message", "message_stream", "message_events", "tools", "tools_stream", "caching_write", "caching_read"),
    *("thinking", "thinking_stream", "async_message", "async_stream"),
)
LANGCHAIN = ("plain", "anthropic_plain", "chain", "stream", "anthropic_stream", "tools", "async_chain")
FAILED = {"error401": "authentication", "error429": "rate_limit", "error400": "validation", "error500": "provider"}
BROKEN_OFF = ("cut", "left")
CONTENT = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
}
#: A program of this machine's pace still hands in all at its end: a call between two requests may be told twice.
PATIENCE_MS = "120000"
#: Each way to be told: the program, the instrumentations in it, and the provider that its calls go to.
WAYS = {
    "openinference-openai": (
        "openai_calls.py",
        ["openinference-openai"],
        [*OPENAI, "responses", "embedding", *BROKEN_OFF, *FAILED],
    ),
    "opentelemetry-openai": ("openai_calls.py", ["opentelemetry-openai"], [*OPENAI, "embedding", *BROKEN_OFF, *FAILED]),
    "openinference-anthropic": ("anthropic_calls.py", ["openinference-anthropic"], [*ANTHROPIC, *BROKEN_OFF, *FAILED]),
    "openllmetry-anthropic": ("anthropic_calls.py", ["openllmetry-anthropic"], [*ANTHROPIC, *BROKEN_OFF, *FAILED]),
    "sdk-anthropic": ("anthropic_calls.py", ["none"], [*ANTHROPIC, *BROKEN_OFF, *FAILED]),
    "openinference-langchain": ("langchain_calls.py", ["openinference-langchain"], [*LANGCHAIN, "error401"]),
    "all-at-once": (
        "langchain_calls.py",
        ["openinference-langchain", "openinference-openai", "openinference-anthropic"],
        [*LANGCHAIN, "error401"],
    ),
}
SAID = {way: [case for case in cases if case not in (*FAILED, *BROKEN_OFF)] for way, (_, _, cases) in WAYS.items()}
#: What an instrumentation does not tell, whatever it is set to.
WITHOUT_INPUT = {("opentelemetry-openai", "embedding")}
WITHOUT_OUTPUT = {("sdk-anthropic", "message_events")}


@pytest.fixture(scope="module")
def told(stage):
    """What came of each way, run once: of its calls, and of the chains above them."""
    ran = {}

    def of(way):
        if way not in ran:
            program, instrumentations, cases = WAYS[way]
            exporting = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": stage.server.url,
                "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={stage.key(way, 'INGEST')}",
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip" if "openai" in way else "none",
                "OTEL_SERVICE_NAME": way,
                "OTEL_BSP_SCHEDULE_DELAY": PATIENCE_MS,
            }
            base = {
                "OPENAI_BASE_URL": f"{stage.provider.url}/v1",
                "OPENAI_API_KEY": "sk-of-the-caller",
                "ANTHROPIC_BASE_URL": stage.provider.url,
                "ANTHROPIC_API_KEY": "sk-of-the-caller",
            }
            found = stage.run(way, program, cases, *instrumentations, **exporting, **base, **CONTENT)
            ran[way] = found, stage.server.ask(CHAINS, service=[way])["chainExecutions"]
        return ran[way]

    return of


def provider_of(asked):
    """Whose format a request is in."""
    return "anthropic" if asked.path.endswith("/messages") else "openai"


@pytest.mark.parametrize(("way", "case"), [(way, case) for way in SAID for case in SAID[way]])
def test_a_call_is_told_once_and_exactly(told, way, case):
    """Model, provider, tokens, cost, what went in and what came out are those of the recorded exchange, and there is
    one execution for each call, however many instrumentations told of it."""
    ran, _ = told(way)
    exchanges, records = ran.exchanges(case), ran.found(case)
    if (way, case) in WITHOUT_INPUT:
        records = [one for one in ran.records if one["input"] is None]
    assert len(records) == len(exchanges)
    for record, asked in zip(records, exchanges, strict=True):
        wanted, sent = expected(provider_of(asked), asked), json.loads(asked.body)
        assert (record["status"], record["source"], record["service"]) == ("success", "otlp", way)
        assert record["provider"] == provider_of(asked)
        assert wanted.model in (record["model"], record["responseModel"])
        assert record["model"] in (sent["model"], wanted.model)
        assert (record["tokenIn"], record["tokenOut"]) == (wanted.token_in, wanted.token_out)
        assert (record["cost"]["state"], Decimal(record["cost"]["usd"])) == ("priced", wanted.cost)
        if (way, case) not in WITHOUT_OUTPUT:
            assert (record["output"] or "").startswith(wanted.text)
        assert record["latencyMs"] >= 0


@pytest.mark.parametrize(("way", "case"), [(way, case) for way in WAYS for case in WAYS[way][2] if case in FAILED])
def test_a_call_that_failed_is_told_once_with_its_type(told, way, case):
    """The exception of the SDK becomes our error type; the stack trace is kept where the instrumentation tells one; a
    call that was refused cost nothing."""
    ran, _ = told(way)
    record = ran.one(case)
    assert (record["status"], record["errorType"]) == ("error", FAILED[case])
    if way.startswith(("openinference", "openllmetry")):
        assert "Error code: " in record["error"]
        assert "Traceback" in record["stackTrace"]
    if FAILED[case] != "provider":
        assert (record["cost"]["state"], Decimal(record["cost"]["usd"])) == ("priced", 0)


@pytest.mark.parametrize("way", [way for way in WAYS if BROKEN_OFF[0] in WAYS[way][2]])
@pytest.mark.parametrize("case", BROKEN_OFF)
def test_a_call_that_broke_off_costs_what_nobody_knows(told, way, case):
    """A stream that was cut is an error, one that the program left is none; of both what came is kept, and no half of
    the usage is taken for the whole."""
    ran, _ = told(way)
    record = ran.one(case)
    assert (record["status"], record["usageSource"]) == ("error" if case == "cut" else "success", "unknown")
    assert (record["cost"]["state"], record["cost"]["usd"], record["tokenIn"]) == ("unknown", None, None)
    assert record["output"].startswith(("In", "Here's an"))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_else_is_told(told, way):
    """There are as many executions as the provider was asked for answers, and the overview adds them up."""
    ran, _ = told(way)
    assert len(ran.records) == len(ran.asked)


@pytest.mark.parametrize("way", ["openinference-langchain", "all-at-once"])
def test_a_chain_of_langchain_is_a_chain_execution(told, way):
    """Its calls are its steps, in their order, and its tokens and cost are theirs."""
    ran, chains = told(way)
    (chain,) = [one for one in chains if "for chain" in json.dumps(one["input"]) or one["stepCount"] == 2]
    calls = ran.found("chain")
    assert (chain["status"], chain["source"], chain["chainName"]) == ("success", "otlp", "RunnableSequence")
    assert [step["executionId"] for step in chain["steps"]] == [call["id"] for call in calls]
    assert [step["order"] for step in chain["steps"]] == [0, 1]
    assert {call["chainExecutionId"] for call in calls} == {chain["id"]}
    assert chain["tokenIn"] == sum(call["tokenIn"] for call in calls)
    assert Decimal(chain["cost"]["usd"]) == sum(Decimal(call["cost"]["usd"]) for call in calls)
    assert chain["output"] == ran.said("chain")["output"]


@pytest.mark.parametrize("way", ["openinference-langchain", "all-at-once"])
def test_a_chain_of_langchain_that_failed_says_why(told, way):
    """The error and the trace of the program stand on the chain execution too."""
    _, chains = told(way)
    (chain,) = [one for one in chains if one["status"] == "error"]
    assert chain["errorType"] == "authentication"
    assert "401" in chain["error"]
    assert "Traceback" in chain["stackTrace"]


def test_calls_outside_chains_have_none(told):
    """A span of a call that stands alone opens no chain execution, whoever else tells of it."""
    for way in WAYS:
        if "langchain" not in way and way != "all-at-once":
            assert told(way)[1] == []
