"""An end user erased by command."""

import json

from kit.served import Served, promptforge
from kit.traces import traces
from promptforge.cli.exits import Exit


def test_an_end_user_is_erased_after_a_question(served: Served) -> None:
    """No is heeded, yes erases and says what was found; the figures are there afterwards."""
    ran = served.run("run", "--model", "demo-small", "Say hello", "--end-user", "cnada", "--json")
    before = json.loads(ran.stdout)

    refused = served.run("erase", "--end-user", "cnada", stdin="n\n")
    still = json.loads(served.run("executions", "show", before["id"], "--json").stdout)
    done = served.run("erase", "--end-user", "cnada", stdin="y\n")
    after = json.loads(served.run("executions", "show", before["id"], "--json").stdout)

    assert (refused.returncode, still["endUser"]) == (Exit.EXECUTION, "cnada")
    assert "'cnada'" in refused.stderr
    assert (done.returncode, done.stdout.split("\n")[0].split()) == (0, ["Executions", "1"])
    assert "backups" in done.stderr
    assert (after["endUser"], after["output"]) == (None, None)
    assert (after["tokenIn"], after["costUsd"]) == (before["tokenIn"], before["costUsd"])


def test_without_a_server_and_without_a_question(tmp_path) -> None:
    """The home is opened by the command itself; no file of it has the name afterwards."""
    home = tmp_path / "home"
    promptforge(home, "run", "--model", "demo-small", "Say hello", "--end-user", "cnzoe")
    assert traces(home, "cnzoe")
    done = promptforge(home, "erase", "--end-user", "cnzoe", "--yes", "--json")
    assert json.loads(done.stdout) == {"executions": 1, "chainExecutions": 0, "memories": 0, "unreadable": 0}
    assert traces(home, "cnzoe") == {}


def test_somebody_has_to_be_named(served: Served) -> None:
    """A missing name is a mistake of the command line, an empty one is refused."""
    assert served.run("erase", "--yes").returncode == Exit.USAGE
    assert served.run("erase", "--end-user", "", "--yes").returncode == Exit.REFUSED
