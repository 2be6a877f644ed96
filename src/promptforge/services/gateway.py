"""The gateway: calls that other programs make, passed on to a provider as they are, each an execution.

Which key goes to the provider: the caller's own, or, where our key stood in its place, the one that runs of the
workspace use (``services/providers.py``). Where a request goes is never taken from the request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from promptforge.core import ids
from promptforge.core.access import Actor, Permission, system
from promptforge.core.errors import Conflict, ForgeError, InvalidInput, NotFound, TooMany
from promptforge.core.execution import Content, Execution, PromptRef, Source, Status
from promptforge.core.ports import Clock, PriceBook, Record, Upstream
from promptforge.core.provider import Endpoint
from promptforge.core.retention import retained
from promptforge.core.upstream import Header, UpstreamRequest
from promptforge.services.ending import json_hash
from promptforge.services.passage import Caller, Passage, relay
from promptforge.services.prompts import Prompts
from promptforge.services.providers import Providers
from promptforge.services.retention import Retentions
from promptforge.services.tags import short, tags_of
from promptforge.wire.exchange import EXCHANGES, FREE, Asked, Exchange

MAX_KEYS = 10_000


class HangUp(StrEnum):
    """What to do when the caller goes before the answer is complete: take it to its end, or cut the provider off."""

    DRAIN = "drain"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """A request as it came. ``path`` is what follows ``/v1``; ``own_key``: our key stood where the provider's belongs.

    The rest is what its headers say about the call.
    """

    provider: str
    method: str
    path: str
    query: str
    headers: Sequence[Header]
    body: bytes
    own_key: bool
    prompt: str | None = None
    version: int | None = None
    label: str | None = None
    end_user: str | None = None
    session_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


class Gateway:
    """Lets requests pass, and knows those that are on their way."""

    def __init__(
        self,
        record: Record,
        prompts: Prompts,
        providers: Providers,
        upstream: Upstream,
        prices: PriceBook,
        clock: Clock,
        retentions: Retentions,
        *,
        secret: bytes,
        hang_up: HangUp = HangUp.DRAIN,
        at_once: int = 1_000,
        rate: int = 0,
    ) -> None:
        """*at_once* calls may be on their way; *rate* calls a second may come with one key, 0: as many as come."""
        self._record = record
        self._prompts = prompts
        self._providers = providers
        self._upstream = upstream
        self._prices = prices
        self._clock = clock
        self._retentions = retentions
        self._secret = secret
        self._hang_up = hang_up
        self._at_once = at_once
        self._rates = _Rates(rate, clock)
        self._passing: set[asyncio.Task[None]] = set()

    async def drain(self, actor: Actor, seconds: float) -> None:
        """Let what is on its way arrive for *seconds*, then close the rest as interrupted."""
        actor.require(Permission.ADMIN)
        if not self._passing:
            return
        _, late = await asyncio.wait(self._passing, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def let_pass(self, actor: Actor, passing: Passing, caller: Caller) -> None:
        """Pass a request on and its answer back; ModelFailure when the provider gave none.

        An error of ours is raised before anything is sent: NotFound for a path that does not pass, TooMany, Forbidden.
        """
        try:
            exchange = self._exchange(actor, passing)
            endpoint = await self._providers.endpoint(actor, passing.provider)
            key = _key(endpoint) if passing.own_key else None
        except ForgeError as error:
            self._record.refused(actor.workspace, Source.GATEWAY, 1, service=actor.service, why=str(error))
            raise
        request = UpstreamRequest(
            endpoint=endpoint,
            method=passing.method,
            path=passing.path + passing.query,
            headers=passing.headers,
            body=passing.body,
            key=key,
        )
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("it runs in a task")
        self._passing.add(task)
        try:
            if exchange is None:
                await relay(await self._upstream.send(request), caller)
                return
            asked = exchange.asked(passing.body)
            retention = await self._retentions.of(actor)
            opened = await self._opened(actor, passing, asked)
            await self._record.open(retained(retention, opened))
            passage = Passage(
                opened,
                exchange,
                asked,
                caller,
                record=self._record,
                prices=self._prices,
                clock=self._clock,
                secret=self._secret,
                keep=lambda ended: retained(self._retentions.now(actor, retention), ended),
            )
            if self._hang_up is HangUp.CANCEL:
                caller.when_gone(lambda: _hang_up(passage, task))
            await passage.drive(self._upstream, request)
        finally:
            self._passing.discard(task)

    def _exchange(self, actor: Actor, passing: Passing) -> Exchange | None:
        """How the call is read, None for what is no call; an error for what may not pass."""
        actor.require(Permission.RUN if passing.own_key else Permission.INGEST)
        exchange = EXCHANGES.get((passing.provider, passing.path)) if passing.method == "POST" else None
        if exchange is None and not _is_free(passing):
            raise NotFound(_closed_path(passing))
        if len(self._passing) >= self._at_once:
            raise TooMany(f"{self._at_once:,} calls are on their way already; try again", retry_after=1)
        self._rates.require(actor)
        return exchange

    async def _opened(self, actor: Actor, passing: Passing, asked: Asked) -> Execution:
        now = self._clock.now()
        ref, tags = await self._prompt(actor, passing)
        given = asked.input
        return Execution(
            id=ids.made(ids.EXECUTION, now, self._clock.bits()),
            workspace=actor.workspace,
            created_at=now,
            started_at=now,
            status=Status.PENDING,
            source=Source.GATEWAY,
            model=asked.model or "unknown",
            provider=passing.provider,
            prompt=ref,
            user_id=actor.user_id,
            key_id=actor.key_id,
            service=actor.service,
            end_user=short(passing.end_user, "endUser"),
            session_id=short(passing.session_id, "sessionId"),
            tags=tags,
            streamed=asked.streamed,
            input_hash=json_hash(self._secret, given),
            input_chars=len(passing.body),
            content=Content(input=given, request=asked.body),
        )

    async def _prompt(self, actor: Actor, passing: Passing) -> tuple[PromptRef | None, Mapping[str, str]]:
        """The version that the request names; one that is not here is a tag, because the call must pass."""
        tags = tags_of(passing.tags)
        if passing.prompt is None:
            return None, tags
        try:
            prompt, version = await self._prompts.resolve(
                system(actor.workspace), name=passing.prompt, version=passing.version, label=passing.label
            )
        except (NotFound, Conflict, InvalidInput):
            return None, {"prompt": passing.prompt[:256], **tags}
        return PromptRef(
            prompt_id=prompt.id,
            prompt_name=prompt.name,
            version_id=version.id,
            version=version.number,
            label=passing.label,
        ), tags


class _Rates:
    """How many calls a second may come with each key: a bucket that fills again, and holds a second's worth."""

    def __init__(self, rate: int, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def require(self, actor: Actor) -> None:
        """TooMany when the key has had its share."""
        if not self._rate:
            return
        key, now = actor.key_id or actor.user_id, self._clock.monotonic()
        left, at = self._left.pop(key, (float(self._rate), now))
        left = min(float(self._rate), left + (now - at) * self._rate)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        while len(self._left) > MAX_KEYS:
            self._left.popitem(last=False)
        if left < 1:
            raise TooMany(
                f"this key may make {self._rate:,} calls a second; try again", retry_after=(1 - left) / self._rate
            )


def _key(endpoint: Endpoint) -> str:
    if endpoint.key is None:
        raise InvalidInput(
            f"there is no key for provider '{endpoint.name}' in this workspace: {endpoint.hint}; or send the "
            "provider's key, and ours in X-PromptForge-Key"
        )
    return endpoint.key


def _hang_up(passage: Passage, task: "asyncio.Task[None]") -> None:
    passage.hung_up = True
    task.cancel()


def _is_free(passing: Passing) -> bool:
    """Whether it may pass and calls no model, so that there is nothing to record."""
    return any(
        passing.method == method and (passing.path == path or (path.endswith("/") and passing.path.startswith(path)))
        for provider, method, path in FREE
        if provider == passing.provider
    )


def _closed_path(passing: Passing) -> str:
    paths = sorted(path for provider, path in EXCHANGES if provider == passing.provider)
    return (
        f"'{passing.method} {passing.path[:100]}' does not pass here: the gateway passes POST to "
        f"{', '.join(paths)}, and GET /models; send anything else to the provider itself"
    )
