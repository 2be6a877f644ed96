"""What every SecretCatalog promises."""

from dataclasses import replace
from datetime import timedelta

from kit.catalog import catalog
from kit.clock import START
from promptforge.core.secret import Secret

__all__ = ["catalog"]

TOKEN = Secret(workspace="here", name="token", updated_at=START, updated_by="user_1")
SEALED = bytes(range(256))


async def test_what_is_put_is_listed_by_name(catalog):
    """With its sealed value, byte for byte, and those of one workspace only."""
    other = replace(TOKEN, name="Other")
    elsewhere = replace(TOKEN, workspace="there")
    for secret, sealed in ((TOKEN, SEALED), (other, b""), (elsewhere, b"2")):
        await catalog.secrets.put(secret, sealed)
    assert list(await catalog.secrets.list("here")) == [(other, b""), (TOKEN, SEALED)]
    assert list(await catalog.secrets.list("there")) == [(elsewhere, b"2")]
    assert list(await catalog.secrets.all()) == [(other, b""), (TOKEN, SEALED), (elsewhere, b"2")]


async def test_the_later_one_takes_the_place_of_the_earlier(catalog):
    """There is one of a name, with the time and the user of the last time it was put."""
    await catalog.secrets.put(TOKEN, b"1")
    later = replace(TOKEN, updated_at=START + timedelta(days=1), updated_by="user_2")
    await catalog.secrets.put(later, b"2")
    assert list(await catalog.secrets.list("here")) == [(later, b"2")]


async def test_what_is_removed_is_gone(catalog):
    """From its own workspace; a second time there is nothing to remove."""
    await catalog.secrets.put(TOKEN, b"1")
    assert not await catalog.secrets.remove("there", "token")
    assert await catalog.secrets.remove("here", "token")
    assert not await catalog.secrets.remove("here", "token")
    assert list(await catalog.secrets.all()) == []


async def test_a_removed_workspace_takes_its_secrets_with_it(catalog):
    """Secrets do not hold a workspace back, and are gone with it."""
    await catalog.secrets.put(TOKEN, b"1")
    await catalog.access.remove_workspace("here")
    assert list(await catalog.secrets.all()) == []
