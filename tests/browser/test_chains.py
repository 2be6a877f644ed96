"""Chains: the list, a chain's file with its problems and graph, a run to try it, versions; and forking what ran."""

import re

import pytest
from playwright.sync_api import Page, expect

from browser.stage import logged_in, opened, serving, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser
FILE = "The chain as a file"
DESK = """name: {name}
requiredInputs:
  type: object
  properties:
    message: {{type: string}}
  required: [message]
steps:
  - name: classify
    type: PROMPT
    prompt: echo
    params: {{model: demo-small, demo: {{text: '{{"mood": "angry"}}', latency_ms: {slow}}}}}
    inputMapping: {{text: '{{{{message}}}}'}}
    outputKey: classify
  - name: angry
    type: CONDITION
    config: {{condition: "{{{{classify.mood}}}} == 'angry'", trueTag: calm-down, falseTag: usual}}
  - name: apologise
    type: PROMPT
    prompt: echo
    params: {{model: demo-small, demo: {{text: We are sorry.}}}}
    inputMapping: {{text: '{{{{message}}}}'}}
    tags: [calm-down]
"""
APPLY = """mutation($yaml: String!, $label: String) { applyChain(yaml: $yaml, label: $label) { chain { id } } }"""


def desk(name="desk", slow=20):
    """The file of a chain."""
    return DESK.format(name=name, slow=slow)


@pytest.fixture(scope="module")
def defined(tmp_path_factory, browser):
    """A server with a prompt and a chain of two versions, and a session of it."""
    with serving(tmp_path_factory.mktemp("chains")) as server:
        prompt = server.ask('mutation { createPrompt(input: {name: "echo"}) { id } }')["createPrompt"]["id"]
        given = {"promptId": prompt, "content": "Say {{text}}", "params": {"model": "demo-small"}}
        server.ask(
            "mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id } }", input=given
        )
        server.ask(APPLY, yaml=desk(), label="production")
        server.ask(APPLY, yaml=desk().replace("We are sorry", "We are so sorry"))
        yield server, logged_in(server, browser)


@pytest.fixture
def server(defined):
    """That server."""
    return defined[0]


@pytest.fixture
def at(browser, defined):
    """A logged-in page of it."""
    page = opened(browser, *defined)
    yield page
    settled(page)


def id_of(server, name="desk"):
    """A chain's id."""
    return server.ask("query($name: String!) { chain(name: $name) { id } }", name=name)["chain"]["id"]


def verdict(page: Page, *, valid: bool):
    """What is said of the file as it stands."""
    return page.locator(f"[role=status][data-valid={str(valid).lower()}]")


def test_list_leads_to_a_chain(at: Page, server):
    """Each chain has its steps, version and labels; a search narrows the list; its name opens it."""
    at.goto("/chains")
    row = at.get_by_role("row", name="desk")
    expect(row).to_contain_text("v2")
    expect(row).to_contain_text("production → v1")
    at.get_by_role("searchbox", name="Search chains").fill("nothing such")
    expect(at.get_by_text("No chain fits.")).to_be_visible()
    at.get_by_role("searchbox", name="Search chains").fill("des")
    row.get_by_role("link", name="desk").click()
    expect(at.get_by_role("heading", level=1, name="desk")).to_be_visible()
    expect(at).to_have_url(re.compile(id_of(server)))


def test_what_is_typed_is_proved_and_drawn(at: Page, server):
    """A slip is said at its line and marked in the graph, and cannot be saved; a new step is drawn as it is typed."""
    at.goto(f"/chains?id={id_of(server)}")
    area, graph = at.get_by_label(FILE, exact=True), at.get_by_role("group", name="The steps as a graph")
    verdict(at, valid=True).wait_for()
    text = area.input_value()
    expect(graph.get_by_role("button")).to_have_count(3)
    expect(at.get_by_role("button", name="Save version")).to_be_disabled()

    area.fill(text.replace("classify.mood", "clasify.mood"))
    expect(verdict(at, valid=False)).to_contain_text("1 error")
    problem = at.get_by_role("list", name="Problems").get_by_role("button").first
    expect(problem).to_contain_text("clasify")
    expect(graph.locator("button[data-state=wrong]")).to_contain_text("angry")
    expect(at.get_by_role("button", name="Save version")).to_be_disabled()
    problem.click()
    chosen = at.evaluate("(a => a.value.slice(a.selectionStart, a.selectionEnd))(document.activeElement)")
    assert "clasify.mood" in chosen

    area.fill(f"{text.rstrip()}\n  - name: bye\n    type: TRANSFORM\n    order: 9\n    config: {{template: bye}}\n")
    verdict(at, valid=True).wait_for()
    expect(graph.get_by_role("button")).to_have_count(4)
    area.fill("steps: [")
    expect(verdict(at, valid=False)).to_be_visible()
    expect(graph.get_by_role("button")).to_have_count(4)
    at.get_by_role("button", name="Undo").click()
    expect(area).to_have_value(text)
    at.get_by_role("group", name="Form of the file").get_by_role("button", name="JSON").click()
    expect(at.get_by_role("group", name="The chain as JSON")).to_contain_text('"trueTag": "calm-down"')


def test_a_new_chain_is_made_tried_and_changed(at: Page, server):
    """From nothing to a run: create it, run it here step by step, save a second version under a label."""
    at.goto("/chains")
    at.get_by_role("button", name="New chain").click()
    area = at.get_by_label(FILE, exact=True)
    area.fill(desk("tried"))
    at.get_by_role("button", name="Create").click()
    expect(at.get_by_role("heading", level=1, name="tried")).to_be_visible()
    expect(at).to_have_url(re.compile(id_of(server, "tried")))

    given = at.get_by_label("Input of the test run")
    expect(given).to_have_value(re.compile('"message": ""'))
    given.fill("{")
    expect(at.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    given.fill('{"message": "late"}')
    at.get_by_role("button", name="Run", exact=True).click()
    result = at.get_by_role("region", name="Result of the test run")
    expect(result.get_by_role("group", name="Output")).to_contain_text("We are sorry.")
    expect(result.locator("[data-step=apologise]")).to_be_visible()

    area.fill(area.input_value().replace("We are sorry", "We are very sorry"))
    at.get_by_label("Label for the new version").fill("staging")
    at.get_by_role("button", name="Save version").click()
    expect(at.get_by_text("staging → v2")).to_be_visible()
    result.get_by_role("link", name="Open it").click()
    expect(at).to_have_url(re.compile("/chain-executions"))
    expect(at.get_by_role("region", name="Output", exact=True)).to_contain_text("We are sorry.")


def test_versions_are_compared_and_labelled(at: Page, server):
    """What a version changed is shown line by line; a label is moved; an old version can be edited from."""
    at.goto(f"/chains?id={id_of(server)}&view=versions")
    changes = at.get_by_role("group", name="Changes from version 1 to version 2")
    expect(changes.locator("[data-kind=removed]")).to_contain_text("We are sorry.")
    expect(changes.locator("[data-kind=added]")).to_contain_text("We are so sorry.")
    at.get_by_label("Label for version 2").fill("canary")
    at.get_by_role("button", name="Set label").click()
    expect(at.get_by_role("list", name="Versions").get_by_role("button").first).to_contain_text("canary")
    at.get_by_role("list", name="Versions").get_by_role("button").last.click()
    expect(at.get_by_label("File of version 1")).to_have_value(re.compile("We are sorry"))
    at.get_by_role("button", name="Edit from here").click()
    expect(at.get_by_label(FILE, exact=True)).to_have_value(re.compile("We are sorry"))
    expect(at.get_by_role("button", name="Save version")).to_be_enabled()


def test_a_run_is_followed_cancelled_and_forked(at: Page, server):
    """A run that is under way adds itself to the list, shows what runs, and can be stopped; another is forked."""
    slow = server.ask(APPLY, yaml=desk("slow", slow=60_000))["applyChain"]["chain"]["id"]
    at.goto("/chain-executions")
    expect(at.get_by_title("Live", exact=True)).to_be_visible()
    run = "mutation($input: ExecuteChainInput!) { executeChain(input: $input) { id } }"
    id = server.ask(run, input={"chainId": slow, "input": {"message": "x"}, "wait": False})["executeChain"]["id"]
    row = at.locator(f"[data-id='{id}']")
    expect(row.get_by_title("Pending")).to_be_visible()
    row.click()
    expect(at.locator("[data-step=classify][data-state=running]")).to_be_visible()
    at.get_by_role("button", name="Cancel").click()
    expect(at.get_by_title("Cancelled").first).to_be_visible()

    given = {"name": "desk", "input": {"message": "late"}}
    id = server.ask(run, input=given)["executeChain"]["id"]
    at.goto(f"/chain-executions?id={id}&step=apologise")
    at.get_by_role("button", name="Fork from here").click()
    dialog = at.get_by_role("dialog", name="Fork from apologise")
    dialog.get_by_label("Overrides").fill("{")
    expect(dialog.get_by_role("button", name="Fork and run")).to_be_disabled()
    changed = '{"apologise": {"params": {"model": "demo-small", "demo": {"text": "Sorry, really."}}}}'
    dialog.get_by_label("Overrides").fill(changed)
    dialog.get_by_role("button", name="Fork and run").click()
    expect(at.get_by_role("link", name="an earlier one")).to_be_visible()
    expect(at.get_by_role("region", name="Output", exact=True)).to_contain_text("Sorry, really.")
    expect(at.locator("[data-step=classify]")).to_contain_text("reused")


def test_a_chain_is_archived_and_restored(at: Page, server):
    """What is archived leaves the list, is found among the archived, and comes back."""
    id = server.ask(APPLY, yaml=desk("old"))["applyChain"]["chain"]["id"]
    at.goto(f"/chains?id={id}")
    at.get_by_role("button", name="Archive").click()
    expect(at.get_by_role("button", name="Restore")).to_be_visible()
    at.get_by_role("link", name="Chains").last.click()
    expect(at.get_by_role("row", name="desk")).to_be_visible()
    expect(at.get_by_role("link", name="old", exact=True)).to_have_count(0)
    at.get_by_role("button", name="Archived").click()
    at.get_by_role("link", name="old", exact=True).click()
    at.get_by_role("button", name="Restore").click()
    expect(at.get_by_role("button", name="Archive", exact=True)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser, defined, theme):
    """List, file, versions and the fork dialog are accessible in both themes and do not scroll sideways."""
    server, _ = defined
    page = opened(browser, *defined, color_scheme=theme, reduced_motion="reduce")
    id = id_of(server)
    page.goto("/chains")
    page.get_by_role("table", name="Chains").wait_for()
    assert violations(page) == []
    page.goto(f"/chains?id={id}")
    verdict(page, valid=True).wait_for()
    page.get_by_label(FILE, exact=True).fill("name: x\nsteps: [")
    verdict(page, valid=False).wait_for()
    assert violations(page) == []
    page.goto(f"/chains?id={id}&view=versions")
    page.get_by_role("group", name="Changes from").wait_for()
    assert violations(page) == []
    for address in ("/chains", f"/chains?id={id}", f"/chains?id={id}&view=versions"):
        page.set_viewport_size({"width": 720, "height": 450})
        page.goto(address)
        page.get_by_role("heading", level=1).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 720
    settled(page)
