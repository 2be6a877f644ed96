"""A provider of models: what is known of it, what a workspace set for it, and where a call of it goes."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from promptforge.core.execution import ErrorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A provider that is known before anybody sets anything.

    ``dialect`` names the format it speaks; ``base_url`` is None where it must be given, and may hold ``{region}``;
    *needs* are the further settings that must be given. ``key_variable`` and ``url_variable`` name what the process may
    be started with, and the first the secret that holds a workspace's key. ``priced_as`` is the name under which its
    models have prices. ``local``: its address is on the operator's machine, which others may call once the operator
    says so by setting the variable.
    """

    name: str
    title: str
    dialect: str
    base_url: str | None = None
    key_variable: str | None = None
    url_variable: str | None = None
    needs_key: bool = True
    needs: tuple[str, ...] = ()
    local: bool = False
    priced_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of the calls to one provider for one workspace; None: no limit of its own."""

    at_once: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a workspace set for a provider; what is None is as the preset has it.

    ``proxy`` is an HTTP proxy without its credentials, ``ca`` certificates (PEM) that are trusted in the place of the
    system's. ``idle_ms`` bounds the silence between two pieces of an answer.
    """

    workspace: str
    name: str
    preset: str
    base_url: str | None = None
    region: str | None = None
    project: str | None = None
    api_version: str | None = None
    limits: Limits = field(default_factory=Limits)
    connect_ms: int | None = None
    idle_ms: int | None = None
    proxy: str | None = None
    ca: str | None = None
    updated_at: datetime
    updated_by: str


class BreakerState(StrEnum):
    """Whether a provider is called: closed, it is; open, it is not; half open, one call tries it."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """What goes on at a provider for one workspace: calls on their way, those that wait for their turn, the breaker.

    ``failures`` are those in a row that were the provider's own; ``open_since`` and ``retry_at`` are there while the
    breaker is not closed.
    """

    running: int = 0
    waiting: int = 0
    breaker: BreakerState = BreakerState.CLOSED
    failures: int = 0
    open_since: datetime | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of a test of the connection. ``models`` is how many it listed, None where it has no list."""

    latency_ms: int
    problem: str | None = None
    error_type: ErrorType | None = None
    models: int | None = None

    @property
    def ok(self) -> bool:
        """Whether a call would have got through."""
        return self.problem is None


class KeySource(StrEnum):
    """Where a provider's key comes from."""

    WORKSPACE = "workspace"
    PROCESS = "process"
    NONE_NEEDED = "none_needed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Everything that a call needs; equal ones are the same way. Its repr shows no secret.

    ``trusted``: the operator chose the address, so that it may be anywhere; else only public hosts are called and those
    that the operator allowed. ``hint`` says what to do where the key is missing.
    """

    name: str
    preset: Preset
    base_url: str = field(repr=False)
    trusted: bool
    key: str | None = field(default=None, repr=False)
    key_name: str = ""
    hint: str = ""
    region: str | None = None
    project: str | None = None
    api_version: str | None = None
    connect_ms: int | None = None
    idle_ms: int | None = None
    proxy: str | None = None
    proxy_credentials: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no sentence may hold."""
        return tuple(one for one in (self.key, self.proxy_credentials) if one)
