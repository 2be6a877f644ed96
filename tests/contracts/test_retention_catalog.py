"""What every RetentionCatalog promises."""

import pytest

from kit.catalog import catalog
from promptforge.core.retention import ContentPolicy, Retention, Rule

__all__ = ["catalog"]

RULES = (
    Rule(days=30),
    Rule(days=None, errors=True),
    Rule(days=0, prompt_id="prompt_1"),
    Rule(days=7, tag=("team", "legal"), prompt_id="prompt_2", errors=True),
)


async def test_a_new_workspace_keeps_everything(catalog):
    """Where nothing was set there is no rule, and all content is kept."""
    assert await catalog.retention.retention("here") == Retention()


async def test_rules_are_replaced_as_a_whole(catalog):
    """What was set last is what there is, in its order, and of one workspace only."""
    await catalog.retention.set_rules("here", RULES)
    await catalog.retention.set_rules("there", RULES[:1])
    assert (await catalog.retention.retention("here")).rules == RULES
    await catalog.retention.set_rules("here", ())
    assert (await catalog.retention.retention("here")).rules == ()
    assert (await catalog.retention.retention("there")).rules == RULES[:1]


@pytest.mark.parametrize("policy", ContentPolicy)
async def test_policies_of_workspace_and_key_stand_side_by_side(catalog, policy):
    """Each can be set again and again; the other stays."""
    await catalog.retention.set_content("here", "key_1", ContentPolicy.NONE)
    for again in (ContentPolicy.ERRORS, policy):
        await catalog.retention.set_content("here", None, again)
    found = await catalog.retention.retention("here")
    assert (found.content, found.of_keys) == (policy, {"key_1": ContentPolicy.NONE})
    assert (await catalog.retention.retention("there")).content is ContentPolicy.ALL


async def test_a_removed_workspace_takes_its_rules_with_it(catalog):
    """Rules and policies do not hold a workspace back, and are gone with it."""
    await catalog.retention.set_rules("here", RULES)
    await catalog.retention.set_content("here", None, ContentPolicy.NONE)
    await catalog.access.remove_workspace("here")
    assert await catalog.retention.retention("here") == Retention()
