"""The tests of the client use a real server."""

import pytest

from kit.served import served
from promptforge import AsyncPromptForge

__all__ = ["client", "served"]


@pytest.fixture
async def client(forge, actor, url):
    """A client with a key of an empty workspace."""
    _, secret = await forge.access.create_key(actor, name="test")
    async with AsyncPromptForge(secret, url) as made:
        yield made
