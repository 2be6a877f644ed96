"""Settings: from the environment and one TOML file, each documented in docs/settings.md, unknown ones refused by name.

The environment wins over the file, the command line over both. The file is ``promptforge.toml`` in the home, or the
one that PROMPTFORGE_CONFIG names; its keys are the field names below.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

from promptforge.core.address import allowed_hosts
from promptforge.core.errors import SettingsError
from promptforge.core.json import is_array

PREFIX = "PROMPTFORGE_"
#: Ours too, but read by the client and the CLI rather than the server.
CLIENT_VARIABLES = frozenset({"PROMPTFORGE_API_KEY", "PROMPTFORGE_URL", "PROMPTFORGE_CONFIG"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", ""})  # noqa: S104  compared with, never bound


def _setting(default: object, doc: str, *, env: str | None = None, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"doc": doc, "env": env, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. A field without an ``env`` of its own is ``PROMPTFORGE_`` and its name."""

    home: Path = _setting(Path("~/.promptforge"), "Folder that holds all state; one process at a time.")
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8000, "Port to listen on; 0 takes a free one.")
    demo: bool = _setting(False, "Load the demo workspace behind the running server.")
    demo_executions: int = _setting(
        50_000, "How many calls the demo workspace gets; a chain execution comes beside each hundred."
    )
    admin_key: str | None = _setting(
        None, "At the first start: the administrator's key (pf_ and at least 32 characters).", secret=True
    )
    secret_key: tuple[str, ...] = _setting(
        (),
        "Keys for secrets, separated by commas, each of at least 32 characters: the first seals, all open. Without any "
        "it is `secret.key` in the home.",
        secret=True,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (), "Further host names, separated by commas, that browsers may reach this server by."
    )
    outbound_allow: tuple[str, ...] = _setting(
        (),
        "Hosts (`host` or `host:port`, separated by commas) that chains and providers of a workspace may call although "
        "their address is not public.",
    )
    deadline_ms: int = _setting(120_000, "How long a prompt run may take when the call does not say.")
    at_once: int = _setting(
        256,
        "How many calls of a workspace run at the same time at one provider that has no limit of its own; more wait.",
    )
    content_days: int = _setting(365, "Days that inputs and outputs are kept; figures stay.")
    min_free_mb: int = _setting(500, "Free disk space below which new work is refused.")
    backlog: int = _setting(400_000, "Finished executions that may wait for history before new ones are refused.")
    gateway_hang_up: str = _setting(
        "drain",
        "When a caller of the gateway goes before the answer is complete: `drain` takes the answer to its end, "
        "`cancel` cuts the provider off.",
    )
    gateway_at_once: int = _setting(1_000, "How many calls may be on their way through the gateway.")
    gateway_rate: int = _setting(0, "Calls a second that may come through the gateway with one key; 0: no limit.")
    gateway_max_mb: int = _setting(32, "The largest request that passes the gateway.")
    anthropic_api_key: str | None = _setting(None, "Key for Anthropic.", env="ANTHROPIC_API_KEY", secret=True)
    anthropic_base_url: str = _setting(
        "https://api.anthropic.com", "Where Anthropic's API is.", env="ANTHROPIC_BASE_URL"
    )
    openai_api_key: str | None = _setting(None, "Key for OpenAI.", env="OPENAI_API_KEY", secret=True)
    openai_base_url: str = _setting("https://api.openai.com/v1", "Where OpenAI's API is.", env="OPENAI_BASE_URL")
    gemini_api_key: str | None = _setting(None, "Key for Google's AI Studio.", env="GEMINI_API_KEY", secret=True)
    google_gemini_base_url: str | None = _setting(
        None, "Where AI Studio's API is, if elsewhere.", env="GOOGLE_GEMINI_BASE_URL"
    )
    azure_openai_api_key: str | None = _setting(None, "Key for Azure OpenAI.", env="AZURE_OPENAI_API_KEY", secret=True)
    azure_openai_endpoint: str | None = _setting(
        None, "Where the resource of Azure OpenAI is.", env="AZURE_OPENAI_ENDPOINT"
    )
    mistral_api_key: str | None = _setting(None, "Key for Mistral.", env="MISTRAL_API_KEY", secret=True)
    groq_api_key: str | None = _setting(None, "Key for Groq.", env="GROQ_API_KEY", secret=True)
    deepseek_api_key: str | None = _setting(None, "Key for DeepSeek.", env="DEEPSEEK_API_KEY", secret=True)
    together_api_key: str | None = _setting(None, "Key for Together.", env="TOGETHER_API_KEY", secret=True)
    openrouter_api_key: str | None = _setting(None, "Key for OpenRouter.", env="OPENROUTER_API_KEY", secret=True)
    xai_api_key: str | None = _setting(None, "Key for xAI.", env="XAI_API_KEY", secret=True)
    ollama_host: str | None = _setting(None, "Where Ollama is, for all workspaces.", env="OLLAMA_HOST")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never reach a record, a log or an error."""
        given = (getattr(self, f.name) for f in fields(self) if f.metadata["secret"])
        return tuple(each for value in given if value for each in ([value] if isinstance(value, str) else value))

    @property
    def provider_keys(self) -> Mapping[str, str]:
        """The keys of providers, by the variable that sets each."""
        named = (f.name for f in fields(self) if f.metadata["secret"] and f.name.endswith("_api_key"))
        return {variable(name): value for name in named if (value := getattr(self, name))}

    @property
    def base_urls(self) -> Mapping[str, str]:
        """The addresses of providers, by the variable that sets each."""
        given = {variable(name): value for name in _ADDRESSES if (value := getattr(self, name))}
        return {name: value if "://" in value else f"http://{_host(name, value)}" for name, value in given.items()}


_ADDRESSES = ("anthropic_base_url", "openai_base_url", "google_gemini_base_url", "azure_openai_endpoint", "ollama_host")


def _host(name: str, value: str) -> str:
    """An address without a scheme. Ollama's own variable is a host, a port behind a colon, or both."""
    if name != "OLLAMA_HOST":
        return value
    host, colon, port = value.rpartition(":") if not value.endswith("]") else (value, "", "")
    return f"{(host if colon else value) or '127.0.0.1'}:{port if colon else 11434}"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return next(f.metadata["env"] for f in fields(Settings) if f.name == name) or PREFIX + name.upper()


def load(environment: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read the settings; *overrides* (the command line) win, None among them means not given.

    SettingsError names an unknown or ill-formed setting and where it stands.
    """
    env = os.environ if environment is None else environment
    known = {f.name: f for f in fields(Settings)}
    given: dict[str, object] = {}
    for name in known:
        if (text := env.get(variable(name))) not in {None, ""}:
            given[name] = _parsed(name, text, f"the environment variable {variable(name)}")
    unknown = {v for v in env if v.startswith(PREFIX)} - CLIENT_VARIABLES - {variable(name) for name in known}
    if unknown:
        raise SettingsError(
            f"unknown setting in the environment: {', '.join(sorted(unknown))}; docs/settings.md lists them all"
        )
    overrides = {name: value for name, value in overrides.items() if value is not None}
    home = Path(str(overrides.get("home") or given.get("home") or known["home"].default)).expanduser()
    given = {**_file(home, env.get("PROMPTFORGE_CONFIG")), **given, **overrides, "home": home}
    settings = Settings(**given)  # type: ignore[arg-type]
    _check(settings)
    return settings


def _file(home: Path, named: str | None) -> dict[str, object]:
    path = Path(named).expanduser() if named else home / "promptforge.toml"
    if not path.exists():
        if named:
            raise SettingsError(f"PROMPTFORGE_CONFIG names {path}, which is not there")
        return {}
    try:
        table = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    known = {f.name for f in fields(Settings)} - {"home"}
    if unknown := sorted(set(table) - known):
        raise SettingsError(f"unknown setting in {path}: {', '.join(unknown)}; docs/settings.md lists them all")
    return {name: _parsed(name, value, str(path)) for name, value in table.items()}


def _parsed(name: str, value: object, where: str) -> object:
    annotation = Settings.__dataclass_fields__[name].type
    kinds = get_args(annotation) or (annotation,)
    if bool in kinds:
        texts = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if (found := texts.get(str(value).lower())) is not None:
            return found
        raise SettingsError(f"{name} in {where} must be true or false")
    if int in kinds:
        try:
            return int(str(value))
        except ValueError:
            raise SettingsError(f"{name} in {where} must be a whole number") from None
    if Path in kinds:
        return Path(str(value))
    if str in kinds and get_origin(annotation) is not tuple:
        if isinstance(value, str):
            return value
        raise SettingsError(f"{name} in {where} must be a text")
    items = value if is_array(value) else str(value).split(",")
    return tuple(str(item).strip() for item in items if str(item).strip())


def _check(settings: Settings) -> None:
    bounds = {
        "port": (0, 65535),
        "deadline_ms": (1, 900_000),
        "at_once": (1, 10_000),
        "content_days": (1, 36_500),
        "min_free_mb": (0, 10**9),
        "backlog": (1_000, 10**8),
        "demo_executions": (0, 10**7),
        "gateway_at_once": (1, 100_000),
        "gateway_rate": (0, 10**6),
        "gateway_max_mb": (1, 1_024),
    }
    for name, (low, high) in bounds.items():
        if not low <= getattr(settings, name) <= high:
            raise SettingsError(f"{name} must be from {low} to {high}")
    if settings.gateway_hang_up not in ("drain", "cancel"):
        raise SettingsError("gateway_hang_up must be drain or cancel")
    key = settings.admin_key
    if key is not None and (not key.startswith("pf_") or len(key) < 35):
        raise SettingsError(f"{variable('admin_key')} must be pf_ followed by at least 32 characters")
    try:
        allowed_hosts(settings.outbound_allow)
    except ValueError as error:
        raise SettingsError(f"{variable('outbound_allow')}: {error}") from None
    if any(len(each) < 32 for each in settings.secret_key):
        raise SettingsError(f"each key in {variable('secret_key')} must have at least 32 characters")
    for name, url in settings.base_urls.items():
        own = _is_own(url, settings)
        if own is None:
            raise SettingsError(f"{name} is not an http or https address")
        if own:
            raise SettingsError(
                f"{name} points at this server itself, which would call itself without end; give the provider's address"
            )


def _is_own(url: str, settings: Settings) -> bool | None:
    """Whether a provider's address is our own; None when it is no address."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    ours = {settings.host, *settings.allowed_hosts}
    same_host = parts.hostname in ours or (parts.hostname in _LOOPBACK and settings.host in _LOOPBACK)
    return same_host and port == settings.port
