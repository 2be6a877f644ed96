"""The rule of retention: which rule wins, on which day content goes, what is never kept."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.chains import ended, opened, step
from kit.executions import NOON, done, pending
from promptforge.core.chain import StepType
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
    retained_chain,
    retained_step,
    rule_of,
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
    expires = by_default(day, days)
    assert expires.day == 1
    assert timedelta(0) < expires - (day + timedelta(days=days)) <= timedelta(days=31)


PROMPTS = {"draft": "prompt_1", "check": "prompt_2"}
OPEN = opened("here", tags={"team": "legal"}, key_id="key_1", input_hash=9)
ends = st.sampled_from([Status.SUCCESS, Status.ERROR])


def chain_of(statuses):
    """A chain execution as it ended: how it did itself, and its steps by name; ``shape`` calls no prompt."""
    steps = [
        step(name, order, status=end, type=StepType.PROMPT if name in PROMPTS else StepType.TRANSFORM)
        for order, (name, end) in enumerate(statuses[1].items())
    ]
    return ended(OPEN, *steps, status=statuses[0])


chains = st.tuples(ends, st.dictionaries(st.sampled_from(["draft", "check", "shape"]), ends)).map(chain_of)
retentions = st.builds(Retention, rules=st.lists(rules, max_size=6), content=st.sampled_from(ContentPolicy))


def calls_of(chain):
    """The calls that its steps made, as the record has them."""
    prompts = {name: replace(PROMPT, prompt_id=prompt_id) for name, prompt_id in PROMPTS.items()}
    return [
        replace(RUN, status=one.status, prompt=prompts[one.name], tags=chain.tags)
        for one in chain.steps
        if one.name in prompts
    ]


@given(retentions, chains)
def test_a_chain_keeps_no_longer_than_a_rule_for_one_of_its_prompts(retention, chain):
    """What went through a prompt stands in the chain as well: whichever rule is stricter holds."""
    kept = retained_chain(retention, chain, PROMPTS)
    special = [run for run in calls_of(chain) if (r := rule_of(retention.rules, run)) and r.prompt_id]
    whole = replace(RUN, status=chain.status, prompt=None, tags=chain.tags)
    assert kept.expires_on == min(expires_on(retention, run) for run in [whole, *special])
    none = [run for run in special if rule_of(retention.rules, run).days == 0]
    assert (kept.content is not None) == (keeps(retention, whole) and not none)


@given(retentions, chains)
def test_a_chain_loses_its_content_whole_and_nothing_else(retention, chain):
    """Content goes at the chain and at each step, or at none; every figure stays as it is."""
    kept = retained_chain(retention, chain, PROMPTS)
    here = [one.content is not None for one in (kept, *kept.steps)]
    assert all(here) or not any(here)
    steps = [replace(one, content=was.content) for one, was in zip(kept.steps, chain.steps, strict=True)]
    assert replace(kept, steps=tuple(steps), content=chain.content, expires_on=None) == chain


@given(retentions, chains)
def test_an_open_chain_says_no_more_than_any_end_of_it(retention, chain):
    """What a crash leaves in the journal is nothing that the end would have left out, nor kept for a shorter time."""
    open_one = retained_chain(retention, OPEN, PROMPTS)
    closed_one = retained_chain(retention, chain, PROMPTS)
    assert open_one.content is None or closed_one.content is not None
    assert open_one.expires_on <= closed_one.expires_on


@given(retentions, st.sampled_from(["draft", "check", "shape"]), ends)
def test_a_checkpoint_has_content_where_its_open_chain_has(retention, name, end):
    """A step is not written before the chain in a way that the chain may not be."""
    done_one = step(name, status=end)
    kept = retained_step(retention, OPEN, done_one, PROMPTS)
    assert (kept.content is None) == (retained_chain(retention, OPEN, PROMPTS).content is None)
    assert replace(kept, content=done_one.content) == done_one


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        (Rule(days=5, prompt_id="prompt_2"), 5),
        (Rule(days=None, prompt_id="prompt_1"), 30),
        (Rule(days=400, errors=True), 30),
        (Rule(days=90, prompt_id="prompt_1", errors=True), 30),
    ],
    ids=["sooner for a prompt", "longer for a prompt", "longer for errors", "for another end"],
)
def test_a_rule_for_a_prompt_shortens_a_chain_and_never_lengthens_it(rule, day):
    """A chain that succeeded, with thirty days for everything."""
    chain = chain_of((Status.SUCCESS, {"draft": Status.SUCCESS, "check": Status.ERROR}))
    kept = retained_chain(Retention(rules=[Rule(days=30), rule]), chain, PROMPTS)
    assert kept.expires_on == NOON.date() + timedelta(days=day)
