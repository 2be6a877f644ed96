"""What a workspace keeps, shown and changed over HTTP of a real server."""

from datetime import timedelta

from promptforge.core.access import Scope

PARTS = "{ content defaultDays rules { days promptId tagKey tagValue errors } keys { keyId content } }"
RUN = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"
HELLO = {"content": "Say hello", "params": {"model": "demo-small", "demo": {"text": "Hello!"}}}


async def test_rules_are_set_replaced_and_removed(caller):
    """A rule stands until the next for the same executions takes its place, or it is removed."""
    rule = {"days": 30, "promptId": None, "tagKey": "team", "tagValue": "care", "errors": True}
    about = 'tagKey: "team", tagValue: "care", errors: true'

    before = (await caller.ask(f"{{ retention {PARTS} }}"))["retention"]
    await caller.ask(f"mutation {{ setRetentionRule(days: 7, {about}) {PARTS} }}")
    made = (await caller.ask(f"mutation {{ setRetentionRule(days: 30, {about}) {PARTS} }}"))["setRetentionRule"]
    shown = (await caller.ask(f"{{ retention {PARTS} }}"))["retention"]
    gone = (await caller.ask(f"mutation {{ removeRetentionRule({about}) {PARTS} }}"))["removeRetentionRule"]

    assert (before["content"], before["rules"], before["keys"]) == ("ALL", [], [])
    assert made == shown == {**before, "rules": [rule]}
    assert gone == before


async def test_each_rule_says_when_content_of_today_would_go(caller, forge):
    """The day by its days, none for ever; where no rule holds the first of a month."""
    await caller.ask("mutation { setRetentionRule(days: 10) { content } }")
    await caller.ask("mutation { setRetentionRule(errors: true) { content } }")
    found = (await caller.ask("{ retention { defaultExpiresOn rules { days expiresOn } } }"))["retention"]

    day = (forge.clock.now().date() + timedelta(days=10)).isoformat()
    assert found["rules"] == [{"days": 10, "expiresOn": day}, {"days": None, "expiresOn": None}]
    assert found["defaultExpiresOn"].endswith("-01")


async def test_what_is_not_to_be_kept_is_in_no_answer(caller):
    """With the policy NONE an execution that ends has figures and no content."""
    await caller.ask("mutation { setContentPolicy(policy: NONE) { content } }")
    made = (await caller.ask(RUN, input=HELLO))["executePrompt"]
    found = await caller.ask("query($id: ID!) { execution(id: $id) { status output } }", id=made["id"])

    assert found["execution"] == {"status": "success", "output": None}


async def test_a_key_has_a_policy_of_its_own(caller):
    """A policy for one key is listed with the key's id; a key that is not there is named."""
    (key,) = (await caller.ask("{ me { keys { id } } }"))["me"]["keys"][:1]
    change = "mutation($key: ID!) { setContentPolicy(policy: ERRORS, keyId: $key) { content keys { keyId content } } }"

    changed = (await caller.ask(change, key=key["id"]))["setContentPolicy"]
    error = await caller.refused(change, key="key_nobody")

    assert changed == {"content": "ALL", "keys": [{"keyId": key["id"], "content": "ERRORS"}]}
    assert "key_nobody" in error["message"]


async def test_half_a_tag_is_refused(caller):
    """A tag without its value would be another rule than was meant."""
    error = await caller.refused('mutation { setRetentionRule(days: 1, tagKey: "team") { content } }')

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_only_an_administrator_changes_what_is_kept(caller_of, actor):
    """A key that reads sees the rules and changes none."""
    reader = await caller_of(actor, frozenset({Scope.READ}))

    assert (await reader.ask("{ retention { content } }"))["retention"] == {"content": "ALL"}
    for change in ("setRetentionRule(days: 1)", "removeRetentionRule", "setContentPolicy(policy: NONE)"):
        error = await reader.refused(f"mutation {{ {change} {{ content }} }}")
        assert error["extensions"]["code"] == "FORBIDDEN"
