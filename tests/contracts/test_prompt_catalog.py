"""What every PromptCatalog promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.catalog import catalog
from kit.clock import START
from promptforge.core.errors import Conflict, NotFound
from promptforge.core.ports import PromptQuery
from promptforge.core.prompt import Category, Message, Prompt, PromptVersion

__all__ = ["catalog"]


def a_prompt(number=1, *, workspace="here", **values):
    """A prompt; *number* makes it another, and younger."""
    base = Prompt(
        id=f"prompt_{number}",
        workspace=workspace,
        name=f"name-{number}",
        description="What it is for",
        category=Category.ANALYSIS,
        is_public=True,
        created_at=START + timedelta(milliseconds=number),
        updated_at=START + timedelta(milliseconds=number),
        created_by="user_1",
        tags=("b", "a"),
        forked_from="prompt_0",
    )
    return replace(base, **values)


def a_version(number=1, **values):
    """A version; the number that it brings must not matter."""
    base = PromptVersion(
        id=f"ver_{number}",
        prompt_id="prompt_1",
        number=77,
        content="Hello {{name}} ☃",
        messages=None,
        params={"model": "m", "temperature": 0.7, "stop": ["x", None], "deep": {"z": 1, "a": True}},
        provider="anthropic",
        input_schema={"type": "object"},
        created_at=START + timedelta(seconds=number),
        created_by="user_1",
    )
    return replace(base, **values)


@pytest.fixture
def prompts(catalog):
    """The catalog under test."""
    return catalog.prompts


async def test_a_prompt_reads_back_as_it_was_stored(prompts):
    """By id and by name, every field, times to the millisecond and in UTC, order of tags kept."""
    made = a_prompt()
    await prompts.create(made)
    assert await prompts.get("here", made.id) == made
    assert await prompts.named("here", made.name) == made


async def test_what_can_change_is_written(prompts):
    """Name, description, category, visibility, tags, archived time change; the rest stays as created."""
    made = a_prompt()
    await prompts.create(made)
    later = START + timedelta(hours=1)
    changed = replace(
        made, name="other", description=None, category=Category.CODE, is_public=False, tags=(), updated_at=later
    )
    await prompts.update(replace(changed, created_by="nobody", created_at=later, forked_from=None))
    assert await prompts.get("here", made.id) == changed


async def test_a_name_is_unique_among_the_unarchived_of_a_workspace(prompts):
    """Creating, renaming and restoring onto a taken name are refused; archived and other workspaces do not count."""
    first, second = a_prompt(1), a_prompt(2)
    await prompts.create(first)
    await prompts.create(second)
    await prompts.create(a_prompt(3, workspace="there", name=first.name))
    with pytest.raises(Conflict, match="name-1"):
        await prompts.create(a_prompt(4, name=first.name))
    with pytest.raises(Conflict):
        await prompts.update(replace(second, name=first.name))
    await prompts.update(replace(first, archived_at=START))
    await prompts.update(replace(second, name=first.name))
    with pytest.raises(Conflict):
        await prompts.update(first)
    assert (await prompts.named("here", first.name)).id == second.id


async def test_of_many_who_want_a_name_one_gets_it(prompts):
    """Ten create the same name at once: one prompt stands, nine are refused."""
    made = await asyncio.gather(
        *(prompts.create(a_prompt(n, name="wanted")) for n in range(10)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in made) == ["Conflict"] * 9 + ["NoneType"]


async def test_a_refused_creation_leaves_nothing(prompts):
    """Prompt and first version are stored together or not at all."""
    await prompts.create(a_prompt(1), a_version(1))
    with pytest.raises(Conflict):
        await prompts.create(a_prompt(2, name="name-1"), a_version(2, prompt_id="prompt_2"))
    assert await prompts.get("here", "prompt_2") is None
    assert await prompts.version_by_id("here", "ver_2") is None
    assert (await prompts.get("here", "prompt_1")).latest == 1


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"content": None, "messages": (Message(role="system", content="a"), Message(role="user", content=""))},
        {"provider": None, "input_schema": None},
    ],
)
async def test_a_version_reads_back_as_it_was_stored(prompts, values):
    """By number, by id and in the list; only the number is the catalog's."""
    await prompts.create(a_prompt())
    given = a_version(**values)
    stored = await prompts.add_version("here", given)
    assert stored == replace(given, number=1)
    assert await prompts.version("here", "prompt_1", 1) == stored
    assert await prompts.version_by_id("here", given.id) == stored
    assert list(await prompts.versions("here", "prompt_1")) == [stored]


async def test_the_order_of_parameters_is_kept(prompts):
    """A diff and a request show parameters as they were written."""
    await prompts.create(a_prompt())
    stored = await prompts.add_version("here", a_version())
    read = await prompts.version_by_id("here", stored.id)
    assert list(read.params) == ["model", "temperature", "stop", "deep"]
    assert list(read.params["deep"]) == ["z", "a"]


async def test_numbers_are_consecutive_however_many_add_at_once(prompts):
    """Thirty versions added at once are 1 to 30, and the prompt knows the last and the time of it."""
    await prompts.create(a_prompt())
    stored = await asyncio.gather(*(prompts.add_version("here", a_version(n)) for n in range(1, 31)))
    assert sorted(version.number for version in stored) == list(range(1, 31))
    prompt = await prompts.get("here", "prompt_1")
    assert prompt.latest == 30
    newest = await prompts.versions("here", "prompt_1", limit=3)
    assert [version.number for version in newest] == [30, 29, 28]
    assert prompt.updated_at == newest[0].created_at


async def test_a_version_needs_its_prompt(prompts):
    """There is no version without a prompt in the same workspace."""
    await prompts.create(a_prompt())
    for workspace, prompt_id in (("here", "prompt_9"), ("there", "prompt_1")):
        with pytest.raises(NotFound):
            await prompts.add_version(workspace, a_version(prompt_id=prompt_id))


async def test_labels_point_move_and_go(prompts):
    """A label points at one version of its prompt; it can be set with the version, moved, and taken away."""
    await prompts.create(a_prompt())
    await prompts.add_version("here", a_version(1), "production")
    await prompts.add_version("here", a_version(2))
    await prompts.set_label("here", "prompt_1", "canary", 2)
    assert (await prompts.get("here", "prompt_1")).labels == {"canary": 2, "production": 1}
    await prompts.set_label("here", "prompt_1", "production", 2)
    await prompts.set_label("here", "prompt_1", "canary", None)
    assert (await prompts.named("here", "name-1")).labels == {"production": 2}


async def test_a_label_needs_its_version(prompts):
    """A label cannot point at what is not there, and a failed move leaves it where it was."""
    await prompts.create(a_prompt())
    await prompts.add_version("here", a_version(1), "production")
    with pytest.raises(NotFound):
        await prompts.set_label("here", "prompt_1", "production", 2)
    assert (await prompts.get("here", "prompt_1")).labels == {"production": 1}


async def test_lists_are_newest_first_and_paged(prompts):
    """Limit and offset walk through all, newest first, with labels and numbers in place."""
    for n in range(1, 6):
        await prompts.create(a_prompt(n))
    await prompts.add_version("here", a_version(1), "production")
    pages = [await prompts.list(PromptQuery(workspace="here", limit=2, offset=offset)) for offset in (0, 2, 4)]
    assert [[prompt.id for prompt in page] for page in pages] == [
        ["prompt_5", "prompt_4"],
        ["prompt_3", "prompt_2"],
        ["prompt_1"],
    ]
    assert (pages[2][0].latest, pages[2][0].labels) == (1, {"production": 1})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"a", "b"}),
        ({"archived": True}, {"old"}),
        ({"mine": "user_2"}, {"b"}),
        ({"search": "SUMM"}, {"a"}),
        ({"search": "billing"}, {"b"}),
        ({"search": "100%"}, {"b"}),
        ({"search": "_"}, set()),
        ({"search": "ümlaut"}, {"a"}),
    ],
)
async def test_lists_are_filtered(prompts, query, found):
    """By who made it, archived or not, and text in name, description or tags, taken literally."""
    await prompts.create(a_prompt(1, name="a", description="a summary of ümlaut", tags=()))
    await prompts.create(a_prompt(2, name="b", description="100% sure", tags=("billing",), created_by="user_2"))
    await prompts.create(a_prompt(3, name="old", archived_at=START))
    listed = await prompts.list(PromptQuery(workspace="here", **query))
    assert {prompt.name for prompt in listed} == found


async def test_nothing_is_seen_or_changed_from_another_workspace(prompts):
    """Every method, given the ids of another workspace, finds and changes nothing."""
    made = a_prompt()
    await prompts.create(made, a_version())
    await prompts.set_label("here", made.id, "production", 1)
    before = await prompts.get("here", made.id)

    assert await prompts.get("there", made.id) is None
    assert await prompts.named("there", made.name) is None
    assert list(await prompts.list(PromptQuery(workspace="there"))) == []
    assert await prompts.version("there", made.id, 1) is None
    assert await prompts.version_by_id("there", "ver_1") is None
    assert list(await prompts.versions("there", made.id)) == []
    await prompts.update(replace(made, workspace="there", name="stolen"))
    await prompts.set_label("there", made.id, "production", None)
    with pytest.raises(NotFound):
        await prompts.set_label("there", made.id, "production", 1)

    assert await prompts.get("here", made.id) == before
