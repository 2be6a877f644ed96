"""Prompts: the list, a prompt's versions with what each changed, labels, and the way into the playground."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.stage import HOSTILE, Server, logged_in, opened, serving, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def defined(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[tuple[Server, Any]]:
    """A server with a prompt of two versions, and a session of it."""
    with serving(tmp_path_factory.mktemp("prompts")) as server:
        prompt = server.ask('mutation { createPrompt(input: {name: "greeting"}) { id } }')["createPrompt"]["id"]
        for text, warm in (("Greet {{name}}.", 0.1), (f"Greet {{{{name}}}} well.\n{HOSTILE}", 0.7)):
            server.ask(
                "mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id } }",
                input={
                    "promptId": prompt,
                    "content": text,
                    "params": {"model": "demo-small", "temperature": warm},
                    "label": "production",
                },
            )
        yield server, logged_in(server, browser)


@pytest.fixture
def at(browser: Browser, defined: tuple[Server, Any]) -> Iterator[Page]:
    """A logged-in page on the list."""
    page = opened(browser, *defined)
    page.goto("/prompts")
    yield page
    settled(page)


def test_versions_are_read_compared_and_labelled(at: Page):
    """The list leads to a prompt; a version is shown as it is and against another; a label is moved to it."""
    row = at.get_by_role("row", name="greeting")
    expect(row).to_contain_text("production → v2")
    row.get_by_role("link", name="greeting").click()
    expect(at.get_by_role("group", name="user, turn 1")).to_contain_text("Greet {{name}} well.")
    at.get_by_role("group", name="What is shown of the version").get_by_role("button", name="Changes").click()
    changes = at.get_by_role("group", name="Changes from version 1 to version 2")
    expect(changes.locator("[data-kind=removed]")).to_contain_text("Greet {{name}}.")
    expect(at.get_by_role("group", name="Changed parameters")).to_contain_text("0.7")
    at.get_by_role("list", name="Versions").get_by_role("button").last.click()
    at.get_by_label("Label for version 1").fill("canary")
    at.get_by_role("button", name="Set label").click()
    expect(at.get_by_text("canary → v1")).to_be_visible()


def test_a_version_is_opened_in_the_playground(at: Page):
    """The version that is looked at is the one that stands there."""
    at.get_by_role("link", name="greeting").click()
    at.get_by_role("list", name="Versions").get_by_role("button").last.click()
    at.get_by_role("button", name="Open in the playground").click()
    expect(at.get_by_role("textbox", name="Message of column A", exact=True)).to_have_value("Greet {{name}}.")
    expect(at.get_by_label("Version of column A")).to_have_value("1")
    expect(at).to_have_url(re.compile("/playground$"))


def test_a_prompt_is_archived_and_restored(at: Page):
    """What is archived leaves the list, is found among the archived, and comes back."""
    at.get_by_role("link", name="greeting").click()
    at.get_by_role("button", name="Archive").click()
    expect(at.get_by_role("button", name="Restore")).to_be_visible()
    at.goto("/prompts")
    expect(at.get_by_text("No prompt is defined yet.")).to_be_visible()
    at.get_by_role("button", name="Archived").click()
    at.get_by_role("link", name="greeting").click()
    at.get_by_role("button", name="Restore").click()
    expect(at.get_by_role("button", name="Archive", exact=True)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, defined: tuple[Server, Any], theme: str):
    """List, versions and changes are accessible in both themes; 390 pixels are wide enough."""
    page = opened(browser, *defined, color_scheme=theme, reduced_motion="reduce")
    page.goto("/prompts")
    page.get_by_role("table", name="Prompts").wait_for()
    assert violations(page) == []
    page.get_by_role("link", name="greeting").click()
    page.get_by_role("button", name="Changes").click()
    page.get_by_role("group", name="Changes from").wait_for()
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    settled(page)
