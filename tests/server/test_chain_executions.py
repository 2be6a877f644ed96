"""The documented queries about chain executions, asked over HTTP of a real server."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.chains import call_of, ended, opened, recorded, step, step_of
from kit.executions import NOON, closed
from promptforge.core.access import Permission, Role, User
from promptforge.core.chain import StepType
from promptforge.core.chain_execution import StepContent
from promptforge.core.execution import Attempt, CostState, ErrorType, Status

GET_CHAIN_EXECUTIONS = """query GetChainExecutions {
chainExecutions {
id
status
output
latencyMs
totalCost
stepCount
createdAt
chain {
id
name
}
steps {
order
type
output
latency
cost
}
}
}"""


@pytest.fixture
async def chain(forge, actor):
    """A chain execution of four steps, one of them left out."""
    return await recorded(forge.record, actor.workspace)


@pytest.mark.parametrize("path", ["/graphql", "/v1"])
async def test_the_documented_chain_query_runs_unchanged(caller, chain, path):
    """The page's GetChainExecutions document answers with every field it names, at both documented addresses."""
    answer = (await caller.post(GET_CHAIN_EXECUTIONS, path=path)).json()

    (found,) = answer["data"]["chainExecutions"]
    assert "errors" not in answer
    assert found | {"steps": None} == {
        "id": chain.id,
        "status": "success",
        "output": {"mood": "good", "list": [1, 2.5, None]},
        "latencyMs": 701,
        "totalCost": "0.0100",
        "stepCount": 4,
        "createdAt": "2026-11-24T12:00:00.000Z",
        "chain": {"id": "chain_1", "name": "triage"},
        "steps": None,
    }
    made = {"mood": "good"}
    assert found["steps"] == [
        {"order": 0, "type": "PROMPT", "output": made, "latency": 400, "cost": "0.0040"},
        {"order": 1, "type": "CONDITION", "output": made, "latency": 1, "cost": "0.0000"},
        {"order": 2, "type": "PROMPT", "output": made, "latency": 300, "cost": "0.0020"},
        {"order": 2, "type": "PROMPT", "output": made, "latency": 120, "cost": "0.0040"},
    ]
    assert answer["extensions"]["freshness"]["behind"] == 0


async def test_every_documented_name_of_a_chains_time_and_money(caller, chain):
    """latency, latencyMs and totalLatency are one figure, as totalCost and costUsd are."""
    found = (await caller.ask("{ chainExecutions { latency latencyMs totalLatency totalCost costUsd } }"))[
        "chainExecutions"
    ]

    assert found == [
        {"latency": 701, "latencyMs": 701, "totalLatency": 701, "totalCost": "0.0100", "costUsd": "0.0100"}
    ]


async def test_where_time_and_money_went(caller, chain):
    """The critical path, offsets and shares of each step; the exact costs of the steps add up to the chain's."""
    query = """query($id: ID!) { chainExecution(id: $id) {
        criticalPath tokenIn tokenOut usage cost { usd display state } failedStep chainName version label
        steps { name offsetMs critical shareOfCost shareOfTime costExact costDisplay costState tokenIn tag }
        skippedSteps { name order type reason } runningSteps { name } } }"""

    found = (await caller.ask(query, id=chain.id))["chainExecution"]

    assert found["criticalPath"] == ["classify", "branch", "reply"]
    assert [(s["name"], s["critical"], s["shareOfCost"], s["shareOfTime"]) for s in found["steps"]] == [
        ("classify", True, "40.00", 57.06),
        ("branch", True, "0.00", 0.14),
        ("reply", True, "20.00", 42.8),
        ("log", False, "40.00", 17.12),
    ]
    assert [s["costExact"] for s in found["steps"]] == ["0.004", "0", "0.002", "0.004"]
    assert found["cost"] == {"usd": "0.01", "display": "$0.01", "state": "priced"}
    assert (found["tokenIn"], found["tokenOut"], found["usage"]) == (591, 211, {"input": 591, "output": 211})
    assert (found["chainName"], found["version"], found["label"]) == ("triage", 3, "production")
    assert found["steps"][1]["tag"] == "good"
    assert found["skippedSteps"] == [
        {"name": "sorry", "order": 2, "type": "PROMPT", "reason": "the tag 'bad' was not activated"}
    ]
    assert found["runningSteps"] == []


async def test_a_step_leads_to_its_call_and_back(caller, chain):
    """A step's execution and attempts are those of the call that it made, which names its chain and its step."""
    query = """{ chainExecutions { steps { name executionId attempts { number }
        execution { id output chainExecutionId chainName step cost { usd } } } } }"""

    (found,) = (await caller.ask(query))["chainExecutions"]
    first, branch, *_ = found["steps"]

    assert first["execution"] == {
        "id": first["executionId"],
        "output": "Good morning",
        "chainExecutionId": chain.id,
        "chainName": "triage",
        "step": "classify",
        "cost": {"usd": "0.004"},
    }
    assert (branch["executionId"], branch["execution"], branch["attempts"]) == (None, None, [])
    listed = await caller.ask('{ executions(filter: {chainName: ["tri*"]}) { step } }')
    assert {e["step"] for e in listed["executions"]} == {"classify", "reply", "log"}


async def test_the_calls_of_a_page_are_read_together(forge, actor, caller, monkeypatch):
    """However many chain executions a page shows, their calls are one question to the record."""
    for n in range(5):
        await recorded(forge.record, actor.workspace, NOON + timedelta(minutes=n))
    asked = []
    monkeypatch.setattr(forge.record, "get", lambda *given: asked.append(given))

    found = await caller.ask("{ chainExecutions { usage steps { execution { id } attempts { number } } } }")

    assert len(found["chainExecutions"]) == 5
    assert all(e["usage"] == {"input": 591, "output": 211} for e in found["chainExecutions"])
    assert asked == []


async def test_a_chain_that_runs_shows_what_is_done_and_what_runs(forge, actor, caller):
    """Open: its finished steps, its sum so far, and the calls that are under way."""
    chain = opened(actor.workspace)
    await forge.record.open_chain(chain)
    first, second = call_of(chain, "classify"), call_of(chain, "reply", 1)
    await forge.record.open(first)
    await forge.record.close_step(closed(first), step_of(closed(first)))
    await forge.record.open(second)
    query = """query($id: ID!) { chainExecution(id: $id) { status latencyMs endedAt totalCost cost { state }
        steps { name shareOfTime } runningSteps { name order offsetMs execution { id status } } } }"""

    found = (await caller.ask(query, id=chain.id))["chainExecution"]

    assert found == {
        "status": "pending",
        "latencyMs": None,
        "endedAt": None,
        "totalCost": "0.0045",
        "cost": {"state": "pending"},
        "steps": [{"name": "classify", "shareOfTime": None}],
        "runningSteps": [
            {"name": "reply", "order": 1, "offsetMs": 0, "execution": {"id": second.id, "status": "pending"}}
        ],
    }
    await forge.record.close_step(closed(second), step_of(closed(second)))
    await forge.record.close_chain(ended(chain))


async def test_a_chain_that_failed(forge, actor, caller):
    """The error names the step; the step has its own error, trace and attempts; an unknown cost is said to be one."""
    failed = step(
        "fetch",
        1,
        type=StepType.API_CALL,
        status=Status.ERROR,
        error_type=ErrorType.NETWORK,
        attempts=(Attempt(number=1, provider="example.com", model="", offset_ms=1, latency_ms=2, status=Status.ERROR),),
        content=StepContent(input={"url": "https://example.com"}, error="reset by peer", stack_trace="  at x\n"),
    )
    lost = step("guess", 0, type=StepType.PROMPT, cost=None, cost_state=CostState.UNKNOWN, token_in=None)
    chain = opened(actor.workspace)
    content = replace(chain.content, error="Step 1 (fetch): reset by peer", stack_trace="  at x\n")
    await forge.record.open_chain(chain)
    whole = ended(chain, lost, failed, status=Status.ERROR, error_type=ErrorType.NETWORK, failed_step="fetch")
    await forge.record.close_chain(replace(whole, content=content))
    query = """{ chainExecutions(status: error) { status error errorType stackTrace failedStep output totalCost
        cost { state } steps { name status input error errorType stackTrace cost shareOfCost
            attempts { number provider latencyMs status error } } } }"""

    (found,) = (await caller.ask(query))["chainExecutions"]

    assert (found["error"], found["errorType"], found["failedStep"]) == (content.error, "network", "fetch")
    assert (found["output"], found["totalCost"], found["cost"]["state"]) == (None, "0.0000", "unknown")
    assert [(s["name"], s["cost"], s["shareOfCost"]) for s in found["steps"]] == [
        ("guess", None, None),
        ("fetch", "0.0000", None),
    ]
    attempt = {"number": 1, "provider": "example.com", "latencyMs": 2, "status": "error", "error": None}
    assert found["steps"][1]["attempts"] == [attempt]
    assert found["steps"][1]["error"] == "reset by peer"


async def test_a_fork_shows_what_it_took_over(forge, actor, caller, chain):
    """A reused step says where it ran and leads to that call; its usage is not counted again."""
    taken = replace(chain.steps[0], cost=0, token_in=0, token_out=0, latency_ms=0, reused_from=chain.id)
    fork = opened(actor.workspace, NOON + timedelta(minutes=1), forked_from=chain.id)
    await forge.record.open_chain(fork)
    await forge.record.close_chain(ended(fork, taken))
    query = """query($id: ID!) { chainExecution(id: $id) { forkedFrom totalCost usage
        steps { name reusedFrom execution { chainExecutionId } } } }"""

    found = (await caller.ask(query, id=fork.id))["chainExecution"]

    assert found == {
        "forkedFrom": chain.id,
        "totalCost": "0.0000",
        "usage": {},
        "steps": [{"name": "classify", "reusedFrom": chain.id, "execution": {"chainExecutionId": chain.id}}],
    }


async def test_filters_and_cursor(forge, actor, caller):
    """By chain, status, time, tag and text; `after` reads on where the last page ended."""
    for n in range(4):
        await recorded(forge.record, actor.workspace, NOON + timedelta(minutes=n), tags={"n": str(n)})
    other = replace(opened(actor.workspace).chain, chain_id="chain_2", chain_name="other", version=1)
    await recorded(forge.record, actor.workspace, NOON + timedelta(hours=1), chain=other)

    async def ns(arguments):
        found = (await caller.ask(f"{{ chainExecutions({arguments}) {{ tags cursor }} }}"))["chainExecutions"]
        return [e["tags"].get("n") for e in found]

    first = (await caller.ask('{ chainExecutions(chainId: "chain_1", limit: 3) { cursor } }'))["chainExecutions"]
    assert await ns(f'chainId: "chain_1", after: "{first[-1]["cursor"]}"') == ["0"]
    assert await ns("limit: 1") == [None]
    assert await ns("limit: 2, offset: 1") == ["3", "2"]
    assert await ns('filter: {chainName: ["oth*"]}') == [None]
    assert await ns("filter: {version: [1], status: [success]}") == [None]
    assert await ns('filter: {createdFrom: "2026-11-24T12:02:00Z", createdBefore: "2026-11-24T13:00:00Z"}') == [
        "3",
        "2",
    ]
    assert await ns('filter: {tags: [{key: "n", values: ["1"]}], text: "lovely SOUP"}') == ["1"]
    assert await ns("status: error") == []


async def test_an_unknown_id_is_null_and_a_wrong_cursor_refused(caller):
    """What is not there is null; a cursor of another kind is named."""
    assert await caller.ask('{ chainExecution(id: "chex_1") { id } }') == {"chainExecution": None}

    error = await caller.refused('{ chainExecutions(after: "exec_1") { id } }')
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "path": "$.after"}
    error = await caller.refused("{ chainExecutions(limit: 501) { id } }")
    assert "limit must be 1 to 500" in error["message"]


async def test_another_workspace_sees_nothing(caller_of, other_actor, chain):
    """Neither lists nor ids of chain executions reach across workspaces."""
    stranger = await caller_of(other_actor)

    found = await stranger.ask("query($id: ID!) { chainExecution(id: $id) { id } chainExecutions { id } }", id=chain.id)

    assert found == {"chainExecution": None, "chainExecutions": []}


async def test_numbers_without_content(forge, actor, caller_of, chain):
    """Whoever sees numbers reads every figure of every step, and is refused by name where it asks for content."""
    clerk = User(id=f"user_{actor.workspace}", name="clerk", email=None, created_at=NOON)
    await forge.catalog.access.create_user(clerk)
    await forge.catalog.access.join(clerk.id, actor.workspace, Role.BILLING)
    runner = await caller_of(replace(actor, user_id=clerk.id, permissions=frozenset(Permission)))
    figures = "{ chainExecutions { totalCost endUser steps { costExact execution { tokenIn } attempts { number } } } }"

    (found,) = (await runner.ask(figures))["chainExecutions"]

    assert (found["totalCost"], found["steps"][0]["execution"]["tokenIn"]) == ("0.0100", 500)
    for asked in ("output", "steps { output }", "steps { execution { output } }", "steps { attempts { error } }"):
        error = await runner.refused(f"{{ chainExecutions {{ {asked} }} }}")
        assert error["extensions"]["code"] == "FORBIDDEN", asked
        error = await runner.refused(f'{{ chainExecution(id: "{chain.id}") {{ {asked} }} }}')
        assert error["extensions"]["code"] == "FORBIDDEN", asked
    error = await runner.refused('{ chainExecutions(filter: {text: "soup"}) { id } }')
    assert error["extensions"]["code"] == "FORBIDDEN"


async def test_chain_executions_are_told_as_they_go(forge, actor, caller):
    """A listener hears of a chain that is opened, of each step, and of its end; nothing of other chains."""
    chain = opened(actor.workspace)
    query = """subscription { chainExecutionChanges(filter: {chainName: ["triage"]}) {
        id status steps { name } } }"""
    async with caller.socket() as socket:
        await socket.subscribe("1", query)
        await socket.say("ping")
        assert (await socket.hear())["type"] == "pong"  # so the subscription is there
        other = replace(chain.chain, chain_name="other")
        await recorded(forge.record, actor.workspace, chain=other)
        await forge.record.open_chain(chain)
        await forge.record.advance(actor.workspace, chain.id, step("shape"))
        await forge.record.close_chain(ended(chain, step("shape"), step("end", 1)))
        heard = [(await socket.hear())["payload"]["data"]["chainExecutionChanges"] for _ in range(3)]

    assert [(e["id"], e["status"], len(e["steps"])) for e in heard] == [
        (chain.id, "pending", 0),
        (chain.id, "pending", 1),
        (chain.id, "success", 2),
    ]
