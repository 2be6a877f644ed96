"""The providers that are known: a table, in the order in which people see it."""

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
        name="anthropic",
        title="Anthropic",
        dialect="anthropic",
        base_url="https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        url_variable="ANTHROPIC_BASE_URL",
    ),
    Preset(
        name="openai-compatible",
        title="Any server that speaks OpenAI's format",
        dialect="openai",
        needs=("base_url",),
        needs_key=False,
    ),
)
BY_NAME = {preset.name: preset for preset in PRESETS}
