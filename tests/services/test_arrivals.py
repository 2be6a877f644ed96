"""Arrivals: what ran elsewhere is stored exactly once, however often and in whatever order it is handed in."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptforge.core import ids
from promptforge.core.errors import Forbidden
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.price import PriceSource
from promptforge.core.query import Page
from promptforge.core.usage import UsageSource
from promptforge.services.arrivals import Occurrences
from promptforge.services.fields import FIELDS

ONE = {"createdAt": "2024-03-01T12:00:00.123Z", "model": "gpt-4o", "tokenIn": 10, "tokenOut": 5}
_fresh = itertools.count()


async def kept(forge, actor):
    """Everything of the workspace, newest first."""
    return (await forge.record.page(Page(workspace=actor.workspace, limit=500))).items


async def only(forge, actor, **fields):
    """The one execution that a list of one becomes."""
    done = await forge.arrivals.record(actor, [{**ONE, **fields}])
    assert (done.stored, done.problems) == (1, [])
    return await forge.record.get(actor.workspace, (await kept(forge, actor))[0].id)


async def refused(forge, actor, **fields):
    """Where an item is wrong, and the sentence about it."""
    done = await forge.arrivals.record(actor, [{**ONE, **fields}])
    assert (done.received, done.stored, done.rejected) == (1, 0, 1)
    return done.problems[0].path, done.problems[0].message


async def test_twice(forge, actor):
    """The same list handed in again, permuted or in parts is counted as duplicate and stored once."""
    items = [{**ONE, "input": f"text {n}"} for n in range(7)]
    first = await forge.arrivals.record(actor, items)
    again = await forge.arrivals.record(actor, [dict(reversed(item.items())) for item in reversed(items)])
    part = await forge.arrivals.record(actor, items[2:4])
    assert (first.stored, again.duplicate, part.duplicate) == (7, 7, 2)
    assert len(await kept(forge, actor)) == 7


async def test_equal_items(forge, actor):
    """Equal items of one list are as many executions, and in a file that is handed in by parts as well."""
    whole = await forge.arrivals.record(actor, [ONE, ONE, ONE])
    occurrences = Occurrences()
    parts = [await forge.arrivals.record(actor, [ONE], occurrences=occurrences) for _ in range(4)]
    assert (whole.stored, [part.stored for part in parts]) == (3, [0, 0, 0, 1])


async def test_equal_items_behind_what_is_left_out(forge, actor):
    """A file that is gone on with behind its first lines gives the others the ids that they have in the whole file."""
    file = [ONE, {**ONE, "input": "text"}, {"createdAt": "never"}, ONE, ONE]
    occurrences = Occurrences()
    forge.arrivals.pass_over(actor, file[:3], occurrences)
    rest = await forge.arrivals.record(actor, file[3:], occurrences=occurrences)
    whole = await forge.arrivals.record(actor, file)
    assert (rest.stored, whole.stored, whole.duplicate, whole.rejected) == (2, 2, 2, 1)


async def test_external_id(forge, actor, other_actor):
    """The same external id is the same execution by every road; another origin or workspace makes it another."""
    one = {**ONE, "externalId": "trace-1"}
    assert (await forge.arrivals.record(actor, [one, {**one, "output": "more"}])).duplicate == 1
    by_file = replace(actor, source=Source.IMPORT)
    assert (await forge.arrivals.record(by_file, [one])).duplicate == 1
    assert (await forge.arrivals.record(actor, [{**one, "externalSource": "b"}])).stored == 1
    assert (await forge.arrivals.record(other_actor, [one])).stored == 1


async def test_client_id(forge, actor):
    """A client's own id is kept and says when it ran; one that says another time than createdAt is refused."""
    at = forge.clock.now()
    made = ids.made(ids.EXECUTION, at, 5)
    done = await forge.arrivals.record(actor, [{"id": made, "model": "gpt-4o"}])
    assert done.stored == 1
    found = (await kept(forge, actor))[0]
    assert (found.id, found.created_at) == (made, at)
    assert (await refused(forge, actor, id=made))[0] == "$.id"
    assert (await refused(forge, actor, id="exec_1"))[0] == "$.id"


async def test_what_is_kept(forge, actor):
    """Every field arrives where it belongs, and the cost is ours where we have a price."""
    found = await only(
        forge,
        actor,
        createdAt="2025-06-01T12:00:00+02:00",
        input={"q": "hello"},
        output="hi",
        latencyMs="120",
        endUser="u1",
        tags={"env": "prod"},
        costUsd="9.99",
        metadata={"k": [1]},
    )
    assert (found.status, found.provider, found.created_at.hour) == (Status.SUCCESS, "openai", 10)
    assert (found.token_in, found.token_out, found.usage_source) == (10, 5, UsageSource.REPORTED)
    assert (found.latency_ms, found.end_user, dict(found.tags)) == (120, "u1", {"env": "prod"})
    assert (found.content.input, found.content.output, found.content.metadata) == ({"q": "hello"}, "hi", {"k": [1]})
    assert found.cost_state is CostState.PRICED
    assert {line.source for line in found.lines} == {PriceSource.CATALOGUE}
    assert found.claimed == 9_990_000_000_000 != found.cost


async def test_claimed_cost(forge, actor):
    """A claimed cost is the cost only where we have no price."""
    found = await only(forge, actor, model="in-house-7b", provider="ours", costUsd="0.012")
    assert (found.cost, found.cost_state, found.lines[0].source) == (12 * 10**9, "priced", PriceSource.CLAIMED)
    found = await only(forge, actor, model="in-house-7b", provider="ours", createdAt="2024-04-01")
    assert (found.cost, found.cost_state) == (None, CostState.UNPRICED)


async def test_usage(forge, actor):
    """Leaves add up to the tokens; counts that contradict them are refused; no usage is unknown."""
    leaves = {"input": 4, "input_cache_read": 6, "output": 5}
    found = await only(forge, actor, usage=leaves)
    assert (found.token_in, found.token_out, dict(found.usage.leaves)) == (10, 5, leaves)
    assert (await refused(forge, actor, usage={"input": 3}))[0] == "$.tokenIn"
    found = await only(forge, actor, tokenIn=None, tokenOut=None, createdAt="2024-05-01", error="boom")
    assert (found.token_in, found.cost_state, found.error_type) == (None, CostState.UNKNOWN, ErrorType.PROVIDER)


async def test_prompts(forge, actor):
    """A prompt that exists here is linked, by version or label; the name of another is kept as a tag."""
    prompt = await forge.prompts.create(actor, name="greet")
    await forge.prompts.add_version(actor, prompt.id, params={"model": "gpt-4o"}, content="hi", label="production")
    found = await only(forge, actor, promptName="greet", label="production")
    assert (found.prompt.prompt_id, found.prompt.version, found.prompt.label) == (prompt.id, 1, "production")
    found = await only(forge, actor, promptName="elsewhere", createdAt="2024-06-01")
    assert (found.prompt, found.tags["prompt"]) == (None, "elsewhere")


@pytest.mark.parametrize(
    ("fields", "path", "word"),
    [
        ({"createdAt": "2999-01-01T00:00:00Z"}, "$.createdAt", "24 hours ahead"),
        ({"createdAt": "yesterday"}, "$.createdAt", "is not a time"),
        ({"createdAt": None}, "$.createdAt", "missing"),
        ({"tokensIn": 5}, "$", "'tokensIn'"),
        ({"model": ""}, "$.model", "missing"),
        ({"model": "in-house-7b"}, "$.provider", "provider"),
        ({"tokenIn": -1}, "$.tokenIn", "whole number"),
        ({"tokenIn": 1.5}, "$.tokenIn", "whole number"),
        ({"costUsd": 0.1}, "$.costUsd", "text"),
        ({"status": "done"}, "$.status", "success"),
        ({"errorType": "bad"}, "$.errorType", "timeout"),
        ({"output": "a\x00b"}, "$", "NUL"),
        ({"usageSource": "none"}, "$.usageSource", "fit"),
    ],
)
async def test_refused(forge, actor, fields, path, word):
    """What is wrong is told by field and sentence, and is not kept."""
    where, sentence = await refused(forge, actor, **fields)
    assert (where, word in sentence) == (path, True), sentence
    assert await kept(forge, actor) == []


async def test_good_beside_bad(forge, actor):
    """One bad item keeps no other out, and its line is told where there is one."""
    done = await forge.arrivals.record(actor, [ONE, {"x": 1}, {**ONE, "tokenIn": 11}], lines=[2, 3, 4])
    assert (done.stored, done.rejected, [(p.index, p.line) for p in done.problems]) == (2, 1, [(1, 3)])


async def test_permission(forge, actor):
    """Only who may ingest hands in; nothing but that is needed."""
    with pytest.raises(Forbidden):
        await forge.arrivals.record(replace(actor, permissions=frozenset()), [ONE])
    bare = replace(actor, permissions=frozenset({"ingest"}))
    assert (await forge.arrivals.record(bare, [{**ONE, "promptName": "none"}])).stored == 1


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_exactly_once(forge, actor, data):
    """Any permutation and repetition of lists stores each item once, and the counters add up."""
    drawn = next(_fresh)
    items = [
        {**ONE, "externalId": f"{drawn}-{n}"} if n % 2 else {**ONE, "input": f"{drawn} {n}"}
        for n in range(data.draw(st.integers(1, 8)))
    ]
    lists = data.draw(st.lists(st.permutations(items), min_size=1, max_size=4))
    bad = data.draw(st.booleans())

    stored = 0
    for some in lists:
        done = await forge.arrivals.record(actor, [*some, {"nothing": 1}] if bad else some)
        assert done.received == done.stored + done.duplicate + done.rejected == len(items) + bad
        stored += done.stored
    assert stored == len(items)


def test_fields_are_documented():
    """Every field of an arrival is named in the documentation."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "record.md").read_text()
    assert [name for name in FIELDS if f"`{name}`" not in text] == []
