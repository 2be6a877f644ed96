"""Erasing an end user over HTTP of a real server."""

from promptforge.core.access import Scope

RUN = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"
SHOWN = "query($id: ID!) { execution(id: $id) { status input output endUser sessionId tags tokenIn costUsd } }"
ERASE = "mutation($name: String!) { eraseEndUser(endUser: $name) { executions chainExecutions memories unreadable } }"
HELLO = {"content": "Say hello", "params": {"model": "demo-small"}, "endUser": "ada", "tags": {"a": "b"}}


async def test_the_report_says_what_was_found(caller):
    """The execution is there with its figures and without its words; once more finds nothing."""
    made = (await caller.ask(RUN, input=HELLO))["executePrompt"]
    before = (await caller.ask(SHOWN, id=made["id"]))["execution"]

    report = (await caller.ask(ERASE, name="ada"))["eraseEndUser"]
    after = (await caller.ask(SHOWN, id=made["id"]))["execution"]
    again = (await caller.ask(ERASE, name="ada"))["eraseEndUser"]

    assert before["endUser"] == "ada"
    assert report == {"executions": 1, "chainExecutions": 0, "memories": 0, "unreadable": 0}
    assert after == {**before, "input": None, "output": None, "endUser": None, "tags": {}}
    assert not any(again.values())


async def test_keys_without_the_scope_and_empty_names_are_refused(caller, caller_of, actor):
    """Nothing is erased by who may only run and read."""
    worker = await caller_of(actor, frozenset({Scope.RUN, Scope.READ, Scope.INGEST}))
    error = await worker.refused(ERASE, name="ada")
    assert error["extensions"]["code"] == "FORBIDDEN"
    error = await caller.refused(ERASE, name="")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
