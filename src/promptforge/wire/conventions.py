"""The conventions by which programs describe calls of models in spans, as one table of data.

``TABLE`` says of an attribute's name which bucket of facts it belongs in and what it is called there; ``FAMILIES`` does
so for names that hold a number or a word of the program's own. A name is only ever looked up: nothing is built along
its dots. What several conventions tell of is taken from the current GenAI names, then from the previous ones and
OpenLLMetry's, then from OpenInference's.
"""

import re
from collections.abc import Mapping

from promptforge.core.execution import ErrorType

#: The buckets that facts are put into while a span is read. ``IGNORED`` is what says nothing beyond its fellows.
#: From ``COUNTS`` on, attributes are kept word for word as the usage that was reported.
CURRENT, PREVIOUS, OPENINFERENCE, PARAMS, TAGS, IGNORED, COUNTS, OPENINFERENCE_COUNTS = range(8)

#: OpenTelemetry's conventions for generative AI (OpenAI's own among them), as they are now.
_CURRENT = {
    "gen_ai.operation.name": "operation",
    "gen_ai.provider.name": "provider",
    "gen_ai.request.model": "model",
    "gen_ai.request.stream": "streamed",
    "gen_ai.response.model": "response_model",
    "gen_ai.response.id": "request_id",
    "gen_ai.response.finish_reasons": "finish_reasons",
    "gen_ai.response.time_to_first_chunk": "first_token_seconds",
    "gen_ai.input.messages": "input_messages",
    "gen_ai.output.messages": "output_messages",
    "gen_ai.system_instructions": "instructions",
    "gen_ai.tool.call.arguments": "input_value",
    "gen_ai.tool.call.result": "output_value",
    "gen_ai.prompt.name": "prompt_name",
    "gen_ai.prompt.version": "prompt_version",
    "gen_ai.conversation.id": "session_id",
    "openai.response.service_tier": "service_tier",
    "user.id": "end_user",
    "session.id": "other_session_id",
    "error.type": "error_type",
    "exception.type": "exception_type",
    "exception.message": "exception_message",
    "exception.stacktrace": "stack_trace",
}
#: The same as they were, and what OpenLLMetry (Traceloop) and others write beside them.
_PREVIOUS = {
    "gen_ai.system": "provider",
    "gen_ai.prompt": "input_messages",
    "gen_ai.completion": "output_messages",
    "gen_ai.is_streaming": "streamed",
    "gen_ai.response.finish_reason": "finish_reasons",
    "gen_ai.response.stop_reason": "finish_reasons",
    "anthropic.message.stop_reason": "finish_reasons",
    "http.response.status_code": "http_status",
    "gen_ai.openai.response.service_tier": "service_tier",
    "gen_ai.user": "end_user",
    "gen_ai.usage.cost": "claimed",
    "operation.cost": "claimed",
    "enduser.id": "end_user",
    "llm.request.type": "request_type",
    "llm.is_streaming": "streamed",
    "llm.user": "end_user",
    "llm.response.finish_reason": "finish_reasons",
    "llm.response.stop_reason": "finish_reasons",
    "traceloop.span.kind": "traceloop_kind",
    "traceloop.entity.input": "input_value",
    "traceloop.entity.output": "output_value",
    "traceloop.prompt.key": "prompt_name",
    "traceloop.prompt.version": "prompt_version",
}
#: OpenInference, which Phoenix made.
_OPENINFERENCE = {
    "openinference.span.kind": "openinference_kind",
    "llm.provider": "provider",
    "llm.system": "other_provider",
    "llm.model_name": "used_model",
    "llm.request.model_name": "model",
    "llm.response.model_name": "response_model",
    "llm.invocation_parameters": "params",
    "llm.tools": "tools",
    "llm.finish_reason": "finish_reasons",
    "llm.cost.total": "claimed",
    "llm.prompt_template.version": "prompt_version",
    "embedding.model_name": "used_model",
    "embedding.invocation_parameters": "params",
    "reranker.model_name": "used_model",
    "input.value": "input_value",
    "input.mime_type": "input_type",
    "output.value": "output_value",
    "output.mime_type": "output_type",
    "metadata": "metadata",
    "tag.tags": "tags",
}
#: What a program asked the model for beside the messages: the name that providers give it.
_PARAMS = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.max_completion_tokens": "max_completion_tokens",
    "gen_ai.request.seed": "seed",
    "gen_ai.request.stop_sequences": "stop",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.repetition_penalty": "repetition_penalty",
    "gen_ai.request.choice.count": "n",
    "gen_ai.request.n": "n",
    "gen_ai.request.encoding_formats": "encoding_formats",
    "gen_ai.request.reasoning_effort": "reasoning_effort",
    "gen_ai.request.reasoning.level": "reasoning_effort",
    "gen_ai.request.service_tier": "service_tier",
    "gen_ai.openai.request.seed": "seed",
    "gen_ai.openai.request.service_tier": "service_tier",
    "gen_ai.openai.request.response_format": "response_format",
    "openai.request.service_tier": "service_tier",
    "gen_ai.embeddings.dimension.count": "dimensions",
    "gen_ai.output.type": "output_type",
    "gen_ai.tool.definitions": "tools",
    "llm.frequency_penalty": "frequency_penalty",
    "llm.presence_penalty": "presence_penalty",
    "llm.top_k": "top_k",
    "llm.chat.stop_sequences": "stop",
    "llm.request.functions": "tools",
}
#: Counts of tokens. ``input`` and ``output`` are totals, the rest parts of them or counts beside them: see
#: ``wire/span_usage``.
_COUNTS = {
    "gen_ai.usage.input_tokens": "input",
    "gen_ai.usage.prompt_tokens": "input",
    "gen_ai.usage.output_tokens": "output",
    "gen_ai.usage.completion_tokens": "output",
    "gen_ai.usage.total_tokens": "total",
    "llm.usage.prompt_tokens": "input",
    "llm.usage.completion_tokens": "output",
    "llm.usage.total_tokens": "total",
    "gen_ai.usage.cache_read.input_tokens": "cache_read",
    "gen_ai.usage.cache_read_input_tokens": "cache_read",
    "gen_ai.usage.details.cache_read_tokens": "cache_read",
    "gen_ai.usage.details.cache_read_input_tokens": "cache_read",
    "gen_ai.usage.details.cached_tokens": "cache_read",
    "gen_ai.usage.cache_write.input_tokens": "cache_write",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write",
    "gen_ai.usage.cache_creation_input_tokens": "cache_write",
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "gen_ai.usage.details.cache_write_tokens": "cache_write",
    "gen_ai.usage.details.cache_creation_input_tokens": "cache_write",
    "gen_ai.usage.reasoning.output_tokens": "reasoning",
    "gen_ai.usage.reasoning_tokens": "reasoning",
    "gen_ai.usage.details.reasoning_tokens": "reasoning",
    "gen_ai.usage.details.thoughts_tokens": "reasoning",
    "llm.usage.reasoning_tokens": "reasoning",
    "gen_ai.usage.audio.input_tokens": "input_audio",
    "gen_ai.usage.details.input_audio_tokens": "input_audio",
    "gen_ai.usage.audio.cache_read.input_tokens": "input_audio_cache_read",
    "gen_ai.usage.details.cache_audio_read_tokens": "input_audio_cache_read",
    # text is what is left
    "gen_ai.usage.text.input_tokens": "input_text",
    "gen_ai.usage.text.cache_read.input_tokens": "input_text_cache_read",
    "gen_ai.usage.text.output_tokens": "output_text",
    "gen_ai.usage.image.input_tokens": "input_image",
    "gen_ai.usage.image.cache_read.input_tokens": "input_image_cache_read",
    "gen_ai.usage.audio.output_tokens": "output_audio",
    "gen_ai.usage.details.output_audio_tokens": "output_audio",
    "gen_ai.usage.image.output_tokens": "output_image",
}
_OPENINFERENCE_COUNTS = {
    "llm.token_count.prompt": "input",
    "llm.token_count.completion": "output",
    "llm.token_count.total": "total",
    "llm.token_count.prompt_details.cache_read": "cache_read",
    "llm.token_count.prompt_details.cache_write": "cache_write",
    "llm.token_count.prompt_details.audio": "input_audio",
    "llm.token_count.completion_details.reasoning": "reasoning",
    "llm.token_count.completion_details.audio": "output_audio",
}
#: Said once more elsewhere, or of no use to whoever reads the record.
_IGNORED = (
    "gen_ai.token.type",
    "embedding.embeddings",
    "llm.prompts",
    "llm.choices",
    "llm.cost.prompt",
    "llm.cost.completion",
    "traceloop.entity.path",
)

TABLE: Mapping[str, tuple[int, str]] = {
    **{name: (IGNORED, name) for name in _IGNORED},
    **{name: (CURRENT, field) for name, field in _CURRENT.items()},
    **{name: (PREVIOUS, field) for name, field in _PREVIOUS.items()},
    **{name: (OPENINFERENCE, field) for name, field in _OPENINFERENCE.items()},
    **{name: (PARAMS, field) for name, field in _PARAMS.items()},
    **{name: (COUNTS, field) for name, field in _COUNTS.items()},
    **{name: (OPENINFERENCE_COUNTS, field) for name, field in _OPENINFERENCE_COUNTS.items()},
}

#: What the rest of a name means that begins with two words: a part of a numbered message (``input``, ``output``,
#: ``texts`` to embed, ``tools``), a tag with a name of the program's own (``tag``), a count unknown here (``count``).
FAMILIES: Mapping[str, str] = {
    "gen_ai.prompt": "input",
    "gen_ai.completion": "output",
    "llm.input_messages": "input",
    "llm.output_messages": "output",
    "llm.prompts": "input",
    "llm.choices": "output",
    "embedding.embeddings": "texts",
    "llm.tools": "tools",
    "traceloop.association": "tag",
    "gen_ai.usage": "count",
    "llm.usage": "count",
    "anthropic.usage": "count",
    "llm.token_count": "count",
}

#: Spans' events that are messages: the role that their name stands for; ``choice`` is an answer.
MESSAGE_EVENTS: Mapping[str, str] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "choice",
}
#: Events whose attributes are the span's own, told apart from it.
DETAIL_EVENTS = frozenset(
    {
        "gen_ai.client.inference.operation.details",
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
    }
)
#: Events that say that an answer has begun to come.
FIRST_TOKEN_EVENTS = frozenset(
    {"First Token Stream Event", "llm.content.completion.chunk", "gen_ai.content.completion.chunk"}
)

#: Whether a span is a call of a model, by what its kind is called. A kind that stands in none says nothing.
CALLS_MODEL: Mapping[str, Mapping[str, bool]] = {
    "operation": {
        **dict.fromkeys(("chat", "text_completion", "completion", "generate_content", "embeddings", "embedding"), True),
        **dict.fromkeys(("responses", "image_generation", "speech", "transcription"), True),
        **dict.fromkeys(("invoke_agent", "create_agent", "execute_tool", "invoke_workflow", "retrieval"), False),
        **dict.fromkeys(("execute_task", "vector_db_retrieve", "rerank", "evaluate", "plan"), False),
    },
    "openinference_kind": {
        **dict.fromkeys(("LLM", "EMBEDDING"), True),
        **dict.fromkeys(("CHAIN", "TOOL", "AGENT", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR"), False),
    },
    "request_type": {**dict.fromkeys(("chat", "completion", "embedding"), True), "rerank": False},
    "traceloop_kind": dict.fromkeys(("workflow", "task", "agent", "tool"), False),
}
#: Kinds that embed: what comes out is numbers, which nobody reads.
EMBEDS = frozenset({"embeddings", "embedding", "EMBEDDING"})

#: Who runs models, by our names, which are those of the price data.
PROVIDERS: Mapping[str, str] = {
    **dict.fromkeys(("azure.ai.openai", "az.ai.openai", "azure.ai.inference", "az.ai.inference"), "azure"),
    **dict.fromkeys(("azure_openai", "azure-openai", "azure_ai"), "azure"),
    **dict.fromkeys(("aws.bedrock", "aws_bedrock", "bedrock", "amazon", "amazon_bedrock"), "aws"),
    **dict.fromkeys(("gcp.vertex_ai", "gcp.gemini", "gcp.gen_ai", "gemini", "google_genai"), "google"),
    **dict.fromkeys(("vertex_ai", "vertexai", "google_vertexai", "google-vertex", "google.generativeai"), "google"),
    **dict.fromkeys(("x_ai", "xai"), "x-ai"),
    **dict.fromkeys(("mistral_ai", "mistralai", "mistral-ai"), "mistral"),
    **dict.fromkeys(("together_ai", "together-ai", "togetherai"), "together"),
    **dict.fromkeys(("fireworks_ai", "fireworks-ai"), "fireworks"),
    **dict.fromkeys(("moonshot_ai", "moonshot"), "moonshotai"),
    **dict.fromkeys(("perplexity_ai", "perplexityai"), "perplexity"),
    **dict.fromkeys(("voyage", "voyage_ai"), "voyageai"),
    "anthropic_bedrock": "aws",
}

#: Instrumentations that are part of a provider's own SDK: what they count is what the provider told.
FIRST_HAND = frozenset({"com.anthropic.sdk.python"})

#: In a provider's answer as it came: its id, and what it was billed by. A quotation mark within one of its texts stands
#: behind a backslash, so nothing that a model writes is found.
RESPONSE_ID = re.compile(r'"id":\s*"((?:chatcmpl|cmpl|msg|resp|gen)[-_][\w-]{8,200})"')
SERVICE_TIER = re.compile(r'"service_tier":\s*"(\w{1,40})"')

#: What an exception or an ``error.type`` stands for, by the last word of its name without ``Error`` or ``Exception``,
#: in lower case.
ERRORS: Mapping[str, ErrorType] = {
    **dict.fromkeys(("authentication", "permissiondenied", "unauthorized", "forbidden"), ErrorType.AUTHENTICATION),
    **dict.fromkeys(("accessdenied", "unauthenticated", "invalidapikey", "expiredtoken"), ErrorType.AUTHENTICATION),
    **dict.fromkeys(("badrequest", "invalidrequest", "unprocessableentity", "notfound"), ErrorType.VALIDATION),
    **dict.fromkeys(("validation", "invalidargument", "conflict", "requesttoolarge"), ErrorType.VALIDATION),
    **dict.fromkeys(("contextwindowexceeded", "unsupportedparams"), ErrorType.VALIDATION),
    **dict.fromkeys(("ratelimit", "toomanyrequests", "throttling", "resourceexhausted"), ErrorType.RATE_LIMIT),
    **dict.fromkeys(("quotaexceeded", "servicequotaexceeded", "budgetexceeded"), ErrorType.RATE_LIMIT),
    **dict.fromkeys(("apitimeout", "timeout", "readtimeout", "connecttimeout", "writetimeout"), ErrorType.TIMEOUT),
    **dict.fromkeys(("pooltimeout", "deadlineexceeded", "modeltimeout", "gatewaytimeout"), ErrorType.TIMEOUT),
    **dict.fromkeys(("apiconnection", "connect", "connection", "remoteprotocol", "read"), ErrorType.NETWORK),
    **dict.fromkeys(("connectionreset", "connectionrefused", "clientconnector", "ssl"), ErrorType.NETWORK),
    **dict.fromkeys(("internalserver", "api", "apistatus", "apiresponsevalidation"), ErrorType.PROVIDER),
    **dict.fromkeys(("serviceunavailable", "overloaded", "badgateway", "modelnotready"), ErrorType.PROVIDER),
    **dict.fromkeys(("contentfilter", "contentfilterfinishreason", "contentpolicyviolation"), ErrorType.CONTENT_FILTER),
    **dict.fromkeys(("blockedprompt", "stopcandidate", "responsibleaipolicyviolation"), ErrorType.CONTENT_FILTER),
    **dict.fromkeys(("cancelled", "keyboardinterrupt", "generatorexit", "clientdisconnect"), ErrorType.CANCELLED),
    **dict.fromkeys(("type", "value", "key", "attribute", "index", "runtime", "jsondecode"), ErrorType.INTERNAL),
}
