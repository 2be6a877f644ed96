"""Arrivals: executions that ran elsewhere and are handed in, by the API or from a file.

What is handed in twice is stored once: the id is the caller's own, or derived from an external id, or from the item
itself and how often it came. The moment is part of every id, so the same external id at another time is another call.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from promptforge.core import ids
from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Content, Execution, Json, PromptRef
from promptforge.core.ports import Clock, PriceBook, Record
from promptforge.core.retention import Ending, Retention, expires_on, keeps
from promptforge.services import fields
from promptforge.services.ending import json_hash, text_hash
from promptforge.services.foreign import Foreign
from promptforge.services.prompts import Prompts
from promptforge.services.retention import Retentions

AHEAD = timedelta(hours=24)
MANY = 50
_NOTHING = Content()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an item was refused: its place in the list, its line where it came from a file, and what is wrong where."""

    index: int
    line: int | None
    path: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a list: received = stored + duplicate + rejected, and a problem for each that was rejected."""

    received: int
    stored: int
    duplicate: int
    rejected: int
    problems: Sequence[Problem] = ()


@dataclass(slots=True)
class Occurrences:
    """How often each item without an id of its own has come, over all the lists of one file."""

    counts: Counter[int] = field(default_factory=Counter[int])


@dataclass(frozen=True, slots=True)
class _Listed:
    """What holds for all items of a list; *before* and *added* count those without an id of their own."""

    actor: Actor
    refs: Mapping[fields.Asked, PromptRef | None]
    retention: Retention
    now: datetime
    before: Counter[int]
    added: Counter[int] = field(default_factory=Counter[int])


class Arrivals:
    """Takes in what ran elsewhere."""

    def __init__(
        self,
        record: Record,
        prompts: Prompts,
        prices: PriceBook,
        clock: Clock,
        retentions: Retentions,
        *,
        secret: bytes,
    ) -> None:
        self._record = record
        self._foreign = Foreign(prompts, prices)
        self._clock = clock
        self._secret = secret
        self._retentions = retentions

    async def record(
        self,
        actor: Actor,
        items: Sequence[Mapping[str, Json]],
        *,
        lines: Sequence[int] | None = None,
        occurrences: Occurrences | None = None,
    ) -> Received:
        """Store each item exactly once; what is wrong is told and keeps nothing else out.

        *lines* are the items' line numbers; *occurrences* goes on counting from the lists before of the same file.
        """
        actor.require(Permission.INGEST)
        occurrences = occurrences or Occurrences()
        refs = await self._refs(actor, items)
        retention = await self._retentions.of(actor)
        listed = _Listed(actor, refs, retention, self._clock.now(), occurrences.counts)

        def make() -> tuple[list[Execution], list[Problem]]:
            made: list[Execution] = []
            problems: list[Problem] = []
            for index, item in enumerate(items):
                try:
                    made.append(self._execution(listed, item))
                except InvalidInput as error:
                    line = None if lines is None else lines[index]
                    problems.append(Problem(index, line, error.path or "$", str(error)))
            return made, problems

        made, problems = await asyncio.to_thread(make) if len(items) > MANY else make()
        self.refuse(actor, len(problems), problems[-1].message if problems else "")
        recorded = await self._record.record(made)
        # for good only now that the list was kept, so that it can be handed in again
        occurrences.counts.update(listed.added)
        return Received(
            received=len(items),
            stored=recorded.stored,
            duplicate=recorded.duplicate,
            rejected=recorded.rejected + len(problems),
            problems=problems,
        )

    def refuse(self, actor: Actor, count: int, why: str) -> None:
        """Count what was handed in and cannot be taken."""
        actor.require(Permission.INGEST)
        if count:
            self._record.refused(actor.workspace, actor.source, count, service=actor.service, why=why)

    def pass_over(self, actor: Actor, items: Sequence[Mapping[str, Json]], occurrences: Occurrences) -> None:
        """Count items that are left out of a file, so that their equals further on keep the ids of their places."""
        added = Counter[int]()
        for item in items:
            with contextlib.suppress(InvalidInput):
                self._identity(actor.workspace, item, fields.canonical(item), occurrences.counts, added)
        occurrences.counts.update(added)

    async def _refs(self, actor: Actor, items: Sequence[Mapping[str, Json]]) -> dict[fields.Asked, PromptRef | None]:
        """The versions that the items name; None for what does not exist here."""
        named: list[fields.Asked] = []
        for item in items:
            with contextlib.suppress(InvalidInput):  # told when the item is read
                if (asked := fields.asked_of(item)) is not None:
                    named.append(asked)
        return await self._foreign.refs(actor, named)

    def _execution(self, listed: _Listed, item: Mapping[str, Json]) -> Execution:
        actor, now = listed.actor, listed.now
        canonical = fields.canonical(item)
        shown_id, at = self._identity(actor.workspace, item, canonical, listed.before, listed.added)
        if at > now + AHEAD:
            raise InvalidInput(f"createdAt {at.isoformat()} is more than 24 hours ahead", path="$.createdAt")
        status, error_type = fields.status(item)
        model = fields.required(item, "model")
        provider = fields.text(item, "provider") or self._provider_of(model)
        asked = fields.asked_of(item)
        ref = listed.refs.get(asked) if asked else None
        tags = fields.tags(item)
        if asked and ref is None:
            tags.setdefault("prompt", asked[0] or asked[1] or "")
        ending = Ending(created_at=at, status=status, prompt=ref, tags=tags, key_id=actor.key_id)
        return Execution(
            id=shown_id,
            workspace=actor.workspace,
            created_at=at,
            status=status,
            source=actor.source,
            model=model,
            provider=provider,
            prompt=ref,
            user_id=actor.user_id,
            key_id=actor.key_id,
            service=fields.text(item, "service") or actor.service,
            end_user=fields.text(item, "endUser"),
            session_id=fields.text(item, "sessionId"),
            tags=tags,
            error_type=error_type,
            finish_reason=fields.text(item, "finishReason"),
            started_at=at,
            recorded_at=now,
            latency_ms=fields.whole(item, "latencyMs"),
            first_token_ms=fields.whole(item, "firstTokenMs"),
            **self._cost(actor, item, provider, model, at),
            expires_on=expires_on(listed.retention, ending, since=max(at, now)),
            **self._content(item, kept=keeps(listed.retention, ending)),
        )

    def _content(self, item: Mapping[str, Json], *, kept: bool) -> dict[str, Any]:
        """What went in and came out, where it is kept, and what is known of it without reading it."""
        given, output = item.get("input"), fields.output(item)
        content = Content(
            input=given,
            output=output,
            error=fields.long(item, "error"),
            stack_trace=fields.long(item, "stackTrace"),
            metadata=item.get("metadata"),
        )
        return {
            "input_hash": 0 if given is None else json_hash(self._secret, given),
            "output_hash": text_hash(self._secret, output),
            "input_chars": 0 if given is None else len(given if isinstance(given, str) else json.dumps(given)),
            "output_chars": len(output or ""),
            "content": content if kept and content != _NOTHING else None,
        }

    def _cost(self, actor: Actor, item: Mapping[str, Json], provider: str, model: str, at: datetime) -> dict[str, Any]:
        """The usage, and its cost by our prices, else by what is claimed."""
        used, source = fields.usage_of(item)
        cost = self._foreign.cost(actor, provider, (model,), used, fields.claim(item), at)
        return {**cost, "usage_source": source}

    def _provider_of(self, model: str) -> str:
        found = self._foreign.provider_of(model)
        if found is None:
            raise InvalidInput(
                f"the name '{model[:100]}' does not say which provider has it: give 'provider' as well",
                path="$.provider",
            )
        return found

    def _identity(
        self, workspace: str, item: Mapping[str, Json], canonical: str, before: Counter[int], added: Counter[int]
    ) -> tuple[str, datetime]:
        given = item.get("id")
        at = fields.moment(item.get("createdAt"))
        if given is not None:
            number = ids.parse(ids.EXECUTION, given) if isinstance(given, str) else None
            if number is None:
                raise InvalidInput("id is the id of an execution, 'exec_' and 26 letters and digits", path="$.id")
            moment = fields.START + timedelta(milliseconds=ids.milliseconds(number))
            if at is not None and at != moment:
                raise InvalidInput(f"the id carries {moment.isoformat()}, which is not createdAt", path="$.id")
            return ids.text(ids.EXECUTION, number), moment
        if at is None:
            raise InvalidInput(
                "createdAt is missing: say when it ran, such as 2026-01-31T12:00:00Z", path="$.createdAt"
            )
        external = fields.text(item, "externalId")
        if external is not None:
            origin = fields.text(item, "externalSource") or ""
            bits = ids.derived_bits(self._secret, "external", workspace, origin, external)
        else:
            bits = ids.derived_bits(self._secret, "bytes", workspace, canonical)
            added[bits] += 1
            if (times := before[bits] + added[bits]) > 1:
                bits = ids.derived_bits(self._secret, "again", workspace, canonical, str(times))
        return ids.made(ids.EXECUTION, at, bits), at
