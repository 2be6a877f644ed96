"""What every AccessCatalog promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.catalog import catalog
from kit.clock import START
from promptforge.core.access import Key, Role, Scope, User, Workspace
from promptforge.core.errors import Conflict
from promptforge.core.ports import Login, PromptQuery
from promptforge.core.prompt import Category, Prompt, PromptVersion

__all__ = ["catalog"]

ADA = User(id="user_1", name="Ada", email="ada@example.org", created_at=START)
LATER = START + timedelta(hours=1)


def a_key(number=1, **values):
    """A key of Ada's in ``here``."""
    base = Key(
        id=f"key_{number}",
        workspace="here",
        user_id=ADA.id,
        name="laptop",
        hint="pf_abc",
        scopes=frozenset({Scope.RUN, Scope.READ}),
        created_at=START + timedelta(milliseconds=number),
        expires_at=LATER,
    )
    return replace(base, **values)


@pytest.fixture
def access(catalog):
    """The catalog under test."""
    return catalog.access


async def test_workspaces_and_users_read_back(access):
    """By id, and a workspace by its name; nothing for what is not there."""
    here = Workspace(id="here", name="here", created_at=START)
    assert await access.workspace("here") == here
    assert await access.workspace_named("here") == here
    assert await access.user(ADA.id) == ADA
    assert await access.workspace("nowhere") is None
    assert await access.workspace_named("nowhere") is None
    assert await access.user("user_9") is None


async def test_names_of_workspaces_and_addresses_of_users_are_unique(access):
    """The second is refused; users without an address do not collide."""
    with pytest.raises(Conflict, match="here"):
        await access.create_workspace(Workspace(id="other", name="here", created_at=START))
    with pytest.raises(Conflict):
        await access.create_user(replace(ADA, id="user_2"))
    for n in (3, 4):
        await access.create_user(User(id=f"user_{n}", name="Nobody", email=None, created_at=START))


async def test_a_member_has_one_role_in_a_workspace(access):
    """Joining again changes the role; memberships are seen from the user and from the workspace."""
    assert await access.role(ADA.id, "here") is None
    await access.join(ADA.id, "here", Role.VIEWER)
    await access.join(ADA.id, "here", Role.MEMBER)
    assert await access.role(ADA.id, "here") is Role.MEMBER
    assert await access.role(ADA.id, "there") is None
    assert [(workspace.id, role) for workspace, role in await access.workspaces(ADA.id)] == [("here", Role.MEMBER)]
    assert list(await access.members("here")) == [(ADA, Role.MEMBER)]
    assert list(await access.members("there")) == []


async def test_a_key_is_found_by_the_hash_of_its_secret_only(access):
    """It reads back whole; a second key with the same secret is refused."""
    key = a_key()
    await access.create_key(key, b"hash")
    assert await access.key_by_hash(b"hash") == key
    assert await access.key_by_hash(b"other") is None
    with pytest.raises(Conflict):
        await access.create_key(a_key(2), b"hash")


async def test_keys_are_listed_newest_first(access):
    """Each workspace lists its own."""
    await access.create_key(a_key(1), b"1")
    await access.create_key(a_key(2), b"2")
    assert [key.id for key in await access.keys("here")] == ["key_2", "key_1"]
    assert list(await access.keys("there")) == []


async def test_a_key_is_revoked_once_and_stays_listed(access):
    """The first time is kept; a second try says that there was nothing to do."""
    await access.create_key(a_key(), b"1")
    assert await access.revoke_key("here", "key_1", LATER)
    assert not await access.revoke_key("here", "key_1", START)
    assert not await access.revoke_key("here", "key_9", START)
    assert [key.revoked_at for key in await access.keys("here")] == [LATER]


async def test_keys_are_not_touched_or_revoked_from_another_workspace(access):
    """The right id in the wrong workspace changes nothing."""
    await access.create_key(a_key(), b"1")
    await access.touch_key("there", "key_1", LATER)
    assert not await access.revoke_key("there", "key_1", LATER)
    assert await access.key_by_hash(b"1") == a_key()
    await access.touch_key("here", "key_1", LATER)
    assert await access.key_by_hash(b"1") == a_key(last_used_at=LATER)


async def test_a_login_token_works_once_and_in_time(access):
    """Of several who bring one token at once, one gets in; a token that is past lets nobody in."""
    await access.create_login_token(b"token", ADA.id, "here", LATER)
    taken = await asyncio.gather(*(access.take_login_token(b"token", START) for _ in range(5)))
    assert sorted(taken, key=str) == [(ADA.id, "here"), None, None, None, None]
    await access.create_login_token(b"late", ADA.id, "here", START)
    assert await access.take_login_token(b"late", START) is None
    assert await access.take_login_token(b"unknown", START) is None


async def test_a_session_lasts_until_its_end(access):
    """It is found before its time is over and until it is ended."""
    await access.create_session(b"session", ADA.id, "here", LATER)
    assert await access.session(b"session", START) == Login(ADA, "here", LATER)
    assert await access.session(b"session", LATER) is None
    assert await access.session(b"other", START) is None
    await access.end_session(b"session")
    assert await access.session(b"session", START) is None


async def test_a_workspace_goes_with_all_that_is_in_it_and_nothing_else(catalog):
    """Keys, sessions, tokens, members, prompts, versions and labels go; the other workspace and the user stay."""
    access, prompts = catalog.access, catalog.prompts
    for name in ("here", "there"):
        await access.join(ADA.id, name, Role.ADMINISTRATOR)
        await access.create_key(a_key(workspace=name), name.encode())
        await access.create_session(name.encode(), ADA.id, name, LATER)
        await access.create_login_token(name.encode(), ADA.id, name, LATER)
        await prompts.create(_prompt(name), _version())
        await prompts.set_label(name, "prompt_1", "production", 1)

    await access.remove_workspace("here")

    assert await access.workspace("here") is None
    assert await access.key_by_hash(b"here") is None
    assert await access.session(b"here", START) is None
    assert await access.take_login_token(b"here", START) is None
    assert await access.role(ADA.id, "here") is None
    assert list(await prompts.list(PromptQuery(workspace="here"))) == []
    assert await access.user(ADA.id) == ADA
    assert (await access.key_by_hash(b"there")).workspace == "there"
    assert await access.session(b"there", START) is not None
    assert await access.take_login_token(b"there", START) == (ADA.id, "there")
    assert (await prompts.get("there", "prompt_1")).labels == {"production": 1}


def _prompt(workspace):
    return Prompt(
        id="prompt_1",
        workspace=workspace,
        name="greeter",
        description=None,
        category=Category.GENERAL,
        is_public=False,
        created_at=START,
        updated_at=START,
        created_by=ADA.id,
    )


def _version():
    return PromptVersion(
        id="ver_1",
        prompt_id="prompt_1",
        number=0,
        content="Hello",
        messages=None,
        params={"model": "m"},
        provider=None,
        input_schema=None,
        created_at=START,
        created_by=ADA.id,
    )
