"""Real servers and real Chromium; a one-time login link opens the browser's session."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from browser.stage import Server, filled, logged_in, opened, serving, settled

CHROMIUM = Path(__file__).with_name("chromium.sh")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Chromium as chromium.sh finds it."""
    found = subprocess.run(["sh", str(CHROMIUM), "--find"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no Chromium here: `make browser` installs it")
    return {**browser_type_launch_args, "executable_path": found.stdout.strip(), "args": list(QUIET)}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with executions."""
    with serving(tmp_path_factory.mktemp("home")) as started:
        yield filled(started)


@pytest.fixture(scope="session")
def session(server: Server, browser: Browser) -> Any:
    """The cookies of somebody who followed the login link."""
    return logged_in(server, browser)


@pytest.fixture
def at(browser: Browser, server: Server, session: Any) -> Iterator[Page]:
    """A logged-in page of the filled server."""
    page = opened(browser, server, session)
    yield page
    settled(page)
