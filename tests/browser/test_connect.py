"""The connect page: what stands there to be copied works as it stands, and the light turns green by what it does."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.stage import Server, logged_in, opened, serving, settled
from browser.test_shell import violations
from kit.programs import PROGRAMS, PYTHON
from kit.replay import Replay, replay_provider
from kit.served import CLEAN

__all__ = ["replay_provider"]

pytestmark = pytest.mark.browser

WAYS = ("OpenAI", "Anthropic", "LangChain", "OpenTelemetry", "curl", "Prompt Forge for Python", "A file")


@pytest.fixture(scope="module")
def unused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nothing came to yet."""
    with serving(tmp_path_factory.mktemp("unused")) as started:
        yield started


@pytest.fixture(scope="module")
def somebody(browser: Browser, unused: Server) -> Any:
    """The cookies of somebody who is logged in there."""
    return logged_in(unused, browser)


@pytest.fixture
def there(browser: Browser, unused: Server, somebody: Any) -> Iterator[Page]:
    """A logged-in page of it."""
    page = opened(browser, unused, somebody)
    yield page
    settled(page)


def panel(page: Page, way: str) -> Locator:
    """Choose a way."""
    page.get_by_role("tab", name=way).click()
    return page.get_by_role("tabpanel", name=way)


def keyed(way: Locator, name: str) -> str:
    """Create a key there; its secret, which is filled in."""
    way.get_by_label("A key for this").fill(name)
    way.get_by_role("button", name="Create and fill in").click()
    expect(way.get_by_role("status").filter(has_text=f"The key {name} is filled in")).to_be_visible()
    return next(word for word in way.inner_text().replace("=", " ").replace('"', " ").split() if word.startswith("pf_"))


def exported(text: str) -> dict[str, str]:
    """The environment that those lines set."""
    return dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line)


def test_the_python_lines_work_as_they_stand_and_the_light_turns_green(there: Page):
    """With a key made on the page the lines run; their row turns the way green while one looks, and is linked."""
    there.goto("/")
    there.get_by_role("link", name="Connect", exact=True).click()
    way = panel(there, "Prompt Forge for Python")
    expect(way.get_by_text("Waiting for the first row")).to_be_visible()
    keyed(way, "from-python")
    given = exported(way.get_by_role("group", name="Set the address and the key").inner_text())
    program = way.get_by_role("group", name="Run something").inner_text()
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=CLEAN | given
    )
    assert "simulated" in ran.stdout.lower(), ran.stderr
    expect(way.get_by_text("The first row came")).to_be_visible(timeout=15_000)
    expect(there.get_by_role("tab", name="Prompt Forge for Python")).to_contain_text("The first row came")
    expect(there.get_by_role("tab", name="Anthropic")).to_contain_text("No row yet")
    assert violations(there) == []
    way.get_by_role("link", name="Show it").click()
    expect(there.get_by_role("region", name="Details")).to_contain_text("from-python")
    there.go_back()
    expect(way.get_by_text("Last row")).to_be_visible()


def test_a_call_is_handed_in_with_curl(there: Page):
    """The command as it stands stores a call, with a key that may do what the way says."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl here")
    there.goto("/connect?way=curl")
    way = there.get_by_role("tabpanel")
    keyed(way, "from-curl")
    command = way.get_by_role("group", name="Or hand in a call").inner_text()
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert '"stored":1' in done.stdout.replace(" ", ""), done.stdout
    expect(way.get_by_text("The first row came")).to_be_visible(timeout=15_000)


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory, replay_provider: Replay) -> Iterator[Server]:
    """A server whose providers answer with recordings."""
    provider = {
        "OPENAI_BASE_URL": replay_provider.base("openai", "chat"),
        "OPENAI_API_KEY": "sk-of-the-server",
        "ANTHROPIC_BASE_URL": replay_provider.base("anthropic", "message"),
        "ANTHROPIC_API_KEY": "sk-of-the-server",
    }
    with serving(tmp_path_factory.mktemp("passing"), **provider) as started:
        yield started


@pytest.fixture(scope="module")
def caller(browser: Browser, passing: Server) -> Any:
    """The cookies of somebody who is logged in there."""
    return logged_in(passing, browser)


@pytest.mark.shared
@pytest.mark.parametrize("whose", ["the server's", "the program's own"])
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("OpenAI", ("Make a first call", "Send our key along")),
        ("Anthropic", ("Make a first call", "Send our key along")),
        ("LangChain", ("Or the calls alone",) * 2),
        ("curl", ("Call a model",) * 2),
    ],
)
def test_the_lines_for_the_gateway_work_as_they_stand(
    browser: Browser, passing: Server, caller: Any, name: str, lines: tuple[str, str], whose: str
):
    """With the server's key of the provider or the program's own, the real SDK calls through, and the light turns
    green."""
    page = opened(browser, passing, caller)
    page.goto("/connect")
    way = panel(page, name)
    way.get_by_role("button", name=whose).click()
    keyed(way, f"{name}-{whose}")
    own = whose != "the server's"
    given = {"PATH": CLEAN["PATH"]}
    if own:
        given |= {"OPENAI_API_KEY": "sk-of-the-program", "ANTHROPIC_API_KEY": "sk-of-the-program"}
    if name in {"OpenAI", "Anthropic"}:
        given |= exported(way.get_by_role("group", name="Set the address and the key").inner_text())
    program = way.get_by_role("group", name=lines[own]).inner_text()
    command = ["/bin/sh", "-c", program] if name == "curl" else [str(PYTHON), "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=given, timeout=60)
    assert len(ran.stdout) > 20, ran.stderr
    assert "not_found_error" not in ran.stdout
    expect(way.get_by_text("row came:")).to_be_visible(timeout=15_000)
    way.get_by_role("link", name="Show it").click()
    expect(page.get_by_role("region", name="Details")).to_contain_text("Gateway")
    settled(page)


TRACED = """
from tracing import instrument
tracing = instrument(["openinference-langchain"])
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
joke = ChatPromptTemplate.from_template("A joke about {topic}") | ChatOpenAI(model="gpt-4o-mini", api_key="sk-x")
explain = ChatPromptTemplate.from_template("Explain {joke}") | ChatOpenAI(model="gpt-4o-mini", api_key="sk-x")
({"joke": joke} | explain).invoke({"topic": "forges"})
tracing.shutdown()
"""


@pytest.mark.shared
def test_traces_arrive_with_the_environment_as_it_stands(
    browser: Browser, passing: Server, caller: Any, replay_provider: Replay
):
    """A chain of LangChain is captured: the light turns green, and the chain's page tells its steps apart, though two
    have one name, and offers nothing that cannot be done with what ran elsewhere."""
    page = opened(browser, passing, caller)
    page.goto("/connect?way=opentelemetry")
    way = page.get_by_role("tabpanel", name="OpenTelemetry")
    keyed(way, "traced")
    given = exported(way.get_by_role("group", name="Say where traces go").inner_text())
    base = {"OPENAI_BASE_URL": replay_provider.base("openai", "chat"), "PATH": CLEAN["PATH"]}
    ran = subprocess.run(
        [str(PYTHON), "-c", TRACED],
        capture_output=True, text=True, check=False, env={**base, **given, "PYTHONPATH": str(PROGRAMS)}, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    expect(way.get_by_text("row came:")).to_be_visible(timeout=15_000)
    way.get_by_role("link", name="Show it").click()
    details = page.get_by_role("region", name="Details")
    expect(details).to_contain_text("support-desk")
    expect(details).to_contain_text("OpenTelemetry")
    details.get_by_role("link", name="ChatOpenAI").click()
    course = page.get_by_role("region", name="Course")
    expect(course.locator("[data-step='ChatOpenAI']")).to_be_visible()
    expect(course.locator("[data-step='ChatOpenAI (2)']")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("captured")
    expect(page.get_by_role("button", name="Fork from here")).to_have_count(0)
    assert violations(page) == []
    page.get_by_role("button", name="Graph").click()
    assert violations(page) == []
    page.goto("/chain-executions")
    expect(page.get_by_role("grid").locator("[data-id]")).to_contain_text("OpenTelemetry")
    page.goto("/services")
    expect(page.get_by_role("row", name="support-desk")).to_contain_text("OpenTelemetry")
    settled(page)


def test_a_key_is_filled_in_where_it_suffices_and_kept_nowhere(there: Page, unused: Server):
    """A key for traces fills the lines of ways that need no more; the others ask for their own; a reload forgets it."""
    there.goto("/connect")
    way = panel(there, "OpenTelemetry")
    expect(way.get_by_role("group", name="Say where traces go")).to_contain_text("x-api-key=pf_…")
    secret = keyed(way, "for-traces")
    expect(way.get_by_role("group", name="Say where traces go")).to_contain_text(f"{unused.url}/v1/traces")
    expect(panel(there, "A file").get_by_role("group")).to_contain_text(secret)
    whole = panel(there, "OpenAI")
    whole.get_by_role("button", name="the program's own").click()
    expect(whole).to_contain_text(secret)
    whole.get_by_role("button", name="the server's").click()
    expect(whole).not_to_contain_text(secret)
    expect(whole.get_by_role("button", name="Create and fill in")).to_be_disabled()
    assert secret not in there.url
    assert secret not in there.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    there.reload()
    panel(there, "OpenTelemetry").wait_for()
    assert secret not in there.content()


def test_ways_are_chosen_with_the_keyboard(there: Page):
    """One tab is in the tab order, arrows go on and around, and the address keeps the choice."""
    there.goto("/connect")
    first = there.get_by_role("tab", name="OpenAI")
    first.focus()
    there.keyboard.press("ArrowUp")
    expect(there.get_by_role("tab", name="A file")).to_be_focused()
    expect(there.get_by_role("tabpanel", name="A file")).to_be_visible()
    there.keyboard.press("ArrowDown")
    there.keyboard.press("ArrowDown")
    expect(there.get_by_role("tabpanel", name="Anthropic")).to_be_visible()
    there.reload()
    expect(there.get_by_role("tab", name="Anthropic")).to_have_attribute("aria-selected", "true")
    there.keyboard.press("g")
    there.keyboard.press("o")
    there.keyboard.press("g")
    there.keyboard.press("n")
    expect(there.get_by_role("heading", name="Connect")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser: Browser, unused: Server, somebody: Any, theme: Any):
    """Every way is accessible in both themes, and narrow pages do not scroll sideways."""
    page = opened(browser, unused, somebody, color_scheme=theme, reduced_motion="reduce")
    page.goto("/connect")
    for way in WAYS:
        panel(page, way).wait_for()
        assert violations(page) == []
        page.set_viewport_size({"width": 720, "height": 450})
        assert page.evaluate("document.documentElement.scrollWidth") <= 720
        page.set_viewport_size({"width": 1440, "height": 900})
    settled(page)
