"""A client of a real server, for an empty workspace."""

import pytest

from promptforge import AsyncPromptForge


@pytest.fixture
async def client(forge, actor, url):
    """A client with a key of an empty workspace."""
    _, secret = await forge.access.create_key(actor, name="test")
    async with AsyncPromptForge(secret, url) as made:
        yield made
