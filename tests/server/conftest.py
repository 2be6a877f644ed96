"""Callers of the server over the one forge, with keys of their own workspaces."""

import httpx
import pytest

from kit.caller import TIMEOUT, Caller
from promptforge.core.access import Scope


@pytest.fixture(scope="session")
async def http(url):
    """A connection without credentials."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
def caller_of(forge, http, url):
    """Make a caller for an actor, with a key of the scopes given."""

    async def make(actor, scopes=frozenset(Scope)):
        _, secret = await forge.access.create_key(actor, name="test", scopes=scopes)
        return Caller(http, url, secret)

    return make


@pytest.fixture
async def caller(caller_of, actor):
    """An administrator of an empty workspace."""
    return await caller_of(actor)
