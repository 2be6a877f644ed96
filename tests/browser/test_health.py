"""The health page: numbers that add up, and move while one looks on."""

import pytest
from playwright.sync_api import Page, expect

from browser.stage import opened, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser


def numbers(page: Page, row: str) -> list[int]:
    """Received, stored, duplicate and rejected of a row of the counters."""
    cells = page.get_by_role("table", name="What came in").get_by_role("row", name=row).get_by_role("cell")
    return [int(text.replace(",", "")) for text in cells.all_inner_texts()]


def test_what_came_in_adds_up_and_moves(at: Page, server):
    """Received is stored, duplicate and rejected together; another execution is there without a reload."""
    at.goto("/")
    at.get_by_role("link", name="Health").click()
    expect(at.get_by_text("All is well")).to_be_visible()
    received, stored, duplicate, rejected = numbers(at, "All")
    assert received == stored + duplicate + rejected
    assert received > 0
    server.execute(content="one more")
    cell = at.get_by_role("table", name="What came in").get_by_role("row", name="All").get_by_role("cell").first
    expect(cell).to_have_text(str(received + 1), timeout=15_000)


def test_stores_are_named_with_their_sizes(at: Page):
    """An administrator sees what each store holds and takes."""
    at.goto("/health")
    stores = at.get_by_role("table", name="Stores")
    for name in ("Journal", "Facts", "Payloads", "Catalog"):
        expect(stores.get_by_role("rowheader", name=name)).to_be_visible()


def test_what_is_kept_is_shown_with_the_day_on_which_it_goes(at: Page, server):
    """Each rule with its length, the default with its day, and the policy; a new rule is there when one looks again."""
    at.goto("/health")
    kept = at.get_by_role("table", name="What is kept")
    expect(kept.get_by_role("row", name="everything")).to_contain_text("365 days, to the end of the month")
    server.ask("mutation { setRetentionRule(days: 1000, errors: true) { content } }")
    at.reload()
    expect(kept.get_by_role("row", name="errors")).to_contain_text("1,000 days")
    expect(kept.get_by_role("row", name="everything else")).to_be_visible()
    expect(at.get_by_text("Kept at all: of all executions of this workspace.")).to_be_visible()
    server.ask("mutation { removeRetentionRule(errors: true) { content } }")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser, server, session, theme):
    """The page is accessible in both themes, and narrow ones do not scroll sideways."""
    page = opened(browser, server, session, color_scheme=theme, reduced_motion="reduce")
    page.goto("/health")
    page.get_by_role("table", name="What came in").wait_for()
    assert violations(page) == []
    page.set_viewport_size({"width": 720, "height": 450})
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    settled(page)
