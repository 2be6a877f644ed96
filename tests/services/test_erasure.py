"""Erasing an end user, as an administrator asks for it."""

import json
from dataclasses import replace

import pytest

from kit.traces import traces
from promptforge.core.access import OF_ROLE, Permission, Role
from promptforge.core.backup import request_file
from promptforge.core.chain import ChainDocument, Step, StepType
from promptforge.core.erasure import Erasure
from promptforge.core.errors import Conflict, Forbidden, InvalidInput
from promptforge.core.window import all_time
from promptforge.services.calls import Call
from promptforge.services.chain_executions import ChainCall

MODEL = {"model": "demo-small"}


def canaries(actor) -> tuple[str, str]:
    """A name and a word that stand nowhere else."""
    number = actor.workspace.replace("-", "")
    return f"cn{number}name", f"cn{number}word"


async def said(forge, actor, end_user: str, word: str, **changes):
    """An execution of an end user who says a word, in every place that takes one."""
    call = Call(
        content=f"say {word}",
        params=MODEL,
        end_user=end_user,
        session_id=f"{word}session",
        tags={"who": word},
        metadata={"said": word},
    )
    return await forge.executions.execute(actor, replace(call, **changes))


async def remembered(forge, actor, end_user: str, word: str):
    """An execution of a chain that asks a model and remembers the answer for the end user."""
    prompt = await forge.prompts.create(actor, name="echo")
    await forge.prompts.add_version(actor, prompt.id, params=MODEL, content="Say {{text}}")
    text, memory = {"text": "{{text}}"}, {"operation": "append", "key": "said", "value": "{{ask}}", "scope": "user"}
    steps = (
        Step(id="s1", name="ask", order=1, type=StepType.PROMPT, prompt="echo", output_key="ask", input_mapping=text),
        Step(id="s2", name="keep", order=2, type=StepType.MEMORY, config=memory, output_key="kept"),
    )
    made = await forge.chains.create(actor, name="remembering")
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=steps))
    call = ChainCall(chain_id=made.id, input={"text": word}, end_user=end_user, session_id=f"{word}session")
    return await forge.chain_executions.execute(actor, call)


async def test_an_end_user_leaves_figures_only(forge, actor, home):
    """Runs, failures, arrivals and memory: the report counts them, no file has a word, and every figure is the same."""
    name, word = canaries(actor)
    runs = [await said(forge, actor, name, word) for _ in range(3)]
    runs.append(await said(forge, actor, name, word, params={**MODEL, "demo": {"fail": "validation"}}))
    other = await said(forge, actor, "someone else", "hello")
    item = {"model": "demo-small", "status": "success", "externalId": word, "endUser": name, "output": word}
    item = {**item, "tokenIn": 7, "createdAt": "2026-01-01T00:00:00Z"}
    await forge.arrivals.record(actor, [item])
    chain = await remembered(forge, actor, name, word)
    always = all_time("UTC", forge.clock.now())
    before = await forge.overviews.overview(actor, window=always)
    assert traces(home, name, word)

    report = await forge.erasures.of_end_user(actor, name)

    assert report == Erasure(executions=6, chain_executions=1, memories=1)
    assert traces(home, name, word) == {}
    assert (await forge.overviews.overview(actor, window=always)).totals == before.totals
    kept = await forge.chain_reader.get(actor, chain.id)
    assert (kept.content, kept.end_user, kept.total_cost) == (None, None, chain.total_cost)
    assert [(step.name, step.cost, step.content) for step in kept.steps] == [
        (step.name, step.cost, None) for step in chain.steps
    ]
    for run in runs:
        kept = await forge.executions.get(actor, run.id)
        assert (kept.content, kept.end_user, kept.session_id, dict(kept.tags)) == (None, None, None, {})
        assert (kept.cost, kept.token_in, kept.latency_ms) == (run.cost, run.token_in, run.latency_ms)
    assert (await forge.executions.get(actor, other.id)).content.output == other.content.output
    assert (await forge.arrivals.record(actor, [item])).duplicate == 1
    assert await forge.erasures.of_end_user(actor, name) == Erasure()


async def test_a_run_that_goes_on_tells_its_caller_and_nobody_else(forge, actor, home):
    """Erased while it runs: who waits gets the answer, the record has the figures."""
    name, word = canaries(actor)
    slow = {**MODEL, "demo": {"latency_ms": 60_000}}
    run = await said(forge, actor, name, word, params=slow, wait=False)
    assert await forge.erasures.of_end_user(actor, name) == Erasure(executions=1)
    told = await forge.executions.cancel(actor, run.id)
    assert told.end_user == name
    kept = await forge.executions.get(actor, run.id)
    assert (kept.error_type, kept.end_user, kept.content) == (told.error_type, None, None)
    assert traces(home, name, word) == {}


async def test_only_an_administrator_erases(forge, actor):
    """A member, a viewer and a key without that scope are refused before anything is touched."""
    name, word = canaries(actor)
    run = await said(forge, actor, name, word)
    members = [replace(actor, permissions=OF_ROLE[role]) for role in (Role.MEMBER, Role.VIEWER, Role.BILLING)]
    for who in (*members, replace(actor, permissions=actor.permissions - {Permission.ADMIN})):
        with pytest.raises(Forbidden):
            await forge.erasures.of_end_user(who, name)
    assert (await forge.executions.get(actor, run.id)).end_user == name


async def test_the_same_name_in_another_workspace_stays(forge, actor, other_actor):
    """An end user belongs to a workspace."""
    name, word = canaries(actor)
    run = await said(forge, other_actor, name, word)
    assert await forge.erasures.of_end_user(actor, name) == Erasure()
    assert (await forge.executions.get(other_actor, run.id)).end_user == name


async def test_an_empty_name_is_nobody(forge, actor):
    """It would be everybody without a name."""
    with pytest.raises(InvalidInput, match="name the end user"):
        await forge.erasures.of_end_user(actor, "")


async def test_no_backup_is_written_meanwhile(forge, actor, home, tmp_path):
    """It would keep what is erased: the erasure is refused until the backup is done."""
    request_file(home, "0" * 16).write_text(json.dumps({"folder": str(tmp_path / "copy")}))
    backup = forge.record.back_up("0" * 16)
    await anext(backup)
    with pytest.raises(Conflict, match="a backup is being written"):
        await forge.erasures.of_end_user(actor, "anybody")
    await backup.aclose()
    assert await forge.erasures.of_end_user(actor, "anybody") == Erasure()
