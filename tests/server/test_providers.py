"""Providers over HTTP of a real server: settings come back, keys do not."""

from promptforge.core.access import Scope

SAVE = """mutation($input: SaveProviderInput!) { saveProvider(input: $input) {
    name preset own ready why keySource settings { baseUrl atOnce idleTimeoutMs proxy } proxyCredentials address } }"""
KEY = "mutation($name: String!, $key: String!) { setProviderKey(name: $name, key: $key) { ready keySource keySetAt } }"
LIST = "{ providers { name title ready why keySource keyName keySetAt address settings { baseUrl } } }"
VALUE = "sk-of-the-api-0123456789"
INPUT = {"name": "mine", "preset": "openai", "baseUrl": "https://a.example/v1/", "atOnce": 3, "idleTimeoutMs": 5000}


async def test_a_provider_is_set_and_removed(caller):
    """It is shown as it was set, and is gone when it is removed."""
    made = await caller.ask(SAVE, input=INPUT | {"proxy": "http://me:hidden-word@p.example:3128"})
    assert made["saveProvider"] == {
        "name": "mine",
        "preset": "openai",
        "own": True,
        "ready": False,
        "why": "it has no key: an administrator stores it with 'promptforge provider key mine' or on the page "
        "Providers",
        "keySource": "MISSING",
        "settings": {
            "baseUrl": "https://a.example/v1",
            "atOnce": 3,
            "idleTimeoutMs": 5000,
            "proxy": "http://p.example:3128",
        },
        "proxyCredentials": True,
        "address": "https://a.example/v1",
    }
    assert await caller.ask('mutation { removeProvider(name: "mine") }') == {"removeProvider": True}
    assert "mine" not in {one["name"] for one in (await caller.ask(LIST))["providers"]}
    refused = await caller.refused('mutation { removeProvider(name: "openai") }')
    assert refused["extensions"]["code"] == "NOT_FOUND"


async def test_a_key_comes_in_and_never_goes_out(caller):
    """No answer holds it, an error that refuses it neither."""
    made = (await caller.ask(KEY, name="openai", key=VALUE))["setProviderKey"]
    assert (made["ready"], made["keySource"]) == (True, "WORKSPACE")
    assert made["keySetAt"]
    assert VALUE not in (await caller.post(LIST)).text
    assert VALUE not in str(await caller.refused(KEY, name="openai", key=f"{VALUE}\n"))
    removed = await caller.ask('mutation { removeProviderKey(name: "openai") { ready keySource } }')
    assert removed == {"removeProviderKey": {"ready": False, "keySource": "MISSING"}}


async def test_others_see_what_there_is_and_no_address(caller_of, actor):
    """Who may not administer sees names and readiness, and neither settings nor addresses, and changes nothing."""
    caller = await caller_of(actor, frozenset({Scope.RUN, Scope.READ}))
    found = (await caller.ask(LIST))["providers"]
    assert {one["address"] for one in found} == {None}
    assert (await caller.refused(SAVE, input=INPUT))["extensions"]["code"] == "FORBIDDEN"
    assert (await caller.refused(KEY, name="openai", key=VALUE))["extensions"]["code"] == "FORBIDDEN"
