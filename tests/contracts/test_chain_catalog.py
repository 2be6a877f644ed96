"""What every ChainCatalog promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.catalog import catalog
from kit.clock import START
from promptforge.core.chain import Chain, ChainDocument, ChainVersion, OnError, Step, StepType
from promptforge.core.chain_ports import ChainQuery
from promptforge.core.errors import Conflict, NotFound

__all__ = ["catalog"]

DOCUMENT = ChainDocument(
    steps=(
        Step(
            id="step_1",
            name="answer",
            order=1,
            type=StepType.PROMPT,
            prompt="support-reply",
            label="production",
            params={"z": 1, "a": [None, 0.5]},
            input_mapping={"ticket": "{{ticket}}"},
            output_key="answer",
            tags=("b", "a"),
            when="ticket != ''",
            timeout_ms=1_000,
            retries=2,
            on_error=OnError.CONTINUE,
        ),
        Step(id="step_2", name="merge", order=2, type=StepType.MERGE, config={"strategy": "object"}),
    ),
    required_inputs={"type": "object"},
    output={"text": "{{answer}} ☃"},
    deadline_ms=60_000,
    max_cost=10**15,
)


def a_chain(number=1, **values):
    """A chain; *number* makes it another, and younger."""
    base = Chain(
        id=f"chain_{number}",
        workspace="here",
        name=f"name-{number}",
        description="What it is for",
        is_active=True,
        is_public=True,
        created_at=START + timedelta(milliseconds=number),
        updated_at=START + timedelta(milliseconds=number),
        created_by="user_1",
        draft=DOCUMENT,
        intent_tags=("b", "a"),
        forked_from="chain_0",
    )
    return replace(base, **values)


def a_version(number=1, **values):
    """A version; the number that it brings must not matter."""
    base = ChainVersion(
        id=f"chainver_{number}",
        chain_id="chain_1",
        number=77,
        document=DOCUMENT,
        created_at=START + timedelta(seconds=number),
        created_by="user_1",
    )
    return replace(base, **values)


@pytest.fixture
def chains(catalog):
    """The catalog under test."""
    return catalog.chains


async def test_a_chain_reads_back_as_it_was_stored(chains):
    """By id and by name, every field of it and of its draft."""
    made = a_chain()
    await chains.create(made)
    assert await chains.get("here", made.id) == made
    assert await chains.named("here", made.name) == made


async def test_what_can_change_is_written(chains):
    """Name, description, switches, intent tags and draft change; the rest stays as created."""
    made = a_chain()
    await chains.create(made)
    later = START + timedelta(hours=1)
    changed = replace(
        made, name="other", description=None, is_active=False, is_public=False, intent_tags=(), updated_at=later
    )
    changed = replace(changed, draft=ChainDocument())
    await chains.update(replace(changed, created_by="nobody", created_at=later, forked_from=None, latest=9))
    assert await chains.get("here", made.id) == changed


async def test_a_name_is_unique_among_the_unarchived_of_a_workspace(chains):
    """Creating, renaming and restoring onto a taken name are refused; archived and other workspaces do not count."""
    first, second = a_chain(1), a_chain(2)
    await chains.create(first)
    await chains.create(second)
    await chains.create(a_chain(3, workspace="there", name=first.name))
    with pytest.raises(Conflict, match="name-1"):
        await chains.create(a_chain(4, name=first.name))
    await chains.update(replace(first, archived_at=START))
    await chains.update(replace(second, name=first.name))
    with pytest.raises(Conflict):
        await chains.update(first)
    assert (await chains.named("here", first.name)).id == second.id


async def test_a_version_reads_back_as_it_was_stored(chains):
    """By number, by id and in the list, the document whole and in order; only the number is the catalog's."""
    await chains.create(a_chain())
    given = a_version()
    stored = await chains.add_version("here", given)
    assert stored == replace(given, number=1)
    assert await chains.version("here", "chain_1", 1) == stored
    assert await chains.version_by_id("here", given.id) == stored
    assert list(await chains.versions("here", "chain_1")) == [stored]
    assert list(stored.document.steps[0].params) == ["z", "a"]


async def test_numbers_are_consecutive_however_many_add_at_once(chains):
    """Twenty versions added at once are 1 to 20, and the chain knows the last and the time of it."""
    await chains.create(a_chain())
    stored = await asyncio.gather(*(chains.add_version("here", a_version(n)) for n in range(1, 21)))
    assert sorted(version.number for version in stored) == list(range(1, 21))
    newest = await chains.versions("here", "chain_1", limit=3)
    assert [version.number for version in newest] == [20, 19, 18]
    chain = await chains.get("here", "chain_1")
    assert (chain.latest, chain.updated_at) == (20, newest[0].created_at)


async def test_a_version_needs_its_chain(chains):
    """There is no version without a chain in the same workspace."""
    await chains.create(a_chain())
    for workspace, chain_id in (("here", "chain_9"), ("there", "chain_1")):
        with pytest.raises(NotFound):
            await chains.add_version(workspace, a_version(chain_id=chain_id))


async def test_labels_point_move_and_go(chains):
    """A label is set with a version, moved and taken away; a move to what is not there leaves it where it was."""
    await chains.create(a_chain())
    await chains.add_version("here", a_version(1), "production")
    await chains.add_version("here", a_version(2))
    await chains.set_label("here", "chain_1", "canary", 2)
    assert (await chains.get("here", "chain_1")).labels == {"canary": 2, "production": 1}
    with pytest.raises(NotFound):
        await chains.set_label("here", "chain_1", "production", 3)
    assert (await chains.get("here", "chain_1")).labels == {"canary": 2, "production": 1}
    await chains.set_label("here", "chain_1", "production", 2)
    await chains.set_label("here", "chain_1", "canary", None)
    assert (await chains.named("here", "name-1")).labels == {"production": 2}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["b", "a"]),
        ({"limit": 1, "offset": 1}, ["a"]),
        ({"archived": True}, ["old"]),
        ({"mine": "user_2"}, ["b"]),
        ({"search": "SUMM"}, ["a"]),
        ({"search": "billing"}, ["b"]),
        ({"search": "100%"}, ["b"]),
        ({"search": "_"}, []),
    ],
)
async def test_lists_are_filtered_newest_first_and_paged(chains, query, found):
    """By who made it, archived or not, and text in name, description or intent tags, taken literally."""
    await chains.create(a_chain(1, name="a", description="a summary", intent_tags=()))
    await chains.create(a_chain(2, name="b", description="100% sure", intent_tags=("billing",), created_by="user_2"))
    await chains.create(a_chain(3, name="old", archived_at=START))
    listed = await chains.list(ChainQuery(workspace="here", **query))
    assert [chain.name for chain in listed] == found


async def test_nothing_is_seen_or_changed_from_another_workspace(chains):
    """Every method, given the ids of another workspace, finds and changes nothing."""
    made = a_chain()
    await chains.create(made)
    await chains.add_version("here", a_version(), "production")
    before = await chains.get("here", made.id)

    assert await chains.get("there", made.id) is None
    assert await chains.named("there", made.name) is None
    assert list(await chains.list(ChainQuery(workspace="there"))) == []
    assert await chains.version("there", made.id, 1) is None
    assert await chains.version_by_id("there", "chainver_1") is None
    assert list(await chains.versions("there", made.id)) == []
    await chains.update(replace(made, workspace="there", name="stolen"))
    await chains.set_label("there", made.id, "production", None)
    with pytest.raises(NotFound):
        await chains.set_label("there", made.id, "production", 1)

    assert await chains.get("here", made.id) == before


async def test_a_removed_workspace_takes_its_chains_along(catalog, chains):
    """Chains, versions and labels go with their workspace, and no other's do."""
    await chains.create(a_chain())
    await chains.add_version("here", a_version(), "production")
    await chains.create(a_chain(2, workspace="there"))
    await catalog.access.remove_workspace("here")
    assert await chains.get("here", "chain_1") is None
    assert await chains.version_by_id("here", "chainver_1") is None
    assert await chains.get("there", "chain_2") is not None
