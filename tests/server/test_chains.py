"""Defining chains over GraphQL, asked over HTTP of a real server."""

import pytest

from promptforge.core.access import Scope

STEP = """mutation($input: CreateChainStepInput!) { createChainStep(input: $input) {
  id order type promptId prompt { name latestVersion { content } } config inputMapping outputKey tags name
} }"""
VERSION = (
    "mutation($input: CreateChainVersionInput!) { createChainVersion(input: $input) { id version labels document } }"
)
VALIDATE = """mutation($input: ValidateChainInput!) { validateChain(input: $input) {
  valid document problems { step path line message severity }
} }"""
YAML = """\
name: Feedback
requiredInputs: {type: object, properties: {review: {}}, required: [review]}
steps:
  - {type: PROMPT, prompt: answer, outputKey: response}
"""


@pytest.fixture
async def prompts(caller):
    """Two prompts of the caller's workspace, by name."""
    made = {}
    for name, content in (("sentiment-analyzer", "Mood of {{text}}"), ("answer", "Answer to {{review}}")):
        data = await caller.ask("mutation($n: String!) { createPrompt(input: {name: $n}) { id } }", n=name)
        made[name] = data["createPrompt"]["id"]
        version = {"promptId": made[name], "content": content, "params": {"model": "demo-small"}}
        await caller.ask("mutation($i: CreatePromptVersionInput!) { createPromptVersion(input: $i) { id } }", i=version)
    return made


@pytest.fixture
async def chain(caller):
    """A chain without steps, as the documentation makes one."""
    data = await caller.ask(
        """mutation($input: CreateChainInput!) { createChain(input: $input) {
          id name description isActive requiredInputs createdAt } }""",
        input={
            "name": "Feedback",
            "description": "Answers reviews",
            "requiredInputs": {"type": "object", "properties": {"review": {"type": "string"}}, "required": ["review"]},
            "intentTags": ["review", "complaint"],
        },
    )
    return data["createChain"]


async def test_the_two_branches_of_the_documentation_are_defined(caller, prompts, chain):
    """createChain, four steps with promptId as an id or a name, and the documented fields of the chain read back."""
    assert chain["isActive"] is True
    for step in (
        {
            "order": 0,
            "type": "PROMPT",
            "promptId": "sentiment-analyzer",
            "inputMapping": {"text": "{{review}}"},
            "outputKey": "sentiment",
        },
        {
            "order": 1,
            "type": "CONDITION",
            "config": {
                "condition": "{{sentiment.sentiment}} == 'Negative'",
                "trueTag": "negative_path",
                "falseTag": "positive_path",
            },
        },
        {
            "order": 2,
            "type": "PROMPT",
            "promptId": prompts["answer"],
            "tags": ["negative_path"],
            "outputKey": "response",
        },
        {
            "order": 3,
            "type": "PROMPT",
            "config": {"promptId": "answer", "version": 1, "overrideParams": {"temperature": 0}},
            "tags": ["positive_path"],
            "outputKey": "response",
        },
    ):
        made = (await caller.ask(STEP, input={"chainId": chain["id"], **step}))["createChainStep"]
        assert (made["order"], made["type"]) == (step["order"], step["type"])

    data = await caller.ask(
        """query($id: ID!) { chain(id: $id) {
          id name description isActive requiredInputs createdAt updatedAt createdBy { id } intentTags
          intents { id name keywords embedding } draftChanged latestVersion { version }
          steps {
            id order type promptId prompt { name } config { condition } inputMapping outputKey tags params version
          }
          executions { id status output totalLatency totalCost createdAt }
        } }""",
        id=chain["id"],
    )
    found = data["chain"]
    assert [step["order"] for step in found["steps"]] == [0, 1, 2, 3]
    assert [(step["prompt"] or {}).get("name") for step in found["steps"]] == [
        "sentiment-analyzer",
        None,
        "answer",
        "answer",
    ]
    assert (found["steps"][3]["params"], found["steps"][3]["version"]) == ({"temperature": 0}, 1)
    assert found["intents"][0] == {"id": "review", "name": "review", "keywords": ["review"], "embedding": None}
    assert (found["draftChanged"], found["latestVersion"], found["executions"]) == (True, None, [])
    assert (await caller.ask(VALIDATE, input={"chainId": chain["id"]}))["validateChain"]["problems"] == []

    version = (await caller.ask(VERSION, input={"chainId": chain["id"], "label": "production"}))["createChainVersion"]
    assert (version["version"], version["labels"]) == (1, ["production"])
    assert len(version["document"]["steps"]) == 4
    again = await caller.ask(
        """query($id: ID!, $v: ID!) { chain(id: $id) {
          draftChanged labels { label version } versions { id version steps { name } } version(label: "latest") { id }
        } chainVersion(id: $v) { version chain { name } yaml createdBy { id } } }""",
        id=chain["id"],
        v=version["id"],
    )
    assert again["chain"]["draftChanged"] is False
    assert again["chain"]["labels"] == [{"label": "production", "version": 1}]
    assert again["chain"]["version"]["id"] == again["chain"]["versions"][0]["id"] == version["id"]
    assert again["chainVersion"]["chain"] == {"name": "Feedback"}
    assert again["chainVersion"]["yaml"].startswith("name: Feedback\ndescription: Answers reviews\n")


async def test_steps_change_in_what_is_given(caller, prompts, chain):
    """A field that is left out stays, null takes it away; a step is found by id or name, and leaves the draft only."""
    step = {"order": 0, "type": "PROMPT", "promptId": "answer", "outputKey": "response", "version": 1, "tags": ["x"]}
    made = await caller.ask(
        "mutation($c: ID!, $i: CreateChainStepInput!) { createChainStep(chainId: $c, input: $i) { id } }",
        c=chain["id"],
        i=step,
    )
    update = """mutation($c: ID!, $id: ID!, $input: ChainStepInput!) {
      updateChainStep(chainId: $c, id: $id, input: $input) { order version tags onError outputKey timeoutMs } }"""
    changed = await caller.ask(
        update,
        c=chain["id"],
        id=made["createChainStep"]["id"],
        input={"version": None, "tags": None, "onError": "continue", "timeoutMs": 5},
    )
    assert changed["updateChainStep"] == {
        "order": 0,
        "version": None,
        "tags": [],
        "onError": "continue",
        "outputKey": "response",
        "timeoutMs": 5,
    }
    await caller.ask(VERSION, input={"chainId": chain["id"]})
    gone = await caller.ask(
        "mutation($c: ID!, $id: ID!) { deleteChainStep(chainId: $c, id: $id) { steps { id } draftChanged } }",
        c=chain["id"],
        id="response",
    )
    assert gone["deleteChainStep"] == {"steps": [], "draftChanged": True}
    for chains in ({}, {"c": chain["id"], "inside": chain["id"]}):
        error = await caller.refused(
            "mutation($c: ID, $i: CreateChainStepInput!) { createChainStep(chainId: $c, input: $i) { id } }",
            c=chains.get("c"),
            i={**step, **({"chainId": chains["inside"]} if "inside" in chains else {})},
        )
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_chain_changes_in_what_is_given(caller, chain):
    """Description and draft settings; null takes a setting away."""
    update = """mutation($id: ID!, $input: UpdateChainInput!) { updateChain(id: $id, input: $input) {
      name description isActive intentTags requiredInputs output deadlineMs maxCostUsd } }"""
    changed = (
        await caller.ask(
            update,
            id=chain["id"],
            input={"description": None, "isActive": False, "maxCost": "0.05", "output": {"a": 1}},
        )
    )["updateChain"]
    assert (changed["name"], changed["description"], changed["isActive"]) == ("Feedback", None, False)
    assert (changed["maxCostUsd"], changed["output"], changed["deadlineMs"]) == ("0.05", {"a": 1}, 900_000)
    assert changed["requiredInputs"]["required"] == ["review"]
    changed = (
        await caller.ask(update, id=chain["id"], input={"maxCost": None, "requiredInputs": None, "intentTags": []})
    )["updateChain"]
    assert (changed["maxCostUsd"], changed["requiredInputs"], changed["intentTags"]) == (None, None, [])
    error = await caller.refused(update, id=chain["id"], input={"deadlineMs": 0})
    assert (error["extensions"]["code"], error["extensions"]["path"]) == ("BAD_USER_INPUT", "$.deadlineMs")


async def test_a_file_is_applied_proved_and_compared(caller, prompts):
    """applyChain makes chain and version; validateChain gives lines; fileDiff and diff show what changes."""
    apply = """mutation($yaml: String!) { applyChain(yaml: $yaml, label: "beta") {
      created changed version { version } chain { id yaml labels { label } } } }"""
    first = (await caller.ask(apply, yaml=YAML))["applyChain"]
    assert (first["created"], first["changed"], first["version"]["version"]) == (True, True, 1)
    assert (await caller.ask(apply, yaml=first["chain"]["yaml"]))["applyChain"]["changed"] is False

    changed = YAML + "deadlineMs: 5000\n"
    diffs = "query($id: ID!, $yaml: String!) { chain(id: $id) { fileDiff(yaml: $yaml) } }"
    shown = (await caller.ask(diffs, id=first["chain"]["id"], yaml=changed))["chain"]["fileDiff"]
    assert "\n+deadlineMs: 5000\n" in shown
    await caller.ask(VERSION, input={"chainId": first["chain"]["id"], "yaml": changed})
    compare = 'query { chain(name: "Feedback") { diff(from: 2, to: 1) latestVersion { deadlineMs } } }'
    assert "-deadlineMs: 5000" in (await caller.ask(compare))["chain"]["diff"]

    for given, line, says in (
        ({"yaml": YAML.replace("answer", "nobody")}, 4, "there is no prompt 'nobody'"),
        ({"yaml": "a: 'x"}, 1, "this is not YAML"),
        ({"document": {"steps": [{"type": "PROMPT", "prompt": "nobody"}]}}, None, "there is no prompt 'nobody'"),
        ({"document": {"steps": 5}}, None, "steps must be a list"),
    ):
        found = (await caller.ask(VALIDATE, input=given))["validateChain"]
        assert found["valid"] is False
        assert [(one["line"], one["severity"]) for one in found["problems"]] == [(line, "error")]
        assert says in found["problems"][0]["message"]
    error = await caller.refused(apply, yaml=YAML.replace("answer", "nobody"))
    assert error["message"].startswith("line 4: Step 0 (response): there is no prompt 'nobody'")
    assert (await caller.refused(VALIDATE, input={}))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_labels_archive_restore_and_fork(caller, prompts):
    """As for prompts: a label moves and goes, an archived chain frees its name, a fork copies."""
    made = await caller.ask("mutation($y: String!) { applyChain(yaml: $y) { chain { id } } }", y=YAML)
    id = made["applyChain"]["chain"]["id"]
    labels = await caller.ask(
        """mutation($id: ID!) { setChainLabel(chainId: $id, label: "live", version: 1) { labels { label version } }
        removed: removeChainLabel(chainId: $id, label: "live") { labels { label } } }""",
        id=id,
    )
    assert labels == {"setChainLabel": {"labels": [{"label": "live", "version": 1}]}, "removed": {"labels": []}}
    forked = await caller.ask(
        'mutation($id: ID!) { forkChain(id: $id, name: "Copy", version: 1) { name forkedFrom steps { name } } }', id=id
    )
    assert forked["forkChain"] == {"name": "Copy", "forkedFrom": id, "steps": [{"name": "response"}]}
    await caller.ask("mutation($id: ID!) { archiveChain(id: $id) { archivedAt } }", id=id)
    listed = "query($a: Boolean) { chains(archived: $a, limit: 5) { name archivedAt } }"
    assert [chain["name"] for chain in (await caller.ask(listed, a=False))["chains"]] == ["Copy"]
    assert (await caller.ask(listed, a=True))["chains"][0]["archivedAt"] is not None
    assert (await caller.ask("mutation($id: ID!) { restoreChain(id: $id) { archivedAt } }", id=id)) == {
        "restoreChain": {"archivedAt": None}
    }


async def test_others_see_nothing_and_readers_change_nothing(caller_of, actor, other_actor, prompts, chain):
    """Another workspace has no such chain; a key that may read cannot define."""
    stranger = await caller_of(other_actor)
    assert (await stranger.ask("query($id: ID!) { chain(id: $id) { name } chains { id } }", id=chain["id"])) == {
        "chain": None,
        "chains": [],
    }
    reader = await caller_of(actor, frozenset({Scope.READ}))
    assert (await reader.ask(VALIDATE, input={"chainId": chain["id"]}))["validateChain"]["valid"] is False
    error = await reader.refused(
        STEP, input={"chainId": chain["id"], "order": 0, "type": "PROMPT", "promptId": "answer"}
    )
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert (await reader.refused("query { chain { id } }"))["extensions"]["path"] == "$.id"
