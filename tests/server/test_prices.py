"""The price book through the API: a model without a price is found, priced, and counted from then on."""

from datetime import UTC, datetime

from promptforge.core.access import Scope

ADD = "mutation($input: PriceInput!) { addPrice(input: $input) { id active validFrom terms rates { unit usd per } } }"
END = "mutation($id: ID!, $at: DateTime) { endPrice(id: $id, at: $at) { id } }"
RECORD = "mutation($executions: [JSON!]!) { recordExecutions(executions: $executions) { stored } }"
OF = 'query($at: DateTime) { priceOf(provider: "vllm", model: "llama-3", at: $at) { source rates { unit usd } } }'
RUN = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { cost { lines { rateUsd source } } } }"
UNPRICED = "{ unpriced { models { provider model figures { calls tokenIn } } } }"
COSTS = '{ executions(filter: {provider: ["vllm"]}) { costUsd cost { state lines { source rateUsd } } } }'


def call(n):
    return {
        "externalId": str(n),
        "provider": "vllm",
        "model": "llama-3",
        "tokenIn": 1000,
        "tokenOut": 10,
        "createdAt": datetime.now(UTC).isoformat(),
    }


async def test_a_model_without_a_price_gets_one(caller):
    """It is listed with its calls; a price counts from then on and is in the lines; what was recorded stays."""
    await caller.ask(RECORD, executions=[call(1)])
    before = (await caller.ask(UNPRICED))["unpriced"]["models"]
    assert (await caller.ask(OF))["priceOf"] is None
    rates = [{"unit": "input", "usd": "2.5"}, {"unit": "output", "usd": "10"}]
    given = {"provider": "vllm", "model": "llama*", "rates": rates, "validFrom": "2026-01-01T00:00:00Z"}
    added = (await caller.ask(ADD, input=given))["addPrice"]
    await caller.ask(RECORD, executions=[call(2)])

    assert before == [{"provider": "vllm", "model": "llama-3", "figures": {"calls": 1, "tokenIn": 1000}}]
    assert added["active"]
    assert added["terms"] == {}
    assert added["rates"] == [rate | {"per": 1_000_000} for rate in rates]
    priced, unpriced = (await caller.ask(COSTS))["executions"]
    assert priced["costUsd"] == "0.0026"
    assert [line["source"] for line in priced["cost"]["lines"]] == ["workspace", "workspace"]
    assert unpriced == {"costUsd": None, "cost": {"state": "unpriced", "lines": []}}
    assert (await caller.ask(UNPRICED))["unpriced"]["models"] == before


async def test_self_hosted_costs_nothing_and_ends(caller):
    """One word prices a model at 0; after its end it has no price, and before its beginning it had none."""
    hosted = {"provider": "vllm", "model": "llama-3", "selfHosted": True, "validFrom": "2026-06-01T00:00:00Z"}
    price = (await caller.ask(ADD, input=hosted))["addPrice"]
    await caller.ask(END, id=price["id"], at="2026-07-01T00:00:00Z")

    at = {day: (await caller.ask(OF, at=f"2026-{day}T00:00:00Z"))["priceOf"] for day in ("05-31", "06-01", "07-01")}
    assert at["05-31"] is None
    assert at["07-01"] is None
    assert {rate["usd"] for rate in at["06-01"]["rates"]} == {"0"}
    assert (await caller.ask("{ prices { id } }"))["prices"] == []
    assert (await caller.ask("{ prices(ended: true) { id } }"))["prices"] == [{"id": price["id"]}]


async def test_prices_travel_as_a_file(caller, caller_of, other_actor):
    """What one workspace exports, another imports, and then prices alike; a second import is refused as a whole."""
    tiers = [{"aboveInput": 200_000, "usd": "5"}]
    rates = [{"unit": "input", "usd": "2.5", "tiers": tiers}]
    await caller.ask(ADD, input={"provider": "acme", "model": "m-1", "rates": rates, "note": "=1+1"})
    csv = (await caller.ask("{ pricesCsv }"))["pricesCsv"]
    other = await caller_of(other_actor)
    load = (
        "mutation($csv: String!) { importPrices(csv: $csv) { provider note rates { usd tiers { aboveInput usd } } } }"
    )

    loaded = (await other.ask(load, csv=csv))["importPrices"]
    again = await other.refused(load, csv=csv + "acme,m-2,input,1,,,,,,\n")
    assert loaded == [{"provider": "acme", "note": "=1+1", "rates": [{"usd": "2.5", "tiers": tiers}]}]
    assert "there is a price of acme m-1 from" in again["message"]
    assert len((await other.ask("{ prices { id } }"))["prices"]) == 1


async def test_only_administrators_change_prices_and_each_workspace_has_its_own(caller, caller_of, actor, other_actor):
    """A key that reads sees them and changes nothing; another workspace neither sees nor is priced by them."""
    await caller.ask(ADD, input={"provider": "vllm", "model": "llama-3", "selfHosted": True})
    reader, other = await caller_of(actor, frozenset({Scope.READ})), await caller_of(other_actor)

    assert len((await reader.ask("{ prices { id } }"))["prices"]) == 1
    refused = await reader.refused(ADD, input={"provider": "a", "model": "b", "selfHosted": True})
    assert "permission 'admin'" in refused["message"]
    assert (await other.ask("{ prices { id } }"))["prices"] == []
    assert (await other.ask(OF))["priceOf"] is None


async def test_what_no_price_can_say_is_refused(caller):
    """Each with the sentence that says what to do."""
    for given, says in (
        ({"provider": "a", "model": "b"}, "give rates, or selfHosted"),
        ({"provider": "a", "model": "*b", "selfHosted": True}, "an asterisk stands at the end only"),
        ({"provider": "a", "model": "b", "rates": [{"unit": "input", "usd": "-1"}]}, "is not a rate"),
        ({"provider": "a", "model": "b", "rates": [{"unit": "words", "usd": "1"}]}, "is no unit of usage"),
        ({"provider": "a", "model": "b", "selfHosted": True, "validUntil": "2020-01-01T00:00:00Z"}, "must be after"),
        ({"provider": "a", "model": "b", "selfHosted": True, "validFrom": "2020-01-01"}, "is not a time"),
    ):
        assert says in (await caller.refused(ADD, input=given))["message"], given


async def test_a_run_is_priced_by_the_workspaces_price(caller):
    """An execution made here takes the workspace's price before the catalogue's."""
    rates = [{"unit": unit, "usd": "7"} for unit in ("input", "output")]
    await caller.ask(ADD, input={"provider": "demo", "model": "demo-small", "rates": rates})
    found = (await caller.ask(RUN, input={"content": "Hello!", "params": {"model": "demo-small"}}))["executePrompt"]
    assert {line["rateUsd"] for line in found["cost"]["lines"]} == {"7"}
    assert {line["source"] for line in found["cost"]["lines"]} == {"workspace"}
