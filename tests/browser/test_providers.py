"""Settings of providers: keys that nobody sees again, addresses, limits, and what is wrong said where it is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.provider import Provider, completion, providing
from browser.stage import Server, logged_in, opened, serving, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser

SAVE = "mutation($input: SaveProviderInput!) { saveProvider(input: $input) { name } }"
FIRST, SECOND = "sk-first-key-of-the-workspace-1", "sk-second-key-of-the-workspace-2"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Something that answers as OpenAI does."""
    pages = {
        "/chat/completions": (200, completion("Good day.")),
        "/models": (200, {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model"}]}),
    }
    with providing(pages) as started:
        yield started


@pytest.fixture(scope="module")
def unset(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[tuple[Server, Any]]:
    """A server without any key, which may call this machine, and a session of it."""
    home = tmp_path_factory.mktemp("providers")
    with serving(home, PROMPTFORGE_OUTBOUND_ALLOW="127.0.0.1") as server:
        yield server, logged_in(server, browser)


@pytest.fixture
def at(browser: Browser, unset: tuple[Server, Any]) -> Iterator[Page]:
    """The page of providers."""
    page = opened(browser, *unset)
    page.goto("/settings/providers")
    page.get_by_role("heading", level=1, name="Providers").wait_for()
    yield page
    settled(page)


def row(page: Page, name: str) -> Locator:
    """The row of a provider."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", level=3, name=name))


def test_from_nothing_to_a_call(at: Page, unset: tuple[Server, Any], provider: Provider):
    """Address and key are given in place; calls go out with them; a new key takes over; without it nothing goes out."""
    server, _ = unset
    at.get_by_role("link", name="Providers").click()
    openai = row(at, "OpenAI openai")
    expect(openai).to_contain_text("no key")
    openai.get_by_role("button", name="Set up OpenAI").click()
    form = at.get_by_role("region", name="Settings of OpenAI", exact=True)
    form.get_by_label("Base URL").fill(f"{provider.url}/v1")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    form.get_by_label("Key", exact=True).fill(FIRST)
    form.get_by_role("button", name="Store the key").click()
    expect(form.get_by_role("status")).to_contain_text("not shown again")
    expect(openai.get_by_title("Ready")).to_be_visible()
    expect(openai).to_contain_text("key of this workspace, set just now")
    assert FIRST not in at.content()
    assert "success" == server.execute(content="Hello", params={"model": "gpt-4o-mini"})["status"]
    assert provider.keys[-1] == ("/v1/chat/completions", FIRST)

    form.get_by_label("New key").fill(SECOND)
    form.get_by_role("button", name="Replace the key").click()
    expect(form.get_by_label("New key")).to_have_value("")
    assert "success" == server.execute(content="Hello", params={"model": "gpt-4o-mini"})["status"]
    assert provider.keys[-1][1] == SECOND

    form.get_by_label("Base URL").fill("http://127.0.0.1:9/v1")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("The stored key will be sent to http://127.0.0.1:9/v1")
    form.get_by_role("button", name="Undo").click()
    form.get_by_role("button", name="Remove the key of OpenAI").click()
    form.get_by_role("button", name="Remove it for good").click()
    expect(openai.get_by_title("Not set up")).to_be_visible()
    before = len(provider.keys)
    assert "error" == server.execute(content="Hello", params={"model": "gpt-4o-mini"})["status"]
    assert len(provider.keys) == before


def test_limits_are_kept_and_wrong_ones_are_said(at: Page):
    """What is wrong is said at the field or by the server; what is right stays, until it is forgotten."""
    at.get_by_role("button", name="Set up Anthropic").click()
    form = at.get_by_role("region", name="Settings of Anthropic")
    form.get_by_label("Requests a minute").fill("many")
    expect(form.get_by_text("This must be a whole number from 1.")).to_be_visible()
    expect(form.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    form.get_by_label("Requests a minute").fill("60")
    form.get_by_label("Calls at once").fill("4")
    form.get_by_label("Base URL").fill("ftp://example.org")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("That did not work")
    form.get_by_label("Base URL").fill("")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(at.get_by_text("4 at once · 60 requests a minute")).to_be_visible()
    at.reload()
    expect(form.get_by_label("Requests a minute")).to_have_value("60")
    form.get_by_role("button", name="Forget all that is set for Anthropic").click()
    form.get_by_role("button", name="Forget it for good").click()
    expect(at.get_by_text("4 at once")).to_have_count(0)


def test_one_of_our_own_runs_in_the_playground(at: Page, provider: Provider):
    """A server that works like a known one gets a name, and a column of the playground calls it by that name."""
    at.get_by_role("button", name="One of your own").click()
    form = at.get_by_role("form", name="A provider of your own")
    form.get_by_label("Name").fill("openai")
    expect(form.get_by_text("There is a provider of this name.")).to_be_visible()
    form.get_by_label("Name").fill("our-server")
    form.get_by_label("Base URL").fill(f"{provider.url}/own")
    form.get_by_role("button", name="Add", exact=True).click()
    own = at.get_by_role("form", name="Key of our-server")
    own.get_by_label("Key", exact=True).fill(FIRST)
    own.get_by_role("button", name="Store the key").click()
    expect(row(at, "our-server").get_by_title("Ready")).to_be_visible()
    at.get_by_role("link", name="Playground").click()
    at.get_by_role("textbox", name="Message of column A", exact=True).fill("Hello")
    at.get_by_label("Model of column A").fill("gpt-4o-mini")
    at.get_by_label("Provider", exact=True).select_option("our-server")
    at.get_by_role("button", name="Run", exact=True).click()
    expect(at.get_by_role("region", name="Result of column A")).to_contain_text("Success")
    assert provider.keys[-1] == ("/own/chat/completions", FIRST)


def test_one_button_says_what_is_wrong(at: Page, unset: tuple[Server, Any]):
    """A test says how it went: well, with the models; a key that is refused; an address where nobody is."""
    server, _ = unset
    pages: dict[str, tuple[int, Any]] = {"/models": (200, {"data": [{"id": "our-7b"}, {"id": "our-70b"}]})}
    with providing(pages) as mine:
        server.ask(SAVE, input={"name": "tested", "preset": "openai", "baseUrl": mine.url})
        server.ask('mutation { setProviderKey(name: "tested", key: "sk-tested-key-of-the-workspace") { name } }')
        at.reload()
        test = at.get_by_role("button", name="Test tested")
        said = at.get_by_role("status", name="Test of tested")
        test.click()
        expect(said).to_contain_text(re.compile(r"It answered in .* and lists 2 models\."))
        pages["/models"] = (401, {"error": {"message": "Incorrect API key provided"}})
        test.click()
        expect(said).to_contain_text("key")
        expect(said).not_to_contain_text("sk-tested-key")
        assert violations(at) == []
    test.click()
    expect(said).to_contain_text("127.0.0.1")


def test_a_broken_provider_is_seen_at_a_glance(at: Page, unset: tuple[Server, Any]):
    """After five failures of its own in a row its row says since when it is left alone, and when it is tried again."""
    server, _ = unset
    with providing({"/chat/completions": (500, {"error": {"message": "broken"}})}) as broken:
        server.ask(SAVE, input={"name": "flaky", "preset": "openai-compatible", "baseUrl": broken.url})
        for _ in range(5):
            server.execute(content="Hello", params={"model": "x"}, provider="flaky", deadlineMs=2_000)
    at.reload()
    flaky = row(at, "flaky")
    expect(flaky.get_by_title("Failing")).to_be_visible()
    expect(flaky).to_contain_text(re.compile(r"in a row failed by its fault, so it is not called since \d\d:\d\d"))
    assert violations(at) == []


def test_models_are_offered_where_one_is_chosen(at: Page, unset: tuple[Server, Any]):
    """The playground offers what the ready providers list; a model of ours brings its provider along."""
    server, _ = unset
    with providing(
        {"/models": (200, {"data": [{"id": "ours-7b"}]}), "/completions": (200, completion("Ours."))}
    ) as own:
        server.ask(SAVE, input={"name": "listing", "preset": "openai-compatible", "baseUrl": own.url})
        at.goto("/playground")
        model = at.get_by_label("Model of column A")
        model.focus()
        expect(at.locator("datalist option[value=ours-7b]")).to_have_count(1)
        model.fill("ours-7b")
        expect(at.get_by_label("Provider", exact=True)).to_have_value("listing")
        at.get_by_role("textbox", name="Message of column A", exact=True).fill("Hello")
        at.get_by_role("button", name="Run", exact=True).click()
        expect(at.get_by_role("region", name="Result of column A")).to_contain_text("Ours.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, unset: tuple[Server, Any], theme: str):
    """Rows and forms are accessible in both themes; 390 pixels are wide enough."""
    page = opened(browser, *unset, color_scheme=theme, reduced_motion="reduce")
    page.goto("/settings/providers?provider=anthropic")
    page.get_by_role("region", name="Settings of Anthropic").wait_for()
    page.get_by_role("button", name="One of your own").click()
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    settled(page)
