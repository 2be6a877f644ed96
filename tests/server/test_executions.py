"""The documented queries about executions, asked over HTTP of a real server."""

import pytest

from kit.executions import done
from promptforge.core.access import Scope
from promptforge.core.execution import PromptRef

GET_EXECUTIONS = """query GetExecutions {
executions {
id
status
output
error
latencyMs
tokenIn
tokenOut
costUsd
createdAt
promptVersion {
version
prompt {
id
name
}
}
}
}"""
EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status output costUsd } }"


def demo(text="Hello!", **options):
    """Input for a run of the simulated model without a prompt."""
    return {"content": "Say hello", "params": {"model": "demo-small", "demo": {"text": text, **options}}}


@pytest.fixture
async def prompt(caller):
    """A prompt with one version that runs on the simulated model."""
    made = await caller.ask('mutation { createPrompt(input: {name: "Support Reply"}) { id name } }')
    version = await caller.ask(
        """mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id version } }""",
        input={
            "promptId": made["createPrompt"]["id"],
            "content": "Answer {{question}}",
            "params": {"model": "demo-small", "temperature": 0.2, "max_tokens": 100},
        },
    )
    return {**made["createPrompt"], "version": version["createPromptVersion"]}


@pytest.mark.parametrize("path", ["/graphql", "/v1"])
async def test_the_documented_executions_query_runs_unchanged(caller, prompt, path):
    """The page's GetExecutions document answers with every field it names, at both documented addresses."""
    await caller.ask(EXECUTE, input={"promptId": prompt["id"], "variables": {"question": "why?"}})

    answer = (await caller.post(GET_EXECUTIONS, path=path)).json()

    (execution,) = answer["data"]["executions"]
    assert "errors" not in answer
    assert execution["id"].startswith("exec_")
    assert execution["status"] == "success"
    assert execution["output"]
    assert execution["error"] is None
    assert isinstance(execution["latencyMs"], int)
    assert execution["costUsd"] == f"{float(execution['costUsd']):.4f}"
    assert execution["createdAt"].endswith("Z")
    assert execution["promptVersion"] == {"version": 1, "prompt": {"id": prompt["id"], "name": "support-reply"}}
    assert answer["extensions"]["freshness"]["behind"] == 0


async def test_the_documented_cost_example(caller):
    """500 tokens in at $3 a million and 200 out at $15 are lines of 0.0015 and 0.0030, and 0.0045 together."""
    query = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) {
        costUsd cost { usd display state lines { unit quantity rateUsd per amountUsd source } } } }"""
    given = {
        "content": "x",
        "provider": "demo",
        "params": {"model": "demo-large", "demo": {"token_in": 500, "token_out": 200, "latency_ms": 0}},
    }

    done = (await caller.ask(query, input=given))["executePrompt"]

    assert done["costUsd"] == "0.0045"
    assert done["cost"]["usd"] == "0.0045"
    assert done["cost"]["state"] == "priced"
    assert [(line["unit"], line["quantity"], line["rateUsd"], line["amountUsd"]) for line in done["cost"]["lines"]] == [
        ("input", 500, "3", "0.0015"),
        ("output", 200, "15", "0.003"),
    ]


async def test_json_fields_take_a_selection_or_none(caller, prompt):
    """`params { model }` and `params` both answer with the whole JSON, variables and fragments beside them intact."""
    query = """query($id: ID!) { prompt(id: $id) { latestVersion { ...V } versions { params } } }
    fragment V on PromptVersion { params { model temperature max_tokens } }"""
    whole = {"model": "demo-small", "temperature": 0.2, "max_tokens": 100}

    found = await caller.ask(query, id=prompt["id"])

    assert found == {"prompt": {"latestVersion": {"params": whole}, "versions": [{"params": whole}]}}


async def test_one_execution_with_everything(caller, prompt):
    """Every field of an execution answers, and what is not known is null, not an error."""
    done = await caller.ask(
        EXECUTE,
        input={
            "name": "support-reply",
            "variables": {"question": "why?"},
            "tags": {"team": "care"},
            "metadata": {"ticket": 7},
            "endUser": "u-1",
            "sessionId": "s-1",
        },
    )
    query = """query($id: ID!) { execution(id: $id) { id input request output outputJson error errorType stackTrace
      firstTokenMs usage usageSource usageRaw startedAt endedAt promptName label provider model responseModel
      finishReason user { id email name role } endUser sessionId service source tags metadata streamed cached
      attempts { number provider model offsetMs latencyMs status errorType httpStatus requestId error }
      chainExecutionId contentExpired cursor
      promptVersion { id version content messages { role content } params inputSchema provider model variables labels
        createdAt createdBy { name } prompt { id labels { label version } } } } }"""

    found = (await caller.ask(query, id=done["executePrompt"]["id"]))["execution"]

    assert found["input"] == {"question": "why?"}
    assert found["tags"] == {"team": "care"}
    assert found["metadata"] == {"ticket": 7}
    assert (found["endUser"], found["sessionId"], found["source"]) == ("u-1", "s-1", "api")
    assert found["promptVersion"]["content"] == "Answer {{question}}"
    assert found["promptVersion"]["variables"] == ["question"]
    assert found["promptVersion"]["createdBy"]["name"]
    assert [a["number"] for a in found["attempts"]] == [1]
    assert found["cursor"] == found["id"]
    assert found["contentExpired"] is False


async def test_filters_and_cursor(caller):
    """A filter narrows a list, and `after` reads on where the last page ended, without gap or repeat."""
    for n in range(5):
        await caller.ask(EXECUTE, input={**demo(), "tags": {"n": str(n)}})
    await caller.ask(EXECUTE, input=demo(fail="authentication"))
    tagged = 'executions(filter: {tags: [{key: "n"}]}, limit: 3'

    first = (await caller.ask(f"{{ {tagged}) {{ cursor tags }} }}"))["executions"]
    rest = (await caller.ask(f'{{ {tagged}, after: "{first[-1]["cursor"]}") {{ tags }} }}'))["executions"]
    failed = (await caller.ask("{ executions(status: error) { errorType costUsd tokenIn tokenOut } }"))["executions"]

    assert [e["tags"]["n"] for e in first + rest] == ["4", "3", "2", "1", "0"]
    assert failed == [{"errorType": "authentication", "costUsd": "0.0000", "tokenIn": 0, "tokenOut": 0}]


async def test_a_filter_as_text(caller):
    """``where`` means what the other fields mean, and an error of it says the column."""
    await caller.ask(EXECUTE, input={**demo(), "tags": {"env": "prod"}})
    await caller.ask(EXECUTE, input={**demo(), "tags": {"env": "test"}})
    await caller.ask(EXECUTE, input=demo(fail="authentication"))
    asked = "query($where: String) { executions(filter: {where: $where}) { status tags } }"

    for where, count in (
        ("tag.env:prod", 1),
        ("model:demo* -status:error", 2),
        ("status:error or tag.env:test", 2),
        ("cost>0 latency<10m", 2),
        ("cost>1000000", 0),
    ):
        assert len((await caller.ask(asked, where=where))["executions"]) == count, where
    refused = await caller.refused(asked, where="statsu:error")
    assert "at column 1: there is no field 'statsu': did you mean 'status'?" in refused["message"]
    chains = await caller.refused(
        "query($where: String) { chainExecutions(filter: {where: $where}) { id } }", where="cost>1"
    )
    assert "there is no field 'cost'" in chains["message"]


async def test_lists_take_1_to_500(caller):
    """A limit out of range is refused with the range and the figure given."""
    for query in (
        "{ executions(limit: 0) { id } }",
        "{ executions(limit: 501) { id } }",
        "{ prompts(limit: -1) { id } }",
    ):
        error = await caller.refused(query)

        assert error["extensions"] == {"code": "BAD_USER_INPUT", "path": "$.limit"}
        assert "limit must be 1 to 500" in error["message"]


async def test_an_unknown_id_is_null(caller):
    """What is not there is null; it is no error to look for it."""
    query = '{ execution(id: "exec_abc123") { id } prompt(id: "cm1") { id } promptVersion(id: "ver_1") { id } }'

    assert await caller.ask(query) == {"execution": None, "prompt": None, "promptVersion": None}


async def test_another_workspace_sees_nothing(caller, caller_of, other_actor, prompt):
    """Neither lists nor ids reach across workspaces."""
    done = await caller.ask(EXECUTE, input={"promptId": prompt["id"], "variables": {"question": "why?"}})
    stranger = await caller_of(other_actor)
    query = """query($e: ID!, $p: ID!, $v: ID!) { execution(id: $e) { id } executions { id } prompt(id: $p) { id }
        prompts { id } promptVersion(id: $v) { id } overview { totals { calls } } }"""

    found = await stranger.ask(query, e=done["executePrompt"]["id"], p=prompt["id"], v=prompt["version"]["id"])
    cancelled = await stranger.refused(
        "mutation($id: ID!) { cancelExecution(id: $id) { id } }", id=done["executePrompt"]["id"]
    )

    assert found == {
        "execution": None,
        "executions": [],
        "prompt": None,
        "prompts": [],
        "promptVersion": None,
        "overview": {"totals": {"calls": 0}},
    }
    assert cancelled["extensions"]["code"] == "NOT_FOUND"


async def test_numbers_without_content(caller, actor, caller_of):
    """A role that sees numbers reads every figure, and is refused by name where it asks for content."""
    await caller.ask(EXECUTE, input=demo("secret plan"))
    runner = await caller_of(actor, scopes=frozenset({Scope.RUN}))

    error = await runner.refused("{ executions { output } }")
    done = await runner.ask(EXECUTE, input=demo("mine"))

    assert error["extensions"]["code"] == "FORBIDDEN"
    assert done["executePrompt"]["output"] == "mine"  # whoever ran it may see what came of it


async def test_a_failed_input_is_recorded_with_its_sentence(caller, prompt):
    """A missing variable is an execution in state error that names the JSON path, and costs 0.0000."""
    query = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) {
        status error errorType tokenIn tokenOut costUsd cost { usd display state } } }"""

    done = (await caller.ask(query, input={"promptId": prompt["id"], "variables": {}}))["executePrompt"]

    assert done["status"] == "error"
    assert done["errorType"] == "validation"
    assert "question" in done["error"]
    assert (done["tokenIn"], done["tokenOut"], done["costUsd"]) == (0, 0, "0.0000")
    assert done["cost"] == {"usd": "0", "display": "$0", "state": "priced"}


async def test_source_and_service_come_from_the_headers(caller):
    """The client and the CLI say which they are, and a program which service it is."""
    headers = {"X-PromptForge-Source": "cli", "X-PromptForge-Service": "billing"}

    await caller.post(EXECUTE, headers=headers, input=demo())
    wrong = await caller.post("{ me { id } }", headers={"X-PromptForge-Source": "mars"})

    assert await caller.ask("{ executions { source service } }") == {
        "executions": [{"source": "cli", "service": "billing"}]
    }
    assert wrong.status_code == 400


async def test_figures_are_what_the_overview_adds_up(caller):
    """Totals, days, models and error types are sums of the same executions, and both counts are always there."""
    await caller.ask(EXECUTE, input=demo(token_in=500, token_out=200))
    await caller.ask(EXECUTE, input=demo(fail="authentication"))
    query = """{ overview(window: LAST_7_DAYS, timezone: "Europe/Zurich") {
        from to timezone days asOf behind totals { ...F } previous { calls }
        daily { date figures { runs } } topPrompts { promptName figures { calls } }
        topModels { provider model figures { calls } } errorTypes { errorType count } }
        all: overview(window: ALL_TIME) { from days previous { calls } daily { date } } }
        fragment F on Figures { runs calls success error pending successRate averageLatencyMs tokenIn tokenOut
          costUsd cost { usd display priced unpriced unknown estimated } }"""

    found = await caller.ask(query)

    totals = found["overview"]["totals"]
    assert (totals["runs"], totals["calls"], totals["success"], totals["error"]) == (2, 2, 1, 1)
    assert totals["successRate"] == 50.0
    assert (totals["tokenIn"], totals["tokenOut"]) == (500, 200)
    assert len(found["overview"]["daily"]) == 7
    assert sum(day["figures"]["runs"] for day in found["overview"]["daily"]) == 2
    assert found["overview"]["topModels"] == [
        {"provider": "demo", "model": "demo-small", "figures": {"calls": 2}},
    ]
    assert found["overview"]["errorTypes"] == [{"errorType": "authentication", "count": 1}]
    assert found["overview"]["previous"] == {"calls": 0}
    assert found["all"]["previous"] is None
    assert len(found["all"]["daily"]) == 1


async def test_values_are_what_occurs(caller):
    """The filters are offered what occurs, most frequent first."""
    for name in ("a", "b", "b"):
        await caller.ask(EXECUTE, input={**demo(), "endUser": name})

    found = await caller.ask("{ values(field: END_USER) { value count } }")

    assert found == {"values": [{"value": "b", "count": 2}, {"value": "a", "count": 1}]}


MISSING = """{ executions { id promptName promptVersion { version %s } } }"""


@pytest.mark.parametrize("asked", ["prompt { name }", "content", "labels", "createdBy { id }"])
async def test_a_prompt_that_is_gone_takes_nothing_with_it(forge, actor, caller, asked):
    """A row whose prompt the catalog has not is shown all the same, with what it knows itself; the rest of it is an
    error that says what is gone."""
    ref = PromptRef(prompt_id="prompt_gone", prompt_name="reply", version_id="ver_gone", version=3)
    await forge.record.record([run := done(actor.workspace, prompt=ref)])
    plain = (await caller.post(MISSING % "")).json()
    assert plain["data"]["executions"] == [{"id": run.id, "promptName": "reply", "promptVersion": {"version": 3}}]
    answer = (await caller.post(MISSING % asked)).json()
    if asked == "labels":
        assert answer["data"]["executions"][0]["promptVersion"]["labels"] == []
        return
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert "'reply' is no longer there" in error["message"]
    assert answer["data"]["executions"][0]["id"] == run.id
