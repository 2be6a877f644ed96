"""The import page: a file is looked at in the browser before it is sent."""

import json

import pytest
from playwright.sync_api import Page, expect

from browser.stage import HOSTILE, opened, settled
from browser.test_shell import violations

pytestmark = pytest.mark.browser

AZURE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n"
)


def choose(page: Page, name: str, text: str) -> None:
    """Choose a file of that content."""
    page.goto("/import")
    page.get_by_label("File of executions").set_input_files({"name": name, "mimeType": "", "buffer": text.encode()})


def test_a_known_file_is_recognised(at: Page):
    """A trace of a known kind gets its preset, and its first rows are shown as they stand."""
    choose(at, "trace.csv", AZURE)
    expect(at.get_by_label("Preset")).to_have_value("azure-llm")
    rows = at.get_by_role("table", name="The first rows").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("374")


def test_columns_named_like_fields_are_taken(at: Page):
    """Without a preset, columns are mapped by their names, and quoted cells are read as CSV means them."""
    choose(at, "calls.csv", 'created_at,model,input,Token In\n2026-01-02T03:04:05Z,gpt-4o,"a, ""b""\nc",5\n')
    expect(at.get_by_label("Preset")).to_have_value("map")
    expect(at.get_by_label("Time", exact=True)).to_have_value("created_at")
    expect(at.get_by_label("Tokens in")).to_have_value("Token In")
    expect(at.get_by_role("cell", name='a, "b" c')).to_be_visible()


def test_hostile_files_are_only_text(at: Page):
    """Names of columns and values that pretend to be markup are shown as text."""
    choose(at, "calls.jsonl", json.dumps({"createdAt": "2026-01-02T03:04:05Z", HOSTILE: HOSTILE}) + "\n")
    expect(at.get_by_role("table", name="The first rows")).to_contain_text("<script>")


def test_a_file_without_rows_says_so(at: Page):
    """What cannot be read is said in a sentence."""
    choose(at, "empty.csv", "")
    expect(at.get_by_role("alert")).to_contain_text("no row that can be read")
    choose(at, "picture.png", "x")
    expect(at.get_by_role("alert")).to_contain_text("should end in")


def test_a_file_goes_in_once(at: Page):
    """Good lines are stored and bad ones named; sent again all of it is duplicate; the link leads to what came in."""
    good = "".join(f"2026-01-02T03:04:0{n}Z,gpt-4o,Hello {n}\n" for n in range(5))
    at.goto("/")
    at.get_by_role("link", name="Import").click()
    content = f"createdAt,model,input\n{good}yesterday,gpt-4o,x\n"
    at.get_by_label("File of executions").set_input_files(
        {"name": "calls.csv", "mimeType": "", "buffer": content.encode()}
    )
    for stored, duplicate in ((5, 0), (0, 5)):
        at.get_by_role("button", name="Import", exact=True).click()
        done = at.get_by_role("region", name="Imported")
        expect(done.get_by_role("status")).to_contain_text(
            f"6 received{stored} stored{duplicate} duplicate1 rejected", timeout=15_000
        )
        expect(done.get_by_role("table", name="Rejected lines").get_by_role("row").nth(1)).to_contain_text("7")
    assert violations(at) == []
    done.get_by_role("link", name="Show the imported executions").click()
    expect(at.get_by_role("grid").locator("[data-id]")).to_have_count(5, timeout=15_000)


KEPT = """query($filter: ExecutionFilter) { executions(filter: $filter) {
    tokenIn tokenOut tags usage } }"""


def test_columns_become_tags_and_usage(at: Page, server):
    """Columns named so are proposed, others are added by hand, and what is stored has them; what is removed has not."""
    head = "createdAt,model,input,tags.env,usage.input,who,cached,out,usage.output_audio"
    choose(at, "mapped.csv", f"{head}\n2026-01-03T03:04:05Z,gpt-4o,mapped,prod,7,care,3,5,9\n")
    at.get_by_label("Preset").select_option("map")

    def part(number: int, of: str):
        return at.get_by_role("group", name=f"{of} {number}")

    expect(part(1, "tags").get_by_label("Tag")).to_have_value("env")
    expect(part(2, "usage").get_by_label("Column")).to_have_value("usage.input")
    part(3, "usage").get_by_role("button", name="Remove").click()
    expect(part(3, "usage")).to_have_count(0)
    at.get_by_role("button", name="Add a tag").click()
    part(3, "tags").get_by_label("Tag").fill("te=am:")
    part(3, "tags").get_by_label("Column").select_option("who")
    for number, leaf, column in ((4, "input_cache_read", "cached"), (5, "output", "out")):
        at.get_by_role("button", name="Add usage").click()
        part(number, "usage").get_by_label("Usage").select_option(leaf)
        part(number, "usage").get_by_label("Column").select_option(column)
    assert violations(at) == []
    at.get_by_role("button", name="Import", exact=True).click()
    expect(at.get_by_role("region", name="Imported").get_by_role("status")).to_contain_text("1 stored", timeout=15_000)
    (kept,) = server.ask(KEPT, filter={"source": ["import"], "text": "mapped"})["executions"]
    assert kept["tags"] == {"env": "prod", "team": "care"}
    assert kept["usage"] == {"input": 7, "input_cache_read": 3, "output": 5}
    assert (kept["tokenIn"], kept["tokenOut"]) == (10, 5)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser, server, session, theme):
    """The page is accessible in both themes, with a file chosen too, and narrow ones do not scroll sideways."""
    page = opened(browser, server, session, color_scheme=theme, reduced_motion="reduce")
    page.goto("/import")
    page.get_by_role("button", name="Choose a file").wait_for()
    assert violations(page) == []
    choose(page, "calls.csv", "created_at,model\n2026-01-02T03:04:05Z,gpt-4o\n")
    page.get_by_role("table", name="The first rows").wait_for()
    assert violations(page) == []
    page.set_viewport_size({"width": 720, "height": 450})
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    settled(page)
