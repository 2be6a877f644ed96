"""The dashboard's files as the server gives them."""

import httpx
import pytest

from promptforge.server.app import create_app


@pytest.fixture
async def visitor(forge, tmp_path):
    """A browser before a server with a small built dashboard; the folder itself beside it."""
    folder = tmp_path / "dist"
    transport = httpx.ASGITransport(create_app(forge, dashboard=folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client, folder


def build(folder):
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Prompt Forge</title>")
    (folder / "assets" / "index-4f2a.js").write_text("export {}")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder.parent / "secret.txt").write_text("hunter2")


async def test_pages_are_the_index_and_files_are_files(visitor):
    """Every address of the dashboard is the index page, never kept; hashed assets are kept for ever."""
    client, folder = visitor
    build(folder)

    pages = [await client.get(path) for path in ("/", "/executions", "/executions/exec_1", "/?q=1")]
    asset, icon = await client.get("/assets/index-4f2a.js"), await client.get("/favicon.svg")
    missing = await client.get("/assets/index-old.js")

    assert {page.text for page in pages} == {"<!doctype html><title>Prompt Forge</title>"}
    assert {page.headers["cache-control"] for page in pages} == {"no-cache"}
    assert "immutable" in asset.headers["cache-control"]
    assert "javascript" in asset.headers["content-type"]
    assert icon.headers["cache-control"] == "no-cache"
    assert missing.status_code == 404


async def test_nothing_outside_the_folder_is_given(visitor):
    """Paths that climb, in any spelling, reach nothing."""
    client, folder = visitor
    build(folder)

    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets//../../secret.txt"):
        assert "hunter2" not in (await client.get(path)).text


async def test_without_a_build_a_page_says_what_to_do(visitor):
    """Where the dashboard was not built, the page names the command, and the rest of the server works."""
    client, _ = visitor

    page = await client.get("/")

    assert page.status_code == 200
    assert "make web" in page.text
    assert (await client.post("/executions")).status_code == 405
