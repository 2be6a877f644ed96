"""The ports: what services ask of the rooms with I/O. Only ``forge`` names the adapters behind them.

Every port has one contract suite in ``tests/contracts/``, run against each adapter that exists.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from promptforge.core.access import Key, Role, User, Workspace
from promptforge.core.backup import Written
from promptforge.core.doctor import Checkup
from promptforge.core.erasure import Erasure
from promptforge.core.execution import Execution, Json, Source
from promptforge.core.filter import Filter
from promptforge.core.model import Delta, ModelRequest, Reply
from promptforge.core.outbound import OutboundReply, OutboundRequest
from promptforge.core.price import Line
from promptforge.core.prompt import Prompt, PromptVersion
from promptforge.core.provider import Endpoint, Preset
from promptforge.core.pruning import Pruned
from promptforge.core.query import (
    Breakdown,
    Counts,
    Executions,
    Export,
    Groups,
    Page,
    Problem,
    Recorded,
    RecordHealth,
    Refusals,
    Seen,
    StoreSize,
)
from promptforge.core.retention import ContentPolicy, Retention, Rule
from promptforge.core.secret import Secret
from promptforge.core.upstream import UpstreamReply, UpstreamRequest
from promptforge.core.usage import Usage


class Clock(Protocol):
    """Time and chance, so that tests can fix both."""

    def now(self) -> datetime:
        """Aware UTC, cut to milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds, for durations only."""
        ...

    def bits(self) -> int:
        """80 random bits for an id."""
        ...


# ── the record ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Claim:
    """An idempotency key (per workspace, 24 hours) with a fingerprint of the input that it stands for."""

    key: str
    fingerprint: str


class Record(Protocol):
    """The execution record as services see it: durable before it returns, readable at once."""

    async def open(self, execution: Execution, claim: Claim | None = None) -> str:
        """Make a pending execution durable and visible; return its id.

        When *claim* was made before with the same fingerprint, nothing is written and the earlier id returns;
        Conflict when the fingerprint differs; Unavailable when nothing could be kept.
        """
        ...

    async def close(self, execution: Execution) -> None:
        """Make the final state durable, then announce it. A second close of one id changes nothing."""
        ...

    async def record(self, executions: Sequence[Execution]) -> Recorded:
        """Make finished executions from outside durable; a known id is dropped and counted as duplicate."""
        ...

    async def get(self, workspace: str, execution_id: str) -> Execution | None:
        """One execution with its content, wherever it is on its way."""
        ...

    async def page(self, query: Page) -> Executions:
        """A page, open runs included."""
        ...

    async def export(self, workspace: str, filter: Filter, *, content: bool) -> Export:
        """Everything that is finished and passes *filter*; Unavailable when history is too far behind to hold it."""
        ...

    async def figures(self, query: Breakdown) -> Groups:
        """Figures, open runs included as pending."""
        ...

    async def seen(self, workspace: str, limit: int) -> Sequence[Seen]:
        """The services that anything of is recorded, the one with the newest first; open runs included."""
        ...

    def watch(self, workspace: str) -> AsyncIterator[Execution]:
        """Each execution of the workspace as it is opened or closed, from now on; a slow reader loses the oldest."""
        ...

    async def erase(self, workspace: str) -> None:
        """Remove everything of a workspace."""
        ...

    async def erase_end_user(self, workspace: str, end_user: str) -> Erasure:
        """Take content, end user, session and tags of an end user's executions off the disk; figures stay.

        What is open says no more when it is closed. What was cut short is done again from its start; Conflict while a
        backup is written, Unavailable when old bytes could not be removed.
        """
        ...

    async def prune(self, workspace: str, before: datetime, *, dry: bool) -> Pruned:
        """Remove what was made before and has arrived in history, figures too; *dry*: only say what that is.

        Chain executions go with their calls; what is open or on its way stays. What was cut short is done again from
        its start; Conflict while a backup is written.
        """
        ...

    def health(self) -> RecordHealth:
        """Where the record stands as a whole, without waiting for anything."""
        ...

    async def health_of(self, workspace: str) -> RecordHealth:
        """Where it stands for one workspace: what it has open, and what of it waits."""
        ...

    def counters(self, workspace: str | None = None) -> Mapping[Source, Counts]:
        """What was offered by each road since the start, to one workspace or all, and what became of it; an opened run
        is stored."""
        ...

    def refused(self, workspace: str, source: Source, count: int, *, service: str | None = None, why: str = "") -> None:
        """Count what was offered and is no execution, so that it came no further."""
        ...

    def refusals(self, workspace: str) -> Mapping[str | None, Refusals]:
        """What of it was refused since the start, by service; None holds what no known service sent."""
        ...

    def problems(self) -> Sequence[Problem]:
        """The last things that went wrong, newest first; what none but the operator may see."""
        ...

    def back_up(self, request: str) -> AsyncGenerator[Written]:
        """Write a copy of the home into the folder that a request in the home names, and say how far it is.

        Conflict when the folder is not empty, or another backup is being written; what fails leaves it empty.
        """
        ...

    async def checkup(self, *, late: datetime, since: datetime) -> Checkup:
        """What is wrong with the stores; *late*: what was opened before and is still open hangs; *since*: prices."""
        ...

    async def sizes(self) -> Sequence[StoreSize]:
        """What journal and history take; Unavailable when one does not answer."""
        ...


# ── the catalog ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptQuery:
    workspace: str
    mine: str | None = None
    search: str | None = None
    archived: bool = False
    limit: int = 50
    offset: int = 0


class PromptCatalog(Protocol):
    """Prompts, versions, labels. Versions are written once; names are unique among a workspace's unarchived prompts."""

    async def create(self, prompt: Prompt, first: PromptVersion | None = None) -> None:
        """Store a prompt, with its first version where given; Conflict when the name is taken."""
        ...

    async def update(self, prompt: Prompt) -> None:
        """Write name, description, category, visibility, tags, archived time; Conflict when the name is taken."""
        ...

    async def get(self, workspace: str, prompt_id: str) -> Prompt | None: ...
    async def named(self, workspace: str, name: str) -> Prompt | None:
        """The unarchived prompt of that name."""
        ...

    async def list(self, query: PromptQuery) -> Sequence[Prompt]: ...
    async def add_version(self, workspace: str, version: PromptVersion, label: str | None = None) -> PromptVersion:
        """Store it under the next number (the given one is ignored), point *label* at it, and return it so."""
        ...

    async def version(self, workspace: str, prompt_id: str, number: int) -> PromptVersion | None: ...
    async def version_by_id(self, workspace: str, version_id: str) -> PromptVersion | None: ...
    async def versions(self, workspace: str, prompt_id: str, limit: int | None = None) -> Sequence[PromptVersion]:
        """Newest first."""
        ...

    async def set_label(self, workspace: str, prompt_id: str, label: str, number: int | None) -> None:
        """Point the label at a version; None removes it."""
        ...


@dataclass(frozen=True, slots=True)
class Login:
    """A browser session."""

    user: User
    workspace: str
    expires_at: datetime


class AccessCatalog(Protocol):
    """Workspaces, users, memberships, keys, sessions. Secrets arrive here as hashes."""

    async def create_workspace(self, workspace: Workspace) -> None: ...
    async def workspace(self, workspace_id: str) -> Workspace | None: ...
    async def workspace_named(self, name: str) -> Workspace | None: ...
    async def workspaces(self, user_id: str) -> Sequence[tuple[Workspace, Role]]: ...
    async def members(self, workspace_id: str) -> Sequence[tuple[User, Role]]: ...
    async def remove_workspace(self, workspace_id: str) -> None:
        """With its memberships, keys and prompts."""
        ...

    async def create_user(self, user: User) -> None: ...
    async def user(self, user_id: str) -> User | None: ...
    async def join(self, user_id: str, workspace_id: str, role: Role) -> None: ...
    async def role(self, user_id: str, workspace_id: str) -> Role | None: ...
    async def create_key(self, key: Key, secret_hash: bytes) -> None: ...
    async def key_by_hash(self, secret_hash: bytes) -> Key | None: ...
    async def keys(self, workspace_id: str) -> Sequence[Key]: ...
    async def touch_key(self, workspace_id: str, key_id: str, at: datetime) -> None: ...
    async def revoke_key(self, workspace_id: str, key_id: str, at: datetime) -> bool: ...
    async def create_login_token(self, token_hash: bytes, user_id: str, workspace_id: str, until: datetime) -> None: ...
    async def take_login_token(self, token_hash: bytes, at: datetime) -> tuple[str, str] | None:
        """Use the token up; its (user id, workspace id), or None when unknown, used or past."""
        ...

    async def create_session(self, secret_hash: bytes, user_id: str, workspace_id: str, until: datetime) -> None: ...
    async def session(self, secret_hash: bytes, at: datetime) -> Login | None: ...
    async def end_session(self, secret_hash: bytes) -> None: ...


class RetentionCatalog(Protocol):
    """For how long workspaces keep content, and whether at all."""

    async def retention(self, workspace: str) -> Retention:
        """What the workspace keeps; everything where nothing was set. The default days are not known here."""
        ...

    async def set_rules(self, workspace: str, rules: Sequence[Rule]) -> None:
        """Put these in the place of all rules."""
        ...

    async def set_content(self, workspace: str, key_id: str | None, policy: ContentPolicy) -> None:
        """Set the policy of the workspace, or of one of its keys."""
        ...


class SecretCatalog(Protocol):
    """The secrets of workspaces by name. Their values come sealed."""

    async def put(self, secret: Secret, sealed: bytes) -> None:
        """Store it, in the place of an earlier one of that name."""
        ...

    async def list(self, workspace: str) -> Sequence[tuple[Secret, bytes]]:
        """Those of a workspace with their sealed values, by name."""
        ...

    async def remove(self, workspace: str, name: str) -> bool:
        """Whether there was one to remove."""
        ...

    async def all(self) -> Sequence[tuple[Secret, bytes]]:
        """Those of every workspace, with their sealed values: what a start tells the redactors."""
        ...


# ── models and prices ─────────────────────────────────────────────────────────────────────────────────────────────


class ModelProvider(Protocol):
    """One provider of models. Holds its key, which never leaves it. ``priced_as``: whose prices hold for its models."""

    name: str
    priced_as: str

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON that would be sent, without credentials; InvalidInput for what this provider cannot do."""
        ...

    def send(self, request: ModelRequest) -> AsyncGenerator[Delta | Reply]:
        """Call the model once: deltas when streamed, then exactly one Reply. ModelFailure for any failure."""
        ...

    async def close(self) -> None: ...


class Connections(Protocol):
    """The ways to providers of models."""

    def presets(self) -> Sequence[Preset]:
        """What is known before anybody sets anything, in the order of a list."""
        ...

    def of_model(self, model: str) -> str | None:
        """The provider that owns a model name outright (the simulated one does), None for the rest."""
        ...

    def simulated(self) -> ModelProvider:
        """The provider that needs nothing."""
        ...

    def open(self, endpoint: Endpoint) -> ModelProvider:
        """What calls the endpoint, without connecting yet; SettingsError when its address is none."""
        ...

    async def models(self, endpoint: Endpoint | None, seconds: float) -> Sequence[str] | None:
        """The models that it lists (None: the simulated one), None where it has no list and only was reached.

        It is one request that calls no model. ModelFailure when it cannot be asked.
        """
        ...

    async def close(self) -> None: ...


class Outbound(Protocol):
    """Calls to addresses that users gave: to public hosts and those that an administrator allowed, never elsewhere."""

    async def call(self, request: OutboundRequest) -> OutboundReply:
        """Call once, redirects followed; OutboundFailure for anything but a status of success."""
        ...

    async def close(self) -> None: ...


class Upstream(Protocol):
    """Providers, for requests that others wrote: they pass as they are."""

    async def send(self, request: UpstreamRequest) -> UpstreamReply:
        """Pass a request on, once; its reply as soon as the head is there. ModelFailure when none comes."""
        ...

    async def close(self) -> None: ...


class PriceBook(Protocol):
    """Dated prices. Never does I/O; always given the time."""

    def lines(
        self,
        workspace: str,
        provider: str,
        model: str,
        usage: Usage,
        at: datetime,
        *,
        attempt: int = 1,
        terms: Mapping[str, str] | None = None,
    ) -> tuple[Line, ...] | None:
        """The lines that price *usage* at the rates in force at *at*; None when any leaf has no price.

        *terms* are those of the Reply; terms that have no price leave the call unpriced.
        """
        ...

    def provider_of(self, model: str) -> str | None:
        """The provider that a model name belongs to, where the name says so."""
        ...
