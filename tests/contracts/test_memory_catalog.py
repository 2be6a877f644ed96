"""What every MemoryCatalog promises."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.test_chain_catalog import a_chain
from kit.catalog import catalog
from kit.clock import START
from kit.traces import traces
from promptforge.core.chain_ports import MemoryPlace
from promptforge.core.errors import InvalidInput

__all__ = ["catalog"]

PLACE = MemoryPlace("here", "chain_1", "ada", "facts")
SOON = START + timedelta(seconds=1)


@pytest.fixture
async def memory(catalog):
    """The catalog under test, with two chains here and one there."""
    for chain in (a_chain(1), a_chain(2), a_chain(1, workspace="there")):
        await catalog.chains.create(chain)
    return catalog.memory


@pytest.mark.parametrize("value", [None, 0, "☃", [1, {"a": None}], {"z": 1.5, "a": True}])
async def test_a_value_reads_back_until_it_is_replaced(memory, value):
    """Any JSON value is kept; the next write replaces it."""
    await memory.write(PLACE, "before", None, "t1")
    await memory.write(PLACE, value, None, "t2")
    assert await memory.read(PLACE, START) == value


async def test_a_value_is_there_until_its_time(memory):
    """At its time it is gone, and an append begins a new list."""
    await memory.write(PLACE, ["old"], SOON, "t1")
    assert await memory.read(PLACE, START) == ["old"]
    assert await memory.read(PLACE, SOON) is None
    assert await memory.append(PLACE, "new", SOON, None, "t2") == ["new"]


async def test_a_step_done_again_adds_once(memory):
    """The same token twice in a row adds once; another token adds again."""
    assert await memory.append(PLACE, "a", START, None, "t1") == ["a"]
    assert await memory.append(PLACE, "a", START, None, "t1") == ["a"]
    assert await memory.append(PLACE, "a", START, None, "t2") == ["a", "a"]
    assert await memory.read(PLACE, START) == ["a", "a"]


async def test_only_a_list_is_added_to(memory):
    """Adding to anything else is refused by name and leaves it as it was."""
    await memory.write(PLACE, "text", None, "t1")
    with pytest.raises(InvalidInput, match="'facts'"):
        await memory.append(PLACE, "a", START, None, "t2")
    assert await memory.read(PLACE, START) == "text"


async def test_a_memory_does_not_grow_for_ever(memory):
    """A value, or a list by what is added, that is too large is refused, and what was there stays."""
    half = "x" * 600_000
    await memory.append(PLACE, half, START, None, "t1")
    with pytest.raises(InvalidInput, match="'facts'"):
        await memory.append(PLACE, half, START, None, "t2")
    with pytest.raises(InvalidInput, match="'facts'"):
        await memory.write(PLACE, half * 2, None, "t3")
    assert await memory.read(PLACE, START) == [half]


@pytest.mark.parametrize("other", [{"workspace": "there"}, {"chain_id": "chain_2"}, {"end_user": ""}, {"key": "else"}])
async def test_places_are_apart(memory, other):
    """Another workspace, chain, end user or key has a memory of its own."""
    elsewhere = replace(PLACE, **other)
    await memory.write(PLACE, "mine", None, "t1")
    assert await memory.read(elsewhere, START) is None
    await memory.write(elsewhere, "other", None, "t1")
    assert await memory.read(PLACE, START) == "mine"


async def test_an_end_user_is_forgotten_in_one_workspace(memory):
    """Everything of that end user goes; other people's, the chains' own and other workspaces' memories stay."""
    kept = [replace(PLACE, end_user="bob"), replace(PLACE, end_user=""), replace(PLACE, workspace="there")]
    for place in (PLACE, replace(PLACE, chain_id="chain_2"), *kept):
        await memory.write(place, 1, None, "t1")
    assert await memory.forget("here", "") == 0
    assert await memory.forget("here", "ada") == 2
    assert await memory.read(PLACE, START) is None
    assert [await memory.read(place, START) for place in kept] == [1, 1, 1]


async def test_what_is_forgotten_is_not_on_the_disk(memory, tmp_path):
    """No file holds a word of it, however often it was written before; a long value neither."""
    for round in range(3):
        await memory.write(replace(PLACE, end_user="cnforgotq"), [f"cnvalueq {round} " * 5_000], None, f"t{round}")
    await memory.append(replace(PLACE, end_user="cnforgotq", key="list"), "cnvalueq", START, None, "t")
    assert await memory.forget("here", "cnforgotq") == 2
    assert traces(tmp_path, "cnforgotq", "cnvalueq") == {}
