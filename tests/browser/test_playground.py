"""The playground: columns beside each other, a form made of a schema, runs as they come, and versions made of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.stage import HOSTILE, Server, logged_in, opened, serving, settled
from browser.test_shell import violations
from kit.replay import Replay, replay_provider

__all__ = ["replay_provider"]

pytestmark = pytest.mark.browser

SCHEMA = {
    "type": "object",
    "properties": {
        "ticket": {"type": "string", "description": "What the customer wrote.", "minLength": 3},
        "tone": {"enum": ["friendly", "formal"], "default": "friendly"},
        "customer": {"type": "object", "required": ["name"]},
        "priority": {"type": "integer", "minimum": 1, "maximum": 5},
    },
    "required": ["ticket"],
}
MESSAGES = [
    {"role": "system", "content": "You sort tickets of a shop."},
    {"role": "user", "content": "A {{tone}} note to {{customer.name}}: {{ticket}}"},
]
DETAIL = """query($id: ID!) { execution(id: $id) {
  id status errorType input request output provider model tags metadata promptName promptVersion { version }
} }"""
VERSIONS = "query($name: String!) { prompt(name: $name) { versions { version content params labels } } }"


@pytest.fixture(scope="module")
def defined(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[tuple[Server, Any]]:
    """A server with a prompt of two versions, and a session of it."""
    with serving(tmp_path_factory.mktemp("playground")) as server:
        prompt = server.ask('mutation { createPrompt(input: {name: "ticket-note"}) { id } }')["createPrompt"]["id"]
        for version in (
            {"content": "Note: {{ticket}}", "params": {"model": "demo-small"}},
            {"messages": MESSAGES, "params": {"model": "demo-small", "temperature": 0.2}, "inputSchema": SCHEMA},
        ):
            server.ask(
                "mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id } }",
                input={"promptId": prompt, "label": "production", **version},
            )
        yield server, logged_in(server, browser)


@pytest.fixture
def server(defined: tuple[Server, Any]) -> Server:
    """That server."""
    return defined[0]


@pytest.fixture
def at(browser: Browser, defined: tuple[Server, Any]) -> Iterator[Page]:
    """A logged-in page of it, on the empty playground."""
    page = opened(browser, *defined)
    page.goto("/playground")
    page.get_by_role("heading", level=1, name="Playground").wait_for()
    yield page
    settled(page)


def col(page: Page, letter: str) -> Locator:
    """A column."""
    return page.get_by_role("region", name=f"Column {letter}", exact=True)


def result(page: Page, letter: str) -> Locator:
    """What came of it."""
    return page.get_by_role("region", name=f"Result of column {letter}")


def message(page: Page, letter: str, text: str, model: str = "demo-small") -> None:
    """Write a text of its own into a column."""
    page.get_by_role("textbox", name=f"Message of column {letter}", exact=True).fill(text)
    page.get_by_label(f"Model of column {letter}").fill(model)


def parameters(page: Page, letter: str, text: str) -> None:
    """Give a column its parameters."""
    col(page, letter).locator("summary").filter(has_text="Parameters").click()
    page.get_by_label(f"Parameters of column {letter} as JSON").fill(text)


def prompt(page: Page, letter: str, number: int) -> None:
    """Take a version into a column."""
    page.get_by_label(f"Prompt of column {letter}").select_option(label="ticket-note")
    version = page.get_by_label(f"Version of column {letter}")
    version.select_option(str(number))
    expect(version).to_have_value(str(number))


def recorded(page: Page, server: Server, letter: str) -> Any:
    """The execution that the column's result leads to."""
    link = result(page, letter).get_by_role("link", name="Open it").get_attribute("href") or ""
    return server.ask(DETAIL, id=link.rpartition("id=")[2])["execution"]


def test_columns_run_beside_each_other_and_are_recorded(at: Page, server: Server):
    """A version, the same on another model and a draft run at once; each is recorded as what it was."""
    prompt(at, "A", 1)
    for model in ("demo-large", "demo-small"):
        at.get_by_role("button", name="Column", exact=True).click()
        at.get_by_label("Model of column").last.fill(model)
    at.get_by_role("textbox", name="Message of column C", exact=True).fill("In short: {{ticket}}")
    expect(col(at, "C")).to_contain_text("draft")
    at.get_by_label("ticket").fill("My parcel is late")
    at.keyboard.press("Control+Enter")
    for letter in "ABC":
        expect(result(at, letter)).to_contain_text("Success")
        expect(result(at, letter)).to_contain_text("$0.00")
    expect(result(at, "B")).not_to_contain_text("fastest")  # the large one takes its time
    one, other, draft = (recorded(at, server, letter) for letter in "ABC")
    assert [each["promptVersion"] for each in (one, other)] == [{"version": 1}] * 2
    assert [each["model"] for each in (one, other, draft)] == ["demo-small", "demo-large", "demo-small"]
    assert [each["tags"]["playground"] for each in (one, other, draft)] == ["version", "version", "draft"]
    assert draft["promptVersion"] is None
    assert draft["metadata"] == {"draftOf": "ticket-note v1"}
    assert draft["request"]["messages"][0]["content"] == "In short: My parcel is late"
    assert one["output"] in result(at, "A").inner_text().replace("\n", " ")
    at.get_by_role("link", name="What ran here").click()
    for each in (one, other, draft):
        expect(at.get_by_role("grid").locator(f"[data-id='{each['id']}']")).to_be_visible()


def test_a_run_is_estimated_before_it_is_made(at: Page, tmp_path: Path):
    """What it may use at most is shown, with its cost once the answer has a limit."""
    message(at, "A", "Tell me a story")
    expect(col(at, "A")).to_contain_text("tokens in: without max_tokens nothing bounds the answer")
    parameters(at, "A", json.dumps({"max_tokens": 300}))
    expect(col(at, "A")).to_contain_text(re.compile(r"At most \d+ tokens in and 300 out: \$0\.00"))
    at.screenshot(path=tmp_path / "estimate.png")


def test_the_form_follows_the_schema(at: Page, server: Server):
    """Choices, defaults and remarks come from the schema; what is wrong is said at its field before anything runs."""
    prompt(at, "A", 2)
    form = at.get_by_role("region", name="Variables")
    expect(form.get_by_text("What the customer wrote.")).to_be_visible()
    expect(form.get_by_label("tone").locator("option")).to_have_text(["friendly, the default", "friendly", "formal"])
    at.get_by_role("button", name="Run", exact=True).click()
    expect(form.get_by_text("This is needed.")).to_have_count(2)
    expect(form.get_by_label("ticket")).to_be_focused()
    expect(result(at, "A")).to_have_count(0)
    form.get_by_label("ticket").fill("My parcel\nis late")
    form.get_by_label("customer").fill('{"name": ')
    expect(form.get_by_text("This must be a JSON object.")).to_be_visible()
    form.get_by_label("customer").fill("{}")
    form.get_by_label("priority").fill("9")
    expect(form.get_by_text("This must be at most 5.")).to_be_visible()
    form.get_by_label("priority").fill("4")
    at.keyboard.press("Control+Enter")
    expect(form.get_by_label("customer")).to_have_attribute(
        "aria-invalid", "true"
    )  # the server saw that it lacks a name
    expect(form).to_contain_text("$.variables.customer")
    form.get_by_label("customer").fill('{"name": "Ada"}')
    expect(form).not_to_contain_text("$.variables.customer")
    form.get_by_role("button", name="JSON").click()
    area = form.get_by_label("Variables as JSON")
    expect(area).to_have_value(re.compile('"priority": 4'))
    area.fill(area.input_value().replace("4", "5"))
    at.keyboard.press("Control+Enter")
    expect(result(at, "A")).to_contain_text("Success")
    given = {"ticket": "My parcel\nis late", "customer": {"name": "Ada"}, "priority": 5}
    assert recorded(at, server, "A")["input"] == given


def test_a_draft_becomes_a_version(at: Page, server: Server):
    """What is new is shown against the version it came from; then the column is that version, under its label."""
    prompt(at, "A", 1)
    expect(at.get_by_role("button", name="Save column A as a version")).to_be_disabled()
    at.get_by_role("textbox", name="Message of column A", exact=True).fill("Short note: {{ticket}}")
    parameters(at, "A", '{"temperature": 0.5}')
    at.get_by_label("Most tokens out").fill("1.5")
    expect(col(at, "A").get_by_text("This must be a whole number.")).to_be_visible()
    at.get_by_label("Most tokens out").fill("150")
    at.get_by_role("button", name="Save column A as a version").click()
    dialog = at.get_by_role("dialog", name="Save as a version")
    changes = dialog.get_by_role("group", name="What is saved")
    expect(changes.locator("[data-kind=removed]").first).to_contain_text("Note: {{ticket}}")
    expect(changes.locator("[data-kind=added]").first).to_contain_text("Short note: {{ticket}}")
    dialog.get_by_label("Label").fill("NOT a label")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("is not a label")
    dialog.get_by_label("Label").fill("staging")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(at.get_by_label("Version of column A").locator("option:checked")).to_have_text("v3 (staging)")
    expect(col(at, "A").get_by_text("draft", exact=True)).to_have_count(0)
    latest = server.ask(VERSIONS, name="ticket-note")["prompt"]["versions"][0]
    assert latest == {
        "version": 3,
        "content": "Short note: {{ticket}}",
        "params": {"model": "demo-small", "temperature": 0.5, "max_tokens": 150},
        "labels": ["staging"],
    }


def test_a_text_of_its_own_becomes_a_prompt(at: Page, server: Server):
    """A version that is refused leaves nothing in the way of the next try under the same name."""
    message(at, "A", "Say {{word")
    at.get_by_role("button", name="Save column A as a version").click()
    dialog = at.get_by_role("dialog", name="Save as a version")
    dialog.get_by_label("Name of the new prompt").fill("Say It")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    message(at, "A", "Say {{word}}")
    at.get_by_role("button", name="Save column A as a version").click()
    dialog.get_by_label("Name of the new prompt").fill("Say It")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(at.get_by_label("Version of column A")).to_have_value("1")
    assert [one["content"] for one in server.ask(VERSIONS, name="say-it")["prompt"]["versions"]] == ["Say {{word}}"]


def test_a_run_is_stopped_and_a_reload_loses_nothing(at: Page, server: Server):
    """One column is stopped, another goes on; what was typed and what came of it are there after a reload."""
    message(at, "A", "Slow")
    parameters(at, "A", '{"demo": {"latency_ms": 60000}}')
    at.get_by_role("button", name="Column", exact=True).click()
    at.get_by_role("textbox", name="Message of column B", exact=True).fill("Also slow")
    at.get_by_role("button", name="Run all").click()
    expect(result(at, "A").get_by_role("link", name="Open it")).to_be_visible()
    at.get_by_role("button", name="Stop column A").click()
    expect(result(at, "A")).to_contain_text("Cancelled")
    at.reload()
    expect(at.get_by_role("textbox", name="Message of column B", exact=True)).to_have_value("Also slow")
    expect(result(at, "A")).to_contain_text("Cancelled")
    expect(result(at, "B")).to_contain_text("Pending")
    running = recorded(at, server, "B")["id"]
    server.ask("mutation($id: ID!) { cancelExecution(id: $id) { id } }", id=running)
    expect(result(at, "B")).to_contain_text("Cancelled")
    at.get_by_role("button", name="Remove column A").click()
    expect(at.get_by_role("textbox", name="Message of column A", exact=True)).to_have_value("Also slow")
    at.get_by_role("button", name="Undo").click()
    expect(at.get_by_role("textbox", name="Message of column A", exact=True)).to_have_value("Slow")


def test_an_execution_is_opened_here(at: Page, server: Server):
    """From its page: version, variables and parameters of a call; text and variables of one without a prompt."""
    given = {"ticket": "Late", "customer": {"name": "Bo"}}
    id = server.execute(name="ticket-note", version=2, variables=given, demo={"text": "Sorry, Bo."})["id"]
    at.goto(f"/executions?id={id}")
    at.get_by_role("button", name="Open in the playground").click()
    expect(at.get_by_label("Version of column A")).to_have_value("2")
    expect(at.get_by_label("ticket")).to_have_value("Late")
    expect(at).to_have_url(re.compile("/playground$"))
    at.get_by_role("button", name="Run", exact=True).click()
    expect(result(at, "A")).to_contain_text("Sorry, Bo.")
    again = recorded(at, server, "A")
    assert (again["input"], again["promptVersion"]) == (given, {"version": 2})
    id = server.execute(content="Hello {{who}}", variables={"who": "Eve"})["id"]
    at.goto(f"/playground?execution={id}")
    expect(at.get_by_label("who", exact=True)).to_have_value("Eve")
    expect(at.get_by_role("textbox", name="Message of column A", exact=True)).to_have_value("Hello {{who}}")
    at.goto("/playground?execution=exec_0")
    expect(at.get_by_role("alert")).to_contain_text("could not be opened")


def test_what_was_never_sent_is_stopped_for_good(browser: Browser, tmp_path: Path):
    """While the server is away a run waits; stopped, it does not begin when the server is back."""
    with serving(tmp_path) as server:
        page = opened(browser, server, logged_in(server, browser))
        page.goto("/playground")
        message(page, "A", "Hello")
        expect(page.get_by_title("Live", exact=True)).to_be_visible()
    expect(page.get_by_title("Reconnecting")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(result(page, "A")).to_contain_text("Pending")
    page.get_by_role("button", name="Stop column A").click()
    expect(page.get_by_role("alert")).to_contain_text("before the server was reached")
    page.wrong.clear()  # type: ignore[attr-defined]  # the browser notes that nobody answers
    settled(page)


def test_a_long_answer_is_followed_as_it_comes(at: Page):
    """The end of what streams in is in view while it comes, until somebody scrolls up to read."""
    message(at, "A", "Count")
    parameters(at, "A", json.dumps({"demo": {"text": "\n".join(map(str, range(2_000))), "chunk_ms": 10}}))
    at.get_by_role("button", name="Run", exact=True).click()
    output = result(at, "A").get_by_role("group", name="Output")
    below = "at => at.scrollHeight - at.scrollTop - at.clientHeight"
    expect(output).to_contain_text("120")
    assert output.evaluate(below) < 24
    output.evaluate("at => at.scrollTo(0, 0)")
    expect(output).to_contain_text("400", timeout=20_000)
    assert output.evaluate("at => at.scrollTop") == 0
    at.get_by_role("button", name="Stop column A").click()
    expect(result(at, "A")).to_contain_text("Cancelled")


def test_what_a_model_says_stays_text(at: Page):
    """Neither what is streamed nor what is kept is ever read as markup."""
    message(at, "A", HOSTILE)
    parameters(at, "A", json.dumps({"demo": {"text": HOSTILE, "chunk_ms": 20}}))
    at.get_by_role("button", name="Run", exact=True).click()
    expect(result(at, "A")).to_contain_text("Success")
    expect(result(at, "A").get_by_role("group", name="Output")).to_contain_text("<script>window.hurt=2</script>")


@pytest.mark.shared
def test_real_providers_stream_into_columns(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, replay_provider: Replay
):
    """Two providers over HTTP at once: one streams a recorded answer, the other refuses; both say so exactly."""
    provider = {
        "ANTHROPIC_BASE_URL": replay_provider.base("anthropic", "message_stream", "slow/20"),
        "ANTHROPIC_API_KEY": "sk-of-the-server",
        "OPENAI_BASE_URL": replay_provider.fault("status/401"),
        "OPENAI_API_KEY": "sk-of-the-server",
    }
    with serving(tmp_path_factory.mktemp("providers"), **provider) as server:
        page = opened(browser, server, logged_in(server, browser))
        page.goto("/playground")
        message(page, "A", "Hello", "claude-3-5-sonnet-20241022")
        page.get_by_role("button", name="Column", exact=True).click()
        page.get_by_label("Model of column B").fill("gpt-4o-mini")
        page.get_by_role("button", name="Run all").click()
        expect(result(page, "A")).to_contain_text("Success")
        expect(result(page, "A").locator("dl")).to_contain_text(re.compile(r"Cost\s*\$0\.0"))
        expect(result(page, "B")).to_contain_text("Authentication")
        expect(result(page, "B")).to_contain_text("openai")
        assert recorded(page, server, "A")["provider"] == "anthropic"
        settled(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, defined: tuple[Server, Any], theme: str):
    """Form, columns, results and the dialog are accessible in both themes; 390 pixels are wide enough."""
    page = opened(browser, *defined, color_scheme=theme, reduced_motion="reduce")
    page.goto("/playground")
    prompt(page, "A", 2)
    page.get_by_label("customer").fill('{"name": "Ada"}')
    page.get_by_role("button", name="Column", exact=True).click()
    page.get_by_role("button", name="Run all").click()
    assert violations(page) == []
    page.get_by_label("ticket").fill("My parcel is late")
    page.get_by_label("Model of column B").fill("no-such-model")
    page.get_by_label("Provider").last.select_option("demo")
    page.get_by_role("button", name="Run all").click()
    expect(result(page, "A")).to_contain_text("Success")
    expect(result(page, "B")).to_contain_text("no-such-model")
    for fold in page.locator("summary").all():
        fold.click()
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Save column B as a version").click()
    page.get_by_role("dialog", name="Save as a version").wait_for()
    assert violations(page) == []
    settled(page)
