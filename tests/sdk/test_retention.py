"""What is kept, shown and changed with the client."""

import pytest

from kit.served import Served
from promptforge import NotFoundError, PromptForge
from promptforge.sdk.retention import RetentionRule


@pytest.fixture
def client(served: Served):
    with PromptForge(served.key, served.url) as opened:
        yield opened


def test_rules_are_set_shown_and_removed(client: PromptForge) -> None:
    """A rule comes back with all that it says; without days it keeps for ever; removing it leaves what was there."""
    before = client.retention.show()
    prompt = client.prompts.create(name="Kept for long", template="Hi", model="demo-small")

    client.retention.set_rule(30, tag=("team", "care"))
    made = client.retention.set_rule(None, prompt="kept-for-long", errors=True)
    shown = client.retention.show()
    client.retention.remove_rule(prompt="kept-for-long", errors=True)
    gone = client.retention.remove_rule(tag=("team", "care"))

    long = RetentionRule(days=None, prompt_id=prompt.id, prompt_name="kept-for-long", errors=True)
    assert made.rules == shown.rules == (RetentionRule(days=30, tag=("team", "care")), long)
    assert (before.rules, gone) == ((), before)


def test_a_rule_for_a_prompt_that_is_not_there_is_refused(client: PromptForge) -> None:
    """It would hold for nothing."""
    with pytest.raises(NotFoundError, match="nobody"):
        client.retention.set_rule(1, prompt="nobody")


def test_content_policies_are_words(client: PromptForge) -> None:
    """Of the workspace and of one key."""
    key = client.keys.create("narrow").key

    client.retention.set_content("errors")
    kept = client.retention.set_content("none", key_id=key.id)
    back = client.retention.set_content("all")

    assert (kept.content, kept.keys[key.id], back.content) == ("errors", "none", "all")
