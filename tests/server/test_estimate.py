"""An estimate: what a call may use at most, and what it usually used."""

import pytest

ESTIMATE = """query($input: ExecutePromptInput!) { estimate(input: $input) {
  provider model maxTokenIn maxTokenOut maxCostUsd priced usual { calls tokenIn tokenOut costUsd } } }"""
RUN = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { tokenIn tokenOut cost { usd } } }"


async def estimated(caller, **given):
    return (await caller.ask(ESTIMATE, input=given))["estimate"]


async def test_what_it_used_lies_within_what_it_may_use_at_most(caller):
    """Of the simulated models, with and without a limit; nothing is recorded by asking."""
    for text in ("hi", "a longer question about parcels", "ü" * 40):
        given = {"content": text, "params": {"model": "demo-small", "max_tokens": 50}}
        most = await estimated(caller, **given)
        assert (await caller.ask("{ executions { id } }"))["executions"] == [] or text != "hi"
        done = (await caller.ask(RUN, input=given))["executePrompt"]
        assert done["tokenIn"] <= most["maxTokenIn"]
        assert done["tokenOut"] <= most["maxTokenOut"] == 50
        assert float(done["cost"]["usd"]) <= float(most["maxCostUsd"])


async def test_without_a_limit_or_a_price_there_is_no_most(caller):
    """Nothing is made up: no bound of the output, no cost; no price, no cost."""
    open_end = await estimated(caller, content="hi", params={"model": "demo-small"})
    assert (open_end["maxTokenOut"], open_end["maxCostUsd"], open_end["priced"]) == (None, None, True)
    unpriced = await estimated(caller, content="hi", provider="openai", params={"model": "nobody", "max_tokens": 5})
    assert (unpriced["maxTokenOut"], unpriced["maxCostUsd"], unpriced["priced"]) == (5, None, False)
    assert (unpriced["provider"], unpriced["model"], unpriced["usual"]) == ("openai", "nobody", None)


@pytest.mark.parametrize(
    ("provider", "model"), [("google", "gemini-2.5-flash"), ("ollama", "llama3"), ("anthropic", "claude-sonnet-4-5")]
)
async def test_a_limit_is_seen_in_every_format(caller, provider, model):
    """Wherever a format has it."""
    found = await estimated(caller, content="hi", provider=provider, params={"model": model, "max_tokens": 77})
    assert found["maxTokenOut"] == 77


async def test_what_a_version_usually_used(caller):
    """The means of its calls with that model, and how many they were."""
    prompt = (await caller.ask('mutation { createPrompt(input: {name: "Greeting"}) { id } }'))["createPrompt"]["id"]
    create = "mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { id } }"
    await caller.ask(create, input={"promptId": prompt, "content": "Hi {{name}}", "params": {"model": "demo-small"}})
    given = {"promptId": prompt, "variables": {"name": "Ada"}}
    assert (await estimated(caller, **given))["usual"] is None
    done = [(await caller.ask(RUN, input=given))["executePrompt"] for _ in range(3)]
    usual = (await estimated(caller, **given))["usual"]
    assert (usual["calls"], usual["tokenIn"]) == (3, done[0]["tokenIn"])
    assert float(usual["costUsd"]) == pytest.approx(sum(float(one["cost"]["usd"]) for one in done) / 3, abs=1e-12)


async def test_a_call_that_could_not_be_made_has_no_estimate(caller):
    """The error is that of running it."""
    refused = await caller.refused(ESTIMATE, input={"content": "hi", "params": {"model": "nobody-knows"}})
    assert "does not say which provider has it" in refused["message"]
