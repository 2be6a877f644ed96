"""Access: keys, logins, sessions; against the real catalog, with a clock that stands still."""

import asyncio
import re
from datetime import timedelta

import pytest

from promptforge.catalog import open_catalog
from promptforge.core.access import OF_ROLE, Actor, Permission, Role, Scope, User
from promptforge.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from promptforge.services.access import ADMINISTRATOR, Access

SECRET = "pf_" + "a" * 43


@pytest.fixture
async def catalog(tmp_path):
    """A real catalog."""
    opened = await open_catalog(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def access(catalog, fixed_clock):
    """The service after a first start, with a second workspace."""
    made = Access(catalog.access, fixed_clock)
    await made.ensure_administrator(SECRET)
    await made.ensure_workspace("other")
    yield made
    await made.settle()


@pytest.fixture
def admin():
    """The administrator at the dashboard, in ``default``."""
    return person()


def person(role=Role.ADMINISTRATOR, workspace="default", user=ADMINISTRATOR):
    """Someone at the dashboard."""
    return Actor(workspace=workspace, user_id=user, permissions=OF_ROLE[role])


async def a_member(catalog, fixed_clock, role, user="user_ada"):
    """A further user, in ``default``."""
    await catalog.access.create_user(User(id=user, name="Ada", email=None, created_at=fixed_clock.now()))
    await catalog.access.join(user, "default", role)
    return person(role, user=user)


# ── the first start ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_start_makes_an_administrator_with_the_given_key(access):
    """The key acts in ``default`` and may do everything; a second start changes nothing."""
    await access.ensure_administrator(SECRET)
    actor = await access.authenticate(SECRET)
    assert (actor.workspace, actor.user_id, actor.permissions) == ("default", ADMINISTRATOR, frozenset(Permission))
    assert (await access.me(actor)).id == ADMINISTRATOR
    assert (await access.workspace(actor)).name == "default"
    assert len(await access.keys(actor)) == 1


async def test_a_revoked_key_does_not_come_back_with_the_next_start(access, admin):
    """Starting again with the same configured key does not revive it."""
    (key,) = await access.keys(admin)
    await access.revoke_key(admin, key.id)
    await access.ensure_administrator(SECRET)
    with pytest.raises(Unauthenticated):
        await access.authenticate(SECRET)


async def test_a_workspace_is_made_once(access, admin):
    """Asking again gives the same one; the administrator is in it, and its key is its own."""
    first, again = await access.ensure_workspace("other"), await access.ensure_workspace("other")
    assert first == again
    assert [(w.name, role) for w, role in await access.memberships(admin)] == [
        ("default", Role.ADMINISTRATOR),
        ("other", Role.ADMINISTRATOR),
    ]
    secret = access.new_secret()
    await access.ensure_key(first.id, secret)
    await access.ensure_key(first.id, secret)
    assert (await access.authenticate(secret)).workspace == "other"
    assert len(await access.keys(person(workspace="other"))) == 1


async def test_a_workspace_can_be_removed_but_not_the_default(access, admin):
    """With it go its keys, at once, also those that were just believed."""
    await access.ensure_key("other", other := access.new_secret())
    actor = await access.authenticate(other)
    await access.settle()
    await access.remove_workspace(actor)
    with pytest.raises(Unauthenticated):
        await access.authenticate(other)
    with pytest.raises(Conflict):
        await access.remove_workspace(admin)
    with pytest.raises(Forbidden):
        await access.remove_workspace(person(Role.MEMBER))


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_acts_for_its_user_in_its_workspace(access, admin):
    """It shows its secret once, is listed by its first characters, and may do what its scopes say."""
    key, secret = await access.create_key(admin, name=" laptop ")
    actor = await access.authenticate(secret)
    assert re.fullmatch(r"pf_[A-Za-z0-9_-]{43}", secret)
    assert (key.name, key.scopes) == ("laptop", frozenset({Scope.RUN, Scope.READ, Scope.INGEST}))
    assert secret.startswith(key.hint)
    assert len(key.hint) < 12
    assert (actor.workspace, actor.user_id, actor.key_id) == ("default", ADMINISTRATOR, key.id)
    assert actor.permissions == {Permission.RUN, Permission.INGEST, Permission.NUMBERS, Permission.CONTENT}


async def test_secrets_are_kept_as_hashes(access, admin, tmp_path):
    """Neither the secret of a key nor of a session nor a login token is in any file of the home."""
    _, key = await access.create_key(admin, name="x")
    used = await access.create_login_token(admin)
    session = await access.log_in(used)
    unused = await access.create_login_token(admin)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (key, session, used, unused, SECRET):
        assert secret.encode() not in stored


@pytest.mark.parametrize("secret", ["", "pf_", "nonsense", SECRET + "a", SECRET[:-1], "pf_\ud800", "x" * 100_000])
async def test_an_unknown_key_is_refused(access, secret):
    """In one sentence for unknown, expired and revoked, so that it tells nothing about which keys exist."""
    with pytest.raises(Unauthenticated, match="unknown, expired or revoked"):
        await access.authenticate(secret)


async def test_a_key_ends_when_it_expires(access, admin, fixed_clock):
    """To the moment, also when it was believed just before."""
    _, secret = await access.create_key(admin, name="x", expires_at=fixed_clock.now() + timedelta(seconds=10))
    fixed_clock.advance(9.999)
    await access.authenticate(secret)
    fixed_clock.advance(0.001)
    with pytest.raises(Unauthenticated):
        await access.authenticate(secret)


async def test_a_revoked_key_ends_at_once(access, admin, fixed_clock):
    """Also when it was believed just before; revoking again changes nothing."""
    key, secret = await access.create_key(admin, name="x")
    await access.authenticate(secret)
    revoked = await access.revoke_key(admin, key.id)
    assert revoked.revoked_at == fixed_clock.now()
    with pytest.raises(Unauthenticated):
        await access.authenticate(secret)
    fixed_clock.advance(5)
    assert (await access.revoke_key(admin, key.id)).revoked_at == revoked.revoked_at


async def test_a_key_that_is_read_while_it_is_revoked_is_not_believed_after(access, admin):
    """However reading and revoking mix, afterwards the key is refused."""
    for _ in range(10):
        key, secret = await access.create_key(admin, name="x")
        reads = [asyncio.create_task(access.authenticate(secret)) for _ in range(3)]
        revoking = asyncio.create_task(access.revoke_key(admin, key.id))
        await asyncio.gather(*reads, revoking, return_exceptions=True)
        with pytest.raises(Unauthenticated):
            await access.authenticate(secret)


async def test_a_changed_role_is_seen_within_half_a_minute(catalog, access, fixed_clock):
    """A key is believed for a short time only; then its user's role counts as it is now."""
    member = await a_member(catalog, fixed_clock, Role.MEMBER)
    _, secret = await access.create_key(member, name="x")
    await access.authenticate(secret)
    await catalog.access.join(member.user_id, "default", Role.BILLING)
    fixed_clock.advance(31)
    assert (await access.authenticate(secret)).permissions == {Permission.NUMBERS}


async def test_a_busy_key_asks_the_database_nothing(catalog, access):
    """What was believed a moment ago is answered from memory: the catalog may even be closed."""
    actor = await access.authenticate(SECRET)
    await access.settle()
    await catalog.close()
    assert await access.authenticate(SECRET) == actor


async def test_the_last_use_is_noted_once_a_minute(access, admin, fixed_clock):
    """The first use and then at most one a minute, off the caller's way."""
    start = fixed_clock.now()
    seen = []
    for seconds in (0, 59, 2):
        fixed_clock.advance(seconds)
        await access.authenticate(SECRET)
        await access.settle()
        seen.append((await access.keys(admin))[0].last_used_at - start)
    assert seen == [timedelta(0), timedelta(0), timedelta(seconds=61)]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": " "}, "$.name"),
        ({"name": "x" * 101}, "$.name"),
        ({"name": "a\nb"}, "$.name"),
        ({"scopes": []}, "$.scopes"),
        ({"expires_at": timedelta(0)}, "$.expiresAt"),
    ],
)
async def test_a_key_is_described_properly(access, admin, fixed_clock, given, path):
    """Name, scopes and an end that lies ahead."""
    if "expires_at" in given:
        given = {"expires_at": fixed_clock.now() + given["expires_at"]}
    with pytest.raises(InvalidInput) as raised:
        await access.create_key(admin, **{"name": "x", **given})
    assert raised.value.path == path


async def test_nobody_gives_a_key_more_than_they_have(catalog, access, fixed_clock):
    """A member gives no *admin*, a viewer no *run*; what is not asked for is cut to what they have."""
    member = await a_member(catalog, fixed_clock, Role.MEMBER)
    viewer = await a_member(catalog, fixed_clock, Role.VIEWER, user="user_eve")
    for actor, scope in ((member, Scope.ADMIN), (viewer, Scope.RUN)):
        with pytest.raises(Forbidden):
            await access.create_key(actor, name="x", scopes=[scope])
    key, secret = await access.create_key(viewer, name="x")
    assert key.scopes == {Scope.READ}
    assert (await access.authenticate(secret)).permissions <= viewer.permissions


async def test_a_key_makes_keys_only_when_it_may_do_everything(access, admin):
    """A lesser key that leaks leaves none behind when it is revoked."""
    _, lesser = await access.create_key(admin, name="lesser")
    with pytest.raises(Forbidden):
        await access.create_key(await access.authenticate(lesser), name="x")
    _, made = await access.create_key(await access.authenticate(SECRET), name="x", scopes=[Scope.ADMIN])
    assert Permission.ADMIN in (await access.authenticate(made)).permissions


async def test_members_see_and_revoke_their_own_keys(catalog, access, admin, fixed_clock):
    """An administrator sees and revokes all of the workspace."""
    member = await a_member(catalog, fixed_clock, Role.MEMBER)
    mine, _ = await access.create_key(member, name="mine")
    (theirs,) = [key for key in await access.keys(admin) if key.user_id == ADMINISTRATOR]
    assert [key.id for key in await access.keys(member)] == [mine.id]
    with pytest.raises(NotFound):
        await access.revoke_key(member, theirs.id)
    assert (await access.revoke_key(admin, mine.id)).revoked_at is not None


async def test_keys_are_neither_seen_nor_revoked_from_another_workspace(access, admin):
    """The right id in the wrong workspace is not found."""
    (key,) = await access.keys(admin)
    outside = person(workspace="other")
    assert list(await access.keys(outside)) == []
    with pytest.raises(NotFound):
        await access.revoke_key(outside, key.id)
    await access.authenticate(SECRET)


# ── logging in ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_login_link_works_once_and_for_fifteen_minutes(access, admin, fixed_clock):
    """The second use and a late one are refused."""
    token, late = await access.create_login_token(admin), await access.create_login_token(admin)
    fixed_clock.advance(15 * 60 - 1)
    await access.log_in(token)
    with pytest.raises(Unauthenticated):
        await access.log_in(token)
    fixed_clock.advance(1)
    with pytest.raises(Unauthenticated):
        await access.log_in(late)


async def test_a_session_is_a_person_for_thirty_days(access, admin, fixed_clock):
    """It has the role's permissions in each workspace of its user, until it ends or is ended."""
    secret = await access.log_in(await access.create_login_token(admin))
    actor = await access.authenticate_session(secret, None)
    assert (actor.workspace, actor.key_id, actor.permissions) == ("default", None, OF_ROLE[Role.ADMINISTRATOR])
    assert (await access.authenticate_session(secret, "other")).workspace == "other"
    with pytest.raises(Forbidden):
        await access.authenticate_session(secret, "elsewhere")
    fixed_clock.advance(30 * 24 * 3600 - 1)
    await access.authenticate_session(secret, None)
    fixed_clock.advance(1)
    with pytest.raises(Unauthenticated):
        await access.authenticate_session(secret, None)


async def test_logging_out_ends_the_session(access, admin):
    """Only that one."""
    first, second = [await access.log_in(await access.create_login_token(admin)) for _ in range(2)]
    await access.log_out(first)
    with pytest.raises(Unauthenticated):
        await access.authenticate_session(first, None)
    await access.authenticate_session(second, None)


async def test_a_key_is_no_session_and_a_session_no_key(access, admin):
    """The two kinds of secrets do not stand in for each other."""
    session = await access.log_in(await access.create_login_token(admin))
    with pytest.raises(Unauthenticated):
        await access.authenticate(session)
    with pytest.raises(Unauthenticated):
        await access.authenticate_session(SECRET, None)


async def test_users_are_seen_inside_the_workspace_only(catalog, access, admin, fixed_clock):
    """A user's name and address are for those who share a workspace."""
    member = await a_member(catalog, fixed_clock, Role.MEMBER)
    assert (await access.user(admin, member.user_id)).name == "Ada"
    assert await access.user(person(workspace="other"), member.user_id) is None
    assert await access.role(admin, member.user_id) is Role.MEMBER
    assert await access.role(person(workspace="other"), member.user_id) is None
