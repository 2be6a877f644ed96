"""The providers by name."""

import pytest

from promptforge.core.errors import InvalidInput, SettingsError
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure, ModelRequest
from promptforge.core.prompt import Message
from promptforge.providers.directory import open_providers

REQUEST = ModelRequest(model="m", messages=(Message(role="user", content="x"),), params={}, stream=False, remaining=5)


async def test_what_has_its_key_is_ready():
    """Ready means that a call has what it needs; the simulated provider always does."""
    providers = open_providers(anthropic_key="k")
    assert {name: providers.ready(name) for name in (*providers.names(), "no")} == {
        "anthropic": True,
        "openai": False,
        "demo": True,
        "no": False,
    }
    await providers.close()


@pytest.mark.parametrize(("name", "variable"), [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY")])
async def test_a_missing_key_names_the_variable_to_set(name, variable):
    """A call without a key fails as an authentication error that did no work, and says what to do."""
    provider = open_providers().get(name)
    assert provider.body(REQUEST)["model"] == "m"
    with pytest.raises(ModelFailure) as caught:
        await anext(provider.send(REQUEST))
    assert str(caught.value) == f"No API key for provider '{name}': set {variable} and start again"
    assert (caught.value.error_type, caught.value.refused) == (ErrorType.AUTHENTICATION, True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gemini", "'gemini' cannot be called"),
        ("google", "'gemini' cannot"),
        ("ollama", "'ollama' cannot"),
        ("x", "no provider 'x'"),
    ],
)
def test_other_names_get_a_clear_sentence(name, says):
    """Known but not built, and unknown, are told apart; both list what can be called."""
    with pytest.raises(InvalidInput, match=says) as caught:
        open_providers().get(name)
    assert "'anthropic', 'openai', 'demo'" in str(caught.value)


def test_a_simulated_model_says_whose_it_is():
    """Only the simulated models belong to a provider by name alone."""
    providers = open_providers()
    assert providers.of_model("demo-small") == "demo"
    assert providers.of_model("gpt-4o") is None


def test_a_provider_shows_no_key():
    """Neither repr nor str of a provider holds its key or the credentials of its address."""
    providers = open_providers(openai_key="sk-hidden-123456", openai_url="http://user:pass-word@localhost:1/v1")
    shown = f"{providers.get('openai')!r} {providers.get('openai')} {providers!r}"
    assert "sk-hidden" not in shown
    assert "pass-word" not in shown


@pytest.mark.parametrize(
    ("key", "says"), [("sk-a\nb", "holds characters"), ("schlüssel", "holds characters"), (" \n", "No API key")]
)
async def test_a_key_that_is_none_is_told_before_anything_is_sent(key, says):
    """A key with a line break would be a second header; it is refused by the name of its variable."""
    with pytest.raises(ModelFailure, match=says) as caught:
        await anext(open_providers(openai_key=key).get("openai").send(REQUEST))
    assert "OPENAI_API_KEY" in str(caught.value)
    assert caught.value.error_type is ErrorType.AUTHENTICATION


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://h/v1", "http://", "http://h:port/v1", "/v1", "https://[::1"]
)
def test_an_address_that_is_none_names_its_setting(url):
    """A base URL that cannot be called stops the start with a sentence, not the first call with a traceback."""
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is no address"):
        open_providers(openai_key="k", openai_url=url)
