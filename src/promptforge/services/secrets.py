"""Secrets by name: set and removed by administrators, used by runs, shown to nobody.

One decision: a value is known to the redactors before it is stored or used, so no record of its workspace can hold it.
They know it until the process ends, because a removed secret may still come back in an answer.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput, NotFound, Unavailable
from promptforge.core.json import Json
from promptforge.core.ports import Clock, SecretCatalog
from promptforge.core.redaction import SHORTEST, Redactors
from promptforge.core.secret import Secret
from promptforge.services.sealing import Seal

MAX_SECRETS = 100
MAX_VALUE = 16_384
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of workspaces."""

    catalog: SecretCatalog
    seal: Seal
    redactors: Redactors
    clock: Clock
    _found: dict[tuple[str, str], str | None] = field(default_factory=dict[tuple[str, str], str | None], repr=False)
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def start(self) -> None:
        """Tell the redactors what is secret, and seal anew what was not sealed with the first key."""
        for secret, sealed in await self.catalog.all():
            value = self.seal.open(secret, sealed)
            if value is None:
                _log.warning(
                    "the secret '%s' of the workspace '%s' cannot be opened: %s", secret.name, secret.workspace, _LOCKED
                )
                continue
            self.redactors.learn(secret.workspace, value)
            if not self.seal.is_current(secret, sealed):
                await self.catalog.put(secret, self.seal.seal(secret, value))

    async def list(self, actor: Actor) -> Sequence[Secret]:
        """By name, without their values."""
        actor.require(Permission.ADMIN)
        return [secret for secret, _ in await self.catalog.list(actor.workspace)]

    async def set(self, actor: Actor, name: str, value: str) -> Secret:
        """Store a value under a name, in the place of an earlier one; an error never repeats the value."""
        actor.require(Permission.ADMIN)
        _check(name, value)
        others = [one for one, _ in await self.catalog.list(actor.workspace) if one.name != name]
        if len(others) >= MAX_SECRETS:
            raise InvalidInput(f"a workspace has at most {MAX_SECRETS} secrets: remove one first", path="$.name")
        secret = Secret(workspace=actor.workspace, name=name, updated_at=self.clock.now(), updated_by=actor.user_id)
        self.redactors.learn(actor.workspace, value)
        async with self._changing:
            await self.catalog.put(secret, self.seal.seal(secret, value))
            self._found.pop((actor.workspace, name), None)
        return secret

    async def remove(self, actor: Actor, name: str) -> None:
        """Forget a secret; NotFound when there is none of that name."""
        actor.require(Permission.ADMIN)
        async with self._changing:
            removed = await self.catalog.remove(actor.workspace, name)
            self._found.pop((actor.workspace, name), None)
        if not removed:
            raise NotFound(f"there is no secret '{name[:60]}' in this workspace")

    async def find(self, actor: Actor, name: str) -> str | None:
        """The value of a secret, None where there is none; asked for often, so it is remembered until it changes.

        Unavailable for one that was sealed with another key.
        """
        actor.require(Permission.RUN)
        place = (actor.workspace, name)
        if place not in self._found:
            async with self._changing:
                stored = [secret.name for secret, _ in await self.catalog.list(actor.workspace)]
                self._found[place] = (await self.values(actor, [name]))[name] if name in stored else None
        return self._found[place]

    async def values(self, actor: Actor, names: Iterable[str]) -> Mapping[str, str]:
        """The values that a run needs, for use in this process only.

        InvalidInput for a name that is not set; Unavailable for one that was sealed with another key.
        """
        actor.require(Permission.RUN)
        stored = {secret.name: (secret, sealed) for secret, sealed in await self.catalog.list(actor.workspace)}
        found: dict[str, str] = {}
        for name in names:
            if name not in stored:
                raise InvalidInput(
                    f"there is no secret '{name[:60]}' in this workspace: "
                    "an administrator sets it with 'promptforge secret set'"
                )
            value = self.seal.open(*stored[name])
            if value is None:
                raise Unavailable(f"the secret '{name}' cannot be opened: {_LOCKED}")
            found[name] = value
        return found

    def removed_from(self, actor: Actor, value: Json) -> Json:
        """What came back from where secrets went, as a record would have it: without them."""
        actor.require(Permission.RUN)
        return self.redactors.of(actor.workspace).json(value)


_LOCKED = "it was sealed with another key; start with PROMPTFORGE_SECRET_KEY as it was, or set the secret again"


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "the name of a secret begins with a letter or _, and at most 99 letters, digits, _ or - follow",
            path="$.name",
        )
    if not SHORTEST <= len(value) <= MAX_VALUE:
        raise InvalidInput(f"a secret has {SHORTEST:,} to {MAX_VALUE:,} characters", path="$.value")
    if value != value.strip() or not all(map(_is_plain, value)):
        raise InvalidInput(
            "a secret neither begins nor ends with white space, and holds no NUL and no half characters: "
            "look at how it was copied",
            path="$.value",
        )


def _is_plain(character: str) -> bool:
    return character != "\0" and not "\ud800" <= character <= "\udfff"
