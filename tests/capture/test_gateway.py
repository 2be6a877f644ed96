"""The gateway with the real SDKs: nothing of them is changed but two variables in their environment."""

import json
from decimal import Decimal

import httpx
import pytest

from kit.expected import expected
from kit.stage import STORED

pytestmark = pytest.mark.shared

OPENAI = (
    *("chat", "chat_stream", "tools", "tool_stream", "reasoning", "async_chat", "async_stream"),
    *("responses", "responses_stream", "embedding"),
)
ANTHROPIC = (
    *("message", "message_stream", "message_events", "tools", "tools_stream", "caching_write", "caching_read"),
    *("thinking", "thinking_stream", "async_message", "async_stream"),
)
LANGCHAIN = ("plain", "anthropic_plain", "chain", "stream", "anthropic_stream", "tools", "async_chain")
REFUSED = {
    400: ("BadRequestError", "validation"),
    401: ("AuthenticationError", "authentication"),
    403: ("PermissionDeniedError", "authentication"),
    404: ("NotFoundError", "validation"),
    429: ("RateLimitError", "rate_limit"),
}
BROKEN = {
    "openai": {500: "InternalServerError", 503: "InternalServerError"},
    "anthropic": {500: "InternalServerError", 529: "OverloadedError"},
}
PROGRAMS = {"openai": "openai_calls.py", "anthropic": "anthropic_calls.py", "langchain": "langchain_calls.py"}


def pointed(stage, key, **environment):
    """The two variables of each SDK that lead it here."""
    openai = {"OPENAI_BASE_URL": f"{stage.server.url}/openai/v1", "OPENAI_API_KEY": key}
    anthropic = {"ANTHROPIC_BASE_URL": f"{stage.server.url}/anthropic", "ANTHROPIC_API_KEY": key}
    return openai | anthropic | environment


def failing(provider):
    """The cases that end in an error of the provider, by status."""
    return {status: f"error{status}" for status in (*REFUSED, *BROKEN[provider])}


@pytest.fixture(scope="module")
def openai(stage):
    """Every call of the openai SDK, once, with a key of ours in the place of the provider's."""
    cases = [*OPENAI, "models", "retried", "cut", "left", *failing("openai").values()]
    return stage.run("openai", PROGRAMS["openai"], cases, **pointed(stage, stage.key("openai")))


@pytest.fixture(scope="module")
def anthropic(stage):
    """The same of the anthropic SDK."""
    cases = [*ANTHROPIC, "retried", "cut", "left", *failing("anthropic").values()]
    return stage.run("anthropic", PROGRAMS["anthropic"], cases, **pointed(stage, stage.key("anthropic")))


@pytest.fixture(scope="module")
def langchain(stage):
    """The same of langchain."""
    return stage.run("langchain", PROGRAMS["langchain"], [*LANGCHAIN], **pointed(stage, stage.key("langchain")))


def holds(record, asked, provider):
    """A record says what the provider answered, to the last token and digit."""
    wanted, sent = expected(provider, asked), json.loads(asked.body)
    assert (record["status"], record["source"], record["error"]) == ("success", "gateway", None)
    assert (record["provider"], record["model"], record["responseModel"]) == (provider, sent["model"], wanted.model)
    assert (record["tokenIn"], record["tokenOut"]) == (wanted.token_in, wanted.token_out)
    assert (record["usageSource"], record["usageRaw"]) == ("reported", wanted.usage_raw)
    assert (record["cost"]["state"], Decimal(record["cost"]["usd"])) == ("priced", wanted.cost)
    assert Decimal(record["cost"]["usd"]) == sum(Decimal(line["amountUsd"]) for line in record["cost"]["lines"])
    assert record["finishReason"] == wanted.finish_reason
    assert (record["output"] or "").startswith(wanted.text)
    assert (record["streamed"], record["firstTokenMs"] is not None) == ("event-stream" in asked.kind,) * 2
    assert record["request"] == sent
    assert record["latencyMs"] >= (record["firstTokenMs"] or 0)
    (attempt,) = record["attempts"]
    assert (attempt["httpStatus"], attempt["requestId"]) == (200, asked.request_id)


@pytest.mark.parametrize("case", OPENAI)
def test_a_call_of_the_openai_sdk_is_an_execution(openai, case):
    """Plain, streamed, with tools, reasoning, responses, embeddings, async: the program gets what the provider said,
    and the record holds it with its exact cost, under the service that the key is named after."""
    (asked,), record = openai.exchanges(case), openai.one(case)
    holds(record, asked, "openai")
    assert record["service"] == "openai"
    got = openai.said(case)["output"]
    text = got["text"] if isinstance(got, dict) else got
    if case == "tool_stream":
        assert json.loads(text) == {"location": "Boston"}
        assert '"Boston"' in record["output"]
    elif case != "embedding":
        assert text == expected("openai", asked).text


@pytest.mark.parametrize("case", ANTHROPIC)
def test_a_call_of_the_anthropic_sdk_is_an_execution(anthropic, case):
    """As above: tools, thinking and what was written to and read from the cache among them."""
    (asked,), record = anthropic.exchanges(case), anthropic.one(case)
    holds(record, asked, "anthropic")
    assert record["service"] == "anthropic"
    got = anthropic.said(case)["output"]
    assert (got["text"] if isinstance(got, dict) else got) == expected("anthropic", asked).text
    for name, given in got["tools"] if isinstance(got, dict) else ():
        assert name in record["output"]
        assert all(str(value) in record["output"] for value in given.values())


@pytest.mark.parametrize("case", LANGCHAIN)
def test_a_call_of_langchain_is_an_execution(langchain, case):
    """Both of its models, in chains, streamed, with tools: each call of a model is there once."""
    exchanges, records = langchain.exchanges(case), langchain.found(case)
    assert len(records) == len(exchanges) == (2 if case == "chain" else 1)
    for record, asked in zip(records, exchanges, strict=True):
        holds(record, asked, "anthropic" if "anthropic" in case else "openai")
    said = langchain.said(case)["output"]
    assert said == ["12 degrees in Boston"] if case == "tools" else records[-1]["output"] == said


def test_the_list_of_models_passes_and_is_no_execution(openai):
    """Nothing is called, so there is nothing to record."""
    assert openai.said("models")["output"] == ["gpt-4o-mini"]
    assert not [one for one in openai.records if one["input"] is None]


@pytest.mark.parametrize(("provider", "status"), [(name, status) for name in BROKEN for status in failing(name)])
def test_an_error_of_the_provider_is_the_exception_of_its_sdk(request, provider, status):
    """It comes through as it is, and is recorded by its type; where the provider did no work, it cost nothing."""
    ran, case = request.getfixturevalue(provider), f"error{status}"
    said, record = ran.said(case), ran.one(case)
    name, error_type = REFUSED.get(status) or (BROKEN[provider][status], "provider")
    assert said["error"] == name
    assert f"Error code: {status}" in said["message"]
    assert (record["status"], record["errorType"]) == ("error", error_type)
    assert record["attempts"][0]["httpStatus"] == status
    if status in REFUSED:
        assert (record["cost"]["state"], Decimal(record["cost"]["usd"]), record["tokenIn"]) == ("priced", 0, 0)
    else:
        assert (record["cost"]["state"], record["cost"]["usd"], record["tokenIn"]) == ("unknown", None, None)


@pytest.mark.parametrize("provider", BROKEN)
def test_each_try_of_an_sdk_is_an_execution(request, provider):
    """The SDK tries again after a 5xx: two calls came, two are recorded, the program saw the second only."""
    ran = request.getfixturevalue(provider)
    first, second = ran.found("retried")
    assert (first["status"], first["errorType"]) == ("error", "provider")
    holds(second, ran.exchanges("retried")[1], provider)
    assert "output" in ran.said("retried")


@pytest.mark.parametrize("provider", BROKEN)
def test_a_cut_stream_keeps_what_had_come(request, provider):
    """The connection to the provider breaks in the middle: the program sees it, the record keeps the text so far and
    claims no usage that was not said."""
    ran = request.getfixturevalue(provider)
    record, (asked,) = ran.one("cut"), ran.exchanges("cut")
    assert "error" in ran.said("cut")
    assert (record["status"], record["errorType"], record["streamed"]) == ("error", "network", True)
    assert record["output"]
    assert expected(provider, _whole(ran, provider)).text.startswith(record["output"])
    assert len(record["output"]) < len(asked.answer)
    assert record["cost"]["state"] == "unknown"


@pytest.mark.parametrize("provider", BROKEN)
def test_a_caller_that_hangs_up_is_recorded_with_what_the_provider_billed(request, provider):
    """The answer is taken to its end: the whole text, the usage that was reported, the exact cost."""
    ran = request.getfixturevalue(provider)
    record, (asked,) = ran.one("left"), ran.exchanges("left")
    wanted = expected(provider, asked)
    assert wanted.text.startswith(ran.said("left")["output"])
    assert (record["status"], record["errorType"]) == ("error", "cancelled")
    assert record["output"] == wanted.text
    assert (record["tokenIn"], record["tokenOut"]) == (wanted.token_in, wanted.token_out)
    assert (record["cost"]["state"], Decimal(record["cost"]["usd"])) == ("priced", wanted.cost)


def test_the_key_of_the_provider_may_stay_where_it_is(stage):
    """Ours comes beside it in a header, by the SDK's own variable: the provider is asked with the caller's key."""
    beside = f"X-PromptForge-Key: {stage.key('beside')}"
    variables = {"OPENAI_CUSTOM_HEADERS": beside, "ANTHROPIC_CUSTOM_HEADERS": beside}
    cases = ["plain", "stream", "anthropic_plain", "anthropic_stream"]
    ran = stage.run("beside", PROGRAMS["langchain"], cases, **pointed(stage, "sk-of-the-caller", **variables))
    for case in cases:
        (asked,), record = ran.exchanges(case), ran.one(case)
        holds(record, asked, "anthropic" if "anthropic" in case else "openai")
        assert record["service"] == "beside"
        assert "sk-of-the-caller" in asked.headers.get("authorization", "") + asked.headers.get("x-api-key", "")


@pytest.mark.parametrize("provider", BROKEN)
def test_the_provider_never_sees_what_is_ours(request, provider):
    """The stored key goes to the provider, and neither our key nor one of our headers does."""
    ran = request.getfixturevalue(provider)
    for asked in ran.asked:
        assert STORED[provider] in (asked.headers.get("authorization", "") + asked.headers.get("x-api-key", ""))
        assert not [name for name in asked.headers if "promptforge" in name]
        assert "pf_" not in json.dumps(asked.headers)
    assert STORED[provider] not in json.dumps(ran.records)


RECORDED = {
    "openai": ("chat", "chat_stream", "tool_calls", "reasoning", "azure_content_filter"),
    "anthropic": (
        *("message", "message_stream", "prompt_caching", "prompt_caching_stream"),
        *("thinking", "thinking_stream", "tools", "tools_stream"),
    ),
}
#: A date is written for every answer, and browsers are told what they may do with ours.
OWN_HEADERS = {"date", "set-cookie", "x-content-type-options", "cross-origin-opener-policy"}


@pytest.mark.parametrize(
    ("provider", "name"), [(provider, name) for provider in RECORDED for name in RECORDED[provider]]
)
def test_every_byte_passes_unchanged(stage, provider, name):
    """Request and answer, head and body, streamed or not: what goes in comes out."""
    key, path = (
        stage.key("bytes"),
        {"openai": "openai/v1/chat/completions", "anthropic": "anthropic/v1/messages"}[provider],
    )
    sent = (
        b'{"model": "gpt-4o", "stream" : true,\n "messages":[{"role":"user","content":"\\u00e9 \xc3\xa9"}], "odd": 1e0}'
    )
    headers = {"authorization": f"Bearer {key}", "x-replay": f"rec/{provider}/{name}", "x-odd": "it stays"}
    with httpx.stream("POST", f"{stage.server.url}/{path}?beta=a%20b", content=sent, headers=headers) as answer:
        received = b"".join(answer.iter_raw())
    asked = stage.provider.asked[-1]
    assert received == asked.answer
    assert asked.body == sent
    assert (asked.headers["x-odd"], answer.status_code) == ("it stays", asked.status)
    passed = [(name, value) for name, value in asked.answered if name not in OWN_HEADERS]
    assert not [pair for pair in passed if pair not in answer.headers.multi_items()]
    assert {len(answer.headers.get_list(name)) for name in ("date", "x-content-type-options")} == {1}


def test_headers_say_what_a_call_is_about(stage):
    """Prompt and version, service, end user, session, tags; a prompt that is not here is a tag, and the call passes."""
    prompt = stage.server.ask('mutation { createPrompt(input: {name: "joker"}) { id } }')["createPrompt"]["id"]
    fields = 'promptId: $id, content: "Joke", params: {model: "gpt-4o"}'
    version = f"mutation($id: ID!) {{ createPromptVersion(input: {{{fields}}}) {{ version }} }}"
    stage.server.ask(version, id=prompt)
    about = ("Prompt: joker", "Prompt-Version: 1", "End-User: ada", "Session: s-1", "Tags: team=red, shop=7")
    lines = "\n".join(f"X-PromptForge-{line}" for line in (*about, "Service: told"))
    run = {"OPENAI_CUSTOM_HEADERS": lines, "ANTHROPIC_CUSTOM_HEADERS": lines.replace("joker", "nobody")}
    variables = pointed(stage, stage.key("ignored"), **run)
    ran = stage.run("told", PROGRAMS["langchain"], ["plain", "anthropic_plain"], **variables)
    linked, unlinked = ran.one("plain"), ran.one("anthropic_plain")
    for record in (linked, unlinked):
        assert (record["service"], record["endUser"], record["sessionId"]) == ("told", "ada", "s-1")
        assert record["tags"].items() >= {"team": "red", "shop": "7"}.items()
    assert (linked["promptName"], linked["promptVersion"]["version"]) == ("joker", 1)
    assert (unlinked["promptName"], unlinked["tags"]["prompt"]) == (None, "nobody")


def test_a_key_that_is_none_of_ours_is_refused_in_the_words_of_the_sdk(stage):
    """The program sees its own exception, and the sentence says what to do; nothing is recorded or passed on."""
    before, cases = len(stage.provider.asked), ["plain", "anthropic_plain"]
    ran = stage.run("nobody", PROGRAMS["langchain"], cases, **pointed(stage, "sk-of-the-caller"))
    for case in cases:
        assert "AuthenticationError" in ran.said(case)["error"]
        assert "X-PromptForge-Key" in ran.said(case)["message"]
    assert len(stage.provider.asked) == before
    assert not ran.records


def test_a_request_that_comes_back_is_refused(stage):
    """It carries our own Via, as it would when the provider's address leads back here: 508, and no second round."""
    key = stage.key("round")
    url, headers = f"{stage.server.url}/openai/v1/chat/completions", {"authorization": f"Bearer {key}"}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Joke for nobody"}]}
    httpx.post(url, json=body, headers=headers | {"x-replay": "rec/openai/chat"}).raise_for_status()
    via = stage.provider.asked[-1].headers["via"]
    before = len(stage.provider.asked)
    answer = httpx.post(url, json=body, headers=headers | {"via": f"1.1 other, {via}"})
    assert (answer.status_code, len(stage.provider.asked)) == (508, before)
    assert len(stage.records("round")) == 1


def _whole(ran, provider):
    """The exchange of the same recording, uncut."""
    return ran.exchanges({"openai": "chat_stream", "anthropic": "message_stream"}[provider])[0]
