"""A page's websocket: the session's cookie says who it is, the first message says which workspace it looks at."""

import pytest

from kit.caller import open_socket

CHANGES = "subscription { executionChanges { id status } }"
EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id } }"
RUN = {"content": "hello", "params": {"model": "demo-small"}}


@pytest.fixture
async def page(forge, actor, url):
    """What a browser sends along after somebody logged in to the first workspace."""
    secret = await forge.access.log_in(await forge.access.create_login_token(actor))
    return {"Cookie": f"promptforge_session={secret}", "Origin": url}


async def test_a_page_hears_the_workspace_that_it_shows(page, url, caller_of, actor, other_actor):
    """Named in the first message, the other workspace is heard, and the one that the session began in is not."""
    first, second = await caller_of(actor), await caller_of(other_actor)
    async with open_socket(url, additional_headers=page) as socket:
        await socket.say("connection_init", payload={"workspace": other_actor.workspace})
        assert (await socket.hear())["type"] == "connection_ack"
        await socket.subscribe("1", CHANGES)
        await socket.say("ping")
        assert (await socket.hear())["type"] == "pong"
        await first.ask(EXECUTE, input=RUN)
        wanted = (await second.ask(EXECUTE, input=RUN))["executePrompt"]["id"]
        heard = (await socket.hear())["payload"]["data"]["executionChanges"]

    assert heard == {"id": wanted, "status": "pending"}


async def test_a_page_cannot_look_where_its_user_may_not(page, url):
    """A workspace of others, or of nobody, ends the conversation."""
    async with open_socket(url, additional_headers=page) as socket:
        await socket.say("connection_init", payload={"workspace": "somebody-elses"})
        assert await socket.closed() == 4403
