"""The services page: who calls, what of it was refused and why, and the way from a service to its executions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from browser.stage import HOSTILE, Server, logged_in, opened, serving, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser

HAND_IN = "mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored rejected } }"


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: what the others call is not listed."""
    with serving(tmp_path_factory.mktemp("called")) as started:
        yield started


@pytest.fixture(scope="module")
def somebody(browser: Browser, called: Server) -> Any:
    """The cookies of somebody who is logged in there."""
    return logged_in(called, browser)


@pytest.fixture
def there(browser: Browser, called: Server, somebody: Any) -> Iterator[Page]:
    """A logged-in page of it."""
    page = opened(browser, called, somebody)
    yield page
    settled(page)


def sent(server: Server, service: str, *items: dict[str, Any]) -> None:
    """Hand items in, as that service."""
    answer = httpx.post(
        f"{server.url}/graphql",
        json={"query": HAND_IN, "variables": {"items": items}},
        headers={"X-API-Key": server.key, "X-PromptForge-Service": service},
    ).json()
    assert "errors" not in answer, answer


def item(ago: timedelta = timedelta(), **changes: Any) -> dict[str, Any]:
    """An arrival from some time ago."""
    at = (datetime.now(UTC) - ago).isoformat()
    return {"createdAt": at, "model": "gpt-4o-mini", "input": "x", "tokenIn": 10, "tokenOut": 5} | changes


def test_services_come_alive_and_lead_to_their_executions(there: Page, called: Server):
    """An empty page leads to connecting; a row comes while one looks, grows with what follows, and links its filter."""
    there.goto("/services")
    nobody = there.get_by_role("region", name="No services")
    nobody.wait_for()
    assert violations(there) == []
    nobody.get_by_role("link", name="Connect a program").click()
    expect(there.get_by_role("heading", name="Connect")).to_be_visible()
    there.get_by_role("link", name="Services", exact=True).click()
    expect(nobody).to_be_visible()

    sent(called, "support-desk", item(), item(timedelta(minutes=3), status="error", errorType="timeout"))
    row = there.get_by_role("row", name="support-desk")
    expect(row).to_contain_text("just now", timeout=15_000)
    expect(row.get_by_role("cell").nth(1)).to_have_text("2")
    expect(row.get_by_role("cell").nth(3)).to_have_text("1")
    expect(row.get_by_role("cell").nth(4)).to_have_text("50.0%")
    sent(called, "support-desk", item())
    expect(row.get_by_role("cell").nth(1)).to_have_text("3", timeout=15_000)

    sent(called, "somebody-else", item())
    row.get_by_role("link", name="support-desk").click()
    expect(there.get_by_role("grid").locator("[data-id]")).to_have_count(3, timeout=15_000)
    assert "service=support-desk" in there.url


def test_windows_and_what_was_rejected(there: Page, called: Server):
    """A window changes figures and never who is listed; what was refused stands with its reason, as text only."""
    sent(called, "nightly", item(timedelta(days=3)))
    sent(called, "broken", item(surprise=1), item(surprise=1), item(timedelta(), model=HOSTILE[:90]))
    there.goto("/services")
    row = there.get_by_role("row", name="nightly")
    expect(row).to_contain_text("3 days ago", timeout=15_000)
    expect(row.get_by_role("cell").nth(1)).to_have_text("0")
    there.get_by_role("button", name="7 days").click()
    expect(row.get_by_role("cell").nth(1)).to_have_text("1", timeout=15_000)
    assert "window=7d" in there.url
    broken = there.get_by_role("row", name="broken")
    expect(broken).to_contain_text("never")
    expect(broken.get_by_role("cell").last).to_have_text("3")
    why = there.get_by_role("region", name="Rejected").get_by_role("listitem").filter(has_text="broken")
    expect(why).to_contain_text("<img src=x onerror=")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser: Browser, called: Server, somebody: Any, theme: Any):
    """The page is accessible in both themes, and does not scroll sideways as a whole when it is narrow."""
    sent(called, "a-service-with-quite-a-long-name-that-somebody-chose-without-mercy", item(), item(surprise=1))
    page = opened(browser, called, somebody, color_scheme=theme, reduced_motion="reduce")
    page.goto("/services")
    page.get_by_role("table", name="Services").wait_for()
    assert violations(page) == []
    page.set_viewport_size({"width": 720, "height": 450})
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    settled(page)
