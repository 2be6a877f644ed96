"""Prompts: defining, finding, changing; against the real catalog."""

import asyncio
from dataclasses import replace

import pytest

from kit.clock import FixedClock
from promptforge.catalog import open_catalog
from promptforge.core.access import Actor, Permission, Role, Workspace, permissions
from promptforge.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from promptforge.core.prompt import Category, Message
from promptforge.services.prompts import Prompts

PARAMS = {"model": "demo-small"}


def an_actor(workspace="here", role=Role.ADMINISTRATOR, user="user_1"):
    """Someone of that role."""
    return Actor(workspace=workspace, user_id=user, permissions=permissions(role, None))


ADA, STRANGER = an_actor(), an_actor("there", user="user_2")


@pytest.fixture
async def catalog(tmp_path):
    """A real catalog with two workspaces."""
    opened = await open_catalog(tmp_path)
    for name in ("here", "there"):
        await opened.access.create_workspace(Workspace(id=name, name=name, created_at=FixedClock().now()))
    yield opened
    await opened.close()


@pytest.fixture
def prompts(catalog, fixed_clock):
    """The service under test."""
    return Prompts(catalog.prompts, fixed_clock)


@pytest.fixture
async def greeter(prompts):
    """A prompt with two versions; ``production`` points at the first."""
    made = await prompts.create(ADA, name="Greeter", description="Says hello", tags=["a"])
    await prompts.add_version(ADA, made.id, content="Hello {{name}}", params=PARAMS, label="production")
    await prompts.add_version(ADA, made.id, content="Hi {{name}}", params={**PARAMS, "temperature": 1})
    return await prompts.get(ADA, made.id)


async def test_a_prompt_is_created_under_its_kebab_name(prompts):
    """The name becomes kebab-case; the rest is as given, and reads back by id, by name, and by the name as given."""
    made = await prompts.create(
        ADA, name="Support Reply", description="d", category=Category.CHAT, is_public=True, tags=[" x ", "y", "x"]
    )
    assert (made.name, made.tags, made.category, made.is_public) == ("support-reply", ("x", "y"), Category.CHAT, True)
    assert (made.created_by, made.workspace, made.latest) == ("user_1", "here", 0)
    for found in (
        await prompts.get(ADA, made.id),
        await prompts.get(ADA, "support-reply"),
        await prompts.named(ADA, "Support Reply"),
    ):
        assert found == made


async def test_a_name_is_taken_once(prompts, greeter):
    """The second prompt of a name is a Conflict in a sentence; another workspace has its own names."""
    with pytest.raises(Conflict, match="already a prompt named 'greeter'"):
        await prompts.create(ADA, name="greeter")
    await prompts.create(STRANGER, name="greeter")


async def test_versions_are_numbered_and_never_change(prompts, greeter):
    """Each addition gets the next number, and earlier versions read as before."""
    first = await prompts.version(ADA, greeter.id, 1)
    added = await prompts.add_version(ADA, greeter.id, content="Hey", params=PARAMS)
    assert added.number == 3
    assert await prompts.version(ADA, greeter.id, 1) == first
    assert await prompts.version_by_id(ADA, added.id) == added
    assert [version.number for version in await prompts.versions(ADA, "greeter")] == [3, 2, 1]
    assert [version.number for version in await prompts.versions(ADA, "greeter", limit=1)] == [3]


async def test_spellings_of_parameters_are_brought_together(prompts, greeter):
    """maxTokens is max_tokens, a provider among the parameters is the version's, unknown ones stay."""
    made = await prompts.add_version(
        ADA, greeter.id, content="x", params={**PARAMS, "maxTokens": 5, "provider": "openai", "top_k": [1, None]}
    )
    assert made.params == {**PARAMS, "max_tokens": 5, "top_k": [1, None]}
    assert made.provider == "openai"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"params": {}}, "$.params.model"),
        ({"params": {"model": " "}}, "$.params.model"),
        ({"params": {**PARAMS, "temperature": 2.1}}, "$.params.temperature"),
        ({"params": {**PARAMS, "temperature": True}}, "$.params.temperature"),
        ({"params": {**PARAMS, "max_tokens": 0}}, "$.params.max_tokens"),
        ({"params": {**PARAMS, "max_tokens": 1.5}}, "$.params.max_tokens"),
        ({"params": {**PARAMS, "max_tokens": 1, "maxTokens": 2}}, "$.params.maxTokens"),
        ({"params": {**PARAMS, "x": float("nan")}}, "$.params"),
        ({"params": {**PARAMS, "x": "\ud800"}}, "$.params"),
        ({"params": {**PARAMS, "x": "y" * 64_000}}, "$.params"),
        ({"params": {**PARAMS, "provider": 3}}, "$.provider"),
        ({"provider": "Not A Provider"}, "$.provider"),
        ({"content": None}, "$.content"),
        ({"messages": [Message(role="user", content="x")]}, "$.content"),
        ({"content": None, "messages": []}, "$.messages"),
        ({"content": None, "messages": [Message(role="tool", content="x")]}, "$.messages[0].role"),
        ({"content": "{{"}, "$.content"),
        ({"content": "nul \x00"}, "$.content"),
        ({"content": None, "messages": [Message(role="user", content="{{}}")]}, "$.messages[0].content"),
        ({"input_schema": {"type": "strin"}}, "$.inputSchema.type"),
        ({"input_schema": {"properties": {"a": {"$ref": "http://x"}}}}, "$.inputSchema.properties.a.$ref"),
        ({"label": "latest"}, "$.label"),
        ({"label": "2"}, "$.label"),
        ({"label": "Prod!"}, "$.label"),
    ],
)
async def test_a_version_that_could_not_run_is_refused(prompts, greeter, given, path):
    """The error names the JSON path, and nothing is stored."""
    with pytest.raises(InvalidInput) as raised:
        await prompts.add_version(ADA, greeter.id, **{"content": "x", "params": PARAMS, **given})
    assert raised.value.path == path
    assert (await prompts.get(ADA, greeter.id)).latest == 2


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": "!!"}, "$.name"),
        ({"description": "x" * 2001}, "$.description"),
        ({"description": "\ud800"}, "$.description"),
        ({"tags": ["x"] * 1 + [""]}, "$.tags"),
        ({"tags": [str(n) for n in range(21)]}, "$.tags"),
        ({"tags": ["\x00"]}, "$.tags"),
    ],
)
async def test_what_a_prompt_says_is_bounded(prompts, given, path):
    """Names, descriptions and tags: length, number, and characters that a database cannot keep."""
    with pytest.raises(InvalidInput) as raised:
        await prompts.create(ADA, **{"name": "x", **given})
    assert raised.value.path == path


async def test_an_update_changes_what_is_given(prompts, greeter, fixed_clock):
    """None leaves a field; an empty description takes it away; the time of change is noted."""
    fixed_clock.advance(60)
    changed = await prompts.update(ADA, greeter.id, name="Welcomer", tags=["b"])
    assert changed == replace(greeter, name="welcomer", tags=("b",), updated_at=fixed_clock.now())
    assert (await prompts.update(ADA, greeter.id, description="")).description is None
    assert (await prompts.named(ADA, "welcomer")).id == greeter.id
    with pytest.raises(NotFound):
        await prompts.named(ADA, "greeter")


async def test_changes_at_the_same_time_are_all_kept(prompts, greeter):
    """Two fields changed at once by two callers are both changed, and archiving survives an edit beside it."""
    await asyncio.gather(
        prompts.update(ADA, greeter.id, description="new"),
        prompts.archive(ADA, greeter.id),
        prompts.update(ADA, greeter.id, tags=["new"]),
        prompts.update(ADA, greeter.id, category=Category.CODE),
    )
    found = await prompts.get(ADA, greeter.id)
    assert (found.description, found.tags, found.category) == ("new", ("new",), Category.CODE)
    assert found.archived_at is not None


async def test_a_call_finds_its_version(prompts, greeter):
    """By id or name; the latest, a number, a label, or the label ``latest``."""
    for asked, number in (({}, 2), ({"version": 1}, 1), ({"label": "production"}, 1), ({"label": "latest"}, 2)):
        for who in ({"prompt_id": greeter.id}, {"name": "greeter"}, {"prompt_id": "greeter"}):
            prompt, version = await prompts.resolve(ADA, **who, **asked)
            assert (prompt.id, version.number) == (greeter.id, number)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"name": "greter"}, "no prompt 'greter'"),
        ({"name": "greeter", "version": 7}, "'greeter' has no version 7; it has 1 to 2"),
        ({"name": "greeter", "version": 0}, "'greeter' has no version 0; it has 1 to 2"),
        ({"name": "greeter", "label": "canary"}, "'greeter' has no label 'canary'; it has 'production'"),
        ({"name": "empty"}, "'empty' has no version yet"),
    ],
)
async def test_what_is_not_there_is_said_with_what_is(prompts, greeter, asked, says):
    """NotFound names what is missing and what there is instead."""
    await prompts.create(ADA, name="empty")
    with pytest.raises(NotFound, match=says):
        await prompts.resolve(ADA, **asked)


async def test_a_call_names_one_prompt_and_one_version(prompts, greeter):
    """Both of two ways are refused rather than one of them ignored."""
    for asked in (
        {"prompt_id": greeter.id, "name": "greeter"},
        {"name": "greeter", "version": 1, "label": "production"},
    ):
        with pytest.raises(InvalidInput):
            await prompts.resolve(ADA, **asked)


async def test_a_change_is_seen_by_the_next_call(prompts, greeter):
    """Resolving remembers, but never past a new version, a moved label, a rename or an archiving in this process."""
    by_label = {"name": "greeter", "label": "production"}
    assert (await prompts.resolve(ADA, **by_label))[1].number == 1
    await prompts.set_label(ADA, greeter.id, "production", 2)
    assert (await prompts.resolve(ADA, **by_label))[1].number == 2
    await prompts.add_version(ADA, greeter.id, content="3", params=PARAMS, label="production")
    assert (await prompts.resolve(ADA, **by_label))[1].number == 3
    await prompts.set_label(ADA, greeter.id, "production", None)
    with pytest.raises(NotFound):
        await prompts.resolve(ADA, **by_label)
    await prompts.update(ADA, greeter.id, name="renamed")
    with pytest.raises(NotFound):
        await prompts.resolve(ADA, name="greeter")
    await prompts.archive(ADA, greeter.id)
    with pytest.raises(Conflict):
        await prompts.resolve(ADA, prompt_id=greeter.id)


async def test_a_reading_from_before_a_change_is_not_remembered_after_it(prompts, greeter):
    """However reads and changes mix, what is read after the last change is that change."""
    for number in (2, 1) * 10:
        changing = asyncio.create_task(prompts.set_label(ADA, greeter.id, "production", number))
        reads = [asyncio.create_task(prompts.resolve(ADA, prompt_id=greeter.id, label="production")) for _ in range(5)]
        await changing
        assert (await prompts.resolve(ADA, prompt_id=greeter.id, label="production"))[1].number == number
        await asyncio.gather(*reads)
        assert (await prompts.resolve(ADA, prompt_id=greeter.id, label="production"))[1].number == number


async def test_resolving_again_asks_the_database_nothing(catalog, prompts, greeter):
    """What was resolved once is answered from memory: the catalog may even be closed."""
    before = await prompts.resolve(ADA, name="greeter", label="production")
    await catalog.close()
    assert await prompts.resolve(ADA, name="greeter", label="production") == before


async def test_labels_are_set_moved_and_taken_away(prompts, greeter):
    """A label needs a version that exists; taking away one that is not there says which are."""
    assert (await prompts.set_label(ADA, greeter.id, "canary", 2)).labels == {"canary": 2, "production": 1}
    assert (await prompts.set_label(ADA, greeter.id, "canary", None)).labels == {"production": 1}
    with pytest.raises(NotFound, match="no version 9; it has 1 to 2"):
        await prompts.set_label(ADA, greeter.id, "canary", 9)
    with pytest.raises(NotFound, match="it has 'production'"):
        await prompts.set_label(ADA, greeter.id, "canary", None)
    with pytest.raises(InvalidInput):
        await prompts.set_label(ADA, greeter.id, "latest", 1)


async def test_archiving_frees_the_name_and_keeps_the_rest(prompts, greeter, fixed_clock):
    """Versions stay readable by id; another prompt may take the name; then restoring is a Conflict."""
    archived = await prompts.archive(ADA, greeter.id)
    assert archived.archived_at == fixed_clock.now()
    assert await prompts.archive(ADA, greeter.id) == archived
    assert (await prompts.version(ADA, greeter.id, 1)).content == "Hello {{name}}"
    assert [prompt.id for prompt in await prompts.list(ADA, archived=True)] == [greeter.id]
    other = await prompts.create(ADA, name="greeter")
    with pytest.raises(Conflict, match="'greeter'"):
        await prompts.restore(ADA, greeter.id)
    await prompts.archive(ADA, other.id)
    restored = await prompts.restore(ADA, greeter.id)
    assert (restored.archived_at, restored.labels) == (None, {"production": 1})


async def test_an_archived_prompt_gets_no_versions_or_labels(prompts, greeter):
    """It must be restored first; its name can be changed, so that it can be restored."""
    await prompts.archive(ADA, greeter.id)
    with pytest.raises(Conflict, match="restore"):
        await prompts.add_version(ADA, greeter.id, content="x", params=PARAMS)
    with pytest.raises(Conflict, match="restore"):
        await prompts.set_label(ADA, greeter.id, "production", 2)
    assert (await prompts.update(ADA, greeter.id, name="other")).name == "other"


async def test_a_fork_starts_from_a_copy(prompts, greeter):
    """The latest or the given version becomes version 1 of a new prompt that says where it came from."""
    latest = await prompts.fork(ADA, greeter.id, "Fork One")
    older = await prompts.fork(ADA, "greeter", "fork-two", version=1)
    assert (latest.name, latest.forked_from, latest.latest, latest.labels) == ("fork-one", greeter.id, 1, {})
    assert (await prompts.version(ADA, latest.id, 1)).content == "Hi {{name}}"
    assert (await prompts.version(ADA, older.id, 1)).content == "Hello {{name}}"
    with pytest.raises(NotFound):
        await prompts.fork(ADA, greeter.id, "fork-three", version=3)
    with pytest.raises(Conflict):
        await prompts.fork(ADA, greeter.id, "fork-one")


async def test_a_diff_shows_what_changed(prompts, greeter):
    """A unified diff of the text, old and new of each changed parameter; nothing where nothing changed."""
    found = await prompts.diff(ADA, greeter.id, 1, 2)
    assert found.text.splitlines() == [
        "--- version 1",
        "+++ version 2",
        "@@ -1 +1 @@",
        "-Hello {{name}}",
        "+Hi {{name}}",
    ]
    assert found.params == {"temperature": [None, 1]}
    same = await prompts.diff(ADA, greeter.id, 2, 2)
    assert (same.text, same.params, same.input_schema) == ("", {}, {})


async def test_a_diff_of_long_texts_ends(prompts, greeter):
    """Where comparing line by line would take too long, all lines count as rewritten."""
    for salt in ("a", "b"):
        lines = "\n".join(f"{salt}{n % 2000}" for n in range(50_000))
        await prompts.add_version(ADA, greeter.id, content=lines, params=PARAMS)
    text = (await prompts.diff(ADA, greeter.id, 3, 4)).text
    assert text.count("\n-a") == text.count("\n+b") == 50_000


async def test_lists_are_paged_and_filtered(prompts, greeter, fixed_clock):
    """Newest first; mine, search and archived; a limit outside 1 to 500 is refused."""
    for n in range(3):
        fixed_clock.advance(1)
        await prompts.create(an_actor(user="user_9"), name=f"extra {n}")
    assert [prompt.name for prompt in await prompts.list(ADA)] == ["extra-2", "extra-1", "extra-0", "greeter"]
    assert [prompt.name for prompt in await prompts.list(ADA, limit=1, offset=1)] == ["extra-1"]
    assert [prompt.name for prompt in await prompts.list(ADA, mine=True)] == ["greeter"]
    assert [prompt.name for prompt in await prompts.list(ADA, search="hello")] == ["greeter"]
    for wrong in ({"limit": 0}, {"limit": 501}, {"offset": -1}):
        with pytest.raises(InvalidInput):
            await prompts.list(ADA, **wrong)
    with pytest.raises(InvalidInput):
        await prompts.versions(ADA, "greeter", limit=501)


CHANGES = {
    "create": lambda s, a, p: s.create(a, name="new"),
    "update": lambda s, a, p: s.update(a, p, name="stolen"),
    "add_version": lambda s, a, p: s.add_version(a, p, content="x", params=PARAMS),
    "set_label": lambda s, a, p: s.set_label(a, p, "production", 2),
    "archive": lambda s, a, p: s.archive(a, p),
    "restore": lambda s, a, p: s.restore(a, p),
    "fork": lambda s, a, p: s.fork(a, p, "forked"),
}
READS = {
    "get": lambda s, a, p: s.get(a, p),
    "named": lambda s, a, p: s.named(a, "greeter"),
    "list": lambda s, a, p: s.list(a),
    "version": lambda s, a, p: s.version(a, p, 1),
    "versions": lambda s, a, p: s.versions(a, p),
    "diff": lambda s, a, p: s.diff(a, p, 1, 2),
}


@pytest.mark.parametrize("verb", [*CHANGES, *READS])
async def test_nothing_is_done_from_another_workspace(prompts, greeter, verb):
    """Every method, given ids of another workspace, finds nothing and changes nothing, also when remembered here."""
    await prompts.resolve(ADA, prompt_id=greeter.id)
    if verb in ("create", "list"):
        await {**CHANGES, **READS}[verb](prompts, STRANGER, greeter.id)
    else:
        with pytest.raises(NotFound):
            await {**CHANGES, **READS}[verb](prompts, STRANGER, greeter.id)
    assert greeter.id not in [prompt.id for prompt in await prompts.list(STRANGER)]
    assert await prompts.get(ADA, greeter.id) == greeter


async def test_versions_and_calls_stay_in_their_workspace(prompts, greeter):
    """Neither the id of a version nor a call reaches over."""
    version = await prompts.version(ADA, greeter.id, 1)
    await prompts.resolve(ADA, name="greeter")
    with pytest.raises(NotFound):
        await prompts.version_by_id(STRANGER, version.id)
    for asked in ({"prompt_id": greeter.id}, {"name": "greeter"}):
        with pytest.raises(NotFound):
            await prompts.resolve(STRANGER, **asked)


@pytest.mark.parametrize(
    ("verbs", "role", "missing"),
    [(CHANGES, Role.VIEWER, Permission.EDIT), (READS, Role.BILLING, Permission.CONTENT)],
)
async def test_a_role_does_what_it_may(prompts, greeter, verbs, role, missing):
    """Changing needs *edit*, reading needs *content*; the error names it."""
    for verb in verbs.values():
        with pytest.raises(Forbidden, match=missing.value):
            await verb(prompts, an_actor(role=role), greeter.id)


async def test_a_key_that_may_only_run_resolves(prompts, greeter):
    """Running does not need the permission to read prompts."""
    runner = Actor(workspace="here", user_id="user_1", permissions=frozenset({Permission.RUN}))
    assert (await prompts.resolve(runner, name="greeter"))[1].number == 2
    with pytest.raises(Forbidden):
        await prompts.resolve(an_actor(role=Role.VIEWER), name="greeter")
