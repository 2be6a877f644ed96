"""Access: who is there, and what they may do. Keys, logins, sessions, workspaces.

Secrets are 256 random bits, so a plain SHA-256 keeps them safe at rest (there is nothing to guess) and a look-up by
hash takes the same time whether or not the key exists. A secret is shown once and then known only as its hash.
"""

import hashlib
import secrets
from asyncio import Task, create_task, gather
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from promptforge.core import ids
from promptforge.core.access import OF_SCOPE, Actor, Key, Permission, Role, Scope, User, Workspace, permissions
from promptforge.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from promptforge.core.ports import AccessCatalog, Clock
from promptforge.core.prompt import kebab

PREFIX = "pf_"
DEFAULT = "default"
ADMINISTRATOR = "user_administrator"
DEFAULT_SCOPES = frozenset({Scope.RUN, Scope.READ, Scope.INGEST})
LOGIN_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(days=30)
MAX_NAME = 100
_HINT = len(PREFIX) + 6
_REMEMBERED_SECONDS = 30.0
_REMEMBERED = 2_000
_TOUCHED_EVERY = timedelta(minutes=1)
_REFUSED = "This key is not valid: it is unknown, expired or revoked. Create a new one in the dashboard under API keys"


class Access:
    """Finds out who acts, and manages the means of it."""

    def __init__(self, catalog: AccessCatalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        #: By hash: the key, its actor and until when both are believed. A busy key must not ask the database each time.
        self._believed: OrderedDict[bytes, tuple[Key, Actor, float]] = OrderedDict()
        #: Counts what makes beliefs untrue: what was read before is not believed after.
        self._changes = 0
        self._touched: dict[str, datetime] = {}
        self._touching: set[Task[None]] = set()

    # ── who is there ──────────────────────────────────────────────────────────────────────────────────────────────

    async def authenticate(self, secret: str) -> Actor:
        """The actor of an API key; Unauthenticated when it is unknown, expired or revoked."""
        hashed = _hash(secret)
        now, believed = self._clock.now(), self._believed.get(hashed)
        if believed is None or believed[2] < self._clock.monotonic():
            believed = await self._look_up(hashed)
        key, actor, _ = believed
        if key.expires_at is not None and key.expires_at <= now:
            raise Unauthenticated(_REFUSED)
        self._touch(key, now)
        return actor

    async def _look_up(self, hashed: bytes) -> tuple[Key, Actor, float]:
        changes = self._changes
        key = await self._catalog.key_by_hash(hashed)
        role = await self._catalog.role(key.user_id, key.workspace) if key else None
        if key is None or role is None or key.revoked_at is not None:
            self._believed.pop(hashed, None)
            raise Unauthenticated(_REFUSED)
        actor = Actor(
            workspace=key.workspace,
            user_id=key.user_id,
            permissions=permissions(role, key.scopes),
            key_id=key.id,
            service=key.name,
        )
        believed = key, actor, self._clock.monotonic() + _REMEMBERED_SECONDS
        if changes != self._changes:
            return believed
        self._believed[hashed] = believed
        while len(self._believed) > _REMEMBERED:
            self._believed.popitem(last=False)
        return believed

    def _touch(self, key: Key, now: datetime) -> None:
        """Note the use, once a minute at most and without making the caller wait."""
        last = self._touched.get(key.id, key.last_used_at)
        if last is not None and now - last < _TOUCHED_EVERY:
            return
        self._touched[key.id] = now
        task = create_task(self._note_use(key, now))
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _note_use(self, key: Key, now: datetime) -> None:
        with suppress(Unavailable):  # a later use is noted
            await self._catalog.touch_key(key.workspace, key.id, now)

    async def settle(self) -> None:
        """Wait until the uses of keys so far are noted."""
        await gather(*self._touching)

    async def authenticate_session(self, secret: str, workspace: str | None) -> Actor:
        """The actor of a browser session in *workspace*, or in the one that it began in."""
        login = await self._catalog.session(_hash(secret), self._clock.now())
        if login is None:
            raise Unauthenticated("This session has ended: ask the server for a new login link")
        wanted = workspace or login.workspace
        role = await self._catalog.role(login.user.id, wanted)
        if role is None:
            raise Forbidden(f"you are not a member of a workspace '{wanted[:60]}'")
        return Actor(workspace=wanted, user_id=login.user.id, permissions=permissions(role, None))

    async def log_in(self, token: str) -> str:
        """Turn a login token, which works once, into the secret of a session."""
        found = await self._catalog.take_login_token(_hash(token), self._clock.now())
        if found is None:
            raise Unauthenticated("This login link was used already or is too old; 'promptforge login' makes a new one")
        user_id, workspace = found
        secret = secrets.token_urlsafe(32)
        until = self._clock.now() + SESSION_LASTS
        await self._catalog.create_session(_hash(secret), user_id, workspace, until)
        return secret

    async def log_out(self, secret: str) -> None:
        """End the session."""
        await self._catalog.end_session(_hash(secret))

    async def create_login_token(self, actor: Actor) -> str:
        """A token for one login as the actor's user, in the actor's workspace, within fifteen minutes."""
        actor.require(Permission.ADMIN)
        token = secrets.token_urlsafe(32)
        until = self._clock.now() + LOGIN_LASTS
        await self._catalog.create_login_token(_hash(token), actor.user_id, actor.workspace, until)
        return token

    # ── people and workspaces ─────────────────────────────────────────────────────────────────────────────────────

    async def me(self, actor: Actor) -> User:
        """The actor's user."""
        found = await self.user(actor, actor.user_id)
        if found is None:
            raise NotFound("the user of this key is no longer there")
        return found

    async def user(self, actor: Actor, user_id: str) -> User | None:
        """A user who is, or was, a member of the actor's workspace; None for anyone else."""
        actor.require(Permission.NUMBERS)
        if user_id != actor.user_id and await self._catalog.role(user_id, actor.workspace) is None:
            return None
        return await self._catalog.user(user_id)

    async def role(self, actor: Actor, user_id: str) -> Role | None:
        """The role of a member of the actor's workspace."""
        actor.require(Permission.NUMBERS)
        return await self._catalog.role(user_id, actor.workspace)

    async def memberships(self, actor: Actor) -> Sequence[tuple[Workspace, Role]]:
        """The workspaces of the actor's user; a key sees its own only."""
        actor.require(Permission.NUMBERS)
        found = await self._catalog.workspaces(actor.user_id)
        return [pair for pair in found if actor.key_id is None or pair[0].id == actor.workspace]

    async def workspace(self, actor: Actor) -> Workspace:
        """The actor's workspace."""
        found = await self._catalog.workspace(actor.workspace)
        if found is None:
            raise NotFound(f"the workspace '{actor.workspace}' is no longer there")
        return found

    async def remove_workspace(self, actor: Actor) -> None:
        """Remove the actor's workspace with its members, keys and prompts; ``default`` stays."""
        actor.require(Permission.ADMIN)
        if actor.workspace == DEFAULT:
            raise Conflict(f"the workspace '{DEFAULT}' cannot be removed")
        try:
            await self._catalog.remove_workspace(actor.workspace)
        finally:
            self._changes += 1
            self._believed.clear()

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_key(
        self,
        actor: Actor,
        *,
        name: str,
        scopes: Sequence[Scope] | frozenset[Scope] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        """A key of the actor's user in the actor's workspace, and its secret, which is not kept.

        Made by a person or by a key that may do everything: a lesser key that leaks must not leave others behind.
        """
        actor.require(Permission.NUMBERS if actor.key_id is None else Permission.ADMIN)
        wanted = frozenset(DEFAULT_SCOPES if scopes is None else scopes)
        if scopes is None:
            wanted = frozenset(scope for scope in wanted if OF_SCOPE[scope] <= actor.permissions)
        name = name.strip()
        if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
            raise InvalidInput(f"a key's name has 1 to {MAX_NAME} printable characters", path="$.name")
        if not wanted:
            raise InvalidInput("give at least one scope: ingest, run, read, admin", path="$.scopes")
        if expires_at is not None and expires_at <= self._clock.now():
            raise InvalidInput("expiresAt lies in the past", path="$.expiresAt")
        role = await self._catalog.role(actor.user_id, actor.workspace)
        if role is None or not permissions(Role.ADMINISTRATOR, wanted) <= actor.permissions:
            raise Forbidden("a key cannot be given more than its maker may do: choose fewer scopes")
        return await self._add_key(actor.workspace, actor.user_id, name, wanted, self.new_secret(), expires_at)

    async def keys(self, actor: Actor) -> Sequence[Key]:
        """The workspace's keys for an administrator, the actor's own for others; newest first."""
        actor.require(Permission.NUMBERS)
        found = await self._catalog.keys(actor.workspace)
        return [key for key in found if Permission.ADMIN in actor.permissions or key.user_id == actor.user_id]

    async def revoke_key(self, actor: Actor, key_id: str) -> Key:
        """Revoke a key, at once and for ever; one's own, or any as an administrator."""
        found = next((key for key in await self.keys(actor) if key.id == key_id), None)
        if found is None:
            raise NotFound(f"there is no key '{key_id[:60]}' that you may revoke in this workspace")
        try:
            await self._catalog.revoke_key(actor.workspace, key_id, self._clock.now())
        finally:
            self._changes += 1
            for hashed in [h for h, (key, _, _) in self._believed.items() if key.id == key_id]:
                del self._believed[hashed]
        return next(key for key in await self._catalog.keys(actor.workspace) if key.id == key_id)

    async def _add_key(
        self,
        workspace: str,
        user_id: str,
        name: str,
        scopes: frozenset[Scope],
        secret: str,
        expires_at: datetime | None = None,
    ) -> tuple[Key, str]:
        key = Key(
            id=ids.made(ids.KEY, self._clock.now(), self._clock.bits()),
            workspace=workspace,
            user_id=user_id,
            name=name,
            hint=secret[:_HINT],
            scopes=scopes,
            created_at=self._clock.now(),
            expires_at=expires_at,
        )
        await self._catalog.create_key(key, _hash(secret))
        return key, secret

    @staticmethod
    def new_secret() -> str:
        """A secret for a key: ``pf_`` and 43 characters."""
        return PREFIX + secrets.token_urlsafe(32)

    # ── the first start ───────────────────────────────────────────────────────────────────────────────────────────

    async def ensure_administrator(self, secret: str) -> None:
        """Make the administrator, the workspace ``default`` and the administrator's key *secret*, where missing."""
        if await self._catalog.user(ADMINISTRATOR) is None:
            made = User(id=ADMINISTRATOR, name="Administrator", email=None, created_at=self._clock.now())
            await self._catalog.create_user(made)
        await self.ensure_workspace(DEFAULT)
        await self.ensure_key(DEFAULT, secret)

    async def ensure_workspace(self, name: str) -> Workspace:
        """The workspace of that name, made where missing, with the administrator in it. Its name is its id."""
        slug = kebab(name)
        found = await self._catalog.workspace(slug)
        if found is None:
            found = Workspace(id=slug, name=name, created_at=self._clock.now())
            await self._catalog.create_workspace(found)
        if await self._catalog.role(ADMINISTRATOR, slug) is None:
            await self._catalog.join(ADMINISTRATOR, slug, Role.ADMINISTRATOR)
        return found

    async def ensure_key(self, workspace: str, secret: str) -> None:
        """Make *secret* the administrator's key in a workspace, unless it is one already."""
        if await self._catalog.key_by_hash(_hash(secret)) is None:
            scopes = frozenset(Scope)
            await self._add_key(workspace, ADMINISTRATOR, "local", scopes, secret)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
