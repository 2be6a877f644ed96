"""API_CALL steps against a real web site: what is sent, what comes back, what is tried again, and what nobody sees."""

import json
from urllib.parse import parse_qsl, unquote

import pytest

from kit.site import answer, site
from kit.traces import traces
from promptforge.core.chain import ChainDocument, Step, StepType
from promptforge.core.chain_execution import ChainExecution, StepRun
from promptforge.core.chain_ports import MemoryPlace
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType, Status
from promptforge.services.chain_executions import ChainCall


def calling(order: int = 0, name: str = "call", **config) -> Step:
    """A step that calls an address."""
    more = {key: config.pop(key) for key in ("retries", "on_error") if key in config}
    return Step(
        id=f"step_{name}", name=name, order=order, type=StepType.API_CALL, output_key=name, config=config, **more
    )


@pytest.fixture
def run(forge, actor):
    """Define a chain of these steps and run it."""

    async def run(*steps: Step, given=None, whose=None) -> ChainExecution:
        made = await forge.chains.create(actor, name=f"calls-{forge.clock.bits()}")
        await forge.chains.create_version(actor, made.id, ChainDocument(steps=steps))
        return await forge.chain_executions.execute(whose or actor, ChainCall(chain_id=made.id, input=given or {}))

    return run


def of(done: ChainExecution, name: str = "call") -> StepRun:
    return next(step for step in done.steps if step.name == name)


async def test_a_call_is_filled_sent_and_read(run):
    """Address, headers and body are filled from the context; a reply of JSON becomes values."""
    async with site() as here:
        here.pages["/orders/7"] = answer(b'{"total": 12.5, "lines": [1, 2]}', 201)
        config = {"method": "post", "url": f"http://127.0.0.1:{here.port}/orders/{{{{order.id}}}}?x={{{{order.id}}}}"}
        config |= {"headers": {"X-Team": "{{team}}"}, "body": {"order": "{{order}}", "note": "für {{team}}"}}
        done = await run(calling(**config), given={"order": {"id": 7}, "team": "care"})
    (asked,) = here.asked
    assert (asked.method, asked.path, asked.headers["x-team"]) == ("POST", "/orders/7?x=7", "care")
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {"order": {"id": 7}, "note": "für care"}
    assert (done.status, done.content.output) == (Status.SUCCESS, {"total": 12.5, "lines": [1, 2]})
    (attempt,) = of(done).attempts
    assert (attempt.provider, attempt.http_status, attempt.status) == ("127.0.0.1", 201, Status.SUCCESS)


@pytest.mark.parametrize(
    "word",
    ["../../admin", "a/b", "a?admin=1", "a&admin=1", "a#b", "a b", "%2e%2e/x", "ü=;+☃", "a\\b", 7, ["x", 1], True],
)
async def test_a_value_stays_where_it_is_put_in_an_address(run, word):
    """No input makes a call go to another path of the host, or adds to its query."""
    async with site() as here:
        done = await run(
            calling(url=f"http://127.0.0.1:{here.port}/a/{{{{word}}}}/b?q={{{{word}}}}&r=1"), given={"word": word}
        )
    assert done.status is Status.SUCCESS
    path, _, query = here.asked[0].path.partition("?")
    text = word if isinstance(word, str) else json.dumps(word, separators=(",", ":"))
    assert [unquote(part) for part in path.split("/")] == ["", "a", text, "b"]
    assert parse_qsl(query) == [("q", text), ("r", "1")]


@pytest.mark.parametrize("word", ["..", "."])
async def test_no_value_leads_upwards(run, word):
    """A part that means another path cannot be escaped, so it fails the step before anybody is called."""
    async with site() as here:
        done = await run(calling(url=f"http://127.0.0.1:{here.port}/a/{{{{word}}}}/b"), given={"word": word})
        assert here.asked == []
    assert done.error_type is ErrorType.VALIDATION
    assert done.content.error.startswith("Step 0 (call): config.url: an address takes no '.' or '..'")


async def test_a_failed_call_is_tried_again_as_often_as_the_step_allows(run):
    """Each try is an attempt; the error names the step and the host, and the reply's words stay out of it."""
    async with site() as here:
        here.pages["/"] = answer(b"some inner words", 503, retry_after="0")
        done = await run(calling(url=f"http://127.0.0.1:{here.port}/", retries=2))
    assert len(here.asked) == 3
    assert [attempt.http_status for attempt in of(done).attempts] == [503, 503, 503]
    assert (done.status, done.error_type, done.failed_step) == (Status.ERROR, ErrorType.PROVIDER, "call")
    assert done.content.error == f"Step 0 (call): 127.0.0.1:{here.port} failed (503)"


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "2130706433", "0x7f.1", "localhost", "169.254.169.254"])
async def test_a_chain_calls_no_inner_address(run, host):
    """In whatever form it is written: the step fails and says who can allow it, and nobody was called."""
    async with site(everywhere=True) as here:
        done = await run(calling(url=f"http://{host}:{here.port}/"))
        assert here.asked == []
    assert (done.status, done.error_type) == (Status.ERROR, ErrorType.VALIDATION)
    assert "Step 0 (call): " in done.content.error
    assert "is not called: " in done.content.error


async def test_a_secret_arrives_and_stands_nowhere_else(forge, actor, run):
    """The site gets them in address, header and body, and sends them back: neither the answer, nor what the next steps
    read and remember, nor any file of the home holds one, also when a call fails."""
    number = f"{forge.clock.bits():025d}"
    path, token = f"T{number}/b+c", f'sk "{number}" \\ ☃'
    await forge.secrets.set(actor, "path", path)
    await forge.secrets.set(actor, "CRM-key", token)
    remember = Step(
        id="step_keep",
        name="keep",
        order=2,
        type=StepType.MEMORY,
        config={"operation": "write", "key": "said", "value": "{{call}}"},
    )
    async with site() as here:
        here.pages[f"/{path}"] = answer(json.dumps({path: token, "text": f"token={token}"}).encode())
        here.pages["/wrong"] = answer(token.encode(), 401, x_token=number)
        sent = {"method": "POST", "headers": {"x-token": "Token {{secret.CRM-key}}"}, "body": "{{secret.CRM-key}}"}
        address = f"http://127.0.0.1:{here.port}"
        call = calling(url=f"{address}/{{{{secret.path}}}}?note={{{{note}}}}", **sent)
        done = await run(call, remember, given={"note": "the-note-stays"})
        failed = await run(calling(url=f"{address}/wrong?{{{{secret.path}}}}", **sent))
    for asked in here.asked:
        assert path in asked.path
        assert asked.headers["x-token"].encode("latin-1").decode() == f"Token {token}"
        assert asked.body.decode() == token
    assert (done.status, failed.error_type) == (Status.SUCCESS, ErrorType.AUTHENTICATION)
    assert of(done).content.output == {"[redacted]": "[redacted]", "text": "token=[redacted]"}
    assert of(done).content.input["body"] == "{{secret.CRM-key}}"
    place = MemoryPlace(actor.workspace, done.chain.chain_id, "", "said")
    assert await forge.catalog.memory.read(place, forge.clock.now()) == of(done).content.output
    for answered in (done, failed):
        assert number not in repr(answered)
        assert number not in repr(await forge.record.get_chain(actor.workspace, answered.id))
    assert traces(forge.settings.home, number) == {}
    assert traces(forge.settings.home, "the-note-stays") != {}


async def test_a_secret_that_is_not_set_fails_the_step_before_anybody_is_called(run):
    """The error names the secret, the step and who sets it."""
    async with site() as here:
        done = await run(calling(url=f"http://127.0.0.1:{here.port}/", headers={"x": "{{secret.NONE}}"}))
        assert here.asked == []
    assert done.error_type is ErrorType.VALIDATION
    assert done.content.error.startswith("Step 0 (call): there is no secret 'NONE' in this workspace: ")


@pytest.mark.parametrize("given", ["{{secret.CRM}}", "~CRM~", "{{input.word}}"])
async def test_no_text_of_a_caller_becomes_a_secret(forge, actor, run, given):
    """What is put into a step is never read as a template again, and nobody can guess what stands for a secret."""
    await forge.secrets.set(actor, "CRM", "sk-0123456789")
    async with site() as here:
        config = {"method": "POST", "url": f"http://127.0.0.1:{here.port}/", "headers": {"x": "{{secret.CRM}}"}}
        await run(calling(**config, body="{{word}}"), given={"word": given})
    assert (here.asked[0].headers["x"], here.asked[0].body.decode()) == ("sk-0123456789", given)


@pytest.mark.parametrize(
    "url",
    [
        "{{host}}",
        "http://{{host}}/",
        "https://{{secret.CRM}}/",
        "https://a.example{{path}}",
        "https://{{user}}@a.example/",
    ],
)
async def test_no_destination_is_taken_from_data(run, url):
    """Scheme and host are written out in the chain: else whoever runs it could have its secrets sent to himself."""
    with pytest.raises(InvalidInput, match="the whole host, both written out"):
        await run(calling(url=url, headers={"x": "{{secret.CRM}}"}), given={"host": "127.0.0.1"})
