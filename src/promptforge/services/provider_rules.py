"""What may be set for a provider, and how the secrets that belong to it are called."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit, urlunsplit

from promptforge.core.address import AllowedHosts, forbidden, literal
from promptforge.core.errors import InvalidInput
from promptforge.core.provider import Limits, Preset, Provider

MAX_CA = 65_536
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST = {"at_once": 10_000, "requests_per_minute": 1_000_000, "tokens_per_minute": 1_000_000_000}
_TIMES = {"connect_ms": (100, 60_000), "idle_ms": (1_000, 900_000)}


def key_name(name: str, preset: Preset) -> str:
    """The secret that holds the key: as the provider's variable is called, or after a name of the workspace's own."""
    return preset.key_variable if preset.key_variable and name == preset.name else f"{_upper(name)}_API_KEY"


def credentials_name(name: str) -> str:
    """The secret that holds the user and password of its proxy."""
    return f"{_upper(name)}_PROXY_CREDENTIALS"


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def checked(given: Provider, proxy: str | None, presets: Mapping[str, Preset], allowed: AllowedHosts) -> Provider:
    """What may be stored, in canonical form; InvalidInput says what is wrong, and where."""
    if not _NAME.fullmatch(given.name):
        raise InvalidInput(
            "the name of a provider begins with a small letter, and at most 39 small letters, digits or - follow",
            path="$.name",
        )
    if given.name == "demo":
        raise InvalidInput("the provider 'demo' is simulated: there is nothing to set", path="$.name")
    preset = presets.get(given.preset)
    if preset is None:
        known = ", ".join(f"'{one}'" for one in presets)
        raise InvalidInput(f"there is no preset '{given.preset[:60]}'; use one of {known}", path="$.preset")
    if given.name in presets and given.name != given.preset:
        raise InvalidInput(f"the name '{given.name}' is that of a preset: choose another", path="$.name")
    secret = key_name(given.name, preset)
    if given.name not in presets and any(secret == other.key_variable for other in presets.values()):
        raise InvalidInput(f"the name '{given.name}' would share the key {secret}: choose another", path="$.name")
    for name in ("region", "project", "api_version"):
        value = getattr(given, name)
        if value is not None and not _WORD.fullmatch(value):
            raise InvalidInput(f"{name} holds other characters than letters, digits, . _ and -", path=_path(name))
    _check_numbers(given.limits, given)
    return replace(
        given,
        base_url=_base_url(given.base_url, allowed) if given.base_url else None,
        proxy=proxy,
        ca=_authorities(given.ca),
    )


def split_proxy(text: str | None) -> tuple[str | None, str | None]:
    """A proxy's URL without its credentials, and these (``user:password``), None where there are none."""
    if not text:
        return None, None
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, None
    if parts is None or parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query:
        raise InvalidInput("the proxy must be http://host:port, with user:password@ before the host", path="$.proxy")
    plain = f"http://{f'[{host}]' if ':' in host else host}:{port or 80}"
    if parts.username is None:
        return plain, None
    return plain, f"{unquote(parts.username)}:{unquote(parts.password or '')}"


def _base_url(text: str, allowed: AllowedHosts) -> str:
    try:
        parts = urlsplit(text.strip())
        host, port = (parts.hostname or "").removesuffix("."), parts.port
        address = literal(host)
    except ValueError:
        raise InvalidInput("the base URL cannot be read as a URL", path="$.baseUrl") from None
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput("the base URL must begin with http:// or https:// and a host", path="$.baseUrl")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidInput("the base URL holds a user, a query or a fragment: leave them out", path="$.baseUrl")
    kind = forbidden(address) if address is not None else None
    if kind and not allowed.holds(str(address), port or (443 if parts.scheme == "https" else 80)):
        raise InvalidInput(
            f"{host} is {kind}; the operator can allow the host with PROMPTFORGE_OUTBOUND_ALLOW", path="$.baseUrl"
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _authorities(pem: str | None) -> str | None:
    if not pem or not pem.strip():
        return None
    if len(pem) > MAX_CA or not _is_pem(pem):
        raise InvalidInput(
            f"the CA must be certificates in PEM form (-----BEGIN CERTIFICATE-----), at most {MAX_CA:,} characters",
            path="$.ca",
        )
    return pem.strip() + "\n"


def _is_pem(text: str) -> bool:
    try:
        ssl.create_default_context(cadata=text)
    except (ValueError, ssl.SSLError):
        return False
    return True


def _check_numbers(limits: Limits, given: Provider) -> None:
    for name, most in _MOST.items():
        value = getattr(limits, name)
        if value is not None and not 1 <= value <= most:
            raise InvalidInput(f"{name} must be 1 to {most:,}, not {value}", path=_path(name))
    for name, (least, most) in _TIMES.items():
        value = getattr(given, name)
        if value is not None and not least <= value <= most:
            raise InvalidInput(f"{name} must be {least:,} to {most:,}, not {value}", path=_path(name))


def _path(name: str) -> str:
    """Where it stands in the API, whose times say what they are of."""
    head, *rest = (name.replace("_ms", "_timeout_ms")).split("_")
    return "$." + head + "".join(word.capitalize() for word in rest)
