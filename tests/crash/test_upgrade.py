"""A home of an earlier release: opened by this one, everything is there, however often the first start is cut short."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.crash import TOTALS, Server, killed_after
from kit.served import surroundings

#: The first release whose homes are kept: later ones are added, none is taken away.
RELEASES = ["432cfc0"]
ROOT = Path(__file__).resolve().parents[2]
UPGRADING = Path(__file__).with_name("upgrading.py")

PROMPT = """mutation { createPrompt(input: {name: "greeter", tags: ["kept"]}) { id } }"""
VERSION = """mutation($id: ID!) { createPromptVersion(input: {promptId: $id, content: "Hello {{name}}",
    params: {model: "demo-small", demo: {latency_ms: 0}}, label: "production"}) { id } }"""
RUN = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status } }"
RECORD = "mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored duplicate rejected } }"
PROMPTS = "{ prompts { id name tags versions { id version content labels } } }"
DAYS = "{ overview(window: ALL_TIME) { daily { date figures { calls tokenIn tokenOut cost { usd } } } } }"


def code_of(release: str, folder: Path) -> Path:
    """The sources of a release; a copy without the history of the code cannot have them."""
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", release, "src"], capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"the sources of {release} are not at hand: {archive.stderr.decode(errors='replace').strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder / "src"


@dataclass(frozen=True)
class Left:
    """A home as an earlier release left it, and what that release showed of it."""

    home: Path
    shown: dict
    runs: list[dict]

    def copied(self, folder: Path) -> Server:
        """A server of this release on a copy of it."""
        shutil.copytree(self.home, folder, symlinks=True, ignore=shutil.ignore_patterns("server.json"))
        return Server(folder)


def seen(server: Server) -> dict:
    """What a server shows besides the list."""
    return {"totals": server.ask(TOTALS), "days": server.ask(DAYS), "prompts": server.ask(PROMPTS)}


def by_id(runs: list[dict]) -> list[dict]:
    """The list without what depends on where it was cut into pages."""
    return sorted(({name: run[name] for name in run if name != "cursor"} for run in runs), key=lambda run: run["id"])


@pytest.fixture(scope="module", params=RELEASES)
def left(request, tmp_path_factory) -> Left:
    """Made by the release itself, which is killed in the end: a prompt, runs and arrivals."""
    folder = tmp_path_factory.mktemp("release")
    source = code_of(request.param, folder)
    with killed_after(Server(folder / "home", {"PYTHONPATH": str(source)})) as server:
        server.start()
        prompt = server.ask(PROMPT)["createPrompt"]
        server.ask(VERSION, id=prompt["id"])
        for number in range(40):
            call = {"promptId": prompt["id"], "variables": {"name": f"Ada {number}"}}
            server.ask(RUN, input=call | {"tags": {"n": str(number % 3)}, "endUser": f"u{number % 5}"})
        items = [
            {"externalId": f"order-{n}", "externalSource": "shop", "createdAt": f"2026-10-{n % 28 + 1:02d}T12:00:00Z",
             "model": "gpt-4o", "status": "success", "tokenIn": 100 + n, "tokenOut": n, "input": f"in {n}"}
            for n in range(200)
        ]  # fmt: skip
        assert server.ask(RECORD, items=items)["recordExecutions"]["stored"] == 200
        runs = server.everything()
        shown = seen(server)
        server.kill()
    assert len(runs) == 240
    return Left(folder / "home", shown, by_id(runs))


def opened(home: Path, number: int) -> tuple[int, list[str]]:
    """Start this release on a home, dying before the change of that number; how it ended, and what it said."""
    done = subprocess.run(
        [sys.executable, str(UPGRADING), str(home), str(number)],
        capture_output=True, text=True, timeout=100, check=False, env=surroundings(home),
    )  # fmt: skip
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_an_earlier_home_is_all_there(left, tmp_path):
    """Every execution, prompt and sum is as the earlier release showed it; what it was handed is known, and new work
    goes on."""
    with killed_after(left.copied(tmp_path / "home")) as server:
        server.start()
        assert by_id(server.everything()) == left.runs
        assert seen(server) == left.shown
        again = {"externalId": "order-1", "externalSource": "shop", "createdAt": "2026-10-02T12:00:00Z"}
        known = server.ask(RECORD, items=[again | {"model": "gpt-4o", "status": "success"}])["recordExecutions"]
        assert known == {"stored": 0, "duplicate": 1, "rejected": 0}
        server.ask(RUN, input={"content": "more", "params": {"model": "demo-small", "demo": {"latency_ms": 0}}})
        assert len(server.everything()) == 241
        server.stop()


@pytest.mark.timeout(480)  # two starts for each statement
def test_an_upgrade_that_is_cut_short_goes_on(left, tmp_path):
    """Killed before any of the statements that change tables, the next start does the rest: all is there as before."""
    totals = left.shown["totals"]["overview"]["totals"]
    whole = f"{totals['calls']} {totals['tokenIn']} {totals['tokenOut']}"
    code, (*changes, holds) = opened(left.copied(tmp_path / "all").home, 0)
    assert (code, holds) == (0, whole)
    assert any(change.startswith("INSERT INTO applied") for change in changes)
    for number in range(1, len(changes) + 1):
        home = left.copied(tmp_path / f"cut-{number}").home
        assert opened(home, number) == (-9, changes[:number])
        code, said = opened(home, 0)
        assert (code, said[-1]) == (0, whole)
