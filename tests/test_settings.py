"""Settings: where they come from, and what is refused."""

from pathlib import Path

import pytest

from promptforge.core.errors import SettingsError
from promptforge.settings import load

KEY = "pf_" + "k" * 40


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path):
    """Three places, one order."""
    (tmp_path / "promptforge.toml").write_text('port = 1\nhost = "::1"\ndeadline_ms = 7\n')
    env = {"PROMPTFORGE_HOME": str(tmp_path), "PROMPTFORGE_PORT": "2", "PROMPTFORGE_HOST": "127.0.0.2"}

    settings = load(env, port=3)

    assert (3, "127.0.0.2", 7) == (settings.port, settings.host, settings.deadline_ms)


@pytest.mark.parametrize(
    ("env", "file", "sentence"),
    [
        ({"PROMPTFORGE_PROT": "1"}, "", "unknown setting in the environment: PROMPTFORGE_PROT"),
        ({}, "prot = 1", "unknown setting in .*promptforge.toml: prot"),
        ({}, "port = ", "cannot be read"),
        ({"PROMPTFORGE_PORT": "many"}, "", "PROMPTFORGE_PORT must be a whole number"),
        ({"PROMPTFORGE_PORT": "70000"}, "", "port must be from 0 to 65535"),
        ({"PROMPTFORGE_DEMO": "perhaps"}, "", "must be true or false"),
        ({}, "host = 3", "must be a text"),
        ({"PROMPTFORGE_SECRET_KEY": f"{KEY},short"}, "", "each key in PROMPTFORGE_SECRET_KEY must have"),
        ({"PROMPTFORGE_ADMIN_KEY": "secret"}, "", "PROMPTFORGE_ADMIN_KEY must be pf_"),
        ({"PROMPTFORGE_CONFIG": "/nowhere.toml"}, "", "which is not there"),
        ({"OPENAI_BASE_URL": "ftp://x"}, "", "OPENAI_BASE_URL is not an http or https address"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, env, file, sentence):
    """An unknown or ill-formed setting stops the start with its name and place."""
    (tmp_path / "promptforge.toml").write_text(file)

    with pytest.raises(SettingsError, match=sentence):
        load({"PROMPTFORGE_HOME": str(tmp_path), **env})


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "http://localhost:8000", "http://[::1]:8000/v1", "http://forge.example:8000/x"],
)
def test_a_base_url_that_is_ourselves_is_refused(tmp_path, url):
    """A provider address that leads back to this server would call itself without end."""
    env = {"OPENAI_BASE_URL": url, "PROMPTFORGE_ALLOWED_HOSTS": "forge.example"}

    with pytest.raises(SettingsError, match="points at this server itself"):
        load(env, home=tmp_path)
    assert 8001 == load(env, home=tmp_path, port=8001).port


def test_the_clients_variables_are_not_unknown(tmp_path):
    """A shell that is set up for the client can start the server too."""
    env = {"PROMPTFORGE_API_KEY": KEY, "PROMPTFORGE_URL": "http://x"}

    assert Path(tmp_path) == load(env, home=tmp_path).home


def test_secrets_do_not_show(tmp_path):
    """Printing the settings prints no key, and the gate is told each of them."""
    sealing = [f"canary-{n}-of-at-least-32-characters" for n in (1, 2)]
    env = {"ANTHROPIC_API_KEY": "sk-canary-1", "PROMPTFORGE_ADMIN_KEY": KEY}
    settings = load(env | {"PROMPTFORGE_SECRET_KEY": ", ".join(sealing)}, home=tmp_path)

    assert "canary" not in repr(settings)
    assert KEY not in repr(settings)
    assert {"sk-canary-1", KEY, *sealing} == set(settings.secrets)


def test_an_allowed_host_that_is_none_stops_the_start(tmp_path):
    """A mistake in the list would otherwise close, or open, a door that nobody looks at."""
    given = {"PROMPTFORGE_HOME": str(tmp_path), "PROMPTFORGE_OUTBOUND_ALLOW": "intranet.example:8080, 10.0.0.7"}
    assert load(given).outbound_allow == ("intranet.example:8080", "10.0.0.7")
    with pytest.raises(SettingsError, match=r"^PROMPTFORGE_OUTBOUND_ALLOW: '10\.0\.0\.0/8' is not host or host:port$"):
        load(given | {"PROMPTFORGE_OUTBOUND_ALLOW": "10.0.0.0/8"})


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("gpu", "http://gpu:11434"),
        (":8080", "http://127.0.0.1:8080"),
        ("gpu:8080", "http://gpu:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("http://gpu", "http://gpu"),
    ],
)
def test_ollamas_own_variable_is_read_as_ollama_reads_it(tmp_path, told, address):
    """A host, a port or both, with Ollama's own port where none is given; or a whole address."""
    env = {"PROMPTFORGE_HOME": str(tmp_path), "OLLAMA_HOST": told}
    assert load(env).base_urls["OLLAMA_HOST"] == address
