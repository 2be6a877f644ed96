"""What is kept, shown and changed by command."""

import json

from kit.served import Served, promptforge
from promptforge.cli.exits import Exit


def test_a_rule_is_set_shown_and_removed(tmp_path) -> None:
    """Without a server too: what one command set the next one shows, and the default where nothing else holds."""
    home = tmp_path / "home"
    set_ = promptforge(home, "retention", "set", "--days", "400", "--errors", "--tag", "team=care")
    assert set_.returncode == 0, set_.stderr
    promptforge(home, "retention", "set", "--forever", "--errors")
    shown = promptforge(home, "retention", "show").stdout.splitlines()
    assert shown[1:4] == [
        "tag team=care, errors\t400 days",
        "errors\tfor ever",
        "everything else\t365 days, to the end of the month",
    ]
    promptforge(home, "retention", "remove", "--errors")
    promptforge(home, "retention", "remove", "--errors", "--tag", "team=care")
    raw = json.loads(promptforge(home, "retention", "set", "--days", "0", "--json").stdout)
    assert [(rule["days"], rule["tagKey"], rule["errors"]) for rule in raw["rules"]] == [(0, None, False)]
    assert promptforge(home, "retention", "show").stdout.splitlines()[1:2] == ["everything\tnot"]


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
