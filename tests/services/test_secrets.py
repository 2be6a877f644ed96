"""Secrets by name: who may, what is refused, what a run is given, and what a start does."""

from dataclasses import replace

import pytest

from kit.catalog import catalog
from promptforge.core.access import OF_ROLE, Actor, Permission, Role
from promptforge.core.errors import Forbidden, InvalidInput, NotFound, Unavailable
from promptforge.core.redaction import REDACTED, Redactors
from promptforge.services.sealing import Seal
from promptforge.services.secrets import MAX_SECRETS, MAX_VALUE, Secrets

__all__ = ["catalog"]

VALUE = "sk-live-0123456789"
OLD, NEW = "an old key of at least 32 characters", "a new key of at least 32 characters"
ADA = Actor(workspace="here", user_id="user_1", permissions=OF_ROLE[Role.ADMINISTRATOR])


@pytest.fixture
def secrets(catalog, fixed_clock):
    """The service as a start makes it, with an old key."""
    return Secrets(catalog.secrets, Seal([OLD]), Redactors(), fixed_clock)


def started_with(secrets, *keys: str) -> Secrets:
    """The service of the next process, on the same catalog."""
    return replace(secrets, seal=Seal(keys), redactors=Redactors())


async def test_a_run_is_given_the_values_it_names(forge, actor):
    """The last value of each, exactly; names nobody asked for are not read."""
    await forge.secrets.set(actor, "token", "an earlier value")
    await forge.secrets.set(actor, "token", VALUE)
    await forge.secrets.set(actor, "other-1", 'ключ ☃ " \\ 漢字')
    assert await forge.secrets.values(actor, ["token"]) == {"token": VALUE}
    both = await forge.secrets.values(actor, ["other-1", "token", "token"])
    assert both == {"other-1": 'ключ ☃ " \\ 漢字', "token": VALUE}


async def test_names_are_shown_and_values_never(forge, actor):
    """A list has names, times and users."""
    secret = await forge.secrets.set(actor, "token", VALUE)
    (shown,) = await forge.secrets.list(actor)
    assert (shown, shown.name, shown.updated_by) == (secret, "token", actor.user_id)
    assert VALUE not in repr(shown)
    assert VALUE not in repr(forge.secrets)


async def test_workspaces_have_secrets_of_their_own(forge, actor, other_actor):
    """The same name holds something else there, or nothing."""
    await forge.secrets.set(actor, "token", VALUE)
    with pytest.raises(InvalidInput, match="no secret 'token'"):
        await forge.secrets.values(other_actor, ["token"])
    with pytest.raises(NotFound, match="no secret 'token'"):
        await forge.secrets.remove(other_actor, "token")
    await forge.secrets.set(other_actor, "token", "another value")
    assert await forge.secrets.values(actor, ["token"]) == {"token": VALUE}


async def test_what_is_removed_is_not_given_any_more(forge, actor):
    """A run that names it is told what is missing and who sets it."""
    await forge.secrets.set(actor, "token", VALUE)
    await forge.secrets.remove(actor, "token")
    assert list(await forge.secrets.list(actor)) == []
    with pytest.raises(InvalidInput, match=r"no secret 'token'.*promptforge secret set"):
        await forge.secrets.values(actor, ["token"])
    with pytest.raises(NotFound):
        await forge.secrets.remove(actor, "token")


async def test_only_administrators_look_set_and_remove(forge, actor):
    """And only who may run is given values."""
    member = replace(actor, permissions=OF_ROLE[Role.MEMBER])
    await forge.secrets.set(actor, "token", VALUE)
    for refused in (
        forge.secrets.list(member),
        forge.secrets.set(member, "token", VALUE),
        forge.secrets.remove(member, "token"),
        forge.secrets.values(replace(actor, permissions=frozenset({Permission.CONTENT})), ["token"]),
    ):
        with pytest.raises(Forbidden):
            await refused
    assert await forge.secrets.values(member, ["token"]) == {"token": VALUE}


@pytest.mark.parametrize("name", ["", "a b", "1st", "a.b", "naïve", "a" * 101, "{{a}}", "a\n"])
async def test_a_name_that_no_reference_could_say_is_refused(forge, actor, name):
    """Names are what a template can hold."""
    with pytest.raises(InvalidInput, match="name of a secret") as refused:
        await forge.secrets.set(actor, name, VALUE)
    assert refused.value.path == "$.name"


@pytest.mark.parametrize(
    "value", ["", "short", "1234567", "x" * (MAX_VALUE + 1), f"{VALUE}\n", f" {VALUE}", f"{VALUE}\0", f"{VALUE}\ud800"]
)
async def test_a_value_that_could_not_be_guarded_is_refused(forge, actor, value):
    """Too short to be told from ordinary words, too long, or pasted with something around it; no error repeats it."""
    with pytest.raises(InvalidInput) as refused:
        await forge.secrets.set(actor, "token", value)
    assert refused.value.path == "$.value"
    assert len(value) < 4 or value.strip()[:7] not in str(refused.value)
    assert list(await forge.secrets.list(actor)) == []


async def test_a_workspace_has_a_bounded_number(secrets):
    """One more is refused; one that is there can still be replaced."""
    for number in range(MAX_SECRETS):
        await secrets.set(ADA, f"s{number}", VALUE)
    with pytest.raises(InvalidInput, match=f"at most {MAX_SECRETS}"):
        await secrets.set(ADA, "one_more", VALUE)
    await secrets.set(ADA, "s7", "another value")


async def test_a_start_tells_the_redactors(secrets):
    """What was set in an earlier process is removed from records in this one, in its own workspace."""
    await secrets.set(ADA, "token", VALUE)
    next_one = started_with(secrets, OLD)
    assert next_one.redactors.of("here").text(VALUE) == VALUE
    await next_one.start()
    assert next_one.redactors.of("here").text(f"a {VALUE} b") == f"a {REDACTED} b"
    assert next_one.redactors.of("there").text(VALUE) == VALUE


async def test_a_removed_secret_stays_secret(secrets):
    """And so does an earlier value: either may still come back in an answer, until the process ends."""
    await secrets.set(ADA, "token", "an earlier value")
    await secrets.set(ADA, "token", VALUE)
    await secrets.remove(ADA, "token")
    assert secrets.redactors.of("here").text(f"{VALUE}, an earlier value") == f"{REDACTED}, {REDACTED}"


async def test_a_start_with_a_new_key_seals_anew(secrets):
    """With the old key beside it, once; after that the new key alone opens everything."""
    await secrets.set(ADA, "token", VALUE)
    await started_with(secrets, NEW, OLD).start()
    alone = started_with(secrets, NEW)
    assert await alone.values(ADA, ["token"]) == {"token": VALUE}


async def test_a_start_without_the_key_goes_on_without_the_secret(secrets, caplog):
    """It is named in the log, a run that needs it is told what to do, and setting it again heals it."""
    await secrets.set(ADA, "token", VALUE)
    await secrets.set(ADA, "second", VALUE)
    lost = started_with(secrets, NEW)
    await lost.start()
    assert ["'token'" in one.getMessage() for one in caplog.records] == [False, True]
    with pytest.raises(Unavailable, match=r"'token' cannot be opened.*PROMPTFORGE_SECRET_KEY"):
        await lost.values(ADA, ["token"])
    await lost.set(ADA, "token", VALUE)
    assert await lost.values(ADA, ["token"]) == {"token": VALUE}
