"""Secrets over HTTP of a real server: they come in and never go out."""

from promptforge.core.access import Scope

SET = "mutation($name: String!, $value: String!) { setSecret(name: $name, value: $value) { name updatedAt } }"
REMOVE = 'mutation { removeSecret(name: "crm") }'
LIST = "{ secrets { name updatedAt } }"
VALUE = "sk-of-the-api-0123456789"


async def test_a_secret_is_set_listed_and_removed(caller):
    """Whatever is asked for, no answer holds the value."""
    made = (await caller.post(SET, name="crm", value=VALUE)).json()["data"]["setSecret"]
    listed = await caller.post(LIST)

    assert listed.json()["data"]["secrets"] == [made]
    assert VALUE not in listed.text
    assert await caller.ask(REMOVE) == {"removeSecret": True}
    assert await caller.ask(LIST) == {"secrets": []}
    assert (await caller.refused(REMOVE))["extensions"]["code"] == "NOT_FOUND"


async def test_what_is_refused_is_not_repeated(caller):
    """An error says what is wrong with a value, and where, and not the value."""
    refused = await caller.refused(SET, name="crm", value=f"{VALUE}\n")

    assert refused["extensions"] == {"code": "BAD_USER_INPUT", "path": "$.value"}
    assert VALUE not in str(refused)


async def test_only_administrators_see_and_change_them(caller_of, actor):
    """A key that may run, read and hand in is refused each of the three."""
    caller = await caller_of(actor, frozenset({Scope.RUN, Scope.READ, Scope.INGEST}))
    for query, variables in ((LIST, {}), (SET, {"name": "crm", "value": VALUE}), (REMOVE, {})):
        assert (await caller.refused(query, **variables))["extensions"]["code"] == "FORBIDDEN"
