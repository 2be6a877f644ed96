"""Fallbacks: another model answers where the first cannot, and the record says who did and what it cost."""

import pytest

RUN = """mutation($input: ExecutePromptInput!) { executePrompt(input: $input) {
  id status model provider output error errorType costUsd request
  cost { state lines { unit quantity attempt } }
  attempts { number provider model status errorType } } }"""


def params(*fallbacks, fail="authentication", **demo):
    return {"model": "demo-small", "demo": {"fail": fail, **demo}, "fallbacks": list(fallbacks)}


def other(model="demo-large", text="Here I am", **demo):
    return {"model": model, "params": {"demo": {"text": text, **demo}}}


async def run(caller, **given):
    return (await caller.ask(RUN, input={"content": "Say hello", **given}))["executePrompt"]


async def test_the_next_model_answers_and_the_record_says_so(caller):
    """The answer, the model, the price and the request as sent are the fallback's; the first try is an attempt."""
    done = await run(caller, params=params(other()))
    assert (done["status"], done["output"], done["error"]) == ("success", "Here I am", None)
    assert (done["model"], done["provider"]) == ("demo-large", "demo")
    assert [(a["number"], a["model"], a["status"], a["errorType"]) for a in done["attempts"]] == [
        (1, "demo-small", "error", "authentication"),
        (2, "demo-large", "success", None),
    ]
    assert {line["attempt"] for line in done["cost"]["lines"]} == {2}
    assert done["request"]["model"] == "demo-large"
    by_model = (await caller.ask("{ overview { topModels { model figures { calls success error } } } }"))["overview"]
    assert by_model["topModels"] == [{"model": "demo-large", "figures": {"calls": 1, "success": 1, "error": 0}}]


async def test_each_is_asked_in_turn_and_the_last_failure_stands(caller):
    """Where nobody answers, every try is there, and the error is the last one's."""
    done = await run(
        caller, params=params(other(fail="provider", retry_after=0), other("demo-reasoning", fail="authentication"))
    )
    assert (done["status"], done["errorType"], done["model"]) == ("error", "authentication", "demo-reasoning")
    assert [a["model"] for a in done["attempts"]] == ["demo-small", *["demo-large"] * 3, "demo-reasoning"]


@pytest.mark.parametrize("fail", ["validation", "content_filter"])
async def test_what_would_fail_there_as_well_is_not_asked_again(caller, fail):
    """A call that is wrong in itself, or was withheld, ends with the first model."""
    done = await run(caller, params=params(other(), fail=fail))
    assert (done["status"], done["errorType"], len(done["attempts"])) == ("error", fail, 1)


async def test_a_provider_without_a_key_falls_back(caller):
    """What is not set up at the first provider is no reason to have no answer."""
    done = await run(caller, params={"model": "gpt-4o", "fallbacks": [other()]})
    assert (done["status"], done["model"]) == ("success", "demo-large")
    assert [(a["provider"], a["errorType"]) for a in done["attempts"]] == [("openai", "authentication"), ("demo", None)]


async def test_nothing_is_asked_elsewhere_once_words_were_delivered(caller):
    """Who has read the first words must not read others."""
    stream = """subscription($input: ExecutePromptInput!) { executePromptStream(input: $input) {
      kind text execution { status output model attempts { model } } } }"""
    for after, model, output in ((0, "demo-large", "Here I am"), (2, "demo-small", "Good morning ")):
        given = params(other(), fail="network", fail_times=3, fail_after=after, text="Good morning to you all")
        async with caller.socket() as socket:
            await socket.subscribe("1", stream, input={"content": "Say hello", "params": given})
            events = []
            while (message := await socket.hear())["type"] == "next":
                events.append(message["payload"]["data"]["executePromptStream"])
        last = events[-1]["execution"]
        assert (last["model"], last["output"].strip()) == (model, output.strip())
        assert "".join(event["text"] for event in events if event["kind"] == "delta").strip() == output.strip()


async def test_a_version_has_its_fallbacks(caller):
    """They are parameters of the version: kept, shown, in the difference of two versions, and used by its runs."""
    prompt = (await caller.ask('mutation { createPrompt(input: {name: "Careful"}) { id } }'))["createPrompt"]["id"]
    create = """mutation($input: CreatePromptVersionInput!) { createPromptVersion(input: $input) { version params } }"""
    for given in ({"model": "demo-small"}, params(other())):
        made = await caller.ask(create, input={"promptId": prompt, "content": "Hi", "params": given})
    assert made["createPromptVersion"]["params"]["fallbacks"] == [other()]
    done = await caller.ask(RUN, input={"promptId": prompt})
    assert done["executePrompt"]["model"] == "demo-large"
    asked = "query($id: ID!) { prompt(id: $id) { diff(from: 1, to: 2) { params } } }"
    assert "fallbacks" in (await caller.ask(asked, id=prompt))["prompt"]["diff"]["params"]


@pytest.mark.parametrize(
    ("fallbacks", "says"),
    [
        ("gpt-4o", "fallbacks is a list of at most 5"),
        ([other()] * 6, "fallbacks is a list of at most 5"),
        (["gpt-4o"], "a fallback is an object"),
        ([{"model": ""}], "a fallback names its model"),
        ([{"model": "m", "colour": 1}], "a fallback is an object"),
        ([{"model": "m", "provider": 3}], "the provider of a fallback is a name"),
        ([{"model": "m", "params": {"model": "n"}}], "hold no model"),
        ([{"model": "nobody-knows"}], "does not say which provider has it"),
        ([{"model": "m", "provider": "nobody"}], "There is no provider 'nobody'"),
    ],
)
async def test_what_is_no_fallback_is_refused(caller, fallbacks, says):
    """Before anything runs, with the place."""
    given = {"model": "demo-small", "fallbacks": fallbacks}
    refused = await caller.refused(RUN, input={"content": "x", "params": given})
    assert says in refused["message"]


async def test_a_fallback_that_cannot_be_asked_is_a_failed_input(caller):
    """A parameter that the fallback's provider lacks is told before the first model is asked; null takes it away."""
    fallback = {"model": "claude-sonnet-4-5", "provider": "anthropic"}
    given = {"model": "demo-small", "seed": 7, "fallbacks": [fallback]}
    done = await run(caller, params=given)
    assert (done["errorType"], done["attempts"]) == ("validation", [])
    assert "'seed' is no parameter of Anthropic's messages" in done["error"]
    done = await run(caller, params={**given, "fallbacks": [{**fallback, "params": {"seed": None}}]})
    assert (done["status"], done["model"]) == ("success", "demo-small")
