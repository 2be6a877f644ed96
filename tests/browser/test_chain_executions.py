"""The list of chain executions, and one of them: its course in time and as a graph, its steps, its calls."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.chains import NAME
from browser.stage import HOSTILE, logged_in, opened, serving, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser
TESTS = Path(__file__).parents[1]
LIST = """query($filter: ChainExecutionFilter) { chainExecutions(filter: $filter) {
    id chainName forkedFrom latencyMs steps { name executionId critical } } }"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory, browser):
    """A server of a home in which chains have run, and a session of it."""
    home = tmp_path_factory.mktemp("chains")
    environment = os.environ | {"PYTHONPATH": str(TESTS), "PROMPTFORGE_MIN_FREE_MB": "0"}
    subprocess.run([sys.executable, "-m", "browser.chains", str(home)], check=True, timeout=60, env=environment)
    with serving(home) as server:
        yield server, logged_in(server, browser)


@pytest.fixture
def server(ran):
    """That server."""
    return ran[0]


@pytest.fixture
def at(browser, ran):
    """A logged-in page of it."""
    page = opened(browser, *ran)
    yield page
    settled(page)


def listed(server, **filter):
    """What the API lists."""
    return server.ask(LIST, filter=filter)["chainExecutions"]


def rows(page: Page):
    """The rows of the list."""
    return page.get_by_role("grid", name="Chain executions").locator("[data-id]")


def panel(page: Page):
    """The panel of a step."""
    return page.get_by_role("complementary", name="Step")


def test_list_shows_what_ran_and_filters(at: Page, server):
    """Every run is a row with steps, time and cost; a chain chosen in the menu filters, and a reload keeps it."""
    at.goto("/chain-executions")
    expect(rows(at)).to_have_count(len(listed(server)))
    expect(at.get_by_role("main")).to_contain_text("6 runs")
    at.get_by_role("button", name="Filter", exact=True).click()
    menu = at.get_by_role("dialog", name="Add a filter")
    menu.get_by_role("button", name="Chain", exact=True).click()
    menu.get_by_label("breaking").check()
    at.keyboard.press("Escape")
    expect(at).to_have_url(re.compile("chain=breaking"))
    expect(rows(at)).to_have_count(1)
    expect(rows(at)).to_contain_text("Step 1 (breaks)")
    at.reload()
    expect(rows(at)).to_have_count(1)


@pytest.mark.parametrize(
    ("address", "filter"),
    [
        ("status=error", {"status": ["error"]}),
        (f"chain={NAME}&user=user-1", {"chainName": [NAME], "endUser": ["user-1"]}),
        ("version=1&label=production", {"version": [1], "label": ["production"]}),
        ("tag=team%3Dcare&where=parcel+2", {"tags": [{"key": "team", "values": ["care"]}], "where": "parcel 2"}),
        ("range=1h", {}),
    ],
)
def test_an_address_is_a_filter(at: Page, server, address, filter):
    """Each parameter of the address lets through what the API's filter lets through."""
    at.goto(f"/chain-executions?{address}")
    wanted = [one["id"] for one in listed(server, **filter)]
    assert wanted
    expect(rows(at)).to_have_count(len(wanted))
    assert [row.get_attribute("data-id") for row in rows(at).all()] == wanted


def test_course_in_time(at: Page, server):
    """One line per step with time and cost, the critical path marked, what was left out with the reason."""
    one = next(one for one in listed(server, chainName=[NAME]) if not one["forkedFrom"])
    at.goto("/chain-executions")
    at.locator(f"[data-id='{one['id']}']").click()
    course = at.get_by_role("region", name="Course")
    critical = [step["name"] for step in one["steps"] if step["critical"]]
    expect(course.get_by_text(f"Critical path: {' → '.join(critical)}")).to_be_visible()
    assert [line.get_attribute("data-step") for line in course.locator("[data-critical=true]").all()] == critical
    expect(course.locator("[data-step=thank]")).to_contain_text("Left out: the tag 'usual' was not activated")
    expect(course.locator("[data-step=angry]")).to_contain_text("calm-down")
    expect(course.locator("[data-step=look-up]")).to_contain_text("$0.0001")
    expect(at.get_by_role("region", name="Output")).to_contain_text("We are sorry. Order 7: A late parcel.")
    expect(at.get_by_role("region", name="Usage")).to_contain_text("1,138")
    at.get_by_role("link", name="Chain executions").first.click()
    expect(rows(at)).to_have_count(6)


def test_a_step_leads_to_its_call_and_the_call_back(at: Page, server):
    """A step shows what went in and out, its part of time and cost, and its call; the call names chain and step."""
    one = next(one for one in listed(server, chainName=[NAME]) if not one["forkedFrom"])
    at.goto(f"/chain-executions?id={one['id']}")
    at.locator("[data-step=classify]").click()
    expect(at).to_have_url(re.compile("step=classify"))
    expect(panel(at).get_by_role("region", name="Output")).to_contain_text('"mood": "angry"')
    expect(panel(at).get_by_role("region", name="Input")).to_contain_text("is late")
    expect(panel(at)).to_contain_text("24.65% of the cost")
    panel(at).get_by_role("link", name="echo v1").click()
    expect(at).to_have_url(re.compile(f"/executions\\?id={one['steps'][0]['executionId']}"))
    details = at.get_by_role("complementary", name="Execution").get_by_role("region", name="Details")
    details.get_by_role("link", name=f"{NAME} › classify").click()
    expect(at).to_have_url(re.compile(f"/chain-executions\\?id={one['id']}&step=classify"))
    expect(panel(at)).to_contain_text("classify")


def test_course_as_a_graph(at: Page, server):
    """The graph has every step, those left out told apart; a click opens the step; the choice is remembered."""
    one = next(one for one in listed(server, chainName=[NAME]) if not one["forkedFrom"])
    at.goto(f"/chain-executions?id={one['id']}")
    at.get_by_role("button", name="Graph").click()
    graph = at.get_by_role("group", name="The steps as a graph")
    expect(graph.get_by_role("button")).to_have_count(7)
    expect(graph.locator("button[data-state=skipped]")).to_contain_text("thank")
    graph.get_by_role("button", name="look-up").click()
    expect(panel(at).get_by_role("region", name="Output")).to_contain_text('"order": 7')
    at.reload()
    expect(graph).to_be_visible()


def test_what_failed_says_where_and_why(at: Page, server):
    """The error names the step and leads to it; the step has its trace and its attempts; the cost is said not whole."""
    (one,) = listed(server, chainName=["breaking"])
    at.goto(f"/chain-executions?id={one['id']}")
    error = at.get_by_role("region", name="Error", exact=True)
    expect(error).to_contain_text("Step 1 (breaks): Provider 'demo' is overloaded")
    expect(at.get_by_text("it cost at least this much")).to_be_visible()
    error.get_by_role("button", name="Show the step breaks").click()
    expect(panel(at).get_by_role("region", name="Error")).to_contain_text("overloaded")
    expect(panel(at).get_by_role("region", name="Attempts")).to_contain_text("HTTP 529")


def test_a_fork_says_what_it_took_over(at: Page, server):
    """Steps that were taken over say so and lead to where they ran."""
    (fork,) = [one for one in listed(server) if one["forkedFrom"]]
    at.goto(f"/chain-executions?id={fork['id']}&step=classify")
    expect(at.locator("[data-step=classify]")).to_contain_text("reused")
    expect(at.locator("[data-step=apologise]")).not_to_contain_text("reused")
    panel(at).get_by_role("link", name="From the chain execution that this one forks").click()
    expect(at).to_have_url(re.compile(f"id={fork['forkedFrom']}&step=classify"))


def test_keyboard_alone_is_enough(at: Page, server):
    """g x leads to the list, j and Enter open a run, j and k walk its steps, Escape closes the step, then the run."""
    first, second, *_ = listed(server)
    at.goto("/")
    at.get_by_role("heading", level=1).first.wait_for()
    at.keyboard.press("g")
    at.keyboard.press("x")
    rows(at).first.wait_for()
    at.keyboard.press("j")
    at.keyboard.press("j")
    at.keyboard.press("Enter")
    expect(at).to_have_url(re.compile(f"id={second['id']}"))
    at.locator(f"[data-step={second['steps'][0]['name']}]").wait_for()
    at.keyboard.press("j")
    at.keyboard.press("j")
    expect(at).to_have_url(re.compile(f"step={second['steps'][1]['name']}"))
    at.keyboard.press("k")
    expect(at).to_have_url(re.compile(f"step={second['steps'][0]['name']}"))
    at.keyboard.press("Escape")
    expect(panel(at)).to_have_count(0)
    at.keyboard.press("Escape")
    expect(rows(at)).to_have_count(6)
    assert first["id"] != second["id"]


def test_hostile_text_stays_text(at: Page, server):
    """Markup and script in a chain's input and output are shown letter by letter, and nothing of it runs."""
    (one,) = listed(server, chainName=["hostile"])
    at.goto(f"/chain-executions?id={one['id']}&step=says-it")
    expect(at.get_by_role("region", name="Output", exact=True)).to_contain_text(HOSTILE)
    expect(panel(at).get_by_role("region", name="Output")).to_contain_text(HOSTILE)
    expect(panel(at).get_by_role("region", name="Input")).to_contain_text("<img src=x onerror=")
    expect(at.locator("img, script:not([src]), svg[onload], a[href^='javascript']")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser, ran, theme):
    """List, course, graph and step have no accessibility violation, in either theme, and do not scroll sideways."""
    page = opened(browser, *ran, color_scheme=theme)
    ids = {one["chainName"]: one["id"] for one in listed(ran[0])}
    page.goto("/chain-executions")
    rows(page).first.wait_for()
    assert violations(page) == []
    for step in (f"id={ids['breaking']}&step=breaks", f"id={ids[NAME]}&step=thank"):
        page.goto(f"/chain-executions?{step}")
        panel(page).wait_for()
        assert violations(page) == []
        page.get_by_role("button", name="Graph").click()
        assert violations(page) == []
        page.get_by_role("button", name="Time", exact=True).click()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"/chain-executions?id={ids[NAME]}")
    page.get_by_role("region", name="Course").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    settled(page)
