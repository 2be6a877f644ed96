"""What a run would use and cost, by the command and the client."""

import json

import pytest

from kit.served import Served
from promptforge import PromptForge


@pytest.fixture(scope="module")
def client(served: Served):
    with PromptForge(served.key, served.url) as opened:
        opened.prompts.create(name="greeting", template="Hi {{name}}", model="demo-small")
        yield opened


def test_a_prompt_is_estimated_and_not_run(served: Served, client: PromptForge) -> None:
    """At most, and what it usually used once it ran; asking runs nothing."""
    before = client.prompts.estimate("greeting", {"name": "Ada"})
    assert (before.usual, before.max_token_out, before.max_cost_usd) == (None, None, None)
    assert client.executions.list(prompt_name="greeting") == []
    done = client.prompts.execute("greeting", {"name": "Ada"})
    after = client.prompts.estimate("greeting", {"name": "Ada"}, params={"max_tokens": 100})
    assert (after.usual.calls, after.usual.token_in, after.max_token_out) == (1, done.token_in, 100)
    said = served.run("run", "greeting", "--var", "name=Ada", "--param", "max_tokens=100", "--estimate").stdout
    assert "Tokens out, at most" in said
    assert "Usually" in said


def test_a_model_is_estimated_as_json(served: Served, client: PromptForge) -> None:
    """The same value as the client's."""
    said = served.run(
        "run", "--model", "demo-small", "Say hello", "--param", "max_tokens=9", "--estimate", "--json"
    ).stdout
    found = client.estimate("demo-small", "Say hello", params={"max_tokens": 9})
    assert json.loads(said) == dict(found.raw)
