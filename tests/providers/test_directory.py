"""The ways to providers: what is known, and what an endpoint shows of itself."""

import pytest

from kit.providers import HINT, endpoint, opened
from promptforge.core.errors import SettingsError
from promptforge.core.execution import ErrorType
from promptforge.core.model import ModelFailure, ModelRequest
from promptforge.core.prompt import Message
from promptforge.providers.directory import DIALECTS, HttpConnections
from promptforge.providers.presets import PRESETS

REQUEST = ModelRequest(model="m", messages=(Message(role="user", content="x"),), params={}, stream=False, remaining=5)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_whole(preset):
    """Its format is one that is spoken, its address is there or asked for, and a key that is due has a variable."""
    assert preset.dialect in DIALECTS
    assert preset.base_url or "base_url" in preset.needs or preset.needs
    assert preset.key_variable or not preset.needs_key


def test_a_preset_has_its_name_and_its_key_alone():
    """No two share a name, nor the variable of a key, which is also the name of a secret, but at one address."""
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)
    keys = {(preset.key_variable, preset.base_url) for preset in PRESETS if preset.key_variable}
    assert len(keys) == len({variable for variable, _ in keys})


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_missing_key_says_what_to_do(name):
    """A call without a key fails as an authentication error that did no work, and says what to do."""
    provider = opened(name)
    assert provider.body(REQUEST)["model"] == "m"
    with pytest.raises(ModelFailure) as caught:
        await anext(provider.send(REQUEST))
    assert str(caught.value) == f"No API key for provider '{name}': {HINT}"
    assert (caught.value.error_type, caught.value.refused) == (ErrorType.AUTHENTICATION, True)


def test_a_simulated_model_says_whose_it_is():
    """Only the simulated models belong to a provider by name alone."""
    connections = HttpConnections()
    assert connections.of_model("demo-small") == "demo"
    assert connections.of_model("gpt-4o") is None


def test_a_provider_shows_no_key():
    """Neither repr nor str of a provider or its endpoint holds its key or the credentials of its address."""
    url = "http://user:pass-word@localhost:1/v1"
    provider = opened("openai", "sk-hidden-123456", url, proxy_credentials="me:proxy-word")
    shown = f"{provider!r} {provider} {provider.endpoint!r}"
    for secret in ("sk-hidden", "pass-word", "proxy-word"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("key", "says"), [("sk-a\nb", "holds characters"), ("schlüssel", "holds characters"), (" \n", "No API key")]
)
async def test_a_key_that_is_none_is_told_before_anything_is_sent(key, says):
    """A key with a line break would be a second header; it is refused by the name of where it is from."""
    with pytest.raises(ModelFailure, match=says) as caught:
        await anext(opened("openai", key).send(REQUEST))
    assert caught.value.error_type is ErrorType.AUTHENTICATION


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://h/v1", "http://", "http://h:port/v1", "/v1", "https://[::1"]
)
def test_an_address_that_is_none_names_its_setting(url):
    """A base URL that cannot be called is told with the variable that set it, not with a traceback."""
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is no address"):
        HttpConnections().open(endpoint("openai", url, "k"))
