"""Catalogs for the contract suites: one adapter per parameter, each empty."""

import pytest

from kit.clock import START
from promptforge.catalog import open_catalog
from promptforge.core.access import User, Workspace


async def _sqlite(folder):
    return await open_catalog(folder)


#: How to open each adapter that exists.
ADAPTERS = {"sqlite": _sqlite}


@pytest.fixture(params=ADAPTERS)
async def catalog(request, tmp_path):
    """An empty catalog with two workspaces, ``here`` and ``there``, and a user of neither."""
    opened = await ADAPTERS[request.param](tmp_path)
    for name in ("here", "there"):
        await opened.access.create_workspace(Workspace(id=name, name=name, created_at=START))
    await opened.access.create_user(User(id="user_1", name="Ada", email="ada@example.org", created_at=START))
    yield opened
    await opened.close()
