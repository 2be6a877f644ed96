"""Who gets in, and from where: keys, sessions, origins and host names."""

import json

import httpx
import pytest
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from kit.caller import open_socket
from kit.executions import done
from promptforge.server.app import OPEN, create_app
from promptforge.server.auth import COOKIE

ME = {"query": "{ me { id } }"}


@pytest.fixture
async def session(forge, actor, url):
    """A browser that has followed a login link; and the address it was sent on to."""
    token = await forge.access.create_login_token(actor)
    async with httpx.AsyncClient(base_url=url) as browser:
        answer = await browser.get("/login", params={"token": token})
        yield browser, answer, token


async def test_every_route_is_closed_to_strangers(forge, http):
    """Each route but the few opened on purpose answers 401 without a key, whatever the method."""
    gateway = {"/openai/v1/{path:path}", "/anthropic/v1/{path:path}"}  # in other words: test_gateway.py
    closed = [r for r in create_app(forge).routes if isinstance(r, Route) and r.path not in OPEN | gateway]
    assert {r.path for r in closed} == {
        "/graphql",
        "/v1",
        "/v1/traces",
        "/logout",
        "/metrics",
        "/import",
        "/export",
        "/backup",
        "/doctor",
    }

    for route in closed:
        for method in route.methods or ("GET", "POST", "PUT", "DELETE", "PATCH"):
            answer = await http.request(method, route.path, json=ME)

            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            if method == "HEAD":
                continue  # an answer without a body
            assert answer.json()["data"] is None
            assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_what_is_open_holds_nothing(forge):
    """The open routes are life signs, the way in and the dashboard's files."""
    assert {"/healthz", "/readyz", "/login", "/{path:path}"} == OPEN
    sockets = [r.path for r in create_app(forge).routes if isinstance(r, WebSocketRoute)]
    assert sockets == ["/graphql", "/v1"]  # each asks who is there in its first message: test_socket.py


@pytest.mark.parametrize("path", ["/graphql", "/v1"])
@pytest.mark.parametrize("header", ["bearer", "x-api-key"])
async def test_both_addresses_take_both_headers(http, caller, path, header):
    """The documentation shows two addresses and two headers; all four ways work."""
    headers = {"Authorization": f"Bearer {caller.key}"} if header == "bearer" else {"X-API-Key": caller.key}

    answer = await http.post(path, json=ME, headers=headers)

    assert answer.status_code == 200
    assert answer.json()["data"]["me"]["id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer pf_unknown"},
        {"Authorization": "Basic cGY6cGY="},
        {"X-API-Key": "nonsense"},
        {"Cookie": f"{COOKIE}=nonsense", "Origin": "http://127.0.0.1"},
    ],
)
async def test_a_wrong_key_is_401(http, headers):
    """An unknown key is told so in the shape of every other error."""
    answer = await http.post("/graphql", json=ME, headers=headers)

    assert answer.status_code in {401, 403}
    assert answer.json()["errors"][0]["message"]


async def test_a_revoked_key_is_refused_at_once(forge, actor, caller_of, http):
    """After revokeKey the key opens nothing any more."""
    caller = await caller_of(actor)
    other = await caller_of(actor)
    keys = (await caller.ask("{ me { keys { id hint name revokedAt } } }"))["me"]["keys"]
    mine = next(k for k in keys if other.key.startswith(k["hint"]) and k["revokedAt"] is None)

    revoked = await caller.ask("mutation($id: ID!) { revokeKey(id: $id) { revokedAt } }", id=mine["id"])
    answer = await http.post("/graphql", json=ME, headers={"X-API-Key": other.key})

    assert revoked["revokeKey"]["revokedAt"]
    assert answer.status_code == 401


async def test_a_key_is_shown_once(caller, http):
    """createKey shows the secret; afterwards only its first characters are seen, and it works as scoped."""
    query = "mutation($i: CreateKeyInput!) { createKey(input: $i) { secret key { id hint scopes } } }"
    made = (await caller.ask(query, i={"name": "reader", "scopes": ["READ"]}))["createKey"]

    answer = await http.post("/graphql", json=ME, headers={"X-API-Key": made["secret"]})

    assert made["key"]["scopes"] == ["READ"]
    assert made["secret"].startswith("pf_")
    assert len(made["key"]["hint"]) < 16
    assert answer.status_code == 200


async def test_a_login_link_works_once(session, http):
    """The link sets a cookie that scripts cannot read and other sites cannot send, and is used up."""
    _, answer, token = session
    cookie = answer.headers["set-cookie"]
    again = await http.get("/login", params={"token": token})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert again.status_code == 401
    assert "set-cookie" not in again.headers
    assert token not in again.text


async def test_a_preview_of_the_link_uses_nothing_up(forge, actor, url):
    """HEAD, as a messenger's preview sends it, leaves the token good."""
    token = await forge.access.create_login_token(actor)
    async with httpx.AsyncClient(base_url=url) as browser:
        await browser.head("/login", params={"token": token})
        answer = await browser.get("/login", params={"token": token})

    assert answer.status_code == 303


async def test_a_session_is_used_from_our_own_pages_only(session, url):
    """A POST with the cookie needs our own origin; another site's is refused, and so is none at all."""
    browser, _, _ = session

    async def status(headers):
        return (await browser.post("/graphql", json=ME, headers=headers)).status_code

    assert await status({"Origin": url}) == 200
    assert await status({"Sec-Fetch-Site": "same-origin"}) == 200
    assert await status({}) == 403
    assert await status({"Origin": "https://evil.example"}) == 403
    assert await status({"Origin": "null"}) == 403
    assert await status({"Origin": "http://127.0.0.1:1"}) == 403
    assert await status({"Sec-Fetch-Site": "cross-site"}) == 403


async def test_a_session_chooses_its_workspace(session, url, actor, other_actor):
    """The header picks one of the user's own workspaces; any other is refused."""
    browser, _, _ = session
    query = {"query": "{ workspace { id } }"}

    async def workspace(name):
        headers = {"Origin": url, "X-PromptForge-Workspace": name}
        return (await browser.post("/graphql", json=query, headers=headers)).json()

    assert (await workspace(actor.workspace))["data"]["workspace"]["id"] == actor.workspace
    assert (await workspace("ws_unknown"))["errors"]


async def test_a_download_chooses_its_workspace(forge, session, actor, other_actor):
    """A plain link has no headers: its address picks one of the user's own workspaces; any other is refused."""
    browser, _, _ = session
    for own in (actor, other_actor):
        await forge.record.record([run := done(own.workspace)])
        answer = await browser.get("/export", params={"workspace": own.workspace})
        assert [json.loads(line)["id"] for line in answer.text.splitlines()] == [run.id]
    assert (await browser.get("/export", params={"workspace": "ws_unknown"})).status_code == 403


async def test_logging_out_ends_the_session(session, url):
    """After /logout the cookie opens nothing, even if it was kept."""
    browser, _, _ = session
    kept = browser.cookies[COOKIE]

    out = await browser.post("/logout", headers={"Origin": url})
    headers = {"Origin": url, "Cookie": f"{COOKIE}={kept}"}
    after = await browser.post("/graphql", json=ME, headers=headers)

    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert after.status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "10.0.0.1"]
)
async def test_another_host_name_is_not_answered(http, caller, host):
    """A name that was pointed at this machine from outside reaches nothing, key or not."""
    for path in ("/graphql", "/", "/login"):
        answer = await http.request("GET", path, headers={"Host": host, "X-API-Key": caller.key})

        assert answer.status_code in {400, 421}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:8000"])
async def test_our_own_names_are_answered(http, host):
    """The loopback's names work with any port, as behind a forwarded one."""
    assert (await http.get("/healthz", headers={"Host": host})).status_code == 200


async def test_a_socket_with_a_session_needs_our_origin(session, url):
    """A foreign page cannot open a websocket with the visitor's cookie."""
    browser, _, _ = session
    cookie = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}

    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(url, additional_headers=cookie, origin="https://evil.example"):
            pass
    async with open_socket(url, additional_headers=cookie, origin=url) as socket:
        await socket.say("connection_init")
        welcome = await socket.hear()

    assert refused.value.response.status_code == 403
    assert welcome["type"] == "connection_ack"


async def test_every_reply_is_dressed(http):
    """The strict content policy and its companions are on every reply, refusals included."""
    for path in ("/", "/healthz", "/graphql", "/nothing.js"):
        headers = (await http.get(path)).headers

        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
