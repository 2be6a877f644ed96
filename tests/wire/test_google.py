"""Google's generateContent: requests as its documentation writes them, answers, streams and counts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelRequest
from promptforge.core.prompt import Message
from promptforge.core.usage import Usage
from promptforge.wire.dialect import Complained, Garbled, read_complaint
from promptforge.wire.failure import failure
from promptforge.wire.google import WITHHELD, Google, Vertex, usage_of
from promptforge.wire.sse import Decoder
from promptforge.wire.unknown_usage import unknown_usage

TURNS = (
    Message(role="system", content="be brief"),
    Message(role="user", content="hi"),
    Message(role="assistant", content="hello"),
    Message(role="user", content="bye"),
)


def asked(model="gemini-2.5-flash", *, stream=False, turns=TURNS, **params):
    return ModelRequest(model=model, messages=turns, params=params, stream=stream, remaining=30)


def answer(*parts, reason="STOP", **more):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason, "index": 0}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"} | more


def read(document):
    return Google().reply(json.dumps(document).encode())


def gathered(*chunks, step=11):
    raw = b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)
    stream, decoder, deltas = Google().stream(), Decoder(), []
    for start in range(0, len(raw), step):
        for event in decoder.feed(raw[start : start + step]):
            deltas += [delta.text for delta in stream.feed(event)]
    return stream, deltas


def test_a_request_is_as_the_documentation_writes_it():
    """System turns apart, the assistant is the model, parameters by their names here, tools beside them."""
    tools = [{"functionDeclarations": [{"name": "now"}]}]
    body = Google().body(asked(temperature=0.5, top_p=1, max_tokens=9, stop="END", topK=3, tools=tools))
    assert body == {
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "hello"}]},
            {"role": "user", "parts": [{"text": "bye"}]},
        ],
        "generationConfig": {
            "temperature": 0.5,
            "topP": 1,
            "maxOutputTokens": 9,
            "stopSequences": ["END"],
            "topK": 3,
        },
        "tools": tools,
    }
    native = {"generationConfig": {"maxOutputTokens": 4}, "max_tokens": 9}
    assert Google().body(asked(**native))["generationConfig"] == {"maxOutputTokens": 4}


def test_the_model_is_in_the_path_and_cannot_leave_it():
    """Plain and streamed, at AI Studio and at Vertex; a name with signs stays one part of the path."""
    assert Google().path(asked()) == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert Google().path(asked("models/m", stream=True)) == "/v1beta/models/m:streamGenerateContent?alt=sse"
    assert Google().path(asked("../x?y#z")) == "/v1beta/models/..%2Fx%3Fy%23z:generateContent"
    vertex = "/v1/projects/my-project/locations/us-central1/publishers/google/models/m:generateContent"
    assert Vertex("my-project", "us-central1").path(asked("m")) == vertex


def test_keys_travel_in_headers():
    """A key of AI Studio in its own header, an access token of Vertex as a bearer."""
    assert Google().headers("k") == {"x-goog-api-key": "k"}
    assert Vertex("p", "r").headers("t") == {"authorization": "Bearer t"}


def test_an_unknown_role_is_refused():
    """The sentence names it."""
    with pytest.raises(InvalidInput, match="knows no role 'tool'"):
        Google().body(asked(turns=(Message(role="tool", content="x"),)))


@pytest.mark.parametrize(
    ("block", "leaves"),
    [
        ({"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}, {"input": 5, "output": 7}),
        (
            {
                "promptTokenCount": 2152,
                "cachedContentTokenCount": 2027,
                "candidatesTokenCount": 100,
                "thoughtsTokenCount": 42,
                "totalTokenCount": 2294,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2152}],
                "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 2027}],
            },
            {"input": 125, "input_cache_read": 2027, "output": 100, "output_reasoning": 42},
        ),
        (
            {
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 300,
                "candidatesTokenCount": 50,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 100},
                    {"modality": "AUDIO", "tokenCount": 640},
                    {"modality": "IMAGE", "tokenCount": 260},
                ],
                "cacheTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 200},
                    {"modality": "TEXT", "tokenCount": 100},
                ],
                "candidatesTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 10},
                    {"modality": "AUDIO", "tokenCount": 40},
                ],
            },
            {
                "input_cache_read": 100,
                "input_audio": 440,
                "input_audio_cache_read": 200,
                "input_image": 260,
                "output": 10,
                "output_audio": 40,
            },
        ),
        (
            {
                "promptTokenCount": 20,
                "toolUsePromptTokenCount": 500,
                "candidatesTokenCount": 30,
                "thoughtsTokenCount": 8,
                "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 500}],
            },
            {"input": 520, "output": 30, "output_reasoning": 8},
        ),
        (
            {
                "promptTokenCount": 8,
                "candidatesTokenCount": 1290,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            },
            {"input": 8, "output_image": 1290},
        ),
        ({"promptTokenCount": 9, "totalTokenCount": 9}, {"input": 9}),
    ],
)
def test_a_usage_block_comes_to_disjoint_leaves(block, leaves):
    """Counted by hand from the documentation: cached inside the prompt, tools and thoughts beside; nothing unknown."""
    assert usage_of(block) == Usage(leaves)
    total = block["promptTokenCount"] + block.get("toolUsePromptTokenCount", 0)
    assert usage_of(block).token_in == total
    assert usage_of(block).token_out == block.get("candidatesTokenCount", 0) + block.get("thoughtsTokenCount", 0)
    assert unknown_usage("google", block) == ()


@pytest.mark.parametrize(
    "block",
    [
        None,
        {},
        {"trafficType": "ON_DEMAND"},
        {"promptTokenCount": 5, "cachedContentTokenCount": 6},
        {"promptTokenCount": "5"},
        {"promptTokenCount": 5, "candidatesTokenCount": -1},
        {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}]},
    ],
)
def test_a_block_that_contradicts_itself_has_no_usage(block):
    """Counts are never guessed."""
    assert usage_of(block) is None


def test_searches_are_billed_as_the_model_is():
    """Each query of the newer models, one for an answer of the older ones."""
    grounding = {"webSearchQueries": ["a", "b"]}
    for model, searches in (("gemini-2.5-flash", 1), ("gemini-3-pro-preview", 2)):
        document = answer({"text": "x"}, modelVersion=model)
        document["candidates"][0]["groundingMetadata"] = grounding
        stream, _ = gathered(document)
        assert read(document).usage.leaves["web_searches"] == searches
        assert stream.reply() == read(document)


def test_thoughts_are_not_text_and_calls_follow_it():
    """What was thought is paid for and not output; calls of functions stand as one line of JSON behind the text."""
    call = {"functionCall": {"name": "now", "args": {"zone": "UTC"}}}
    document = answer({"text": "hm", "thought": True}, {"text": "Let me see."}, call)
    reply = read(document)
    text, _, calls = reply.text.partition("\n\n")
    assert text == "Let me see."
    assert json.loads(calls) == {"tool_calls": [{"id": None, "name": "now", "arguments": {"zone": "UTC"}}]}
    stream, deltas = gathered(document)
    assert stream.reply() == reply
    assert "".join(deltas) == reply.text


@pytest.mark.parametrize("reason", sorted(WITHHELD))
def test_a_withheld_answer_is_filtered(reason):
    """Its tokens are paid for all the same."""
    reply = read(answer({"text": "par"}, reason=reason))
    assert (reply.filtered, reply.finish_reason, reply.usage.token_in) == (True, reason, 5)


def test_a_blocked_prompt_is_filtered_and_has_no_text():
    """There are no candidates; plain and streamed are alike."""
    document = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    reply = read(document)
    assert (reply.text, reply.filtered, reply.finish_reason, reply.usage) == ("", True, "SAFETY", Usage({"input": 4}))
    assert gathered(document)[0].reply() == reply


def test_an_answer_that_ends_otherwise_is_kept():
    """The limit of tokens is no filter, and neither is a reason that is still to be invented."""
    for reason in ("MAX_TOKENS", "OTHER", "SOMETHING_NEW"):
        assert not read(answer({"text": "x"}, reason=reason)).filtered


@given(st.lists(st.text(max_size=6), max_size=5), st.integers(1, 80))
def test_plain_and_streamed_are_one_reply(pieces, step):
    """The usage of the last chunk counts, wherever the network cuts; chunks between may tell nothing of it."""
    whole = answer(*({"text": piece} for piece in pieces))
    chunks = [
        {
            "candidates": [{"content": {"parts": [{"text": piece}]}, "index": 0}],
            "usageMetadata": {"trafficType": "ON_DEMAND"},
        }
        for piece in pieces
    ]
    whole["usageMetadata"]["trafficType"] = "ON_DEMAND"
    last = answer(usageMetadata=whole["usageMetadata"])
    stream, deltas = gathered(*chunks, last, step=step)
    assert stream.finished
    assert stream.reply() == read(whole)
    assert "".join(deltas) == "".join(pieces)


def test_a_stream_that_was_cut_has_no_final_usage():
    """What was told up to there is known, and nothing is taken for the end."""
    chunk = {"candidates": [{"content": {"parts": [{"text": "x"}]}}], "usageMetadata": {"promptTokenCount": 5}}
    stream, _ = gathered(chunk)
    assert (stream.finished, stream.usage, stream.usage_so_far) == (False, None, Usage({"input": 5}))


@pytest.mark.parametrize(
    ("status", "error", "error_type", "sentence"),
    [
        (
            400,
            {"status": "INVALID_ARGUMENT", "details": [{"@type": "x/ErrorInfo", "reason": "API_KEY_INVALID"}]},
            ErrorType.AUTHENTICATION,
            "Invalid API key for provider 'google'",
        ),
        (400, {"status": "INVALID_ARGUMENT"}, ErrorType.VALIDATION, "Invalid request to provider 'google': no"),
        (403, {"status": "PERMISSION_DENIED"}, ErrorType.AUTHENTICATION, "Access denied by provider 'google': no"),
        (404, {"status": "NOT_FOUND"}, ErrorType.VALIDATION, "Not found at provider 'google': no"),
        (429, {"status": "RESOURCE_EXHAUSTED"}, ErrorType.RATE_LIMIT, "Rate limit reached at provider 'google': no"),
        (500, {"status": "INTERNAL"}, ErrorType.PROVIDER, "Provider 'google' failed with status 500: no"),
        (503, {"status": "UNAVAILABLE"}, ErrorType.PROVIDER, "Provider 'google' is overloaded: no"),
        (504, {"status": "DEADLINE_EXCEEDED"}, ErrorType.TIMEOUT, "Provider 'google' timed out: no"),
    ],
)
def test_errors_are_read_by_their_status_names(status, error, error_type, sentence):
    """The same type whether the status of HTTP says it or the error stands inside a stream, also as a list."""
    body = {"error": {"code": status, "message": "no", **error}}
    for raw in (body, [body]):
        told = failure("google", read_complaint(json.dumps(raw).encode()), status=status)
        inside = failure("google", read_complaint(json.dumps(raw).encode()))
        assert (told.error_type, str(told)) == (error_type, sentence)
        assert inside.error_type is error_type


def test_advice_to_wait_is_kept():
    """The seconds of RetryInfo, where no header says so."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.07s"}]
    raw = json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "no", "details": details}})
    assert failure("google", read_complaint(raw.encode()), status=429).retry_after == 34.07
    assert failure("google", read_complaint(raw.encode()), status=429, headers={"retry-after": "2"}).retry_after == 2


def test_an_error_or_nonsense_instead_of_an_answer():
    """A 200 with an error is the provider's complaint, anything else is garbled; in a stream alike."""
    with pytest.raises(Complained):
        read({"error": {"code": 503, "status": "UNAVAILABLE", "message": "no"}})
    with pytest.raises(Complained):
        gathered({"error": {"code": 503, "status": "UNAVAILABLE", "message": "no"}})
    for document in ({}, [], {"candidates": []}, {"candidates": "x"}):
        with pytest.raises(Garbled):
            read(document)


def test_searches_that_are_empty_or_repeated_are_not_billed():
    """Different queries count, in however many chunks they are told, and an empty list at the end takes none away."""
    told = [{"webSearchQueries": ["", "a"]}, {"webSearchQueries": ["a", "b"]}, {}]
    chunks = [answer({"text": "x"}, reason=None, modelVersion="gemini-3-flash-preview") for _ in told]
    for chunk, grounding in zip(chunks, told, strict=True):
        chunk["candidates"][0]["groundingMetadata"] = grounding
    stream, _ = gathered(*chunks, answer(modelVersion="gemini-3-flash-preview"))
    assert stream.reply().usage.leaves["web_searches"] == 2


def test_the_last_count_of_a_stream_stands_alone():
    """Nothing of an earlier chunk's block is mixed in; a block that counts nothing does not replace one that does."""
    early = {"promptTokenCount": 5, "thoughtsTokenCount": 9, "totalTokenCount": 14}
    last = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    stream, _ = gathered(answer({"text": "x"}, reason=None, usageMetadata=early), answer(usageMetadata=last))
    assert stream.reply().usage_raw == last
    stream, _ = gathered(answer(usageMetadata=last), {"usageMetadata": {"trafficType": "ON_DEMAND"}})
    assert stream.reply().usage_raw == last


@pytest.mark.parametrize(
    ("told", "terms"),
    [
        ({"trafficType": "ON_DEMAND"}, {}),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, {"service_tier": "priority"}),
        ({"trafficType": "ON_DEMAND_FLEX"}, {"service_tier": "flex"}),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, {"service_tier": "provisioned_throughput"}),
        ({"serviceTier": "standard"}, {}),
        ({"serviceTier": "SERVICE_TIER_STANDARD"}, {}),
        ({"serviceTier": "flex"}, {"service_tier": "flex"}),
    ],
)
def test_how_a_call_is_billed_is_told_by_both(told, terms):
    """AI Studio names a tier, Vertex a kind of traffic; the usual one is no term."""
    assert read(answer(usageMetadata={"promptTokenCount": 5, **told})).terms == terms


def test_cached_audio_that_is_not_told_apart_is_what_cannot_be_otherwise():
    """Where only the total of the cache is told, audio is cached as far as the counts would not add up else."""
    block = {
        "promptTokenCount": 1000,
        "cachedContentTokenCount": 950,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 900}],
    }
    assert usage_of(block) == Usage({"input_cache_read": 100, "input_audio": 50, "input_audio_cache_read": 850})
