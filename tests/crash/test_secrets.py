"""A secret stands in no file of the home and no line of the log, whatever road a text that holds it comes by."""

import json
from urllib.parse import quote, quote_plus

import pytest

from kit.crash import Server, killed_after
from kit.served import promptforge
from kit.traces import traces

#: With everything that JSON, URLs and Python write otherwise.
VALUE = 'sk-live "quoted" \\slashed/ ünïcödé-0123456789'
PIN = "4929123456781234"
FORMS = (
    VALUE,
    json.dumps(VALUE)[1:-1],
    json.dumps(VALUE, ensure_ascii=False)[1:-1],
    json.dumps(json.dumps(VALUE)[1:-1])[1:-1],
    repr(VALUE)[1:-1],
    quote(VALUE),
    quote(VALUE, safe=""),
    quote_plus(VALUE),
)
KEPT = "this text stays"
SET = "mutation($name: String!, $value: String!) { setSecret(name: $name, value: $value) { name } }"
EXECUTE = "mutation($input: ExecutePromptInput!) { executePrompt(input: $input) { id status } }"
RECORD = "mutation($items: [JSON!]!) { recordExecutions(executions: $items) { stored problems { message } } }"
FOUND = """query($after: String) { executions(limit: 100, after: $after) { cursor id
    input request output outputJson error stackTrace tags metadata endUser sessionId service model provider
    responseModel finishReason promptName attempts { provider model requestId error } } }"""


def calls(text: str) -> list[dict]:
    """Calls of the simulated model that have *text* wherever a caller can put one: answered, failed, refused."""
    about = {
        "tags": {text: text, "kept": KEPT},
        "metadata": {text: [text, {"pin": int(PIN)}]},
        "endUser": text,
        "sessionId": text,
        "variables": {"word": text},
    }
    told = {"model": "demo-small", "demo": {"text": f"{KEPT}: {text}", "latency_ms": 0}}
    return [
        {**about, "content": "Say {{word}}", "params": told, "idempotencyKey": text},
        {**about, "messages": [{"role": "user", "content": text}], "params": told},
        {
            **about,
            "content": f"Say {text} {{{{word}}}}",
            "params": {"model": "demo-small", "demo": {"fail": "provider"}},
        },
        {**about, "content": "Say {{word}} {{other}}", "params": told},
        {**about, "content": "Say {{word}}", "params": {"model": text}, "provider": "demo"},
    ]


def arrivals(text: str) -> list[dict]:
    """Executions that ran elsewhere, with *text* in every field that takes one."""
    about = {
        "createdAt": "2026-10-01T12:00:00Z",
        "model": text,
        "provider": text,
        "promptName": text,
        "service": text,
        "endUser": text,
        "sessionId": text,
        "tags": {text: text, "kept": KEPT},
        "metadata": {text: [text]},
        "input": {"body": {text: text}, "number": int(PIN)},
        "tokenIn": 1,
        "tokenOut": 1,
    }
    good = {"externalId": f"1 {text}", "status": "success", "output": f"{KEPT}: {text}", "finishReason": text}
    bad = {"externalId": f"2 {text}", "status": "error", "error": text, "stackTrace": text, "errorType": "provider"}
    return [about | good, about | bad, about | {"status": text}, {text: text}]


@pytest.fixture
def server(tmp_path):
    """A server on a home of its own that knows two secrets."""
    with killed_after(Server(tmp_path / "home")) as made:
        made.start()
        for name, value in (("token", VALUE), ("pin", PIN)):
            made.ask(SET, name=name, value=value)
        yield made


def send(server: Server, tmp_path) -> None:
    """Everything that a text can be put into, with every form of the secret."""
    for form in FORMS:
        for call in calls(form):
            server.answer(EXECUTE, input=call)  # some are refused, and that must leave no trace either
        server.answer(RECORD, items=arrivals(form))
    lines = "".join(
        json.dumps(arrival, ensure_ascii=False) + "\n" for form in FORMS for arrival in arrivals(f"x {form}")
    )
    (tmp_path / "calls.jsonl").write_text(lines + VALUE + "\n")
    promptforge(server.home, "import", str(tmp_path / "calls.jsonl"))


def test_a_secret_stands_nowhere(server, tmp_path):
    """In journal, history, catalog and log, before and after everything has moved to history, and after a crash;
    nor in what the API tells. What stood beside it is there."""
    send(server, tmp_path)
    shown = json.dumps(server.settled(), ensure_ascii=False)
    assert [form for form in (*FORMS, PIN) if form in shown] == []
    assert "[redacted]" in shown
    server.kill()
    assert traces(server.home, *FORMS, PIN) == {}
    server.start()
    told = server.everything(FOUND)
    server.stop()
    assert len(told) >= 4 * len(FORMS)
    assert [form for form in (*FORMS, PIN) if form in json.dumps(told, ensure_ascii=False)] == []
    assert traces(server.home, *FORMS, PIN) == {}
    assert [form for form in (*FORMS, PIN) if form in server.said] == []
    assert any(KEPT in found for found in traces(server.home, KEPT).values())


def test_a_removed_secret_stays_secret_until_the_end(server, tmp_path):
    """And an earlier value of one that was replaced: an answer that is on its way may still bring either."""
    server.ask(SET, name="token", value="another value 0123456789")
    server.ask('mutation { removeSecret(name: "pin") }')
    send(server, tmp_path)
    server.stop()
    assert traces(server.home, *FORMS, PIN) == {}


def test_a_backup_carries_the_secrets_and_what_opens_them(server, tmp_path):
    """A restored home knows them: it removes them from what it records. Without its own key file it does not, and
    says which it cannot open."""
    copy, new = str(tmp_path / "copy"), Server(tmp_path / "new")
    assert promptforge(server.home, "backup", copy).returncode == 0
    server.stop()
    assert promptforge(new.home, "restore", copy).returncode == 0
    with killed_after(new):
        new.start()
        assert [secret["name"] for secret in new.ask("{ secrets { name } }")["secrets"]] == ["pin", "token"]
        assert new.ask(EXECUTE, input=calls(VALUE)[0])["executePrompt"]["status"] == "success"
        new.stop()
        assert traces(new.home, *FORMS, PIN) == {}
        (new.home / "secret.key").write_text("a key of another home, with its 32 characters\n")
        said = told_at_start(new)
    assert "the secret 'token' of the workspace" in said
    assert "PROMPTFORGE_SECRET_KEY" in said


def told_at_start(server: Server) -> str:
    """Everything that a server says from its start, warnings before its address included, to its stop."""
    server.spawn()
    server.said = ""
    while "running at http" not in server.said:
        line = server.process.stdout.readline()
        assert line, server.said
        server.said += line
    server.stop()
    return server.said


def test_a_key_is_changed_by_giving_the_old_one_behind_the_new(tmp_path):
    """One start with both seals everything anew: then the new key alone opens it, and the home's own does not."""
    old, new = "an old key of at least 32 characters", "a new key of at least 32 characters"
    with killed_after(Server(tmp_path / "home", {"PROMPTFORGE_SECRET_KEY": old})) as server:
        server.start().ask(SET, name="token", value=VALUE)
        server.stop()
        for keys, opens in ((f"{new},{old}", True), (new, True), (old, False), ("", False)):
            server.environment = {"PROMPTFORGE_SECRET_KEY": keys}
            assert ("'token'" in told_at_start(server)) is not opens
