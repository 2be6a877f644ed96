"""The rule of retention: which rule wins, on which day content goes, what is never kept."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.executions import NOON, done, pending
from promptforge.core.execution import PromptRef, Status
from promptforge.core.retention import (
    FOREVER,
    ContentPolicy,
    Retention,
    Rule,
    by_default,
    expires_on,
    keeps,
    retained,
)

PROMPT = PromptRef(prompt_id="prompt_1", prompt_name="greeting", version_id="v", version=1)
RUN = done("here", prompt=PROMPT, tags={"team": "legal"}, key_id="key_1")
FAILED = replace(RUN, status=Status.ERROR)

rules = st.builds(
    Rule,
    days=st.none() | st.integers(0, 1_000),
    prompt_id=st.sampled_from([None, "prompt_1", "prompt_2"]),
    tag=st.sampled_from([None, ("team", "legal"), ("team", "sales")]),
    errors=st.booleans(),
)


@given(st.lists(rules, max_size=6), st.randoms())
def test_the_order_of_rules_changes_nothing(given_rules, chance):
    """The day depends on the rules as a set, so it is the same after any shuffle."""
    mixed = list(given_rules)
    chance.shuffle(mixed)
    for run in (RUN, FAILED):
        assert expires_on(Retention(rules=given_rules), run) == expires_on(Retention(rules=mixed), run)


@given(st.lists(rules, max_size=6))
def test_a_rule_that_does_not_hold_changes_nothing(given_rules):
    """Only what speaks of the execution counts."""
    held = [rule for rule in given_rules if rule.holds(RUN)]
    assert expires_on(Retention(rules=given_rules), RUN) == expires_on(Retention(rules=held), RUN)


@pytest.mark.parametrize(
    ("special", "general"),
    [
        ({"errors": True}, {}),
        ({"tag": ("team", "legal")}, {"errors": True}),
        ({"prompt_id": "prompt_1"}, {"tag": ("team", "legal"), "errors": True}),
        ({"prompt_id": "prompt_1", "errors": True}, {"prompt_id": "prompt_1"}),
    ],
)
@pytest.mark.parametrize("days", [(1, 900), (900, 1)])
def test_the_more_special_rule_wins(special, general, days):
    """A prompt says more than a tag, a tag more than the outcome, whichever is longer."""
    found = expires_on(Retention(rules=[Rule(days=days[1], **general), Rule(days=days[0], **special)]), FAILED)
    assert found == NOON.date() + timedelta(days=days[0])


def test_of_equally_special_rules_the_shorter_wins():
    """Two tags of one execution: what must go early goes."""
    run = replace(RUN, tags={"team": "legal", "region": "eu"})
    both = [Rule(days=None, tag=("region", "eu")), Rule(days=9, tag=("team", "legal"))]
    assert expires_on(Retention(rules=both), run) == NOON.date() + timedelta(days=9)


def test_for_ever_is_a_day_that_never_comes():
    """It is the last that the history can hold; where no rule holds the default is the first of a month."""
    assert expires_on(Retention(rules=[Rule(days=None)]), RUN) == FOREVER
    assert expires_on(Retention(rules=[Rule(days=10**5)]), RUN) == FOREVER
    assert expires_on(Retention(default_days=30), RUN) == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("of_workspace", "of_key", "success", "error"),
    [
        ("all", None, True, True),
        ("errors", None, False, True),
        ("none", "all", False, False),
        ("all", "errors", False, True),
        ("errors", "none", False, False),
    ],
)
def test_the_stricter_of_workspace_and_key_holds(of_workspace, of_key, success, error):
    """A key can keep less than its workspace, never more."""
    keyed = {"key_1": ContentPolicy(of_key)} if of_key else {}
    retention = Retention(content=ContentPolicy(of_workspace), of_keys=keyed)
    assert (keeps(retention, RUN), keeps(retention, FAILED)) == (success, error)


@given(st.lists(rules, max_size=6), st.sampled_from(ContentPolicy))
def test_what_is_opened_never_says_more_than_any_end_may(given_rules, policy):
    """An open run has content only if it keeps it as a success and as an error; figures stay as they are."""
    retention = Retention(rules=given_rules, content=policy)
    run = pending("here", prompt=PROMPT, tags={"team": "legal"}, input_chars=7, input_hash=9)
    opened = retained(retention, run)
    ends = [retained(retention, replace(run, status=s)) for s in (Status.SUCCESS, Status.ERROR)]
    assert (opened.content is None) == any(end.content is None for end in ends)
    assert opened.expires_on == ends[1].expires_on
    assert replace(opened, content=run.content, expires_on=None) == run


def test_keeping_nothing_leaves_no_content():
    """A rule of no days is as good as no content at all; hashes and lengths stay."""
    kept = retained(Retention(rules=[Rule(days=0)]), replace(RUN, input_chars=7, output_hash=9))
    assert (kept.content, kept.input_chars, kept.output_hash, kept.cost) == (None, 7, 9, RUN.cost)


@given(st.dates(max_value=date(2120, 1, 1)), st.integers(1, 3650))
def test_without_a_rule_content_expires_on_the_first_of_a_month(day, days):
    """Never earlier than promised and at most a month later, so that most content lies in few partitions."""
    expires = by_default(datetime(day.year, day.month, day.day, tzinfo=UTC), days)
    assert expires.day == 1
    assert timedelta(0) < expires - (day + timedelta(days=days)) <= timedelta(days=31)
