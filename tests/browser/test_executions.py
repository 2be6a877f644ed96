"""The list of executions: filters in the address, pages that read on, the panel, the live tail, hostile text."""

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet
import pytest
from playwright.sync_api import Browser, Page, expect

from browser.provider import completion, providing
from browser.stage import HOSTILE, logged_in, opened, serving, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser

COUNT = "query($filter: ExecutionFilter) { executions(limit: 500, filter: $filter) { id } }"


def rows(page: Page):
    """The rows that exist; a long list has more."""
    return page.get_by_role("grid").locator("[data-id]")


def ids(server, **filter):
    """What the API lists."""
    return [one["id"] for one in server.ask(COUNT, filter=filter)["executions"]]


def test_filter_survives_a_reload(at: Page, server):
    """A filter that was chosen with the pointer is in the address, filters, and is there after a reload."""
    wanted = ids(server, status=["error"])
    at.goto("/executions")
    at.get_by_role("button", name="Filter", exact=True).click()
    menu = at.get_by_role("dialog", name="Add a filter")
    menu.get_by_role("button", name="Status").click()
    menu.get_by_label("Error").check()
    at.keyboard.press("Escape")
    expect(at).to_have_url(re.compile("status=error"))
    expect(rows(at)).to_have_count(len(wanted))
    at.reload()
    expect(at.locator("[data-filter=status]")).to_contain_text("Error")
    expect(rows(at)).to_have_count(len(wanted))
    at.get_by_role("button", name="Remove the filter Status").click()
    expect(at.locator("[data-filter=status]")).to_have_count(0)
    expect(at).not_to_have_url(re.compile("status="))


@pytest.mark.parametrize(
    ("address", "filter"),
    [
        ("prompt=ticket-triage", {"promptName": ["ticket-triage"]}),
        ("prompt=ticket-triage&version=2", {"promptName": ["ticket-triage"], "version": [2]}),
        ("error=provider&error=timeout", {"errorType": ["provider", "timeout"]}),
        ("model=demo-*&user=user-7", {"model": ["demo-*"], "endUser": ["user-7"]}),
        ("tag=team%3Dcare", {"tags": [{"key": "team", "values": ["care"]}]}),
        ("where=parcel+late", {"where": "parcel late"}),
        ("minLatency=100000", {"minLatencyMs": 100_000}),
    ],
)
def test_an_address_is_a_filter(at: Page, server, address, filter):
    """Each parameter of the address lets through what the API's filter lets through."""
    wanted = ids(server, **filter)
    at.goto(f"/executions?{address}")
    if not wanted:
        expect(at.get_by_role("heading", name="No execution fits")).to_be_visible()
        return
    expect(rows(at)).to_have_count(len(wanted))
    assert [row.get_attribute("data-id") for row in rows(at).all()] == wanted


def test_search_filters_while_typing(at: Page, server):
    """The slash focuses the search; what is typed filters and is kept in the address."""
    wanted = ids(server, text="billing")
    at.goto("/executions")
    rows(at).first.wait_for()
    at.keyboard.press("/")
    expect(at.get_by_role("searchbox")).to_be_focused()
    at.keyboard.type("billing")
    expect(at).to_have_url(re.compile("where=billing"))
    expect(rows(at)).to_have_count(len(wanted))


def test_list_reads_on(at: Page, server):
    """Scrolling reaches the oldest execution, though only the rows in view exist."""
    at.goto("/executions")
    rows(at).first.wait_for()
    oldest = at.locator(f"[data-id='{ids(server)[-1]}']")
    for _ in range(40):
        if oldest.count():
            break
        at.mouse.move(700, 500)
        at.mouse.wheel(0, 1500)
        at.wait_for_timeout(50)
    expect(oldest).to_be_visible()
    assert rows(at).count() < 70


def test_panel_shows_one_execution(at: Page, server):
    """The panel explains the cost line by line, pretty-prints JSON, and has an address of its own."""
    id = ids(server, text="billing")[0]
    at.goto("/executions")
    at.locator(f"[data-id='{id}']").click()
    panel = at.get_by_role("complementary", name="Execution")
    expect(panel.get_by_role("region", name="Output")).to_contain_text('"category": "billing"')
    expect(panel.get_by_role("region", name="Timing")).to_contain_text("Attempt 1")
    expect(panel.get_by_role("region", name="Details")).to_contain_text(id)
    expect(panel.get_by_role("region", name="Cost")).to_be_visible()
    expect(at).to_have_url(re.compile(f"id={id}"))
    at.reload()
    expect(panel.get_by_role("region", name="Details")).to_contain_text(id)
    panel.get_by_role("button", name="Close (Esc)").click()
    expect(panel).to_have_count(0)


def test_panel_shows_the_lines_of_the_cost(at: Page, server):
    """Each line is quantity times rate, and the total is the API's exact amount."""
    query = """query($id: ID!) { execution(id: $id) { cost { usd lines { quantity amountUsd } } } }"""
    id = ids(server, promptName=["ticket-triage"])[0]
    cost = server.ask(query, id=id)["execution"]["cost"]
    at.goto(f"/executions?id={id}")
    section = at.get_by_role("complementary").get_by_role("region", name="Cost")
    if not cost["lines"]:
        expect(section.locator("p")).not_to_be_empty()
        return
    expect(section.locator("tbody tr")).to_have_count(len(cost["lines"]))
    for row, line in zip(section.locator("tbody tr").all(), cost["lines"], strict=True):
        expect(row).to_contain_text(f"{line['quantity']:,}")
        expect(row).to_contain_text(line["amountUsd"])
    expect(section.locator("tfoot")).to_contain_text(cost["usd"])


def test_panel_says_why_it_failed(at: Page, server):
    """An error is shown with its sentence; a cost that is not known is said in words."""
    at.goto(f"/executions?id={ids(server, errorType=['timeout'])[0]}")
    panel = at.get_by_role("complementary", name="Execution")
    expect(panel.get_by_role("region", name="Error")).to_contain_text("timed out")
    expect(panel.get_by_role("region", name="Cost")).to_contain_text("not known")


def test_live_tail_shows_what_comes(at: Page, server):
    """With the tail on, a new execution appears on top by itself; without it, it waits behind a button."""
    at.goto("/executions")
    rows(at).first.wait_for()
    expect(at.get_by_title("Live", exact=True)).to_be_visible()
    at.get_by_role("button", name="Live tail").click()
    expect(at).to_have_url(re.compile("live=1"))
    first = server.execute(content="watch me arrive")["id"]
    expect(rows(at).first).to_have_attribute("data-id", first)
    expect(rows(at).first.get_by_title("Success")).to_be_visible()
    at.get_by_role("button", name="Live tail").click()
    server.execute(content="and wait")
    expect(at.get_by_role("button", name="1 new")).to_be_visible()
    expect(rows(at).first).to_have_attribute("data-id", first)


def test_live_tail_does_not_move_what_is_read(at: Page, server):
    """Rows that arrive above leave the row that is being read where it is."""
    at.goto("/executions?live=1")
    rows(at).first.wait_for()
    expect(at.get_by_title("Live", exact=True)).to_be_visible()
    at.mouse.move(700, 500)
    at.mouse.wheel(0, 600)
    read = at.locator(f"[data-id='{ids(server)[25]}']")
    expect(read).to_be_visible()
    before = read.bounding_box()["y"]
    new = server.execute(content="above you")["id"]
    expect(at.get_by_role("grid")).to_have_attribute("data-newest", new)
    assert abs(read.bounding_box()["y"] - before) < 1


def test_hostile_text_stays_text(at: Page, server):
    """Markup and script in input, output and session are shown letter by letter, and nothing of it runs."""
    id = ids(server, text="onerror")[0]
    at.goto(f"/executions?id={id}")
    panel = at.get_by_role("complementary", name="Execution")
    expect(panel.get_by_role("region", name="Output")).to_contain_text(HOSTILE)
    expect(panel.get_by_role("region", name="Details")).to_contain_text(HOSTILE[:60])
    expect(at.locator("img, script:not([src]), svg[onload], a[href^='javascript']")).to_have_count(0)
    panel.get_by_role("link", name=HOSTILE[:30]).first.click()
    expect(rows(at)).to_have_count(1)
    assert at.evaluate("window.hurt") is None


def test_keyboard_alone_is_enough(at: Page, server):
    """j and k move, Enter opens, j goes on inside, Escape closes; g o and g e change the page; ? explains."""
    listed = ids(server)
    at.goto("/executions")
    rows(at).first.wait_for()
    at.keyboard.press("j")
    at.keyboard.press("j")
    at.keyboard.press("k")
    at.keyboard.press("j")
    at.keyboard.press("Enter")
    panel = at.get_by_role("complementary", name="Execution")
    expect(at).to_have_url(re.compile(f"id={listed[1]}"))
    expect(panel).to_be_visible()
    at.keyboard.press("j")
    expect(at).to_have_url(re.compile(f"id={listed[2]}"))
    at.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    at.keyboard.press("?")
    expect(at.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    at.keyboard.press("Escape")
    at.keyboard.press("g")
    at.keyboard.press("o")
    expect(at.get_by_role("heading", name="Overview")).to_be_visible()


def exported(page: Page, format: str) -> Path:
    """The file that the menu gives."""
    page.get_by_role("button", name="Export", exact=True).click()
    menu = page.get_by_role("dialog", name="Export")
    with page.expect_download() as coming:
        menu.get_by_role("button", name=format).click()
    expect(menu).to_have_count(0)
    assert coming.value.suggested_filename.startswith("executions-")
    return coming.value.path()


def test_what_is_filtered_can_be_exported(at: Page, server):
    """Each format holds exactly what the list's filter lets through, with content or without."""
    wanted = ids(server, status=["error"])
    at.goto("/executions?status=error")
    rows(at).first.wait_for()
    lines = [json.loads(line) for line in exported(at, "JSON lines").read_text().splitlines()]
    assert [line["id"] for line in lines] == wanted
    assert all(line["input"] for line in lines)
    assert [row["id"] for row in csv.DictReader(exported(at, "CSV").read_text().splitlines(keepends=True))] == wanted
    assert pyarrow.parquet.read_table(exported(at, "Parquet")).column("id").to_pylist() == wanted
    at.get_by_role("button", name="Export", exact=True).click()
    at.get_by_label("With inputs and outputs").uncheck()
    assert violations(at) == []
    at.keyboard.press("Escape")
    at.get_by_role("button", name="Export", exact=True).click()
    at.get_by_label("With inputs and outputs").uncheck()
    with at.expect_download() as coming:
        at.get_by_role("dialog", name="Export").get_by_role("button", name="JSON lines").click()
    assert "input" not in coming.value.path().read_text()


def test_an_export_that_is_refused_says_so(at: Page):
    """A filter that the server does not take is a sentence on the page, and nothing is downloaded."""
    at.goto("/executions")
    rows(at).first.wait_for()
    at.route("**/export?*", lambda route: route.continue_(url=route.request.url.replace("format=csv", "format=xls")))
    at.get_by_role("button", name="Export", exact=True).click()
    at.get_by_role("dialog", name="Export").get_by_role("button", name="CSV").click()
    expect(at.get_by_role("alert")).to_contain_text("'xls' is not a format")
    at.wrong.clear()  # the browser notes that answer, as it should


def test_what_was_estimated_says_so(at: Page, server):
    """Figures that nobody reported are marked in the list and in the panel, and so is what the sender claimed."""
    item = {
        "createdAt": "2026-02-03T04:05:06Z",
        "model": "claude-3-5-haiku-20241022",
        "input": "guessed",
        "endUser": "guess",
    }
    used = {"tokenIn": 1200, "tokenOut": 300, "usageSource": "estimated", "costUsd": "0.5"}
    server.ask("mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored } }", items=[item | used])
    at.goto("/executions?user=guess")
    row = at.get_by_role("grid").locator("[data-id]")
    expect(row).to_contain_text("≈ 1,200 → 300", timeout=15_000)
    row.click()
    panel = at.get_by_role("complementary", name="Execution")
    expect(panel.get_by_title("The provider reported no usage")).to_have_text("estimated")
    expect(at.get_by_text("the quantities are estimated")).to_be_visible()
    expect(at.get_by_text("The sender claimed $0.50")).to_be_visible()
    assert violations(at) == []


def test_what_of_the_usage_is_not_understood_is_named(browser: Browser, tmp_path: Path):
    """A provider that bills something new: the panel says which field of its usage is in no figure."""
    with (
        providing({"/chat/completions": (200, completion("Hi", hologram_tokens=7))}) as provider,
        serving(tmp_path, OPENAI_BASE_URL=provider.url, OPENAI_API_KEY="sk-of-the-server") as server,
    ):
        id = server.execute(content="Hello", params={"model": "gpt-4o-mini"})["id"]
        page = opened(browser, server, logged_in(server, browser))
        page.goto(f"/executions?id={id}")
        note = page.get_by_role("note", name="Not understood")
        expect(note).to_contain_text("hologram_tokens")
        assert violations(page) == []
        settled(page)
