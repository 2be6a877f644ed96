"""Chains run through the API: waiting, in the background, streamed step by step, cancelled, forked."""

import pytest

from kit.defined import asking, define, says

EXECUTE = """mutation($input: ExecuteChainInput!) { executeChain(input: $input) {
    id status output error errorType failedStep totalCost stepCount criticalPath maxCostUsd overrides forkedFrom
    chain { name } version steps { name status output cost executionId reusedFrom shareOfCost execution { id } }
    skippedSteps { name reason } } }"""
STREAM = """subscription($input: ExecuteChainInput!) { executeChainStream(input: $input) {
    kind step { name status output execution { tokenOut } } chainExecution { id status output } } }"""
FORK = """mutation($id: ID!, $step: String!, $overrides: JSON) {
    forkChainExecution(id: $id, fromStep: $step, overrides: $overrides) {
        id output forkedFrom totalCost steps { name cost reusedFrom } } }"""
CANCEL = "mutation($id: ID!) { cancelChainExecution(id: $id) { id status errorType } }"


async def test_a_chain_runs_to_its_end(forge, actor, caller):
    """executeChain answers with all of it: output, steps, their calls, cost, what was skipped."""
    await define(
        forge,
        actor,
        asking("one", 1, params=says("a")),
        asking("two", 2, params=says("b"), when="one == 'never'"),
        asking("three", 3, params=says("c")),
    )

    done = (await caller.ask(EXECUTE, input={"name": "talk", "input": {"topic": "x"}, "maxCostUsd": None}))[
        "executeChain"
    ]

    assert ("success", "c", 2, "talk", 1) == (
        done["status"],
        done["output"],
        done["stepCount"],
        done["chain"]["name"],
        done["version"],
    )
    assert ["one", "three"] == [s["name"] for s in done["steps"]] == done["criticalPath"]
    assert all(s["executionId"] == s["execution"]["id"] for s in done["steps"])
    assert [("two", "its condition does not hold: one == 'never'")] == [
        (s["name"], s["reason"]) for s in done["skippedSteps"]
    ]


async def test_an_error_of_a_step_is_no_error_of_the_request(forge, actor, caller):
    """The chain execution says which step failed and why; a chain that is not there is an error."""
    await define(forge, actor, asking("classify", 1, params=says("a", fail="authentication")))

    done = (await caller.ask(EXECUTE, input={"name": "talk", "input": {"topic": "x"}}))["executeChain"]
    missing = await caller.post(EXECUTE, input={"name": "nobody"})

    assert ("error", "authentication", "classify") == (done["status"], done["errorType"], done["failedStep"])
    assert "Step 1 (classify): Invalid API key for provider 'demo'" == done["error"]
    assert "nobody" in missing.json()["errors"][0]["message"]


async def test_steps_are_streamed_as_they_begin_and_end(forge, actor, caller):
    """The pending chain execution, each step begun and ended, the closed one."""
    await define(forge, actor, asking("one", 1, params=says("a")), asking("two", 2, params=says("b")))

    async with caller.socket() as socket:
        await socket.subscribe("1", STREAM, input={"name": "talk", "input": {"topic": "x"}})
        events = []
        while (message := await socket.hear())["type"] == "next":
            events.append(message["payload"]["data"]["executeChainStream"])

    assert [
        ("started", None),
        ("step_started", "one"),
        ("step_finished", "one"),
        ("step_started", "two"),
        ("step_finished", "two"),
        ("finished", None),
    ] == [(event["kind"], event["step"] and event["step"]["name"]) for event in events]
    assert "a" == events[2]["step"]["output"]
    assert ("success", "b") == (events[-1]["chainExecution"]["status"], events[-1]["chainExecution"]["output"])


async def test_a_chain_in_the_background_can_be_cancelled(forge, actor, caller):
    """Without waiting the pending one is the answer; cancelled, it ends in that error."""
    await define(forge, actor, asking("one", 1, params=says("a", latency_ms=60_000)))

    begun = (await caller.ask(EXECUTE, input={"name": "talk", "input": {"topic": "x"}, "wait": False}))["executeChain"]
    ended = (await caller.ask(CANCEL, id=begun["id"]))["cancelChainExecution"]

    assert "pending" == begun["status"]
    assert {"id": begun["id"], "status": "error", "errorType": "cancelled"} == ended


async def test_a_fork_tries_another_answer_from_a_step_on(forge, actor, caller):
    """What came before the step is reused at cost 0."""
    await define(forge, actor, asking("one", 1, params=says("a")), asking("two", 2, params=says("b")))
    first = (await caller.ask(EXECUTE, input={"name": "talk", "input": {"topic": "x"}}))["executeChain"]

    forked = (await caller.ask(FORK, id=first["id"], step="two", overrides={"two": {"params": says("c")}}))[
        "forkChainExecution"
    ]

    assert ("c", first["id"]) == (forked["output"], forked["forkedFrom"])
    assert ("0.0000", first["id"]) == (forked["steps"][0]["cost"], forked["steps"][0]["reusedFrom"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"input": [1]}, "input must be a JSON object"),
        ({"overrides": {"nobody": {}}}, "there is no PROMPT step 'nobody'"),
        ({"overrides": {"one": {"model": "x"}}}, "the overrides of a step are an object of"),
        ({"maxCostUsd": "much"}, "is not an amount in US dollars"),
        ({"deadlineMs": 0}, "deadlineMs must be 1 to"),
        ({"version": 7}, "7"),
        ({"tags": 5}, "tags must be an object of texts"),
    ],
)
async def test_bad_input_is_named(forge, actor, caller, given, said):
    """Each mistake is a sentence that says what is wrong."""
    await define(forge, actor, asking("one", 1, params=says("a")))

    answer = await caller.post(EXECUTE, input={"name": "talk", "input": {"topic": "x"}} | given)

    assert said in answer.json()["errors"][0]["message"]
