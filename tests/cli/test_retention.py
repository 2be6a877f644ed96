"""What is kept, shown and changed by command."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kit.served import Served
from promptforge.cli.exits import Exit


def test_a_rule_is_set_shown_and_removed(served: Served) -> None:
    """What one command set the next one shows, and the default where nothing else holds."""

    def retention(*arguments: str) -> str:
        done = served.run("retention", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    retention("set", "--days", "400", "--errors", "--tag", "team=care")
    retention("set", "--forever", "--errors")
    assert retention("show").splitlines()[1:4] == [
        "tag team=care, errors\t400 days",
        "errors\tfor ever",
        "everything else\t365 days, to the end of the month",
    ]
    retention("remove", "--errors")
    retention("remove", "--errors", "--tag", "team=care")
    raw = json.loads(retention("set", "--days", "0", "--json"))
    assert [(rule["days"], rule["tagKey"], rule["errors"]) for rule in raw["rules"]] == [(0, None, False)]
    assert retention("show").splitlines()[1:2] == ["everything\tnot"]
    retention("remove")


def test_a_rule_says_how_long(served: Served) -> None:
    """Neither --days nor --forever, or both, is a mistake of the command line: nothing is kept for ever by accident."""
    for given in ([], ["--days", "1", "--forever"]):
        done = served.run("retention", "set", *given)
        assert (done.returncode, "--forever" in done.stderr) == (Exit.USAGE, True)
    assert served.run("retention", "set", "--days", "1", "--tag", "team").returncode == Exit.USAGE
    assert served.run("retention", "set", "--days", "1", "--prompt", "nobody").returncode == Exit.NOT_FOUND


def test_the_policy_is_set(served: Served) -> None:
    """For the workspace, and for a key that is there."""
    done = served.run("retention", "content", "errors", "--json")
    assert json.loads(done.stdout)["content"] == "ERRORS"
    assert served.run("retention", "content", "all").returncode == 0
    assert served.run("retention", "content", "none", "--key", "key_nobody").returncode == Exit.NOT_FOUND


def _hand_in(served: Served, folder: Path, days_ago: int) -> None:
    at = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
    item = {"createdAt": at, "model": "gpt-4o", "tokenIn": 1_000_000, "tokenOut": 0, "status": "success"}
    file = folder / f"{days_ago}.jsonl"
    file.write_text(json.dumps(item))
    done = served.run("import", str(file))
    assert done.returncode == 0, done.stderr


def test_old_rows_are_pruned_when_it_is_confirmed(served: Served, tmp_path: Path) -> None:
    """A dry run takes nothing, a no takes nothing, and with --yes what is older is gone for good."""
    _hand_in(served, tmp_path, 90)
    _hand_in(served, tmp_path, 30)
    day = f"{datetime.now(UTC) - timedelta(days=60):%Y-%m-%d}"

    dry = served.run("retention", "prune", "--before", day, "--dry-run")
    no = served.run("retention", "prune", "--before", day, stdin="n\n")
    real = json.loads(served.run("retention", "prune", "--before", day, "--yes", "--json").stdout)
    left = served.run("retention", "prune", "--before", day, "--dry-run")

    assert dry.stdout.startswith("1 execution and 0 chain executions of 1 day (")
    assert dry.stdout.endswith("would be removed\n")
    assert (no.returncode, "1 execution " in no.stderr) == (1, True)
    assert (real["executions"], real["days"]) == (1, 1)
    assert left.stdout == "0 executions and 0 chain executions would be removed\n"
    assert "gpt-4o" in served.run("executions", "list").stdout


def test_a_day_that_is_none_or_too_young_is_refused(served: Served) -> None:
    """With a sentence that says what to give."""
    assert served.run("retention", "prune", "--before", "soon", "--yes").returncode == Exit.USAGE
    today = served.run("retention", "prune", "--before", f"{datetime.now(UTC):%Y-%m-%d}T23:00", "--yes")
    assert (today.returncode, "older than a day" in today.stderr) == (Exit.REFUSED, True)
