"""The overview shows what the API says, and nothing else."""

import re

import pytest
from playwright.sync_api import Page, expect

from browser.stage import ZONE

pytestmark = pytest.mark.browser

FIGURES = """query($window: TimeWindow!, $zone: String!) { overview(window: $window, timezone: $zone) {
  totals { runs error successRate tokenIn tokenOut cost { display unpriced unknown } }
  topPrompts(limit: 7) { promptName figures { calls } }
  topModels(limit: 7) { model figures { calls } }
  errorTypes { errorType count }
  daily { date figures { success error } } } }"""


def shown(count: int) -> str:
    """A count as a tile shows it, for counts below a million."""
    return f"{count:,}" if count < 10_000 else f"{(count + 50) // 100 / 10:g}K"


@pytest.mark.parametrize(
    ("name", "window"), [("7 days", "LAST_7_DAYS"), ("30 days", "LAST_30_DAYS"), ("All time", "ALL_TIME")]
)
def test_figures_are_those_of_the_api(at: Page, server, name, window):
    """Every tile, list and bar of each window carries the API's own figure."""
    at.goto("/")
    at.get_by_role("button", name=name, exact=True).click()
    expect(at.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
    wanted = server.ask(FIGURES, window=window, zone=ZONE)["overview"]
    totals, tile = wanted["totals"], lambda one: at.locator(f"[data-tile={one}]")
    expect(tile("executions")).to_contain_text(f"{totals['runs']:,}")
    expect(tile("success")).to_contain_text(f"{totals['successRate']:.2f}%")
    expect(tile("success")).to_contain_text(f"{totals['error']:,} failed")
    expect(tile("tokens").locator("[data-figure=in]")).to_have_text(shown(totals["tokenIn"]))
    expect(tile("tokens").locator("[data-figure=out]")).to_have_text(shown(totals["tokenOut"]))
    expect(tile("cost")).to_contain_text(totals["cost"]["display"])
    for state in ("unpriced", "unknown"):
        if totals["cost"][state]:
            expect(tile("cost")).to_contain_text(f"{totals['cost'][state]:,} {state}")
    prompts, models, errors = (
        at.get_by_role("table", name=one) for one in ("Most used prompts", "Most used models", "Errors by type")
    )
    for row in wanted["topPrompts"]:
        title = row["promptName"] or "Without a prompt"
        expect(prompts.get_by_role("row").filter(has_text=title)).to_contain_text(str(row["figures"]["calls"]))
    for row in wanted["topModels"]:
        expect(models.get_by_role("row").filter(has_text=row["model"])).to_contain_text(str(row["figures"]["calls"]))
    for row in wanted["errorTypes"]:
        title = row["errorType"].replace("_", " ").capitalize()
        expect(errors.get_by_role("row").filter(has_text=title)).to_contain_text(str(row["count"]))
    rows = at.get_by_role("table", name="Executions by outcome").locator("tbody tr")
    if window != "ALL_TIME":  # beyond a season the chart shows weeks
        expect(rows).to_have_count(len(wanted["daily"]))
        last = wanted["daily"][-1]["figures"]
        expect(rows.last.locator("td").first).to_have_text(f"{last['success']:,}")
    shown_success = [row.locator("td").first.inner_text() for row in rows.all()]
    of_days = sum(day["figures"]["success"] for day in wanted["daily"])
    assert sum(int(text.replace(",", "")) for text in shown_success) == of_days


def test_window_stays_in_the_address(at: Page):
    """A window that was chosen survives a reload, and going back leaves it."""
    at.goto("/")
    at.get_by_role("button", name="30 days").click()
    expect(at).to_have_url(re.compile("window=30d"))
    at.reload()
    expect(at.get_by_role("button", name="30 days")).to_have_attribute("aria-pressed", "true")
    at.go_back()
    expect(at.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")


def test_a_row_leads_to_its_executions(at: Page, server):
    """A prompt in the list leads to as many executions as the list says."""
    at.goto("/")
    at.get_by_role("table", name="Most used prompts").get_by_role("link", name="ticket-triage").click()
    expect(at).to_have_url(re.compile("/executions.*prompt=ticket-triage"))
    wanted = server.ask(FIGURES, window="LAST_7_DAYS", zone=ZONE)["overview"]["topPrompts"]
    calls = next(row["figures"]["calls"] for row in wanted if row["promptName"] == "ticket-triage")
    expect(at.get_by_role("grid").locator("[data-id]")).to_have_count(calls)


def test_chart_is_read_with_the_keyboard(at: Page):
    """Arrow keys read the activity day by day, and the reading is announced."""
    at.goto("/")
    chart = at.get_by_role("group", name="Executions by outcome")
    chart.focus()
    chart.press("End")
    expect(at.get_by_role("region", name="Activity").locator("[aria-live]")).to_contain_text("Succeeded")


def test_comes_alive(at: Page, server):
    """An execution made elsewhere is counted on the open page without a reload."""
    at.goto("/")
    tile = at.locator("[data-tile=executions] b")
    before = int(tile.inner_text().replace(",", ""))
    server.execute(content="one more")
    expect(tile).to_have_text(f"{before + 1:,}", timeout=15_000)
