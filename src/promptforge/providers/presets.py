"""The providers that are known: a table, in the order in which people see it.

A name is that under which the catalogue has prices, where it has any, so that a model's name says whose it is.
"""

from promptforge.core.provider import Preset

PRESETS = (
    Preset(
        name="openai",
        title="OpenAI",
        dialect="openai",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
    ),
    Preset(
        name="openai-responses",
        title="OpenAI (responses)",
        dialect="responses",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
        priced_as="openai",
    ),
    Preset(
        name="anthropic",
        title="Anthropic",
        dialect="anthropic",
        base_url="https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        url_variable="ANTHROPIC_BASE_URL",
    ),
    Preset(
        name="google",
        title="Google (AI Studio)",
        dialect="google",
        base_url="https://generativelanguage.googleapis.com",
        key_variable="GEMINI_API_KEY",
        url_variable="GOOGLE_GEMINI_BASE_URL",
    ),
    Preset(
        name="vertex",
        title="Google (Vertex AI)",
        dialect="vertex",
        base_url="https://{region}-aiplatform.googleapis.com",
        key_variable="VERTEX_ACCESS_TOKEN",
        needs=("project", "region"),
        priced_as="google",
    ),
    Preset(
        name="azure",
        title="Azure OpenAI",
        dialect="azure",
        key_variable="AZURE_OPENAI_API_KEY",
        url_variable="AZURE_OPENAI_ENDPOINT",
        needs=("base_url",),
    ),
    Preset(
        name="mistral",
        title="Mistral",
        dialect="mistral",
        base_url="https://api.mistral.ai/v1",
        key_variable="MISTRAL_API_KEY",
    ),
    Preset(
        name="groq",
        title="Groq",
        dialect="openai-compatible",
        base_url="https://api.groq.com/openai/v1",
        key_variable="GROQ_API_KEY",
    ),
    Preset(
        name="deepseek",
        title="DeepSeek",
        dialect="openai-compatible",
        base_url="https://api.deepseek.com/v1",
        key_variable="DEEPSEEK_API_KEY",
    ),
    Preset(
        name="together",
        title="Together",
        dialect="openai-compatible",
        base_url="https://api.together.xyz/v1",
        key_variable="TOGETHER_API_KEY",
    ),
    Preset(
        name="openrouter",
        title="OpenRouter",
        dialect="openai-compatible",
        base_url="https://openrouter.ai/api/v1",
        key_variable="OPENROUTER_API_KEY",
    ),
    Preset(
        name="x-ai",
        title="xAI",
        dialect="openai-compatible",
        base_url="https://api.x.ai/v1",
        key_variable="XAI_API_KEY",
    ),
    Preset(
        name="ollama",
        title="Ollama",
        dialect="ollama",
        base_url="http://localhost:11434",
        url_variable="OLLAMA_HOST",
        needs_key=False,
        local=True,
    ),
    Preset(
        name="lmstudio",
        title="LM Studio",
        dialect="openai-compatible",
        base_url="http://localhost:1234/v1",
        needs_key=False,
        local=True,
    ),
    Preset(name="vllm", title="vLLM", dialect="openai-compatible", needs=("base_url",), needs_key=False),
    Preset(
        name="openai-compatible",
        title="Any server that speaks OpenAI's format",
        dialect="openai-compatible",
        needs=("base_url",),
        needs_key=False,
    ),
)
BY_NAME = {preset.name: preset for preset in PRESETS}
