"""Turn instrumentations on, as their manuals say; where the spans go is in the environment alone."""

import importlib

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

INSTRUMENTORS = {
    "openinference-openai": ("openinference.instrumentation.openai", "OpenAIInstrumentor"),
    "openinference-anthropic": ("openinference.instrumentation.anthropic", "AnthropicInstrumentor"),
    "openinference-langchain": ("openinference.instrumentation.langchain", "LangChainInstrumentor"),
    "opentelemetry-openai": ("opentelemetry.instrumentation.openai_v2", "OpenAIInstrumentor"),
    "openllmetry-anthropic": ("opentelemetry.instrumentation.anthropic", "AnthropicInstrumentor"),
}


def instrument(names: list[str]) -> TracerProvider:
    """Trace what these instrumentations see, or what the SDK tells by itself; to be shut down before leaving."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    for name in names:
        if name in INSTRUMENTORS:
            module, instrumentor = INSTRUMENTORS[name]
            getattr(importlib.import_module(module), instrumentor)().instrument()
    return provider
