"""What spans mean, by each of the conventions: golden attributes in, the record's words out."""

import json

import pytest

from kit import otlp as told
from kit.otlp import LLM, OPENAI, read
from promptforge.core.usage import usage


@pytest.mark.parametrize(
    ("attributes", "calls"),
    [
        *(({"gen_ai.operation.name": name}, True) for name in ("chat", "text_completion", "generate_content")),
        ({"gen_ai.operation.name": "embeddings"}, True),
        *(({"gen_ai.operation.name": name}, False) for name in ("invoke_agent", "create_agent", "execute_tool")),
        ({"gen_ai.operation.name": "invoke_workflow", "gen_ai.usage.input_tokens": 5}, False),
        *(({"openinference.span.kind": kind}, True) for kind in ("LLM", "EMBEDDING")),
        *(({"openinference.span.kind": kind}, False) for kind in ("CHAIN", "TOOL", "AGENT", "RETRIEVER")),
        ({"openinference.span.kind": "RERANKER", "reranker.model_name": "rerank-3"}, False),
        *(({"llm.request.type": kind}, True) for kind in ("chat", "completion", "embedding")),
        *(({"traceloop.span.kind": kind}, False) for kind in ("workflow", "task", "agent", "tool")),
        ({"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}, True),
        ({"gen_ai.operation.name": "ai.streamText", "gen_ai.system": "openai", "gen_ai.request.model": "m"}, True),
        ({"gen_ai.request.model": "gpt-4o"}, False),
        ({"http.request.method": "GET"}, False),
    ],
)
def test_what_calls_a_model_is_told_by_its_kind(attributes, calls):
    """The kind decides; where none is known, a model together with who runs it does."""
    assert read(attributes).calls_model is calls


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("azure.ai.openai", "azure"),
        ("az.ai.openai", "azure"),
        ("aws.bedrock", "aws"),
        ("gcp.vertex_ai", "google"),
        ("vertexai", "google"),
        ("x_ai", "x-ai"),
        ("mistral_ai", "mistral"),
        ("OpenAI", "openai"),
        ("somebody-new", "somebody-new"),
    ],
)
@pytest.mark.parametrize("name", ["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"])
def test_providers_have_one_name(name, said, ours):
    """However a convention spells a provider, the record has the price data's name; a new one keeps its own."""
    assert read({name: said}).provider == ours


def test_the_current_convention_is_believed_first():
    """Where several conventions tell the same thing, the order is: current, previous, OpenInference."""
    span = read(
        {
            "llm.model_name": "third",
            "gen_ai.request.model": "first",
            "llm.provider": "third",
            "gen_ai.system": "second",
            "output.value": "third",
            "gen_ai.completion": "second",
            "user.id": "first",
            "enduser.id": "second",
        }
    )

    assert (span.model, span.provider, span.output, span.end_user) == ("first", "second", "second", "first")


def test_messages_with_parts_are_read():
    """Texts, tool calls and a tool's answer come out of parts; what is no text stays a part; thinking is no output."""
    asked = [
        {"role": "user", "parts": [{"type": "text", "content": "Weather in "}, {"type": "text", "content": "Rome?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "get", "arguments": {"at": "Rome"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "12 degrees"}]},
        {"role": "user", "parts": [{"type": "uri", "modality": "image", "uri": "https://example.com/a.png"}]},
    ]
    answered = [
        {
            "role": "assistant",
            "finish_reason": "tool_call",
            "parts": [
                {"type": "reasoning", "content": "Hm."},
                {"type": "text", "content": "Let me look."},
                {"type": "tool_call", "id": "2", "name": "get", "arguments": '{"at":"Rome"}'},
            ],
        }
    ]
    attributes = {
        "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(answered),
    }
    structured = {name: json.loads(value) for name, value in attributes.items()}

    for given_as in (attributes, structured):
        span = read(OPENAI | given_as)
        assert span.input == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather in Rome?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "1", "name": "get", "arguments": {"at": "Rome"}}],
            },
            {"role": "tool", "content": "12 degrees", "tool_call_id": "1"},
            {"role": "user", "content": asked[3]["parts"]},
        ]
        assert span.output == 'Let me look.\n\n{"tool_calls":[{"id":"2","name":"get","arguments":{"at":"Rome"}}]}'
        assert span.finish_reason == "tool_call"


def test_numbered_messages_of_openinference_are_read():
    """Roles, contents, parts, tool calls and tools come out of names that hold numbers, in the order of the numbers."""
    span = read(
        LLM
        | {
            "llm.input_messages.10.message.role": "user",
            "llm.input_messages.10.message.content": "And in Boston?",
            "llm.input_messages.2.message.role": "tool",
            "llm.input_messages.2.message.tool_call_id": "1",
            "llm.input_messages.2.message.content": "12 degrees",
            "llm.input_messages.1.message.role": "assistant",
            "llm.input_messages.1.message.tool_calls.0.tool_call.id": "1",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "get",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments": '{"at": "Rome"}',
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "Weather in Rome?",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "12 degrees.",
            "llm.invocation_parameters": '{"model": "gpt-4o-latest", "temperature": 0.5, "stream": true, "stop": null}',
            "llm.tools.0.tool.json_schema": '{"name": "get"}',
            "input.value": "the same once more",
            "output.value": '{"id": "chatcmpl-0123456789", "service_tier": "flex"}',
            "output.mime_type": "application/json",
        }
    )

    assert span.input == [
        {"role": "user", "content": "Weather in Rome?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "name": "get", "arguments": {"at": "Rome"}}]},
        {"role": "tool", "content": "12 degrees", "tool_call_id": "1"},
        {"role": "user", "content": "And in Boston?"},
    ]
    assert span.output == "12 degrees."
    assert (span.model, span.response_model, span.streamed) == ("gpt-4o-latest", "gpt-4o", True)
    assert span.params == {"temperature": 0.5, "tools": [{"name": "get"}]}
    assert (span.request_id, span.terms) == ("chatcmpl-0123456789", {"service_tier": "flex"})
    assert span.metadata is None


def test_numbered_messages_of_openllmetry_are_read():
    """Its previous way of writing: a number and a field behind gen_ai.prompt and gen_ai.completion."""
    span = read(
        {
            "llm.request.type": "chat",
            "gen_ai.system": "Anthropic",
            "gen_ai.request.model": "claude-3-opus",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hello?",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Let me look.",
            "gen_ai.completion.0.finish_reason": "tool_use",
            "gen_ai.completion.0.tool_calls.0.id": "1",
            "gen_ai.completion.0.tool_calls.0.name": "get",
            "gen_ai.completion.0.tool_calls.0.arguments": "{}",
            "gen_ai.usage.prompt_tokens": 9,
            "gen_ai.usage.completion_tokens": 4,
            "llm.usage.total_tokens": 13,
            "traceloop.entity.name": "answer",
            "traceloop.association.properties.user_id": "u-1",
            "traceloop.association.properties.session_id": "s-1",
            "traceloop.association.properties.team": "blue",
        }
    )

    assert (span.calls_model, span.provider, span.model) == (True, "anthropic", "claude-3-opus")
    assert span.input == [{"role": "user", "content": "Hello?"}]
    assert span.output == 'Let me look.\n\n{"tool_calls":[{"id":"1","name":"get","arguments":{}}]}'
    assert (span.finish_reason, span.usage) == ("tool_use", usage(input=9, output=4))
    assert (span.end_user, span.session_id, span.tags) == ("u-1", "s-1", {"team": "blue"})
    assert span.metadata == {"traceloop.entity.name": "answer"}


def test_messages_as_events_are_read():
    """Messages may come as things that happened, with their fields as attributes, as JSON, or in a body."""
    call = [{"id": "1", "type": "function", "function": {"name": "get", "arguments": "{}"}}]
    span = read(
        OPENAI,
        events=[
            told.event("gen_ai.system.message", {"content": "Be brief."}),
            told.event("gen_ai.user.message", {"gen_ai.event.content": '{"content": "Hello?"}'}),
            told.event("gen_ai.assistant.message", {"tool_calls": json.dumps(call)}),
            told.event("gen_ai.tool.message", {"id": "1", "content": "12"}),
            told.event("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Hi."}}),
        ],
    )

    assert [each["role"] for each in span.input] == ["system", "user", "assistant", "tool"]
    assert span.input[1] == {"role": "user", "content": "Hello?"}
    assert span.input[3] == {"role": "tool", "content": "12", "tool_call_id": "1"}
    assert (span.output, span.finish_reason) == ("Hi.", "stop")


@pytest.mark.parametrize(
    "events",
    [
        [
            told.event("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user", "content": "Hello?"}]'}),
            told.event("gen_ai.content.completion", {"gen_ai.completion": '[{"role": "assistant", "content": "Hi."}]'}),
        ],
        [
            told.event(
                "gen_ai.client.inference.operation.details",
                {
                    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}],
                    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}]}],
                },
            )
        ],
    ],
)
def test_content_apart_from_its_span_is_read(events):
    """Content that stands in an event of its own is the span's."""
    span = read(OPENAI, events=events)

    assert (span.input, span.output) == ([{"role": "user", "content": "Hello?"}], "Hi.")


def test_texts_that_are_no_messages_stay_as_they_are():
    """What went in and out as plain text is kept as plain text, whatever it looks like."""
    span = read(LLM | {"input.value": '[1, "two"', "output.value": '{"a": 1}'})

    assert (span.input, span.output) == ('[1, "two"', '{"a": 1}')


def test_json_that_went_in_is_json():
    """What is said to be JSON is kept as values; the messages of a whole request are the input."""
    typed = {"input.mime_type": "application/json"}

    assert read(LLM | typed | {"input.value": '{"question": 1}'}).input == {"question": 1}
    assert read(LLM | typed | {"input.value": '{"messages": [{"role": "user", "content": "Hi"}]}'}).input == [
        {"role": "user", "content": "Hi"}
    ]


def test_an_embedding_has_texts_and_no_output():
    """What is embedded went in; the numbers that come out are not kept."""
    span = read(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "text-embedding-3-small",
            "embedding.embeddings.0.embedding.text": "one",
            "embedding.embeddings.0.embedding.vector": [0.1, 0.2],
            "embedding.embeddings.1.embedding.text": "two",
            "llm.token_count.prompt": 2,
            "output.value": "[[0.1, 0.2]]",
        }
    )

    assert (span.input, span.output, span.model) == (["one", "two"], None, "text-embedding-3-small")
    assert span.usage == usage(input=2)


def test_what_few_spans_tell_is_read():
    """Session, end user, prompt, version, first token, claimed cost, parameters and tags have their places."""
    span = read(
        OPENAI
        | {
            "gen_ai.conversation.id": "talk",
            "user.id": "u-1",
            "gen_ai.prompt.name": "greeting",
            "gen_ai.prompt.version": "v3",
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.request.stream": True,
            "gen_ai.request.max_tokens": 100,
            "gen_ai.request.stop_sequences": ["END"],
            "llm.cost.total": 0.0000125,
            "tag.tags": ["blue", "green"],
            "metadata": '{"ticket": 7}',
            "openai.response.service_tier": "priority",
        }
    )

    assert (span.session_id, span.end_user) == ("talk", "u-1")
    assert (span.prompt_name, span.prompt_version) == ("greeting", 3)
    assert (span.first_token_ms, span.streamed) == (250, True)
    assert span.params == {"max_tokens": 100, "stop": ["END"]}
    assert span.claimed == 12_500_000
    assert span.tags == {"blue": "", "green": ""}
    assert span.metadata == {"ticket": 7}
    assert span.terms == {"service_tier": "priority"}


@pytest.mark.parametrize("name", ["First Token Stream Event", "llm.content.completion.chunk"])
def test_the_first_token_may_be_an_event(name):
    """The first such event says when the answer began to come, and that it was streamed."""
    events = [told.event(name, at=told.START + 40_000_000), told.event(name, at=told.START + 90_000_000)]

    assert (read(LLM, events=events).first_token_ms, read(LLM, events=events).streamed) == (40, True)


@pytest.mark.parametrize("claim", [float("nan"), float("inf"), -1.0, 1e300, "much", True, ["1"]])
def test_a_claim_that_is_no_amount_is_none(claim):
    """What cannot be dollars is not taken for them."""
    assert read(OPENAI | {"llm.cost.total": claim}).claimed is None


def test_a_version_that_is_no_number_links_to_nothing():
    """Versions here are numbers; the name of another's version is not guessed at."""
    assert read(OPENAI | {"gen_ai.prompt.version": "summer"}).prompt_version is None


def test_what_no_convention_knows_is_metadata():
    """Left-over attributes are kept as they are, by their whole names, each cut to a bound and at most a hundred."""
    span = read(OPENAI | {"my.own": 5, "my.own.list": [1, {"a": None}], "my.text": "x" * 9000, "ünïcode\0": True})

    assert span.metadata["my.own"] == 5
    assert span.metadata["my.own.list"] == [1, {"a": None}]
    assert len(span.metadata["my.text"]) == 8000
    assert span.metadata["ünïcode�"] is True
    assert len(read(OPENAI | {f"left.{n}": n for n in range(500)}).metadata) == 100


def test_names_are_never_paths():
    """A name with words that mean something to a language, or with huge numbers, is a name and nothing else."""
    hostile = {
        "__proto__.polluted": "yes",
        "constructor.prototype.polluted": "yes",
        "__class__.__init__.__globals__": "yes",
        "llm.input_messages.999999999999.message.content": "far away",
        "llm.input_messages.999999.message.content": "far",
        "llm.input_messages.-1.message.content": "before",
        "llm.input_messages.0.message.__class__": "odd",
        "llm.output_messages.0.message.tool_calls.9999.tool_call.function.name": "far",
        "gen_ai.prompt.0.__proto__.polluted": "yes",
        "traceloop.association.properties.__proto__": "yes",
    }
    span = read(LLM | hostile)

    assert span.metadata["__proto__.polluted"] == "yes"
    assert len(span.input) == 2
    assert len(span.output) < 200
    assert span.tags == {"__proto__": "yes"}
    assert not hasattr(object(), "polluted")


def test_an_attribute_without_a_value_says_nothing():
    """What the present name leaves open, the previous one may tell; an empty attribute is no metadata."""
    span = read({"gen_ai.provider.name": None, "gen_ai.system": "openai", "my.own": None})

    assert (span.provider, span.metadata) == ("openai", None)


def test_nul_is_kept_out():
    """No store can keep a NUL, so none comes through: in texts, in names, in JSON within a text."""
    span = read(
        OPENAI
        | {
            "gen_ai.input.messages": '[{"role": "user", "content": "a\\u0000b"}]',
            "gen_ai.completion": "a\0b",
            "my.list": ["a\0b", {"c\0d": "e"}],
        },
        name="na\0me",
    )

    assert "\0" not in repr(span)
    assert "\\x00" not in repr(span)
    assert span.input == [{"role": "user", "content": "a�b"}]
