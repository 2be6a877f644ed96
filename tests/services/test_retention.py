"""What is kept of content, by rule and by policy, at each door by which an execution comes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.traces import traces
from promptforge.core.access import Permission
from promptforge.core.errors import Forbidden, InvalidInput, NotFound
from promptforge.core.retention import FOREVER, ContentPolicy, Retention, Rule
from promptforge.services.calls import Call

MODEL = {"model": "demo-small"}
FAILS = {"model": "demo-small", "demo": {"fail": "validation"}}


def text_of(actor) -> str:
    """A text that stands nowhere else."""
    return f"secretword{actor.workspace.replace('-', '')}"


async def test_nothing_set_keeps_everything(forge, actor):
    """A new workspace keeps all content for the days of the settings."""
    assert await forge.retentions.show(actor) == Retention(default_days=forge.settings.content_days)


async def test_a_rule_takes_the_place_of_the_one_for_the_same(forge, actor):
    """Rules are known by what they speak of; removing one that is not there changes nothing."""
    for rule in (Rule(days=30), Rule(days=400, errors=True), Rule(days=60)):
        shown = await forge.retentions.set_rule(actor, rule)
    assert list(shown.rules) == [Rule(days=400, errors=True), Rule(days=60)]
    for _ in range(2):
        shown = await forge.retentions.remove_rule(actor, Rule(days=None))
    assert list(shown.rules) == [Rule(days=400, errors=True)]


async def test_a_rule_for_a_prompt_names_one_that_is_there(forge, actor):
    """By name or id it is the same rule; one for no prompt would hold for nothing and say so to nobody."""
    prompt = await forge.prompts.create(actor, name="Greeting")
    for given in ("greeting", prompt.id):
        shown = await forge.retentions.set_rule(actor, Rule(days=3, prompt_id=given))
        assert list(shown.rules) == [Rule(days=3, prompt_id=prompt.id)]
    with pytest.raises(NotFound, match="no prompt 'greetign'"):
        await forge.retentions.set_rule(actor, Rule(days=3, prompt_id="greetign"))
    await forge.retentions.remove_rule(actor, Rule(days=None, prompt_id="greetign"))
    shown = await forge.retentions.remove_rule(actor, Rule(days=None, prompt_id="greeting"))
    assert list(shown.rules) == []


async def test_only_an_administrator_changes_what_is_kept(forge, actor):
    """To look needs numbers only."""
    viewer = replace(actor, permissions=frozenset({Permission.NUMBERS}))
    await forge.retentions.show(viewer)
    for change in (
        forge.retentions.set_rule(viewer, Rule(days=1)),
        forge.retentions.remove_rule(viewer, Rule(days=1)),
        forge.retentions.set_content(viewer, ContentPolicy.ALL),
    ):
        with pytest.raises(Forbidden):
            await change


async def test_what_cannot_be_a_rule_is_refused_with_its_place(forge, actor):
    """Days below zero or beyond a century, and a policy for a key that is not there."""
    for days in (-1, 36_501):
        with pytest.raises(InvalidInput, match=str(days)):
            await forge.retentions.set_rule(actor, Rule(days=days))
    with pytest.raises(NotFound, match="key_x"):
        await forge.retentions.set_content(actor, ContentPolicy.NONE, "key_x")


async def test_the_day_is_fixed_at_the_end_by_rule(forge, actor):
    """Errors are kept longer, a tag for ever; what was recorded before a rule keeps its day."""
    before = await forge.executions.execute(actor, Call(content="x", params=MODEL))
    await forge.retentions.set_rule(actor, Rule(days=10))
    await forge.retentions.set_rule(actor, Rule(days=40, errors=True))
    await forge.retentions.set_rule(actor, Rule(days=None, tag=("team", "legal")))
    good = await forge.executions.execute(actor, Call(content="x", params=MODEL))
    bad = await forge.executions.execute(actor, Call(content="x", params=FAILS))
    legal = await forge.executions.execute(actor, Call(content="x", params=MODEL, tags={"team": "legal"}))
    days = [(await forge.executions.get(actor, e.id)).expires_on for e in (before, good, bad, legal)]
    today = good.created_at.date()
    assert days[1:] == [today + timedelta(days=10), today + timedelta(days=40), FOREVER]
    assert days[0] == before.expires_on != days[1]


@pytest.mark.parametrize(
    ("policy", "success", "error"),
    [(ContentPolicy.ALL, True, True), (ContentPolicy.ERRORS, False, True), (ContentPolicy.NONE, False, False)],
)
async def test_what_is_not_kept_is_told_and_never_on_the_disk(forge, actor, home, policy, success, error):
    """The caller gets the answer; the record has the figures; no file of the home has ever held the words."""
    word = text_of(actor)
    await forge.retentions.set_content(actor, policy)
    good = await forge.executions.execute(actor, Call(content=word, params=MODEL))
    on_disk = traces(home, word)
    bad = await forge.executions.execute(actor, Call(content=word, params=FAILS))
    kept = [await forge.executions.get(actor, e.id) for e in (good, bad)]
    assert good.content.output
    assert [e.content is not None for e in kept] == [success, error]
    assert (kept[0].token_in, kept[0].cost) == (good.token_in, good.cost)
    assert bool(on_disk) == success


async def test_an_open_run_shows_only_what_it_will_keep(forge, actor):
    """Under *errors* nobody knows how it ends, so nothing of it is written before."""
    await forge.retentions.set_content(actor, ContentPolicy.ERRORS)
    call = Call(content="x", params={**MODEL, "demo": {"latency_ms": 1000}}, wait=False)
    run = await forge.executions.execute(actor, call)
    assert (await forge.executions.get(actor, run.id)).content is None
    await forge.executions.cancel(actor, run.id)
    assert (await forge.executions.get(actor, run.id)).content.input == {"content": "x"}


async def test_a_policy_set_while_a_run_is_open_holds_for_its_end(forge, actor):
    """What counts is the end, so a run that began under *all* keeps nothing."""
    call = Call(content="x", params={**MODEL, "demo": {"latency_ms": 1000}}, wait=False)
    run = await forge.executions.execute(actor, call)
    await forge.retentions.set_content(actor, ContentPolicy.NONE)
    await forge.executions.cancel(actor, run.id)
    assert (await forge.executions.get(actor, run.id)).content is None


async def test_a_key_can_keep_less_than_its_workspace(forge, actor):
    """The stricter of both holds, for what comes with that key only."""
    key, _ = await forge.access.create_key(actor, name="quiet")
    await forge.retentions.set_content(actor, ContentPolicy.NONE, key.id)
    quiet = await forge.executions.execute(replace(actor, key_id=key.id), Call(content="x", params=MODEL))
    loud = await forge.executions.execute(actor, Call(content="x", params=MODEL))
    assert (await forge.executions.get(actor, quiet.id)).content is None
    assert (await forge.executions.get(actor, loud.id)).content is not None


async def test_arrivals_go_by_the_same_rules(forge, actor, home):
    """Days count from the day it was handed in; what is not kept never reaches the disk."""
    word = text_of(actor)
    await forge.retentions.set_rule(actor, Rule(days=5))
    await forge.retentions.set_rule(actor, Rule(days=0, tag=("secret", "yes")))
    item = {"model": "demo-small", "status": "success", "createdAt": "2020-01-01T00:00:00Z"}
    await forge.arrivals.record(actor, [{**item, "externalId": "1", "output": "plain"}])
    await forge.arrivals.record(actor, [{**item, "externalId": "2", "output": word, "tags": {"secret": "yes"}}])
    page = await forge.executions.page(actor)
    kept = {e.tags.get("secret"): e for e in page.items}
    assert kept[None].expires_on == forge.clock.now().date() + timedelta(days=5)
    assert kept[None].content.output == "plain"
    assert kept["yes"].content is None
    assert kept["yes"].output_chars == len(word)
    assert traces(home, word) == {}


async def test_workspaces_do_not_share_rules(forge, actor, other_actor):
    """What one sets the other does not have."""
    await forge.retentions.set_rule(actor, Rule(days=1))
    assert not (await forge.retentions.show(other_actor)).rules
