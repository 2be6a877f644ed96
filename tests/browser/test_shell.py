"""What surrounds the pages: logging in and out, keys, themes, accessibility, first load, an empty workspace."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browser.stage import logged_in, opened, serving, settled
from kit.served import CLEAN

pytestmark = pytest.mark.browser

WEB = Path(__file__).resolve().parents[2] / "web"


def violations(page: Page) -> list[str]:
    """What axe finds, one line each."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("address", ["/", "/executions", "/executions?status=error&live=1"])
def test_axe_finds_nothing(browser, server, session, theme, address):
    """Both pages are accessible in both themes, the panel included."""
    page = opened(browser, server, session, color_scheme=theme, reduced_motion="reduce")
    page.goto(address)
    if "executions" in address:
        page.get_by_role("grid").locator("[data-id]").first.click()
        page.get_by_role("region", name="Details").wait_for()
    else:
        page.get_by_role("table", name="Most used models").wait_for()
    assert violations(page) == []
    settled(page)


@pytest.mark.parametrize("size", [(900, 700), (720, 450)])
@pytest.mark.parametrize("address", ["/", "/executions"])
def test_narrow_pages_do_not_scroll_sideways(browser, server, session, address, size):
    """At 900 pixels, and at 200 % on a laptop, everything is reachable without scrolling sideways."""
    page = opened(browser, server, session)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    settled(page)


def test_theme_is_kept(at: Page):
    """A theme that was chosen survives a reload, before the first paint."""
    at.emulate_media(color_scheme="dark")
    at.goto("/")
    at.get_by_role("button", name="Switch theme").click()
    at.reload(wait_until="commit")
    at.locator("body").wait_for(state="attached")  # nothing is painted before it is there
    assert at.evaluate("document.documentElement.dataset.theme") == "light"


def test_key_is_shown_once(at: Page, server):
    """A new key's secret opens the API, is shown once, and opens nothing after it was revoked."""
    at.goto("/")
    at.get_by_role("button", name="user menu").click()
    at.get_by_role("button", name="API keys").click()
    dialog = at.get_by_role("dialog", name="API keys")
    dialog.get_by_label("Name of the new key").fill("from-the-page")
    dialog.get_by_role("button", name="Create key").click()
    secret = dialog.get_by_role("group", name="The new key's secret").inner_text().strip()

    def status() -> int:
        ask = {"query": "{ me { id } }"}
        return httpx.post(f"{server.url}/graphql", json=ask, headers={"X-API-Key": secret}).status_code

    assert status() == 200
    dialog.get_by_role("button", name="Close").click()
    at.get_by_role("button", name="user menu").click()
    at.get_by_role("button", name="API keys").click()
    expect(dialog.get_by_text("from-the-page")).to_be_visible()
    expect(dialog.get_by_text(secret)).to_have_count(0)
    dialog.get_by_role("button", name="Revoke from-the-page").click()
    dialog.get_by_role("button", name="Revoke for good").click()
    expect(dialog.get_by_role("listitem").filter(has_text="from-the-page")).to_contain_text("revoked")
    assert status() == 401


def test_keys_have_a_page_among_the_settings(browser, server, session):
    """A key is made and revoked there as in the dialog, with the keyboard's way to it; axe finds nothing."""
    page = opened(browser, server, session)
    page.goto("/")
    page.get_by_role("heading", level=1, name="Overview").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("k")
    page.get_by_role("heading", level=1, name="API keys").wait_for()
    page.get_by_label("Name of the new key").fill("from-the-settings")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("status").filter(has_text="not shown again")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Revoke from-the-settings").click()
    page.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_role("listitem").filter(has_text="from-the-settings")).to_contain_text("revoked")
    settled(page)


def test_without_a_session_the_page_says_how_to_log_in(browser, server):
    """Nothing is shown to a stranger but how to get a link."""
    page = opened(browser, server, None)
    page.goto("/executions")
    expect(page.get_by_role("heading", name="Log in to Prompt Forge")).to_be_visible()
    assert violations(page) == []
    page.wrong = [said for said in page.wrong if "401" not in said]  # the browser reports the refused question
    settled(page)


def test_empty_workspace_comes_alive_and_one_can_leave(browser, tmp_path):
    """What stands in an empty workspace to be copied works as it stands; logging out ends the session."""
    with serving(tmp_path) as server:
        page = opened(browser, server, logged_in(server, browser))
        page.goto("/")
        expect(page.get_by_role("heading", name="Waiting for the first execution")).to_be_visible()
        expect(page.get_by_role("group", name="Environment")).to_contain_text(server.url)
        for name in ("Environment", "curl", "Python client"):
            expect(page.get_by_role("button", name=f"Copy: {name}")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Create a key and fill it in").click()
        expect(page.get_by_text("The key is filled in")).to_be_visible()
        lines = page.get_by_role("group", name="Environment").inner_text().splitlines()
        given = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        program = page.get_by_role("group", name="Python client").inner_text()
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=CLEAN | given
        )
        assert "simulated" in ran.stdout.lower(), ran.stderr
        expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=15_000)
        expect(page.locator("[data-tile=executions] b")).to_have_text("1", timeout=15_000)
        page.get_by_role("button", name="user menu").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in to Prompt Forge")).to_be_visible()
        page.wrong = [said for said in page.wrong if "401" not in said]
        settled(page)


def test_demo_opens_first_and_workspaces_are_one_click_apart(browser, tmp_path):
    """The demo shows its loading and fills up while one looks on; the empty workspace beside it is a click away."""
    with serving(tmp_path, "--demo") as server:
        page = opened(browser, server, logged_in(server, browser))
        page.goto("/")
        expect(page.get_by_role("progressbar", name="Loading the demo")).to_be_visible()
        expect(page.locator("[data-tile=executions] b")).not_to_have_text("0", timeout=20_000)
        page.get_by_role("button", name="workspace; switch").click()
        page.get_by_role("button", name="default").click()
        expect(page.get_by_role("heading", name="Waiting for the first execution")).to_be_visible()
        expect(page).to_have_url(re.compile("workspace=default"))
        page.get_by_role("button", name="Open the demo").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.goto("/executions?workspace=demo")
        course = page.get_by_role("group", name="Executions over time")
        course.press("End")
        course.press("Enter")
        expect(page).to_have_url(re.compile(r"from=(\d{4}-\d\d-\d\d)&to=\1"))
        page.goto("/executions?workspace=nobodys")
        expect(page.get_by_role("alert")).to_contain_text("not a member")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.wrong = [said for said in page.wrong if "403" not in said]
        settled(page)


def test_a_tab_from_before_an_update_loads_anew(at: Page):
    """A page whose file is gone from the server is there after one reload, which happens by itself."""
    at.goto("/")
    at.get_by_role("heading", level=1, name="Overview").wait_for()
    at.route(re.compile("/assets/playground"), lambda route: route.abort(), times=1)
    at.get_by_role("link", name="Playground").click()
    expect(at.get_by_role("textbox", name="Message of column A", exact=True)).to_be_visible()
    at.wrong.clear()  # type: ignore[attr-defined]  # the browser notes that the file was gone


def test_first_load_is_small(server):
    """Everything that the first page asks for, compressed, stays below 250 kB."""
    index = httpx.get(server.url).text
    files = re.findall(r'(?:src|href)="(/[^"]+)"', index)
    total = len(gzip.compress(index.encode()))
    for file in files:
        body = httpx.get(server.url + file).content
        total += len(gzip.compress(body))
        for font in re.findall(rb"url\((/assets/geist(?:-mono)?-latin-wght[^)]+)\)", body):
            total += len(httpx.get(server.url + font.decode()).content)
    assert total < 250_000


def test_documents_fit_the_schema():
    """Every GraphQL document of the dashboard fits schema.graphql, and the types hold strictly."""
    check = [sys.executable, str(WEB / "build.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
